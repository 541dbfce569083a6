"""The plots of a decision's record: what each model scored, which classes it confuses, whether it can be believed.

They are :class:`matplotlib.figure.Figure` objects without pyplot, which keeps figures and is not for threads. Room for
text is reckoned from its length, not measured: a layout engine draws the figure once more, half of its time.
"""

from __future__ import annotations

import functools
import itertools
import textwrap
from typing import TYPE_CHECKING, Any

from podium.evaluation.metrics import GREATER_IS_BETTER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from podium.evaluation.metrics import Answers

    Array = np.ndarray[Any, Any]


# Blue and orange of the palette of Okabe and Ito (2008), which the colour-blind tell apart; one more model is green.
COLOURS = ("#0072B2", "#D55E00", "#009E73")
FAINT = "#595959"
# A longer name loses its middle, so that names that begin alike stay apart.
LONGEST_CLASS, LONGEST_TITLE = 36, 48
MOST_MODELS = 20
# A text takes Matplotlib 1 ms or more, and it must be legible: beyond, a matrix has no counts and no names.
MOST_COUNTED, MOST_NAMED = 25, 50
# On this share of the darkest blue black and white have the same contrast; 4.5:1 by the formula of WCAG 2.
DARK = 0.7
# A point of a calibration curve stands for this many rows or more, where there are enough.
ROWS_OF_A_POINT = 10
MOST_POINTS = 10
BINS = tuple(edge / 20 for edge in range(21))


def metrics_figure(
    metric: str,
    scores: Sequence[tuple[str, float, float, float]],
    *,
    champion: str = "",
    interval: str = "95% interval",
) -> Figure:
    """Draw the metric that decides, of each model, with an interval.

    Parameters
    ----------
    metric : str
        One of :data:`podium.evaluation.metrics.GREATER_IS_BETTER`.
    scores : sequence of (str, float, float, float)
        Title of a model, its value, lower and upper end of the interval, not a number where there is none; best
        first, one or more. The first twenty are drawn, the champion in place of the last if it comes later.
    champion : str, default=""
        Title of the model that was in Production; a line through its value shows who is ahead of it.
    interval : str
        What the intervals are, for the axis.
    """
    from matplotlib.figure import Figure

    shown = _shown(scores, champion)
    titles = _names(title for title, *_ in shown)
    left, right = 0.3 + 0.085 * max(map(len, titles)), 0.8
    top, bottom, wide, high = 0.45, 0.6 + 0.2 * (len(shown) < len(scores)), 4.5, 0.3 + 0.28 * len(shown)
    width, height = left + wide + right, top + high + bottom
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((left / width, bottom / height, wide / width, high / height))
    beside = axes.get_yaxis_transform()
    places = range(len(shown))
    colours = [COLOURS[title == champion] for title, *_ in shown]
    axes.hlines(places, [low for *_, low, _ in shown], [end for *_, end in shown], colours, linewidth=2, alpha=0.5)
    axes.scatter([value for _, value, *_ in shown], places, c=colours)
    for place, (title, value, *_) in enumerate(shown):
        # A tick and its label take five times as long as a text.
        axes.text(-0.02, place, titles[place], transform=beside, ha="right", va="center")
        axes.text(1.02, place, f"{value:.4f}", transform=beside, va="center")
        if title == champion:
            axes.axvline(value, color=COLOURS[1], linestyle="--", linewidth=1)
            axes.text(value, -0.65, "champion", color=COLOURS[1], ha="center", va="bottom", fontsize=9)
    axes.set_yticks([])
    axes.set_ylim(len(shown) - 0.35, -0.65)
    axes.grid(axis="x", color="#dddddd")
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    direction = "higher" if GREATER_IS_BETTER[metric] else "lower"
    axes.set_xlabel(f"{metric} on held-out rows ({direction} is better), {interval}")
    if len(shown) < len(scores):
        more = f"{len(scores) - len(shown)} more models are not shown"
        figure.text(left / width, 0.1 / height, more, color=FAINT, fontsize=9)
    return figure


def _shown(
    scores: Sequence[tuple[str, float, float, float]], champion: str
) -> Sequence[tuple[str, float, float, float]]:
    """Return the best models, and the champion whatever its rank."""
    best, rest = scores[:MOST_MODELS], scores[MOST_MODELS:]
    behind = [score for score in rest if score[0] == champion]
    return [*best[: MOST_MODELS - len(behind)], *behind]


