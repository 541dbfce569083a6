"""The comparison on real data sets."""

import json
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from bench.real import comparison, held_back, sets

ROOT = Path(__file__).parents[2]


def fit(step, work):
    command = [sys.executable, "-m", "bench.real.fits", step, json.dumps(asdict(work))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def churn(tmp_path):
    shutil.copy(ROOT / "data" / "churn.csv", tmp_path)
    config = tmp_path / "forest.json"
    config.write_text(json.dumps({"estimator": "RandomForestClassifier", "params": {}}))
    return sets.Work(str(tmp_path), {"path": "churn.csv", "target": "churned"}, str(config), str(tmp_path / "rows.npz"))


@pytest.mark.slow
def test_both_sides_fit_and_predict_the_same_rows(churn):
    fit("rows", churn)
    rows = np.load(churn.rows)
    assert not set(rows["train"]) & set(rows["test"])
    podium, trained = fit("podium", churn)
    (skrub,) = fit("skrub", churn)
    assert trained == {}
    assert podium.keys() == skrub.keys() == {"seconds", "mib", "auc"}
    assert min(podium["auc"], skrub["auc"]) > 0.65


def test_a_refusal_is_told_from_a_failure(churn):
    described = {**asdict(churn), "dataset": {"path": "churn.csv", "target": "kind"}}
    (found,) = fit("podium", sets.Work(**described))
    assert found["refused"]
    assert "no column 'kind'" in found["error"]


def pair(podium, skrub):
    of = ("a/b", "SVC")
    return comparison.Fit(*of, "podium", **podium), comparison.Fit(*of, "skrub", **skrub)


def test_the_table_has_failures_ranks_and_ratios():
    pairs = [
        pair({"seconds": 2, "mib": 40, "auc": 0.9}, {"seconds": 4, "mib": 20, "auc": 0.8}),
        pair({"error": "MemoryError: "}, {"seconds": 1, "mib": 1, "auc": 0.7}),
        pair({"error": "PodiumError: one class", "refused": True}, {"error": "ValueError: one class"}),
    ]
    found = {one.bench: one for one in comparison.compared("real, SVC", pairs)}
    assert (found["real, SVC, failures"].podium, found["real, SVC, failures"].other) == (1, 1)
    assert (found["real, SVC, refusals"].podium, found["real, SVC, refusals"].other) == (1, 0)
    ranks = found["real, SVC, mean rank of ROC AUC"]
    assert (ranks.podium, ranks.other) == (1.5, 1.5)
    assert found["real, SVC, time of a fit"].ratio == 2
    assert found["real, SVC, memory of a fit"].ratio == 0.5


def test_the_data_sets_that_are_held_back_are_others():
    shown, held = ({rows.item for rows in chosen} for chosen in (sets.SETS, held_back.SETS))
    assert len(shown) == len(held) == 20
    assert not shown & held
