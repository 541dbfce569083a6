"""The significance tests: known values, and how often they promote by chance."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from sklearn.datasets import make_classification, make_moons
from sklearn.model_selection import RepeatedStratifiedKFold, StratifiedKFold, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from podium.evaluation.formulas import label_scores
from podium.evaluation.metrics import GREATER_IS_BETTER, scores_of
from podium.evaluation.predictions import Predictions
from podium.evaluation.significance import decisive, holm, interval, mcnemar, resampled_t

CONFIDENCE = 0.95
CHALLENGERS = 10


def discordant(lost, gained, both=0):
    """Give rows on which only the champion, only the challenger, or both of them are right."""
    champion = np.repeat([True, False, True], [lost, gained, both])
    challenger = np.repeat([False, True, True], [lost, gained, both])
    return champion, challenger


def test_mcnemar_gives_textbook_values():
    # (10 + 1) / 2 ** 10, by hand.
    assert mcnemar(*discordant(1, 9, both=90)) == pytest.approx(11 / 1024)
    # Agresti, Categorical data analysis, table of two surveys; R's exact2x2 gives 3.716e-05 two-sided.
    assert 2 * mcnemar(*discordant(86, 150, both=794)) == pytest.approx(3.716e-05, rel=1e-3)


@pytest.mark.parametrize("lost", range(5))
@pytest.mark.parametrize("gained", range(5))
def test_mcnemar_is_the_share_of_coin_tosses_as_good_as_the_challenger(lost, gained):
    tosses = list(itertools.product([0, 1], repeat=lost + gained))
    share = sum(sum(toss) >= gained for toss in tosses) / len(tosses)
    assert mcnemar(*discordant(lost, gained, both=3)) == pytest.approx(share)


def test_mcnemar_has_no_evidence_without_a_row_on_which_they_differ():
    assert mcnemar(*discordant(0, 0, both=50)) == 1.0
    assert mcnemar(*discordant(0, 0)) == 1.0


def test_mcnemar_refuses_answers_to_different_rows():
    with pytest.raises(ValueError, match="different numbers of rows: 2 and 3"):
        mcnemar(np.array([True, False]), np.array([True, False, True]))


def test_resampled_t_gives_what_the_example_of_scikit_learn_prints():
    # "Statistical comparison of models using grid search": corrected t-value 0.750, p-value 0.227.
    x, y = make_moons(noise=0.352, random_state=1, n_samples=100)
    folds = RepeatedStratifiedKFold(n_splits=10, n_repeats=10, random_state=0)
    rbf, linear = (cross_val_score(SVC(kernel=name), x, y, scoring="roc_auc", cv=folds) for name in ("rbf", "linear"))
    assert resampled_t(rbf - linear, 90, 10) == pytest.approx(0.227, abs=5e-4)


def test_resampled_t_agrees_with_the_table_of_the_t_distribution():
    # Deviations with variance 0.001 / 4; 5 folds of 100 rows, so that the factor is 1/5 + 20/80 = 0.45.
    deviations = [-0.02, -0.01, 0.0, 0.01, 0.02]
    error = math.sqrt(0.45 * 0.00025)
    # Of 4 degrees of freedom the table has these quantiles.
    for quantile, p_value in [(2.132, 0.05), (2.776, 0.025), (3.747, 0.01), (4.604, 0.005)]:
        better = [quantile * error + deviation for deviation in deviations]
        assert resampled_t(better, 80, 20) == pytest.approx(p_value, rel=1e-3)
        assert resampled_t([-gain for gain in better], 80, 20) == pytest.approx(1 - p_value, rel=1e-3)


@pytest.mark.parametrize("step", [0.1, 1 / 3])
def test_gains_that_are_equal_but_for_rounding_vary_by_one_row(step):
    exact, rounded = [step] * 5, [k * step - (k - 1) * step for k in range(1, 6)]
    assert len(set(rounded)) > 1
    assert resampled_t(rounded, 80, 20) == pytest.approx(resampled_t(exact, 80, 20))


def test_equal_gains_of_one_row_do_not_suffice_and_those_of_half_the_rows_do():
    assert resampled_t([1 / 20] * 5, 80, 20) == pytest.approx(0.105, abs=1e-3)
    assert resampled_t([1 / 2] * 5, 80, 20) < 1e-3
    assert resampled_t([0.0] * 5, 80, 20) == 0.5
    assert resampled_t([-1 / 2] * 5, 80, 20) > 1 - 1e-3


@pytest.mark.parametrize("gains", [[], [0.1], [0.1, math.nan], [0.1, math.inf]])
def test_resampled_t_refuses_gains_without_a_mean_and_a_variance(gains):
    with pytest.raises(ValueError, match="at least two gains"):
        resampled_t(gains, 80, 20)


@pytest.mark.parametrize("sizes", [(0, 20), (80, 0), (80, math.nan)])
def test_resampled_t_refuses_folds_without_rows(sizes):
    with pytest.raises(ValueError, match="rows in both parts"):
        resampled_t([0.1, 0.2], *sizes)


def test_holm_agrees_with_a_hand_worked_example():
    # 0.01 * 4, 0.015 * 3 = 0.045, 0.03 * 2 = 0.06, and 0.04 * 1, which may not be below the one before it.
    assert holm([0.03, 0.01, 0.04, 0.015]) == pytest.approx([0.06, 0.04, 0.06, 0.045])
    assert holm([0.01, 0.02], total=5) == pytest.approx([0.05, 0.08])
    assert holm([0.6, 0.5]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.integers(0, 5))
def test_holm_keeps_the_order_and_lies_between_the_raw_value_and_bonferroni(p_values, untested):
    total = len(p_values) + untested
    adjusted = holm(p_values, total)
    for (raw, found), (other_raw, other_found) in itertools.product(zip(p_values, adjusted, strict=True), repeat=2):
        assert raw <= found <= min(1.0, raw * total) or found == pytest.approx(raw * total)
        assert found <= other_found or raw > other_raw
    assert adjusted == pytest.approx(holm([*p_values, *[1.0] * untested])[: len(p_values)])
    assert min(adjusted) == pytest.approx(min(1.0, min(p_values) * total))


@pytest.mark.parametrize(("p_values", "total"), [([0.1, 0.2], 1), ([-0.1], 1), ([1.1], 1), ([math.nan], 1)])
def test_holm_refuses_what_is_not_p_values_of_a_family(p_values, total):
    with pytest.raises(ValueError, match="not p-values"):
        holm(p_values, total)


def test_mcnemar_decides_for_accuracy_alone():
    assert {metric: decisive(metric) for metric in GREATER_IS_BETTER} == {
        **dict.fromkeys(GREATER_IS_BETTER, "resampled_t"),
        "accuracy": "mcnemar",
    }
    with pytest.raises(ValueError, match="unknown metric 'acuracy'"):
        decisive("acuracy")


def predictions(rng, y, names, skill):
    """Answer with probabilities that favour the true class, the more so the greater the skill."""
    weights = np.exp(rng.normal(size=(len(y), len(names))) + skill * (y[:, np.newaxis] == names))
    probabilities = weights / weights.sum(axis=1, keepdims=True)
    return Predictions(names[probabilities.argmax(axis=1)], probabilities, names)


NAMES = np.array(["a", "b", "c"])
DEFINED = [metric for metric in GREATER_IS_BETTER if not metric.endswith("_seconds")]


@pytest.mark.parametrize("metric", DEFINED)
def test_the_interval_is_above_0_for_a_better_challenger_and_below_for_a_worse(metric):
    rng = np.random.default_rng(1)
    y = rng.permutation(np.repeat(NAMES, 60))
    worse, better = predictions(rng, y, NAMES, 0.2), predictions(rng, y, NAMES, 2.5)
    low, high = interval(metric, y, worse, better)
    gain = abs(scores_of(better, y)[metric] - scores_of(worse, y)[metric])
    assert 0 < low < gain < high
    assert interval(metric, y, better, worse) == pytest.approx((-high, -low))
    narrow = interval(metric, y, worse, better, confidence=0.5)
    assert low < narrow[0] < narrow[1] < high


@pytest.mark.parametrize("metric", DEFINED)
def test_the_same_answers_gain_nothing(metric):
    rng = np.random.default_rng(2)
    y = rng.permutation(np.repeat(NAMES, 20))
    same = predictions(rng, y, NAMES, 1.0)
    reordered = Predictions(same.labels, same.probabilities[:, ::-1], same.classes[::-1])
    assert interval(metric, y, same, same) == (0, 0)
    assert interval(metric, y, same, reordered) == pytest.approx((0, 0), abs=1e-12)


def test_a_class_with_one_row_is_in_every_resample():
    rng = np.random.default_rng(3)
    y = np.array([*NAMES[:2].repeat(30), "c"])
    champion, challenger = predictions(rng, y, NAMES, 1.0), predictions(rng, y, NAMES, 2.0)
    for metric in DEFINED:
        low, high = interval(metric, y, champion, challenger)
        assert low <= high
    always, never = (Predictions(np.where(y == "c", name, y), None, NAMES) for name in ("c", "a"))
    assert interval("worst_class_recall", y, never, always) == (1, 1)


def test_the_interval_is_the_same_for_the_same_seed_only():
    rng = np.random.default_rng(4)
    y = rng.permutation(np.repeat(NAMES, 30))
    pair = predictions(rng, y, NAMES, 1.0), predictions(rng, y, NAMES, 1.5)
    assert interval("log_loss", y, *pair, seed=5) == interval("log_loss", y, *pair, seed=5)
    assert interval("log_loss", y, *pair, seed=5) != interval("log_loss", y, *pair, seed=6)


def test_there_is_no_interval_of_what_the_answers_do_not_define():
    rng = np.random.default_rng(5)
    y = rng.permutation(np.repeat(NAMES, 10))
    full = predictions(rng, y, NAMES, 1.0)
    labels_only = Predictions(full.labels, None, NAMES)
    assert interval("fit_seconds", y, full, full) is None
    assert interval("predict_seconds", y, full, full) is None
    assert interval("log_loss", y, full, labels_only) is None
    assert interval("roc_auc", y, labels_only, full) is None
    assert interval("f1_macro", y, full, labels_only) == (0, 0)
    assert interval("roc_auc", y, full, Predictions(full.labels, None, NAMES, decisions=full.probabilities)) is None
    two = y != "c"
    names = NAMES[:2]
    full = Predictions(np.where(full.labels == "c", "b", full.labels)[two], full.probabilities[two][:, :2], names)
    assert interval("roc_auc", y[two], full, Predictions(full.labels, None, names, full.probabilities)) == (0, 0)


def test_the_interval_covers_the_true_gain_about_as_often_as_it_says():
    # Recalls of two classes: 0.6 and 0.8 against 0.8 and 0.9, so that the balanced accuracy gains 0.15.
    rng = np.random.default_rng(6)
    y, names = np.repeat([0, 1], [80, 40]), np.array([0, 1])
    covered, simulations = 0, 400
    for seed in range(simulations):
        champion, challenger = (
            Predictions(np.where(rng.random(len(y)) < recalls[y], y, 1 - y), None, names)
            for recalls in (np.array([0.6, 0.8]), np.array([0.8, 0.9]))
        )
        low, high = interval("balanced_accuracy", y, champion, challenger, confidence=0.9, seed=seed, resamples=499)
        covered += low <= 0.15 <= high
    assert 0.85 < covered / simulations < 0.95


def promoted(p_values):
    """Return whether one of the challengers would be promoted."""
    return min(holm(p_values)) <= 1 - CONFIDENCE


def most_by_chance(simulations):
    """Give the number of false promotions that a rule which keeps its word exceeds with a chance below 1e-6."""
    return int(binom.isf(1e-6, simulations, 1 - CONFIDENCE))


def right(rng, shares, rows=200):
    """Draw which rows each classifier is right on, (n_classifiers, n_rows)."""
    return rng.random((len(shares), rows)) < np.array(shares)[:, np.newaxis]


def test_the_best_of_many_by_chance_is_not_promoted_on_accuracy():
    rng = np.random.default_rng(7)
    simulations = 1000
    naive = tested = 0
    for _ in range(simulations):
        champion, *challengers = right(rng, [0.8] * (1 + CHALLENGERS))
        naive += max(challenger.sum() for challenger in challengers) > champion.sum()
        tested += promoted([mcnemar(champion, challenger) for challenger in challengers])
    assert naive / simulations > 0.5
    assert tested <= most_by_chance(simulations)


def test_a_challenger_that_is_right_more_often_is_promoted_on_accuracy():
    rng = np.random.default_rng(8)
    simulations = 200
    found = 0
    for _ in range(simulations):
        champion, *challengers = right(rng, [*[0.75] * CHALLENGERS, 0.9])
        p_values = [mcnemar(champion, challenger) for challenger in challengers]
        found += promoted(p_values) and p_values.index(min(p_values)) == CHALLENGERS - 1
    assert found / simulations > 0.8


def cross_validated(models, seed, rows=150, class_sep=0.7):
    """Give each model's balanced accuracy on each fold of a data set of its own, (n_models, 5)."""
    x, y = make_classification(rows, n_features=6, n_informative=4, class_sep=class_sep, random_state=seed)
    splits = list(StratifiedKFold(5, shuffle=True, random_state=seed).split(x, y))
    scores = [
        [label_scores(y[test], model.fit(x[fit], y[fit]).predict(x[test]))["balanced_accuracy"] for fit, test in splits]
        for model in models
    ]
    return np.array(scores), len(splits[0][0]), len(splits[0][1])