def matrix_figure(y: pd.Series[Any], predicted: Array, classes: Sequence[Any] | Array, title: str) -> Figure:
    """Draw which classes one model takes for which; the darker, the more rows.

    Parameters
    ----------
    y : pandas.Series, (n_rows,)
        True labels.
    predicted : numpy.ndarray, (n_rows,)
        Labels of the model.
    classes : sequence, (n_classes,)
        The classes in the order to draw them.
    title : str
        Stands above.
    """
    from sklearn.metrics import confusion_matrix

    counts = confusion_matrix(y, predicted, labels=classes)
    figure, (axes,) = _matrices_figure(classes, [title])
    _draw_matrix(axes, counts, counts, (counts.min(), counts.max()), zeros=True)
    return figure


def confusion_figure(y: pd.Series[Any], answers: Mapping[str, Answers]) -> Figure:
    """Draw which classes each model takes for which, side by side; the darker, the larger the share of the true class.

    Parameters
    ----------
    y : pandas.Series, (n_rows,)
        True labels.
    answers : mapping of str to Answers
        What each model answers on these rows (labels, probabilities, classes), by the model's title.
    """
    import numpy as np
    from sklearn.metrics import confusion_matrix

    classes = np.unique(np.concatenate([np.asarray(y), *(given.classes for given in answers.values())]))
    figure, all_axes = _matrices_figure(classes, list(answers))
    for axes, given in zip(all_axes, answers.values(), strict=True):
        counts = confusion_matrix(y, given.labels, labels=classes)
        # A class of a model need not occur in these rows.
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        _draw_matrix(axes, counts, shares, (0, 1), zeros=False)
    figure.text(0.01, 0.01, "shade: share of the rows of the true class", color=FAINT, fontsize=9, va="bottom")
    return figure


def _matrices_figure(classes: Sequence[Any] | Array, titles: Sequence[str]) -> tuple[Figure, list[Axes]]:
    """Return a figure with the frame of a square matrix for each title, in a row."""
    from matplotlib.figure import Figure

    names = _names(classes, LONGEST_CLASS)
    cells, labels, gap = 1.5 + 0.45 * min(len(names), MOST_COUNTED), 0.8 + 0.07 * max(map(len, names)), 0.4
    cells *= 1 if len(titles) == 1 else 0.85
    wrapped = [textwrap.fill(title, int((cells + gap) / 0.09), break_on_hyphens=False) for title in titles]
    top = gap + 0.2 * max(title.count("\n") for title in wrapped)
    width, height = labels + len(titles) * (cells + gap), labels + cells + top
    figure = Figure(figsize=(width, height))
    # Texts of the figure: ticks, labels and titles of axes take Matplotlib half of the whole picture's time.
    write = functools.partial(_write, figure)
    drawn = []
    for place, title in enumerate(wrapped):
        left = labels + place * (cells + gap)
        axes = figure.add_axes((left / width, labels / height, cells / width, cells / height))
        axes.xaxis.set_visible(False)
        axes.yaxis.set_visible(False)
        drawn.append(axes)
        write(left + cells / 2, labels + cells + 0.08, title.replace("$", r"\$"), ha="center", va="bottom", fontsize=12)
        write(left + cells / 2, 0.1, "predicted", ha="center", va="bottom")
        for number, name in enumerate(names if len(names) <= MOST_NAMED else ()):
            at = (number + 0.5) * cells / len(names)
            size = min(10.0, 0.8 * 72 * cells / len(names))
            write(left + at + 0.05, labels - 0.06, name, ha="right", va="top", rotation=45, fontsize=size)
            if place == 0:
                write(labels - 0.06, labels + cells - at, name, ha="right", va="center", fontsize=size)
    write(0.1, labels + cells / 2, "true", ha="left", va="center", rotation=90)
    return figure, drawn


def _write(figure: Figure, x: float, y: float, text: str, **how: Any) -> None:
    """Write a text at a place in inches from the figure's lower left corner."""
    width, height = figure.get_size_inches()
    figure.text(x / width, y / height, text, **how)


def _draw_matrix(axes: Axes, counts: Array, shades: Array, limits: tuple[float, float], *, zeros: bool) -> None:
    """Fill a frame with the cells of a matrix, and write the counts into them; rows are the true classes."""
    axes.imshow(shades, cmap="Blues", vmin=limits[0], vmax=limits[1])
    if len(counts) > MOST_COUNTED:
        return
    for row, column in itertools.product(range(len(counts)), repeat=2):
        count = counts[row, column]
        if count or zeros:
            colour = "white" if shades[row, column] > DARK * limits[1] else "black"
            axes.text(column, row, count, ha="center", va="center", color=colour)


