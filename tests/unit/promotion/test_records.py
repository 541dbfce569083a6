"""Two promotions at the same moment, without an Airflow pool that keeps them apart: the better one is in Production."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from podium.promotion import decisions, history, records

CONFIGS = {
    "a_first": "estimator: DecisionTreeClassifier\nparams: {max_depth: 1}\n",
    "b_good": "estimator: GaussianNB\n",
    "c_best": "estimator: LinearDiscriminantAnalysis\n",
    "d_fair": "estimator: KNeighborsClassifier\nparams: {n_neighbors: 30}\n",
}
FIRST, GOOD, BEST, FAIR = 1, 2, 3, 4


@pytest.fixture
def reports(lab, without_plots):  # noqa: ARG001
    """Four versions of known rank, the worst of them in Production."""
    for name, text in CONFIGS.items():
        lab.write(f"{name}.yaml", text)
    reports = {report["version"]: report for report in lab.train_all()}
    losses = {version: report["metrics"]["log_loss"] for version, report in reports.items()}
    assert losses[BEST] < losses[GOOD] < losses[FAIR] < losses[FIRST]
    promote(lab, reports, FIRST)
    return reports


def promote(lab, reports, *versions):
    return lab.promote([reports[version] for version in versions], metric="log_loss")


def holds(lab, version):
    """Check what must be true whatever happened: one version in Production, and a finished record that put it there."""
    staged = [v.number for v in lab.models.versions() if v.stage == "Production"]
    assert staged == [lab.models.in_production().number] == [version]
    found = list(lab.models.runs(suffix=records.EXPERIMENT_SUFFIX))
    assert all(record.info.status == "FINISHED" for record in found)
    entries = history.entries(lab.models)
    assert any(entry.to_version == version and entry.changed for entry in entries)
    description = lab.models.client.get_registered_model(lab.models.model).description
    assert description.startswith(f"**Version {version} ")


@pytest.mark.parametrize(("slow", "quick"), [(GOOD, BEST), (BEST, GOOD)])
@pytest.mark.parametrize("step", ["_decide", "_open", "_overtaken", "close_record"])
def test_one_that_comes_between_the_steps_of_another(lab, reports, monkeypatch, step, slow, quick):
    original = getattr(decisions, step)
    quick_one = []

    def interrupted(*args, **kwargs):
        result = original(*args, **kwargs)
        if not quick_one:
            quick_one.append(None)
            quick_one[0] = promote(lab, reports, quick)
        return result

    monkeypatch.setattr(decisions, step, interrupted)
    promote(lab, reports, slow)
    assert quick_one[0]["verdict"] in {"promoted", "kept"}
    holds(lab, BEST)


@pytest.mark.parametrize("versions", [(GOOD, BEST), (BEST, GOOD), (FAIR, GOOD, BEST)])
def test_those_that_both_believe_to_be_first_compare_afterwards(lab, reports, monkeypatch, versions):
    """As with clocks that differ: each opens its record before it can see the others', and goes on."""
    together = threading.Barrier(len(versions))
    first_time = threading.local()
    opening = decisions._open  # noqa: SLF001

    def open_together(*args):
        if not getattr(first_time, "passed", False):
            first_time.passed = True
            together.wait(60)
        return opening(*args)

    monkeypatch.setattr(decisions, "_open", open_together)
    monkeypatch.setattr(decisions, "_overtaken", lambda *_: False)
    with ThreadPoolExecutor(len(versions)) as pool:
        list(pool.map(lambda version: promote(lab, reports, version), versions))
    holds(lab, BEST)


def test_four_at_once(lab, reports):
    together = threading.Barrier(4)

    def promoting(version):
        together.wait(60)
        return promote(lab, reports, version)

    with ThreadPoolExecutor(4) as pool:
        verdicts = [outcome["verdict"] for outcome in pool.map(promoting, [FAIR, GOOD, BEST, FIRST])]
    assert "promoted" in verdicts
    holds(lab, BEST)


def test_a_person_who_rolls_back_wins_over_a_promotion_of_that_moment(lab, reports, monkeypatch):
    promote(lab, reports, GOOD)
    original = decisions._open  # noqa: SLF001

    def interrupted(*args):
        monkeypatch.setattr(decisions, "_open", original)
        history.rollback(lab.models, FIRST, "it answers too slowly")
        return original(*args)

    monkeypatch.setattr(decisions, "_open", interrupted)
    outcome = promote(lab, reports, BEST)
    assert (outcome["verdict"], outcome["previous"]) == ("promoted", FIRST)
    holds(lab, BEST)
    assert lab.models.version(GOOD).failure.startswith("rolled back")
