"""Each warning of a training is recorded once."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from podium.promotion import leaderboard
from podium.promotion.rules import Rule
from podium.registry import tag_names
from podium.training.fit_warnings import collected

SHORT = "estimator: MLPClassifier\nparams: {max_iter: 3}\n"


def test_a_warning_that_differs_in_its_numbers_alone_is_the_same():
    with collected() as found:
        for fold in range(5):
            warnings.warn(f"Features [{fold} 7] are constant.", UserWarning, stacklevel=1)
        warnings.warn("Features [1 2 3] are constant.", UserWarning, stacklevel=1)
        warnings.warn("rcond=1.5e-17", RuntimeWarning, stacklevel=1)
        warnings.warn("rcond=3.25E-9", RuntimeWarning, stacklevel=1)
        warnings.warn("not\nconverged", ConvergenceWarning, stacklevel=1)
    assert [(one.category, one.message, one.count) for one in found.found] == [
        ("UserWarning", "Features [0 7] are constant.", 6),
        ("RuntimeWarning", "rcond=1.5e-17", 2),
        ("ConvergenceWarning", "not converged", 1),
    ]


def test_what_concerns_the_authors_of_packages_is_left_out():
    with collected() as found:
        for category in (DeprecationWarning, FutureWarning, ResourceWarning):
            warnings.warn("soon", category, stacklevel=1)
    assert found.found == ()


def test_the_filters_of_the_process_are_as_before():
    before = warnings.filters[:]
    with collected():
        np.log(np.zeros(1))
    assert warnings.filters[:] == before


def test_a_training_that_did_not_converge_says_so_everywhere(lab, tmp_path):
    lab.write("mlp.yaml", SHORT)
    lab.write("nb.yaml")
    reports = {report["name"]: report for report in lab.train_all()}
    versions = {version.config: version for version in lab.models.versions()}
    (warning,) = versions["mlp"].warnings
    assert warning["category"] == "ConvergenceWarning"
    assert warning["message"].startswith("Stochastic Optimizer: Maximum iterations (3) reached")
    assert warning["count"] == 6
    assert versions["nb"].warnings == []
    assert [versions[name].metrics["warnings"] for name in ("mlp", "nb")] == [1, 0]

    run = lab.models.client.get_run(reports["mlp"]["run_id"])
    assert json.loads(run.data.tags[tag_names.WARNINGS]) == [warning]
    path = lab.models.client.download_artifacts(run.info.run_id, "warnings.json", str(tmp_path))
    assert json.loads(Path(path).read_text()) == [warning]

    rows = leaderboard.leaderboard(lab.models, Rule())
    assert {row["config"]: row["warnings"] for row in rows} == {"mlp": [warning], "nb": []}
    caption = str(leaderboard.table(rows, "title", Rule(), 120).caption)
    assert caption.count("ConvergenceWarning") == 1
    assert caption.startswith("mlp: ConvergenceWarning: Stochastic Optimizer")


def test_a_gate_refuses_a_version_whose_training_warned(lab):
    lab.write("mlp.yaml", SHORT)
    lab.write("nb.yaml")
    outcome = lab.promote(lab.train_all(), metric="fit_seconds", gates={"warnings": {"threshold": 0}})
    assert outcome["verdict"] == "promoted"
    promoted = lab.models.version(outcome["version"])
    assert promoted.config == "nb"


def test_the_card_of_a_version_has_the_warnings_of_its_training(lab, tmp_path):
    lab.write("mlp.yaml", SHORT)
    (report,) = lab.train_all()
    lab.promote([report])
    path = lab.models.client.download_artifacts(report["run_id"], "model_card.md", str(tmp_path))
    assert "Its training warned 6 times: ConvergenceWarning: Stochastic Optimizer" in Path(path).read_text()


@pytest.mark.parametrize("known", [True, False])
def test_a_version_whose_warnings_were_not_recorded_does_not_pass(known):
    from podium.evaluation import gates

    (gate,) = gates.from_spec({"warnings": {"threshold": 0}})
    why = gate.failures({"warnings": 2.0} if known else {}, None)
    expected = "warnings is 2; the gate requires at most 0" if known else gates.UNRECORDED
    assert why == [expected]
