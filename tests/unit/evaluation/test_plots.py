"""The content of the plots of a decision."""

import io
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import calibration_curve
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from podium.evaluation import plots


@dataclass(frozen=True)
class Predictions:
    labels: Any
    probabilities: Any
    classes: Any


def predicted(model, bunch):
    """Return the true labels of held-out rows, and what a model predictions on them."""
    names = np.asarray([str(name) for name in bunch.target_names])
    x_fit, x_test, y_fit, y_test = train_test_split(
        bunch.data, pd.Series(names[bunch.target]), test_size=0.4, random_state=0, stratify=bunch.target
    )
    model = make_pipeline(StandardScaler(), model).fit(x_fit, y_fit)
    probabilities = model.predict_proba(x_test) if hasattr(model, "predict_proba") else None
    return y_test, Predictions(model.predict(x_test), probabilities, model.classes_)


def png(figure):
    """Draw for real, where a glyph without a font or a text that is broken TeX shows itself."""
    target = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.savefig(target, dpi=100)
    return target.getvalue()


def texts(axes):
    return [text.get_text() for text in axes.texts]


def names_of_rows(figure):
    """Return the names of a matrix's classes, from its top: those to the left of its first frame."""
    frame = figure.axes[0].get_position()
    left = [text for text in figure.texts if text.get_ha() == "right" and not text.get_rotation()]
    assert all(text.get_position()[0] < frame.x0 and frame.y0 < text.get_position()[1] < frame.y1 for text in left)
    return [text.get_text() for text in sorted(left, key=lambda text: -text.get_position()[1])]


def clipped(figure):
    """Return the texts that do not fit on the figure."""
    png(figure)
    shown = list(figure.texts)
    for axes in figure.axes:
        shown += [axes.title, axes.xaxis.label, axes.yaxis.label, *axes.texts]
        shown += axes.get_legend().get_texts() if axes.get_legend() else []
    page = figure.bbox.padded(1)
    boxes = [(text.get_text(), text.get_window_extent()) for text in shown]
    return [text for text, box in boxes if text and not (page.contains(*box.min) and page.contains(*box.max))]


SCORES = [(f"version {number} (forest)", 0.9 - 0.01 * number, 0.85 - 0.01 * number, 0.93) for number in range(25)]


def test_each_model_has_its_value_and_its_interval():
    (axes,) = plots.metrics_figure("roc_auc", SCORES[:3]).axes
    assert texts(axes) == [
        "version 0 (forest)",
        "0.9000",
        "version 1 (forest)",
        "0.8900",
        "version 2 (forest)",
        "0.8800",
    ]
    bars, points = axes.collections
    assert [tuple(segment[:, 0]) for segment in bars.get_segments()] == [(low, high) for _, _, low, high in SCORES[:3]]
    np.testing.assert_allclose(points.get_offsets(), [(value, row) for row, (_, value, *_) in enumerate(SCORES[:3])])
    assert axes.yaxis_inverted()
    assert axes.get_xlabel() == "roc_auc on held-out rows (higher is better), 95% interval"


def test_the_champion_has_a_line_and_a_colour_of_its_own():
    (axes,) = plots.metrics_figure("log_loss", SCORES[:3], champion="version 1 (forest)").axes
    assert [line.get_xdata()[0] for line in axes.lines] == [SCORES[1][1]]
    assert "champion" in texts(axes)
    first, champion, last = axes.collections[1].get_facecolors().tolist()
    assert first == last != champion
    assert "lower is better" in axes.get_xlabel()


def test_twenty_models_are_shown_with_a_champion_that_is_behind_and_how_many_are_not():
    figure = plots.metrics_figure("accuracy", SCORES, champion="version 24 (forest)")
    (axes,) = figure.axes
    shown = [text for text in texts(axes) if text.startswith("version")]
    assert shown == [*(title for title, *_ in SCORES[:19]), "version 24 (forest)"]
    assert [text.get_text() for text in figure.texts] == ["5 more models are not shown"]
    assert plots.metrics_figure("accuracy", SCORES[:20]).texts == []


