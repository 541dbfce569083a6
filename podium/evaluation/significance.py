"""Test whether the difference between champion and challenger on the same rows is statistically significant.

The best of many challengers may lead by chance. :func:`decisive` returns the test for a metric, :func:`holm` corrects
its p-values for the number of challengers, and :func:`interval` estimates how large the difference is.
"""

from __future__ import annotations

import functools
import itertools
import warnings
from dataclasses import replace
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Literal

from podium.evaluation import scorers
from podium.evaluation.metrics import GREATER_IS_BETTER, greater_is_better, scores_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np

    from podium.evaluation.predictions import Predictions

    Array = np.ndarray[Any, Any]


# Limits on resampled rows (times classes for roc_auc, the slowest formula): in total, which takes 1 to 2 seconds on one
# core, fewer for a scorer of scikit-learn; and in memory at a time. A 99 % interval needs at least 199 resamples to
# have one beyond each end. With at least 20 resamples per batch, the cost of sorting the rows once per batch is
# negligible.
LARGEST_BOOTSTRAP = 20_000_000
LARGEST_OF_SCORER, MOST_OF_SCORER = 2_000_000, 999
LARGEST_BATCH = 250_000
LEAST_RESAMPLES = 199
LEAST_BATCH = 20
# With fewer permutations, no p-value would be small enough to be corrected for many challengers.
LEAST_PERMUTATIONS = 999
#: Metrics that depend only on how rows are ranked.
RANKED = ("roc_auc", "average_precision")


def decisive(metric: str) -> Literal["mcnemar", "resampled_t"]:
    """Return the name of the test that decides for a metric.

    The null hypothesis of McNemar's test is about error rates, so it decides for ``accuracy`` alone, on the held-out
    rows. For every other metric it is the corrected resampled t-test, on the scores of the cross-validation.

    Raises
    ------
    ValueError
        If the metric is neither one of :data:`podium.evaluation.metrics.GREATER_IS_BETTER` nor a scorer.
    """
    if metric not in GREATER_IS_BETTER and metric not in scorers.names():
        raise ValueError(f"unknown metric {metric!r}")
    return "mcnemar" if metric == "accuracy" else "resampled_t"


def mcnemar(champion_right: Array, challenger_right: Array) -> float:
    """Test whether a challenger is right more often than the champion.

    If both are equally good, each is right on half of the rows on which exactly one of them is right. Other rows carry
    no information. Assumes that the rows are independent of each other and that neither model has seen them.

    Parameters
    ----------
    champion_right, challenger_right : numpy.ndarray of bool, (n_rows,)
        Whether each model predicts the true label of a row; the same rows in the same order.

    Returns
    -------
    float
        One-sided exact p-value, in (0, 1], of the hypothesis that the challenger is right no more often; 1 if the
        models differ on no row.

    Raises
    ------
    ValueError
        If the two are not of the same length.

    References
    ----------
    McNemar (1947), Note on the sampling error of the difference between correlated proportions or percentages,
    Psychometrika 12. The exact form is the binomial test of Dixon and Mood (1946), The statistical sign test.
    """
    import numpy as np
    from scipy.stats import binomtest

    before, after = np.asarray(champion_right, dtype=bool), np.asarray(challenger_right, dtype=bool)
    if before.shape != after.shape:
        raise ValueError(f"the models predict different numbers of rows: {len(before)} and {len(after)}")
    gained = int((after & ~before).sum())
    lost = int((before & ~after).sum())
    return float(binomtest(gained, gained + lost, alternative="greater").pvalue) if gained + lost else 1.0


