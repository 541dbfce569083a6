"""The plots in a decision's record: scores with intervals, confusion matrices, calibration curves.

They are :class:`matplotlib.figure.Figure` objects made without pyplot, which stores figures and is not thread-safe. The
space for text is computed from its length: a layout engine would draw the figure twice, half of the total time.
"""

from __future__ import annotations

import functools
import itertools
import textwrap
from typing import TYPE_CHECKING, Any

from podium.evaluation.metrics import greater_is_better

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from podium.evaluation.predictions import Predictions

    Array = np.ndarray[Any, Any]


# Blue, orange and, for a third model, green from the colour-blind safe palette of Okabe and Ito (2008).
COLOURS = ("#0072B2", "#D55E00", "#009E73")
FAINT = "#595959"
# Longer names lose their middle, so that names with the same beginning stay distinct.
LONGEST_CLASS, LONGEST_TITLE = 36, 48
MOST_MODELS = 20
# Larger matrices have no counts or no names: each text takes Matplotlib at least 1 ms and must be legible.
MOST_COUNTED, MOST_NAMED = 25, 50
# At this share of the darkest blue, black and white text have the same contrast, 4.5:1 (WCAG 2).
DARK = 0.7
# A point of a calibration curve represents at least this many rows, if there are enough.
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
    """Draw the deciding metric of each model with its interval.

    Parameters
    ----------
    metric : str
        A metric of training, or a scorer of scikit-learn.
    scores : sequence of (str, float, float, float)
        Title of a model, its value, lower and upper end of the interval (NaN if there is none); best first, at least
        one. The first twenty are drawn; a champion further down replaces the last of them.
    champion : str, default=""
        Title of the model that was in Production; a line marks its value.
    interval : str
        Description of the intervals, for the axis label.
    """
    from matplotlib.figure import Figure

    shown = _shown(scores, champion)
    titles = _names(title for title, *_ in shown)
    left, right = 0.3 + 0.085 * max(map(len, titles)), 0.8
    top, bottom, wide, high = 0.45, 0.6 + 0.2 * (len(shown) < len(scores)), 4.5, 0.3 + 0.28 * len(shown)
    width, height = left + wide + right, top + high + bottom
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((left / width, bottom / height, wide / width, high / height))
    _draw_scores(axes, shown, titles, champion)
    direction = "higher" if greater_is_better(metric) else "lower"
    axes.set_xlabel(f"{metric} on held-out rows ({direction} is better), {interval}")
    if len(shown) < len(scores):
        more = f"{len(scores) - len(shown)} more models are not shown"
        figure.text(left / width, 0.1 / height, more, color=FAINT, fontsize=9)
    return figure


def _draw_scores(
    axes: Axes, shown: Sequence[tuple[str, float, float, float]], titles: Sequence[str], champion: str
) -> None:
    """Draw one line per model: its title, its interval and its value."""
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


def _shown(
    scores: Sequence[tuple[str, float, float, float]], champion: str
) -> Sequence[tuple[str, float, float, float]]:
    """Return the best models, and always the champion."""
    best, rest = scores[:MOST_MODELS], scores[MOST_MODELS:]
    behind = [score for score in rest if score[0] == champion]
    return [*best[: MOST_MODELS - len(behind)], *behind]


def matrix_figure(y: pd.Series[Any], predicted: Array, classes: Sequence[Any] | Array, title: str) -> Figure:
    """Draw the confusion matrix of one model; darker means more rows.

    Parameters
    ----------
    y : pandas.Series, (n_rows,)
        True labels.
    predicted : numpy.ndarray, (n_rows,)
        Labels that the model predicts.
    classes : sequence, (n_classes,)
        The classes, in the order of the rows and columns.
    title : str
        Title above the matrix.
    """
    from sklearn.metrics import confusion_matrix

    counts = confusion_matrix(y, predicted, labels=classes)
    figure, (axes,) = _matrices_figure(classes, [title])
    _draw_matrix(axes, counts, counts, (counts.min(), counts.max()), zeros=True)
    return figure


def confusion_figure(y: pd.Series[Any], predictions: Mapping[str, Predictions]) -> Figure:
    """Draw the confusion matrix of each model, side by side; darker means a larger share of the true class.

    Parameters
    ----------
    y : pandas.Series, (n_rows,)
        True labels.
    predictions : mapping of str to Predictions
        The predictions of each model on these rows, by the model's title.
    """
    import numpy as np
    from sklearn.metrics import confusion_matrix

    classes = np.unique(np.concatenate([np.asarray(y), *(one.classes for one in predictions.values())]))
    figure, all_axes = _matrices_figure(classes, list(predictions))
    for axes, one in zip(all_axes, predictions.values(), strict=True):
        counts = confusion_matrix(y, one.labels, labels=classes)
        # Some classes of a model may not occur in these rows.
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        _draw_matrix(axes, counts, shares, (0, 1), zeros=False)
    figure.text(0.01, 0.01, "shade: share of the rows of the true class", color=FAINT, fontsize=9, va="bottom")
    return figure


