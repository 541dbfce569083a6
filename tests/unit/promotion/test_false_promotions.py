"""The rate of false promotions when the folds of champion and challengers differ, by simulation."""

import functools
from dataclasses import replace

import numpy as np
import pytest

from podium.evaluation.metrics import scores_of
from podium.evaluation.predictions import Predictions
from podium.evaluation.significance import mcnemar, permutation, rows_for_power
from podium.promotion.rules import Candidate, Rule, decide

ROWS, CHALLENGERS, DECISIONS, CONFIDENCE = 120, 5, 150, 0.95
CLASSES = np.array(["a", "b", "c"])


def predictions(rng, y, signal):
    """Return probabilities that favour the true class by `signal`."""
    values = rng.normal(size=(len(y), 3)) + signal * (y[:, np.newaxis] == CLASSES)
    probabilities = np.exp(values) / np.exp(values).sum(axis=1, keepdims=True)
    return Predictions(CLASSES[probabilities.argmax(axis=1)], probabilities, CLASSES)


def promotes(metric, rng, seed, signal):
    """Return whether one of the challengers is promoted; all have the signal, the champion has 1."""
    y = rng.choice(CLASSES, ROWS, p=[0.5, 0.3, 0.2])
    made = [predictions(rng, y, 1.0), *(predictions(rng, y, signal) for _ in range(CHALLENGERS))]
    champion, *challengers = (
        Candidate(number, "c", "e", {metric: float(scores_of(one, y)[metric])}) for number, one in enumerate(made)
    )

    def review(one):
        return replace(one, p_value=permutation(metric, y, made[0], made[one.version], seed=seed, permutations=999))

    return decide(challengers, champion, Rule(metric, confidence=CONFIDENCE), review).verdict == "promoted"


@functools.cache
def rate(metric, signal, decisions):
    rng = np.random.default_rng(7)
    return sum(promotes(metric, rng, seed, signal) for seed in range(decisions)) / decisions


@pytest.mark.parametrize("metric", ["balanced_accuracy", "log_loss", pytest.param("roc_auc", marks=pytest.mark.slow)])
def test_challengers_that_are_no_better_are_promoted_no_more_often_than_the_confidence_says(metric):
    error = (0.05 * 0.95 / DECISIONS) ** 0.5
    assert rate(metric, 1.0, DECISIONS) <= 0.05 + 2 * error


@pytest.mark.parametrize("metric", ["balanced_accuracy", "log_loss"])
def test_a_clearly_better_challenger_is_promoted(metric):
    assert rate(metric, 2.0, 20) == 1


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_the_default_number_of_rows_has_the_power_that_it_is_derived_from(confidence):
    """The exact test finds the gain somewhat less often than its normal approximation."""
    rng, rows = np.random.default_rng(1), rows_for_power(confidence)
    found = 0
    for _ in range(400):
        outcome = rng.choice(3, rows, p=[0.15, 0.05, 0.8])  # only the challenger is right, only the champion, both
        found += mcnemar(outcome != 0, outcome != 1) <= 1 - confidence
    assert 0.65 < found / 400 < 0.85