def resampled_t(gains: Sequence[float], train_rows: float, test_rows: float) -> float:
    """Test whether a challenger's cross-validated scores are better than the champion's.

    The training parts of the folds overlap, so the gains vary less than they would on independent data. The corrected
    resampled t-test therefore uses (1/k + test_rows/train_rows) instead of 1/k. It assumes that the gains are normal.
    The correction is an approximation, made for random subsampling and commonly used for cross-validation. An effect
    that is the same in every fold counts as the challenger's own, including the chance effect of a fixed random state.

    Gains that are all equal have no variance to test with, for example against a champion that always predicts one
    class. Their standard deviation is taken as 1/test_rows, one row of a fold: the smallest step of a score that counts
    rows, and more than the smallest deviation that unequal gains in such a score can have. A gain of one row in each of
    five folds is then not significant at 0.95 (p = 0.10); a gain of half of the rows is.

    Parameters
    ----------
    gains : sequence of float, (k,)
        Challenger's score minus champion's on each fold, in the metric's units, positive if the challenger is better;
        the same folds for both, k at least 2.
    train_rows, test_rows : float
        Rows that each fold was fitted and scored on; the mean if they differ.

    Returns
    -------
    float
        One-sided p-value, in [0, 1], of the hypothesis that the expected gain is at most 0.

    Raises
    ------
    ValueError
        If there are fewer than two gains, one is not finite, or a number of rows is not positive.

    References
    ----------
    Nadeau and Bengio (2003), Inference for the generalization error, Machine Learning 52, section 4.1. For
    cross-validation: Bouckaert and Frank (2004), Evaluating the replicability of significance tests for comparing
    learning algorithms, PAKDD.
    """
    import numpy as np
    from scipy.stats import t

    values = np.asarray(gains, dtype=float)
    if len(values) < 2 or not np.isfinite(values).all():  # noqa: PLR2004
        raise ValueError(f"the test requires at least two gains, all finite, not {list(gains)}")
    if not (train_rows > 0 and test_rows > 0):
        raise ValueError(f"the test requires rows in both parts of a fold, not {train_rows} and {test_rows}")
    # Equal gains can differ in their last bits, if the scores they come from differ.
    equal = np.allclose(values, values[0], rtol=1e-9, atol=1e-12)
    deviation = 1 / test_rows if equal else values.std(ddof=1)
    error = deviation * np.sqrt(1 / len(values) + test_rows / train_rows)
    return float(t.sf(values.mean() / error, len(values) - 1))


def holm(p_values: Sequence[float], total: int | None = None) -> list[float]:
    """Adjust p-values for the number of hypotheses, so that the family-wise error rate is bounded.

    If hypotheses with an adjusted p-value of at most alpha are rejected, the probability of any false rejection is at
    most alpha, whatever the dependence between the tests. Here they are dependent: all challengers are compared with
    the same champion.

    Parameters
    ----------
    p_values : sequence of float, (n,)
        In any order, each in [0, 1].
    total : int, optional
        Hypotheses in the family, at least n. Default: n. Those that were not tested count as p = 1.

    Returns
    -------
    list of float, (n,)
        Adjusted p-values in the same order, at most 1.

    Raises
    ------
    ValueError
        If a p-value is out of range or `total` is less than n.

    References
    ----------
    Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6.
    """
    total = len(p_values) if total is None else total
    if total < len(p_values) or not all(0 <= p <= 1 for p in p_values):
        raise ValueError(f"{list(p_values)} are not p-values of {total} hypotheses")
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    stepwise = ((total - rank) * p_values[index] for rank, index in enumerate(order))
    adjusted = dict(zip(order, accumulate(stepwise, max), strict=True))
    return [min(1.0, adjusted[index]) for index in range(len(p_values))]


def rows_for_power(confidence: float, gain: float = 0.1, disagreement: float = 0.2, power: float = 0.8) -> int:
    """Return the rows with which a paired test finds a gain in accuracy.

    Parameters
    ----------
    confidence : float
        Confidence of the one-sided test, in (0, 1).
    gain : float
        The gain to be found, as a share of the rows.
    disagreement : float
        Share of the rows on which exactly one of the two models is right, at least `gain`.
    power : float
        Probability that the gain is found, in (0, 1).

    References
    ----------
    Connor (1987), Sample size for testing differences in proportions for the paired-sample design, Biometrics 43.
    """
    import math

    from scipy.stats import norm

    level, found = norm.ppf(confidence), norm.ppf(power)
    root = level * math.sqrt(disagreement) + found * math.sqrt(disagreement - gain**2)
    return math.ceil(float(root / gain) ** 2)