def test_a_model_without_an_interval_has_its_point():
    figure = plots.metrics_figure("accuracy", [("a", 0.8, 0.7, 0.9), ("b", 0.75, np.nan, np.nan)], champion="b")
    png(figure)
    low, high = figure.axes[0].get_xlim()
    assert low < 0.7
    assert high > 0.9


def test_long_titles_fit_and_stay_apart():
    name = "hist_gradient_boosting_with_monotonic_constraints"
    figure = plots.metrics_figure("accuracy", [(f"version {n} ({name}_{name})", 0.9, 0.8, 1.0) for n in (101, 102)])
    shown = [text for text in texts(figure.axes[0]) if "…" in text]
    assert len(set(shown)) == 2
    assert clipped(figure) == []
    twins = plots.metrics_figure("accuracy", [(f"{name}{n}{name}", 0.9, 0.8, 1.0) for n in (1, 2)]).axes[0]
    assert len(set(texts(twins)) - {"0.9000"}) == 2


@pytest.mark.parametrize("load", [load_iris, load_digits, load_breast_cancer])
def test_there_is_a_matrix_for_each_model_with_the_counts_of_scikit_learn(load):
    y, nearest = predicted(KNeighborsClassifier(), load())
    _, bayes = predicted(GaussianNB(), load())
    figure = plots.confusion_figure(y, {"champion": nearest, "winner": bayes})
    assert {"champion", "winner", "true", "predicted"} <= set(texts(figure))
    assert names_of_rows(figure) == [str(name) for name in nearest.classes]
    for axes, predictions in zip(figure.axes, (nearest, bayes), strict=True):
        counts = confusion_matrix(y, predictions.labels, labels=predictions.classes)
        seen = np.zeros_like(counts)
        for text in axes.texts:
            column, row = text.get_position()
            seen[row, column] = int(text.get_text())
        np.testing.assert_array_equal(seen, counts)
        (image,) = axes.images
        np.testing.assert_allclose(image.get_array().sum(axis=1), 1)
        assert image.get_clim() == (0, 1)
    assert clipped(figure) == []


def test_a_class_that_only_one_model_or_none_knows_is_in_both_matrices():
    y = pd.Series(["a", "b", "d"])
    old = Predictions(np.array(["a", "b", "a"]), None, np.array(["a", "b"]))
    new = Predictions(np.array(["a", "b", "c"]), None, np.array(["a", "b", "c"]))
    figure = plots.confusion_figure(y, {"old": old, "new": new})
    assert names_of_rows(figure) == ["a", "b", "c", "d"]
    assert [sum(map(int, texts(axes))) for axes in figure.axes] == [3, 3]
    assert [np.ma.count_masked(axes.images[0].get_array()) for axes in figure.axes] == [0, 0]


def test_long_names_of_classes_and_models_fit_and_stay_apart():
    classes = np.array([f"Claims adjusters, {kind}, examiners and investigators" for kind in ("appraisers", "helpers")])
    y = pd.Series(np.repeat(classes, 5))
    name = "version 128 (hist_gradient_boosting_with_monotonic_constraints), champion"
    predictions = Predictions(y.to_numpy(), None, classes)
    figure = plots.confusion_figure(y, {name: predictions, "winner": predictions})
    assert len(set(names_of_rows(figure))) == 2
    assert name.replace(" ", "") in {text.replace("\n", "").replace(" ", "") for text in texts(figure)}
    assert clipped(figure) == []
    assert clipped(plots.matrix_figure(y, predictions.labels, classes, f"{name} on held-out rows")) == []


def test_a_dollar_sign_is_not_read_as_tex():
    classes = np.array(["$0^_ to $20k", "over $20k"])
    y = pd.Series(np.repeat(classes, 5))
    predictions = {"costs $5^_ or $6": Predictions(y.to_numpy(), np.eye(2)[np.repeat([0, 1], 5)], classes)}
    assert png(plots.confusion_figure(y, predictions))
    assert png(plots.calibration_figure(y, predictions))
    assert png(plots.metrics_figure("accuracy", [("costs $5^_ or $6", 0.9, 0.8, 1.0)]))