def calibration_figure(y: pd.Series[Any], answers: Mapping[str, Answers]) -> Figure | None:
    """Draw how often each model is right where it says how sure it is, and on how many rows it says so.

    Of two classes, the probability of the second is held against how often that class occurs. Of more, the probability
    of the class that the model names is held against how often this class is the true one: the reliability diagram of
    Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks", ICML 2017.

    The curve is :func:`sklearn.calibration.calibration_curve` with quantiles: on a few hundred rows most bins of equal
    width hold one row or none, and a point of one row is 0 or 1. The histogram's bins are of equal width.

    Parameters
    ----------
    y : pandas.Series, (n_rows,)
        True labels.
    answers : mapping of str to Answers
        What each model answers on these rows (labels, probabilities, classes), by the model's title. A model without
        probabilities is named, not drawn.

    Returns
    -------
    matplotlib.figure.Figure or None
        None when no model has probabilities.
    """
    import numpy as np
    from matplotlib.figure import Figure
    from sklearn.calibration import calibration_curve

    known = {title: given for title, given in answers.items() if given.probabilities is not None}
    if not known:
        return None
    legend = 0.25 + 0.21 * (len(answers) + 1)
    width, height = 6.0, 6.3 + legend
    figure = Figure(figsize=(width, height))
    curve = figure.add_axes((0.8 / width, 2.2 / height, 5.0 / width, 4.1 / height))
    rows = figure.add_axes((0.8 / width, 0.6 / height, 5.0 / width, 1.3 / height))
    curve.plot((0, 1), (0, 1), "--", color=FAINT, linewidth=1, label="perfectly calibrated")
    second = _second_class(list(known.values()))
    for (title, given), colour in zip(known.items(), itertools.cycle(COLOURS), strict=False):
        happened, said = _said(y, given, second)
        points = int(np.clip(len(said) // ROWS_OF_A_POINT, 2, MOST_POINTS))
        frequency, mean = calibration_curve(happened, said, pos_label=True, n_bins=points, strategy="quantile")
        curve.plot(mean, frequency, "o-", color=colour, markersize=5, label=_name(title))
        rows.hist(said, bins=BINS, histtype="step", color=colour, linewidth=1.5)
    for title in answers.keys() - known.keys():
        curve.plot([], [], " ", label=f"{_name(title)}: no probabilities")
    of_what, what = "the predicted class", "right"
    if second is not None:
        of_what = what = _name(second, LONGEST_CLASS)
    curve.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), ylabel=f"share of rows that are {what}")
    rows.set(xlim=(-0.02, 1.02), ylabel="rows", xlabel=f"predicted probability of {of_what}, held-out rows")
    for axes in (curve, rows):
        axes.grid(color="#dddddd")
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    curve.legend(loc="lower left", bbox_to_anchor=(0, 1), frameon=False, borderaxespad=0.2)
    return figure


def _second_class(known: Sequence[Any]) -> Any | None:
    """Return the second of the two classes that all models know; None when there are more."""
    classes = known[0].classes
    same = all(list(given.classes) == list(classes) for given in known)
    return classes[1] if same and len(classes) == 2 else None  # noqa: PLR2004


def _said(y: pd.Series[Any], given: Any, second: Any | None) -> tuple[Array, Array]:
    """Return whether what a model gives a probability for is so, and the probability, (n_rows,) each."""
    import numpy as np

    # Some classifiers' probabilities exceed 1 by a rounding error, which calibration_curve refuses.
    probabilities = np.clip(given.probabilities, 0, 1)
    if second is not None:
        return np.asarray(y) == second, probabilities[:, 1]
    named = probabilities.argmax(axis=1)
    return np.asarray(y) == given.classes[named], probabilities[np.arange(len(named)), named]


def _name(text: Any, longest: int = LONGEST_TITLE) -> str:
    """Return a name as it is drawn: in one line, not too long, and without Matplotlib's reading of dollars as TeX."""
    name = " ".join(str(text).split())
    if len(name) > longest:
        half = (longest - 1) // 2
        name = f"{name[:half]}…{name[-half:]}"
    return name.replace("$", r"\$")


def _names(texts: Iterable[Any], longest: int = LONGEST_TITLE) -> list[str]:
    """Return names as they are drawn, with a number where two of them would look the same."""
    names = [_name(text, longest) for text in texts]
    return [name if names.count(name) == 1 else f"{name} ({place})" for place, name in enumerate(names, 1)]
