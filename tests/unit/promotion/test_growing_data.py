"""Sixty days of a pipeline whose data grows: it promotes when it should, and only then."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from podium.data import datasets
from podium.promotion import comparison

DAYS, FIRST_ROWS, ROWS_A_DAY = 60, 300, 20
CONFIDENCE = 0.95

pytestmark = pytest.mark.slow


def rows(rng, size, rule):
    """Rows of two overlapping classes: the best possible accuracy is about 80 %."""
    frame = pd.DataFrame(rng.normal(size=(size, 3)), columns=list("abc")).round(6)
    frame["label"] = np.where(rule(frame) + rng.normal(scale=0.9, size=size) > 0, "yes", "no")
    return frame


def linear(frame):
    return frame["a"] + frame["b"]


def other(frame):
    return frame["c"] - frame["a"]


class Days:
    """A pipeline day after day, with the verdict of each."""

    def __init__(self, lab, metric, keep=None):
        self.lab = replace(lab, dataset={"path": "rows.csv", "target": "label"}, split={"folds": 3})
        self.metric, self.keep = metric, keep
        self.rows, self.verdicts = None, []

    def live(self, rng, rule):
        """Add the rows of a day, forget those that are older than `keep`, train every config and decide."""
        new = rows(rng, FIRST_ROWS if self.rows is None else ROWS_A_DAY, rule)
        self.rows = new if self.rows is None else pd.concat([self.rows, new], ignore_index=True)
        if self.keep:
            self.rows = self.rows.tail(self.keep)
        self.rows.to_csv(self.lab.project.root / "rows.csv", index=False)
        outcome = self.lab.promote(self.lab.train_all(), metric=self.metric, confidence=CONFIDENCE)
        self.verdicts.append(outcome["verdict"])
        self.check(outcome["version"])

    def check(self, number):
        """Check that the champion's recorded score is that of rows which it has not seen, computed by hand."""
        job = self.lab.job
        version, data = self.lab.models.version(number), datasets.load(job.dataset, job.split)
        assert comparison.unseen(self.lab.models, version, job).mask.all()
        accuracy = (self.lab.models.load(number).model.predict(data.x_test) == data.y_test).mean()
        assert version.metrics["accuracy"] == pytest.approx(accuracy)
        assert accuracy < 0.92, "no model can be that good on rows that it has not seen"

    def promotions(self, since=1, until=DAYS):
        return [day for day, verdict in enumerate(self.verdicts) if verdict == "promoted" and since <= day < until]


@pytest.mark.parametrize("metric", ["accuracy", "log_loss"])
@pytest.mark.usefixtures("without_plots")
def test_without_a_change_a_new_training_is_promoted_no_more_often_than_the_confidence_says(lab, metric):
    rng, days = np.random.default_rng(1), Days(lab, metric)
    days.lab.write("bayes.yaml")
    days.lab.write("neighbours.yaml", "estimator: KNeighborsClassifier\nparams: {n_neighbors: 15}\n")
    for _ in range(DAYS):
        days.live(rng, linear)
    assert days.verdicts[0] == "promoted"
    assert len(days.promotions()) <= DAYS * (1 - CONFIDENCE)


@pytest.mark.usefixtures("without_plots")
def test_a_better_config_is_promoted_within_days(lab):
    rng, days = np.random.default_rng(2), Days(lab, "balanced_accuracy")
    days.lab.write("stump.yaml", "estimator: DecisionTreeClassifier\nparams: {max_depth: 1}\n")
    for day in range(DAYS // 2):
        if day == DAYS // 3:
            days.lab.write("bayes.yaml")
        days.live(rng, linear)
    assert days.promotions(since=DAYS // 3)
    assert days.promotions(since=DAYS // 3)[0] < DAYS // 3 + 10
    assert len(days.promotions()) <= 1 + DAYS // 2 * (1 - CONFIDENCE)


@pytest.mark.usefixtures("without_plots")
def test_after_a_change_of_the_world_a_new_training_is_promoted_within_days(lab):
    rng, days = np.random.default_rng(3), Days(lab, "balanced_accuracy", keep=400)
    days.lab.write("bayes.yaml")
    for day in range(DAYS):
        days.live(rng, linear if day < DAYS // 2 else other)
    assert len(days.promotions(until=DAYS // 2)) <= 1
    assert days.promotions(since=DAYS // 2, until=DAYS // 2 + 15)
