"""Steps whose failures a retry cannot mend."""

import inspect

import pytest

import podium.steps.detect
import podium.steps.promote
import podium.steps.train


@pytest.mark.parametrize(
    "step",
    [
        podium.steps.detect.detect_configs,
        podium.steps.train.train_classifier,
        podium.steps.promote.promote_best,
    ],
)
def test_dag_factory_sees_the_arguments_of_a_step(step):
    assert inspect.getfullargspec(step).args == list(inspect.signature(inspect.unwrap(step)).parameters)