def random_trees(seed, count, **params):
    """Give classifiers of which none is better than another: they differ in their random state alone."""
    states = np.random.default_rng(seed).integers(2**31, size=count)
    return [DecisionTreeClassifier(max_features=1, random_state=int(state), **params) for state in states]


@pytest.mark.slow
def test_the_best_of_many_by_chance_is_not_promoted_on_cross_validated_scores():
    simulations = 200
    naive = tested = 0
    for seed in range(simulations):
        (champion, *challengers), train_rows, test_rows = cross_validated(random_trees(seed, 1 + CHALLENGERS), seed)
        naive += max(challenger.mean() for challenger in challengers) > champion.mean()
        tested += promoted([resampled_t(challenger - champion, train_rows, test_rows) for challenger in challengers])
    assert naive / simulations > 0.5
    assert tested <= most_by_chance(simulations)


def test_a_much_better_challenger_is_promoted_on_cross_validated_scores():
    simulations = 40
    found = 0
    for seed in range(simulations):
        models = [*random_trees(seed, CHALLENGERS, max_depth=1), GaussianNB()]
        (champion, *challengers), train_rows, test_rows = cross_validated(models, seed, rows=600, class_sep=1.5)
        found += promoted([resampled_t(challenger - champion, train_rows, test_rows) for challenger in challengers])
    assert found / simulations > 0.5