def test_a_hundred_classes_are_shades_without_text():
    classes = np.array([f"class {number:02}" for number in range(100)])
    y = pd.Series(np.repeat(classes, 2))
    figure = plots.matrix_figure(y, y.to_numpy(), classes, "a title")
    (axes,) = figure.axes
    assert (texts(axes), names_of_rows(figure)) == ([], [])
    np.testing.assert_array_equal(axes.images[0].get_array(), 2 * np.eye(100))
    assert max(figure.get_size_inches()) < 20


def test_of_two_classes_the_curve_is_that_of_the_second():
    y, predictions = predicted(LogisticRegression(), load_breast_cancer())
    curve, rows = plots.calibration_figure(y, {"winner": predictions}).axes
    second = predictions.classes[1]
    frequency, mean = calibration_curve(y == second, predictions.probabilities[:, 1], n_bins=10, strategy="quantile")
    perfect, drawn = curve.lines
    np.testing.assert_allclose(perfect.get_xydata(), [(0, 0), (1, 1)])
    np.testing.assert_allclose(drawn.get_xydata(), np.column_stack([mean, frequency]))
    assert rows.get_xlabel() == f"predicted probability of {second}, held-out rows"


def test_of_many_classes_the_curve_is_that_of_the_class_that_is_named():
    y, predictions = predicted(GaussianNB(), load_digits())
    curve, rows = plots.calibration_figure(y, {"winner": predictions}).axes
    right = predictions.classes[predictions.probabilities.argmax(axis=1)] == y
    frequency, mean = calibration_curve(right, predictions.probabilities.max(axis=1), n_bins=10, strategy="quantile")
    np.testing.assert_allclose(curve.lines[1].get_xydata(), np.column_stack([mean, frequency]))
    assert "predicted class" in rows.get_xlabel()


def test_the_histogram_has_every_row_of_every_model():
    y, bayes = predicted(GaussianNB(), load_iris())
    _, nearest = predicted(KNeighborsClassifier(), load_iris())
    curve, rows = plots.calibration_figure(y, {"champion": bayes, "winner": nearest}).axes
    areas = [patch.get_xy() for patch in rows.patches]
    tops = [xy[1:-1:2, 1].sum() for xy in areas]
    assert tops == [len(y), len(y)]
    assert [text.get_text() for text in curve.get_legend().get_texts()] == [
        "perfectly calibrated",
        "champion",
        "winner",
    ]


def test_few_rows_have_few_points_of_enough_rows():
    y, predictions = predicted(LogisticRegression(), load_iris())
    few = Predictions(predictions.labels[:30], predictions.probabilities[:30], predictions.classes)
    curve = plots.calibration_figure(y[:30], {"winner": few}).axes[0]
    assert len(curve.lines[1].get_xdata()) == 3
    one = Predictions(predictions.labels[:1], predictions.probabilities[:1], predictions.classes)
    assert png(plots.calibration_figure(y[:1], {"winner": one}))


@pytest.mark.parametrize("certain", [1.0, 1 + 1e-12])
def test_a_model_that_is_always_certain_has_one_point(certain):
    y, predictions = predicted(KNeighborsClassifier(n_neighbors=1), load_iris())
    sure = Predictions(predictions.labels, predictions.probabilities * certain, predictions.classes)
    drawn = plots.calibration_figure(y, {"winner": sure}).axes[0].lines[1]
    np.testing.assert_allclose(drawn.get_xydata(), [(1, (predictions.labels == y).mean())])


def test_a_model_without_probabilities_is_only_named_in_the_legend():
    y, bayes = predicted(GaussianNB(), load_iris())
    _, silent = predicted(LinearSVC(), load_iris())
    figure = plots.calibration_figure(y, {"champion": silent, "winner": bayes})
    assert len(figure.axes[0].lines) == 3
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert legend == ["perfectly calibrated", "winner", "champion: no probabilities"]
    assert clipped(figure) == []
    assert plots.calibration_figure(y, {"champion": silent}) is None