def permutation(
    metric: str,
    y: Any,
    champion: Predictions,
    challenger: Predictions,
    *,
    weights: Array | None = None,
    positive: Any = None,
    seed: int = 0,
    permutations: int = 1999,
) -> float | None:
    """Test whether a challenger's score on held-out rows is better than the champion's.

    If both are equally good, it does not matter which of them made which prediction of a row. The test swaps their
    predictions at random, row by row, and counts how often the gain is at least the observed one. Assumes that the rows
    are independent of each other and that neither model has seen them. The models are fixed: the p-value does not
    include the variation between trainings.

    For a metric that ranks the rows, the values of each model are replaced by their ranks first, so that the scales of
    the two need not agree.

    Parameters
    ----------
    metric : str
        A metric of training, or a scorer of scikit-learn.
    y : array-like, (n_rows,)
        The true labels.
    champion, challenger : Predictions
        Their predictions on the same rows, in the order of `y`.
    weights : numpy.ndarray of float, (n_rows,), optional
        How much each row counts.
    positive : label, optional
        The positive class.
    seed : int
        Seed of the permutations.
    permutations : int
        Number of permutations. Fewer are drawn, but at least 999, as in :func:`interval`.

    Returns
    -------
    float or None
        One-sided p-value, in (0, 1], of the hypothesis that the challenger is no better; None if the metric is a time,
        or a model does not provide what the metric needs.

    References
    ----------
    Fisher (1935), The design of experiments, section 21. With ranks: Venkatraman and Begg (1996), A distribution-free
    procedure for comparing receiver operating characteristic curves from a paired experiment, Biometrika 83.
    """
    import numpy as np

    labels, (before, after), positive = _encoded(metric, np.asarray(y), [champion, challenger], positive)
    if metric in RANKED:
        before, after = _ranks(before), _ranks(after)
    both = before.followed_by(after)
    twice = np.concatenate([labels, labels])
    score = functools.partial(
        scores_of, names=[metric], weights=None if weights is None else np.tile(weights, 2), positive=positive
    )
    rng, rows = np.random.default_rng(seed), len(labels)
    total = min(permutations, _most(metric, 2 * rows, [both], LEAST_PERMUTATIONS))
    swapped = np.zeros((1, rows), dtype=int)
    gains: list[Array] = []
    for size in [0, *_batches(total, max(LEAST_BATCH, LARGEST_BATCH // (2 * rows)))]:
        if size:
            swapped = rng.integers(2, size=(size, rows))
        old, new = (
            score(both, twice, counts=np.concatenate(parts, axis=1))
            for parts in ((1 - swapped, swapped), (swapped, 1 - swapped))
        )
        if metric not in old or metric not in new:
            return None
        gains.append(new[metric] - old[metric] if greater_is_better(metric) else old[metric] - new[metric])
    observed, *found = gains
    # A gain that is the same but for rounding counts as reached.
    reached = sum(int((part >= observed - 1e-12).sum()) for part in found)
    return (1 + reached) / (1 + total)


def _ranks(predictions: Predictions) -> Predictions:
    """Return predictions with the rank of each row among all of them, by class, in place of its value."""
    from scipy.stats import rankdata

    values = predictions.decisions if predictions.decisions is not None else predictions.ranking
    ranks = None if values is None else rankdata(values, axis=0)
    return replace(predictions, probabilities=None if ranks is None else ranks / len(ranks), decisions=None)


def _batches(total: int, size: int) -> Iterator[int]:
    yield from itertools.repeat(size, total // size)
    if total % size:
        yield total % size


def interval(
    metric: str,
    y: Any,
    champion: Predictions,
    challenger: Predictions,
    confidence: float = 0.95,
    seed: int = 0,
    resamples: int = 1999,
    *,
    weights: Array | None = None,
    positive: Any = None,
) -> tuple[float, float] | None:
    """Return the bootstrap percentile interval of a challenger's gain on held-out rows.

    Rows are resampled within each class, so that every class occurs as often as in `y`; the only row of a class is
    always drawn. Assumes that the rows are independent of each other and that neither model has seen them. The models
    are fixed: the interval does not include the variation between trainings.

    Parameters
    ----------
    metric : str
        A metric of training, or a scorer of scikit-learn.
    y : array-like, (n_rows,)
        The true labels.
    champion, challenger : Predictions
        Their predictions on the same rows, in the order of `y`.
    confidence : float
        In (0, 1).
    seed : int
        Seed of the resampling.
    resamples : int
        Number of resamples. Fewer are drawn, but at least 199, if resamples times rows (times classes for ``roc_auc``)
        exceeds 20 million: 10,000 rows take 1 to 2 seconds whatever the metric, 200,000 take 2, and 10 for
        ``roc_auc``. For a scorer of scikit-learn, which scores one resample at a time, at most 999 are drawn, and 2
        million rows.
    weights : numpy.ndarray of float, (n_rows,), optional
        How much each row counts.
    positive : label, optional
        The positive class.

    Returns
    -------
    tuple of (float, float), or None
        Lower and upper end of the gain, in the metric's units, positive if the challenger is better; None if the metric
        is a time, or a model does not provide what the metric needs, or it is undefined for a resample.

    References
    ----------
    Efron and Tibshirani (1993), An introduction to the bootstrap, chapter 13.
    """
    return _bootstrap(metric, y, [champion, challenger], confidence, seed, resamples, weights, positive)


def score_interval(
    metric: str,
    y: Any,
    predictions: Predictions,
    confidence: float = 0.95,
    seed: int = 0,
    resamples: int = 1999,
    *,
    weights: Array | None = None,
    positive: Any = None,
) -> tuple[float, float] | None:
    """Return the bootstrap percentile interval of one model's score on held-out rows; see :func:`interval`."""
    return _bootstrap(metric, y, [predictions], confidence, seed, resamples, weights, positive)


def _bootstrap(
    metric: str,
    y: Any,
    predictions: Sequence[Predictions],
    confidence: float,
    seed: int,
    resamples: int,
    weights: Array | None,
    positive: Any,
) -> tuple[float, float] | None:
    """Return the interval of one model's score, or of the gain of the second model over the first."""
    import numpy as np
    from scipy.stats import bootstrap

    labels, models, positive = _encoded(metric, np.asarray(y), predictions, positive)
    score = functools.partial(scores_of, y=labels, names=[metric], weights=weights, positive=positive)
    if any(metric not in score(model) for model in models):
        return None
    members = [np.flatnonzero(labels == label) for label in np.unique(labels)]

    def statistic(*drawn: Array, axis: int) -> Any:
        parts = [part[..., : len(rows)] for part, rows in zip(drawn, members, strict=True)]
        counts = _counts(np.concatenate(parts, axis=axis))
        # An undefined score of a resample makes the interval undefined.
        scores = [score(model, counts=counts).get(metric, np.full(len(counts), np.nan)) for model in models]
        if len(scores) == 1:
            return scores[0]
        return scores[1] - scores[0] if greater_is_better(metric) else scores[0] - scores[1]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SciPy warns of the resamples without a score
        found = bootstrap(
            # SciPy refuses a sample of one row: the row is passed twice, and `statistic` uses one of the two.
            [np.resize(rows, max(2, len(rows))) for rows in members],
            statistic,
            vectorized=True,
            axis=-1,
            n_resamples=min(resamples, _most(metric, len(labels), models, LEAST_RESAMPLES)),
            batch=max(LEAST_BATCH, LARGEST_BATCH // len(labels)),
            confidence_level=confidence,
            method="percentile",
            rng=np.random.default_rng(seed),
        )
    low, high = found.confidence_interval
    return (float(low), float(high)) if np.isfinite([low, high]).all() else None


def _most(metric: str, rows: int, models: Sequence[Predictions], least: int) -> int:
    """Return how many resamples of rows there is time for."""
    if metric not in GREATER_IS_BETTER:
        return min(MOST_OF_SCORER, max(least, LARGEST_OF_SCORER // rows))
    columns = max(len(model.classes) for model in models) if metric == "roc_auc" else 1
    return max(least, LARGEST_BOOTSTRAP // (rows * columns))


def _encoded(
    metric: str, y: Array, models: Sequence[Predictions], positive: Any
) -> tuple[Array, list[Predictions], Any]:
    """Replace labels, and the positive class, by integers, which sort faster than strings.

    A scorer of scikit-learn encodes them itself. All models get a column for every label.
    """
    import numpy as np

    names = np.unique(np.concatenate([y, *(model.labels for model in models), *(model.classes for model in models)]))
    wide = [model.with_classes(names) for model in models]
    if metric not in GREATER_IS_BETTER:
        return y, wide, positive
    codes = np.arange(len(names))
    coded = [replace(model, labels=np.searchsorted(names, model.labels), classes=codes) for model in wide]
    found = np.flatnonzero(names == positive) if positive is not None else codes[:0]
    return np.searchsorted(names, y), coded, int(found[0]) if len(found) else None


def _counts(drawn: Array) -> Array:
    """Return how often each row occurs in each resample, (n_resamples, n_rows)."""
    import numpy as np

    resamples, rows = drawn.shape
    offsets = rows * np.arange(resamples)[:, np.newaxis]
    return np.bincount((drawn + offsets).ravel(), minlength=drawn.size).reshape(drawn.shape)
