"""scikit-learn's scorers on predictions give what they give on the model."""

import inspect
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import metrics as sk
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import SVC

from podium.errors import PodiumError
from podium.evaluation import scorers
from podium.evaluation.metrics import GREATER_IS_BETTER, check_metric, known, scores_of
from podium.evaluation.predictions import Predictions
from podium.evaluation.significance import interval, permutation, score_interval

LABELS = [name for name in scorers.names() if name not in scorers.PROBABILITIES | scorers.RANKINGS | {"roc_auc"}]


def by_hand(name, model, x, y, **options):
    """Return scikit-learn's own score; None if it has none."""
    try:
        return sk.get_scorer(name)(model, x, y, **options)
    except (ValueError, TypeError, AttributeError):
        return None


def ours(name, *arguments, **options):
    try:
        return scorers.compute(name, *arguments, **options)
    except ValueError:
        return None


@pytest.fixture(scope="module", params=[load_breast_cancer, load_iris], ids=["two classes", "three classes"])
def rows(request):
    x, y = request.param(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    return x[order[:90]], y[order[:90]], x[order[90:]], y[order[90:]]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("estimator", [LogisticRegression(C=1e-4), RidgeClassifier(), GaussianNB()], ids=str)
@pytest.mark.parametrize("weighted", [False, True])
def test_every_scorer_gives_what_it_gives_on_the_model(rows, estimator, weighted):
    x_fit, y_fit, x, y = rows
    model = estimator.fit(x_fit, y_fit)
    weights = np.random.default_rng(1).random(len(y)) if weighted else None
    predictions = Predictions.of(model, x, decisions=True)
    options = {"sample_weight": weights} if weighted else {}
    for name in scorers.names():
        expected = by_hand(name, model, x, y, **options)
        found = ours(name, predictions, y, weights=weights)
        if expected is None or not np.isfinite(expected):
            assert found is None, name
        else:
            assert found == pytest.approx(expected, abs=1e-12), name


@pytest.mark.parametrize("positive", ["malignant", "benign"])
def test_the_positive_class_of_text_labels_is_the_named_one(positive):
    bunch = load_breast_cancer()
    x, y = bunch.data, bunch.target_names[bunch.target]
    model = GaussianNB().fit(x[:100], y[:100])
    predictions, y = Predictions.of(model, x[100:]), y[100:]
    of_it = predictions.probabilities[:, list(model.classes_).index(positive)]
    expected = {
        "f1": sk.f1_score(y, predictions.labels, pos_label=positive),
        "recall": sk.recall_score(y, predictions.labels, pos_label=positive),
        "precision": sk.precision_score(y, predictions.labels, pos_label=positive),
        "jaccard": sk.jaccard_score(y, predictions.labels, pos_label=positive),
        "average_precision": sk.average_precision_score(y, of_it, pos_label=positive),
        "neg_brier_score": -sk.brier_score_loss(y, of_it, pos_label=positive),
        "roc_auc": sk.roc_auc_score(y == positive, of_it),
    }
    assert scores_of(predictions, y, list(expected), positive=positive) == pytest.approx(expected)
    with pytest.raises(ValueError, match="f1 needs a positive class: add positive: to the dataset, one of 'benign', "):
        scorers.compute("f1", predictions, y)


def test_the_positive_class_of_three_is_compared_with_the_others():
    x, y = load_iris(return_X_y=True)
    names = np.array(["a", "b", "c"])[y]
    model = LogisticRegression(C=1e-3).fit(x, names)
    predictions = Predictions.of(model, x)
    expected = sk.f1_score(names == "b", predictions.labels == "b")
    assert scorers.compute("f1", predictions, names, positive="b") == pytest.approx(expected)
    expected = sk.average_precision_score(names == "b", predictions.probabilities[:, 1])
    assert scorers.compute("average_precision", predictions, names, positive="b") == pytest.approx(expected)


@pytest.mark.parametrize(
    ("classes", "positive", "found"),
    [
        ([0, 1], None, 1),
        ([-1, 1], None, 1),
        ([False, True], None, True),
        (["no", "yes"], "yes", "yes"),
        ([1, 2], "2", 2),
        (["1", "2"], 2, "2"),
        ([1, 2], None, "add positive: to the dataset, one of '1', '2'"),
        (["no", "yes"], True, "the positive class True is none of 'no', 'yes'; write it in quotes"),
        (["no", "yes"], "Yes", "the positive class 'Yes' is none of 'no', 'yes'"),
    ],
)
def test_the_positive_class_is_found_or_asked_for(classes, positive, found):
    if isinstance(found, str) and len(found) > 3:
        with pytest.raises(ValueError, match=found):
            scorers.positive_class(np.array(classes), positive)
    else:
        assert scorers.positive_class(np.array(classes), positive) == found


def test_the_kinds_of_scorers_are_those_of_the_installed_scikit_learn():
    functions = {name: sk.get_scorer(name) for name in scorers.names() if name not in GREATER_IS_BETTER}
    methods = {name: scorer._response_method for name, scorer in functions.items()}  # noqa: SLF001
    assert {name for name, method in methods.items() if method == "predict_proba"} == scorers.PROBABILITIES
    assert {name for name, method in methods.items() if isinstance(method, tuple)} == scorers.RANKINGS
    weightless = {
        name
        for name, scorer in functions.items()
        if "sample_weight" not in inspect.signature(scorer._score_func).parameters  # noqa: SLF001
    }
    assert weightless == scorers.UNWEIGHTED
    text, codes = np.array(["a", "b"] * 5), np.array([0, 1] * 5)
    for name in LABELS:
        if name in GREATER_IS_BETTER:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            on_text = ours(name, Predictions(text, None, np.array(["a", "b"])), text)
            on_codes = ours(name, Predictions(1 - codes, None, np.array([0, 1])), codes)
        needs_more = name in scorers.BINARY | scorers.NUMERIC
        assert (on_text is None) is needs_more, name
        assert name in scorers.NUMERIC or on_codes is not None or "likelihood" in name, name


def test_a_metric_that_does_not_exist_is_named_with_the_one_that_was_meant():
    for name in known():
        check_metric(name)
    for wrong, hint in {
        "acuracy": "unknown metric 'acuracy': did you mean 'accuracy'?",
        "mathews_corrcoef": "unknown metric 'mathews_corrcoef': did you mean 'matthews_corrcoef'?",
        "f1_samples": "the metric 'f1_samples' is for rows with several labels: use f1_macro or f1_weighted",
        "magic": "unknown metric 'magic': use accuracy, balanced_accuracy,",
    }.items():
        with pytest.raises(PodiumError) as error:
            check_metric(wrong)
        assert str(error.value).startswith(hint)


@st.composite
def with_a_missing_class(draw):
    """Draw true labels of up to five classes, and the predictions of a model that knows some of them."""
    classes = np.array(["a", "B", "c", "", "é"])[: draw(st.integers(2, 5))]
    known_ones = np.array(draw(st.permutations(classes))[: draw(st.integers(1, len(classes)))])
    rows = draw(st.integers(2, 30))
    y = np.array(draw(st.lists(st.sampled_from(list(classes)), min_size=rows, max_size=rows)))
    values = draw(hnp.arrays(int, (rows, len(known_ones)), elements=st.integers(0, 4)))
    values[values.sum(axis=1) == 0] = 1
    probabilities = values / values.sum(axis=1, keepdims=True)
    return y, Predictions(known_ones[probabilities.argmax(axis=1)], probabilities, known_ones)


@settings(deadline=None)
@given(with_a_missing_class())
def test_a_label_that_the_model_does_not_know_is_wrong_with_the_probability_0(drawn):
    y, predictions = drawn
    every = np.unique([*y, *predictions.classes])
    wide = np.zeros((len(y), len(every)))
    wide[:, np.searchsorted(every, predictions.classes)] = predictions.probabilities
    found = scores_of(predictions, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert found["accuracy"] == pytest.approx(np.mean(y == predictions.labels))
        assert found["balanced_accuracy"] == pytest.approx(sk.balanced_accuracy_score(y, predictions.labels))
        assert found["f1_macro"] == pytest.approx(sk.f1_score(y, predictions.labels, average="macro"))
        if len(every) > 1:
            assert found["log_loss"] == pytest.approx(sk.log_loss(y, wide, labels=every))
        if len(np.unique(y)) == len(every) > 1:
            one_column = wide[:, 1] if len(every) == 2 else wide
            assert found["roc_auc"] == pytest.approx(sk.roc_auc_score(y, one_column, multi_class="ovr", labels=every))
        else:
            assert len(every) == 1 or "roc_auc" not in found


def test_decision_values_by_pair_of_classes_are_not_taken_for_classes():
    x, y = load_iris(return_X_y=True)
    assert Predictions.of(SVC(decision_function_shape="ovo").fit(x, y), x, decisions=True).decisions is None
    assert Predictions.of(SVC().fit(x, y), x, decisions=True).decisions.shape == (150, 3)


def answers(rng, y, skill):
    classes = np.unique(y)
    values = np.exp(rng.normal(size=(len(y), len(classes))) + skill * (y[:, np.newaxis] == classes))
    probabilities = values / values.sum(axis=1, keepdims=True)
    return Predictions(classes[probabilities.argmax(axis=1)], probabilities, classes)


@pytest.mark.parametrize("name", [name for name in known() if not name.endswith("_seconds")])
def test_a_resample_scores_each_row_as_often_as_it_was_drawn(name):
    rng = np.random.default_rng(3)
    y = rng.permutation(np.repeat([1, 2, 3], 12))
    predictions = answers(rng, y, 1.0)
    counts = np.array([np.bincount(rng.integers(len(y), size=len(y)), minlength=len(y)) for _ in range(4)])
    found = scores_of(predictions, y, [name], counts, positive=2)
    assert set(found) == {name}
    for count, value in zip(counts, found[name], strict=True):
        drawn = np.repeat(np.arange(len(y)), count)
        one = Predictions(predictions.labels[drawn], predictions.probabilities[drawn], predictions.classes)
        assert scores_of(one, y[drawn], [name], positive=2)[name] == pytest.approx(value), name


@pytest.mark.parametrize(
    "name",
    [
        *("average_precision", "neg_brier_score", "r2"),
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("matthews_corrcoef", "f1")),
    ],
)
def test_interval_and_test_of_a_scorer_tell_a_better_model_from_the_same(name):
    rng = np.random.default_rng(4)
    y = rng.permutation(np.repeat([0, 1], [120, 60]))
    worse, better = answers(rng, y, 0.2), answers(rng, y, 3)
    low, high = interval(name, y, worse, better, resamples=199)
    gain = scores_of(better, y, [name])[name] - scores_of(worse, y, [name])[name]
    assert 0 < low < gain < high
    assert permutation(name, y, worse, better, permutations=99) == pytest.approx(0.01)
    assert permutation(name, y, better, worse, permutations=99) > 0.95
    assert interval(name, y, better, better, resamples=199) == (0, 0)
    assert permutation(name, y, better, better, permutations=19) == 1
    low, high = score_interval(name, y, better, resamples=199)
    assert low < scores_of(better, y, [name])[name] < high


def test_what_predictions_do_not_define_has_neither_interval_nor_p_value():
    rng = np.random.default_rng(5)
    y = rng.permutation(np.repeat(["no", "yes"], 20))
    model = answers(rng, y, 1)
    for name in ("f1", "r2", "fit_seconds"):  # no positive class, no numbers, a time
        assert interval(name, y, model, model) is None
        assert permutation(name, y, model, model) is None
    assert interval("f1", y, model, model, resamples=199, positive="yes") == (0, 0)
    assert interval("rand_score", y, model, model, weights=np.ones(len(y))) is None


def test_models_that_are_equally_good_are_rarely_told_apart():
    rng = np.random.default_rng(6)
    found = 0
    for seed in range(200):
        y = rng.permutation(np.repeat([0, 1], 25))
        pair = answers(rng, y, 1), answers(rng, y, 1)
        found += permutation("roc_auc", y, *pair, seed=seed, permutations=99) <= 0.05
    assert found <= 23  # of 200 with a chance of 0.05 each, more have a chance below 1e-4


def test_ranks_decide_if_one_model_has_probabilities_and_the_other_decision_values():
    rng = np.random.default_rng(7)
    y = rng.permutation(np.repeat([0, 1], 40))
    one = answers(rng, y, 1)
    logits = 50 * np.log(one.probabilities)
    other = Predictions(one.labels, None, one.classes, logits - logits[:, ::-1])
    for name in ("roc_auc", "average_precision"):
        assert permutation(name, y, one, other, permutations=19) == 1