def _matrices_figure(classes: Sequence[Any] | Array, titles: Sequence[str]) -> tuple[Figure, list[Axes]]:
    """Return a figure with a row of square frames, one per title."""
    from matplotlib.figure import Figure

    names = _names(classes, LONGEST_CLASS)
    cells, labels, gap = 1.5 + 0.45 * min(len(names), MOST_COUNTED), 0.8 + 0.07 * max(map(len, names)), 0.4
    cells *= 1 if len(titles) == 1 else 0.85
    wrapped = [textwrap.fill(title, int((cells + gap) / 0.09), break_on_hyphens=False) for title in titles]
    top = gap + 0.2 * max(title.count("\n") for title in wrapped)
    width, height = labels + len(titles) * (cells + gap), labels + cells + top
    figure = Figure(figsize=(width, height))
    # All text belongs to the figure: ticks, labels and titles of axes would take half of the drawing time.
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
    """Write text at a position in inches from the figure's lower left corner."""
    width, height = figure.get_size_inches()
    figure.text(x / width, y / height, text, **how)


def _draw_matrix(axes: Axes, counts: Array, shades: Array, limits: tuple[float, float], *, zeros: bool) -> None:
    """Draw the cells of a matrix and write the counts into them; rows are the true classes."""
    axes.imshow(shades, cmap="Blues", vmin=limits[0], vmax=limits[1])
    if len(counts) > MOST_COUNTED:
        return
    for row, column in itertools.product(range(len(counts)), repeat=2):
        count = counts[row, column]
        if count or zeros:
            colour = "white" if shades[row, column] > DARK * limits[1] else "black"
            axes.text(column, row, count, ha="center", va="center", color=colour)


def calibration_figure(y: pd.Series[Any], predictions: Mapping[str, Predictions]) -> Figure | None:
    """Draw the calibration curve of each model, and the histogram of its predicted probabilities.

    With two classes, the probability of the second is compared with how often that class occurs. With more, the
    probability of the predicted class is compared with how often the prediction is right: the reliability diagram of
    Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks", ICML 2017.

    The curve is :func:`sklearn.calibration.calibration_curve` with quantiles: on a few hundred rows, most bins of equal
    width hold at most one row, and a point of one row is 0 or 1. The histogram's bins are of equal width.

    Parameters
    ----------
    y : pandas.Series, (n_rows,)
        True labels.
    predictions : mapping of str to Predictions
        The predictions of each model on these rows, by the model's title. A model without probabilities is only named
        in the legend.

    Returns
    -------
    matplotlib.figure.Figure or None
        None if no model has probabilities.
    """
    import numpy as np
    from matplotlib.figure import Figure
    from sklearn.calibration import calibration_curve

    drawn = {title: one for title, one in predictions.items() if one.probabilities is not None}
    if not drawn:
        return None
    legend = 0.25 + 0.21 * (len(predictions) + 1)
    width, height = 6.0, 6.3 + legend
    figure = Figure(figsize=(width, height))
    curve = figure.add_axes((0.8 / width, 2.2 / height, 5.0 / width, 4.1 / height))
    rows = figure.add_axes((0.8 / width, 0.6 / height, 5.0 / width, 1.3 / height))
    curve.plot((0, 1), (0, 1), "--", color=FAINT, linewidth=1, label="perfectly calibrated")
    second = _second_class(list(drawn.values()))
    for (title, one), colour in zip(drawn.items(), itertools.cycle(COLOURS), strict=False):
        outcomes, probabilities = _outcomes_and_probabilities(y, one, second)
        points = int(np.clip(len(probabilities) // ROWS_OF_A_POINT, 2, MOST_POINTS))
        frequency, mean = calibration_curve(outcomes, probabilities, pos_label=True, n_bins=points, strategy="quantile")
        curve.plot(mean, frequency, "o-", color=colour, markersize=5, label=_name(title))
        rows.hist(probabilities, bins=BINS, histtype="step", color=colour, linewidth=1.5)
    for title in predictions.keys() - drawn.keys():
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


def _second_class(predictions: Sequence[Predictions]) -> Any | None:
    """Return the second class if all models know the same two classes; otherwise None."""
    classes = predictions[0].classes
    same = all(list(one.classes) == list(classes) for one in predictions)
    return classes[1] if same and len(classes) == 2 else None  # noqa: PLR2004


def _outcomes_and_probabilities(y: pd.Series[Any], one: Predictions, second: Any | None) -> tuple[Array, Array]:
    """Return whether each row is of the class whose probability is drawn, and that probability, (n_rows,) each."""
    import numpy as np

    # Some classifiers' probabilities exceed 1 by a rounding error, which calibration_curve refuses.
    probabilities = np.clip(np.asarray(one.probabilities), 0, 1)
    if second is not None:
        return np.asarray(y) == second, probabilities[:, 1]
    predicted = probabilities.argmax(axis=1)
    return np.asarray(y) == one.classes[predicted], probabilities[np.arange(len(predicted)), predicted]


def _name(text: Any, longest: int = LONGEST_TITLE) -> str:
    """Return a name as it is drawn: in one line, shortened, with dollar signs escaped for Matplotlib."""
    name = " ".join(str(text).split())
    if len(name) > longest:
        half = (longest - 1) // 2
        name = f"{name[:half]}…{name[-half:]}"
    return name.replace("$", r"\$")


def _names(texts: Iterable[Any], longest: int = LONGEST_TITLE) -> list[str]:
    """Return names as they are drawn, numbered if two of them would look the same."""
    names = [_name(text, longest) for text in texts]
    return [name if names.count(name) == 1 else f"{name} ({place})" for place, name in enumerate(names, 1)]
