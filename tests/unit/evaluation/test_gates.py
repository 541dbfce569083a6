"""Gates: MLflow's thresholds by name of a metric, and the reasons that they give."""

import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from mlflow import validate_evaluation_results
from mlflow.models import MetricThreshold
from mlflow.models.evaluation import EvaluationResult
from mlflow.models.evaluation.validation import ModelValidationFailedException

from podium.errors import PodiumError
from podium.evaluation import gates


def failures(spec, candidate, champion=None):
    return [why for gate in gates.from_spec(spec) for why in gate.failures(candidate, champion)]


@pytest.mark.parametrize(
    ("spec", "candidate", "champion", "reasons"),
    [
        ({"accuracy": {"threshold": 0.9}}, 0.9, None, []),
        ({"accuracy": {"threshold": 0.9}}, 0.89, None, ["accuracy is 0.89; the gate requires at least 0.9"]),
        ({"log_loss": {"threshold": 0.3}}, 0.3, None, []),
        ({"log_loss": {"threshold": 0.3}}, 0.31, None, ["log_loss is 0.31; the gate requires at most 0.3"]),
        ({"latency_ms": {"threshold": 5}}, 6.5, None, ["latency_ms is 6.5; the gate requires at most 5"]),
        ({"model_bytes": {"threshold": 1000}}, 999, None, []),
        ({"neg_brier_score": {"threshold": -0.1}}, -0.05, None, []),
        (
            {"accuracy": {"min_absolute_change": 0.02}},
            0.91,
            0.9,
            ["accuracy is 0.91 against the champion's 0.9; the gate requires an improvement of 0.02"],
        ),
        ({"accuracy": {"min_absolute_change": 0.02}}, 0.93, 0.9, []),
        ({"accuracy": {"min_absolute_change": 0.02}}, 0.1, None, []),
        ({"log_loss": {"min_absolute_change": 0.02}}, 0.27, 0.3, []),
        (
            {"log_loss": {"min_relative_change": 0.1}},
            0.28,
            0.3,
            ["log_loss is 0.28 against the champion's 0.3; the gate requires an improvement of 0.1 times the"],
        ),
        ({"log_loss": {"min_relative_change": 0.1}}, 0.26, 0.3, []),
        (
            {"accuracy": {"threshold": 0.95, "min_relative_change": 0.5}},
            0.91,
            0.9,
            ["accuracy is 0.91; the gate requires at least 0.95", "accuracy is"],
        ),
        ({"accuracy": {"min_relative_change": 0.0}}, math.nan, 0.9, ["it has no accuracy, which a gate requires"]),
    ],
)
def test_a_gate_says_what_it_requires(spec, candidate, champion, reasons):
    (metric,) = spec
    found = failures(spec, {metric: candidate}, None if champion is None else {metric: champion})
    assert len(found) == len(reasons)
    assert all(one.startswith(reason) for one, reason in zip(found, reasons, strict=True)), found


def test_a_metric_that_was_not_measured_does_not_pass():
    assert failures({"roc_auc": {"threshold": 0.5}}, {"accuracy": 1.0}) == ["it has no roc_auc, which a gate requires"]
    missing = failures({"roc_auc": {"min_absolute_change": 0.5}}, {"roc_auc": 1.0}, {"accuracy": 1.0})
    assert missing == ["roc_auc is 1; the champion has none to compare with"]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"log_los": {"threshold": 1}}, "unknown metric 'log_los' in gates: did you mean 'log_loss'?"),
        ({"accuracy": {"treshold": 1}}, "unknown key 'treshold' in gate accuracy: did you mean 'threshold'?"),
        (
            {"accuracy": {}},
            "gate accuracy: one of these is required: threshold, min_absolute_change, min_relative_change",
        ),
        (
            {"accuracy": {"min_absolute_change": -1}},
            "gate accuracy: min_absolute_change must be above 0",
        ),
        (
            {"accuracy": {"min_relative_change": 2}},
            "gate accuracy: min_relative_change must be between 0 and 1",
        ),
        ({"accuracy": {"threshold": "high"}}, "gate accuracy: threshold must be a number, not 'high'"),
    ],
)
def test_a_wrong_gate_says_what_is_wrong(spec, message):
    with pytest.raises(PodiumError) as error:
        gates.from_spec(spec)
    assert str(error.value).startswith(message)


def test_every_scorer_of_scikit_learn_for_one_label_per_row_can_be_a_gate():
    from sklearn.metrics import get_scorer_names

    several = {"f1_samples", "jaccard_samples", "precision_samples", "recall_samples"}
    names = set(get_scorer_names()) - several
    assert len(gates.from_spec({name: {"threshold": 0} for name in names})) == len(names)
    for name in several:
        with pytest.raises(PodiumError, match="for rows with several labels, use "):
            gates.from_spec({name: {"threshold": 0}})


NUMBERS = st.one_of(st.integers(-4, 4).map(lambda n: n / 4), st.floats(-1e6, 1e6, allow_nan=False))


@settings(deadline=None)
@given(
    metric=st.sampled_from(["accuracy", "log_loss"]),
    part=st.sampled_from(gates.PARTS),
    limit=st.floats(0, 1),
    candidate=NUMBERS,
    champion=NUMBERS,
)
def test_a_gate_passes_when_mlflow_says_so(metric, part, limit, candidate, champion):
    assume(limit or part != "min_absolute_change")
    threshold = MetricThreshold(**{part: limit}, greater_is_better=metric == "accuracy")
    ours, theirs = EvaluationResult({metric: candidate}, {}), EvaluationResult({metric: champion}, {})
    try:
        validate_evaluation_results({metric: threshold}, ours, theirs)
        passes = True
    except ModelValidationFailedException:
        passes = False
    assert (failures({metric: {part: limit}}, {metric: candidate}, {metric: champion}) == []) is passes
