"""Concurrent promotions without an Airflow pool: the better version ends up in Production."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from podium.promotion import decisions, history, report
from podium.registry import names, tag_names
from tests.support.patience import PATIENCE

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
    """Check that one version is in Production, and that a finished record promoted it."""
    staged = [v.number for v in lab.models.versions() if v.stage == "Production"]
    assert staged == [lab.models.in_production().number] == [version]
    found = list(lab.models.runs(suffix=names.PROMOTIONS))
    assert all(record.info.status == "FINISHED" for record in found)
    entries = history.entries(lab.models)
    assert any(entry.to_version == version and entry.changed for entry in entries)
    description = lab.models.client.get_registered_model(lab.models.model).description
    assert description.startswith(f"**Version {version} ")


@pytest.mark.parametrize(("slow", "quick"), [(GOOD, BEST), (BEST, GOOD)])
@pytest.mark.parametrize("step", ["_decide", "_open", "is_overtaken", "close_record"])
def test_a_promotion_between_two_steps_of_another(lab, reports, monkeypatch, step, slow, quick):
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
def test_promotions_that_do_not_see_each_other_compare_afterwards(lab, reports, monkeypatch, versions):
    """As with clocks that differ: each opens its record before it can see the others'."""
    together = threading.Barrier(len(versions))
    first_time = threading.local()
    opening = decisions._open  # noqa: SLF001

    def open_together(*args):
        if not getattr(first_time, "passed", False):
            first_time.passed = True
            together.wait(PATIENCE)
        return opening(*args)

    monkeypatch.setattr(decisions, "_open", open_together)
    monkeypatch.setattr(decisions, "is_overtaken", lambda *_: False)
    with ThreadPoolExecutor(len(versions)) as pool:
        list(pool.map(lambda version: promote(lab, reports, version), versions))
    holds(lab, BEST)


def test_the_description_names_the_champion_though_the_slower_decision_writes_last(lab, reports, monkeypatch):
    """The decision that loses Production to a concurrent one describes its own version after that one has."""
    both, better_is_described = threading.Barrier(2), threading.Event()
    opening, describing = decisions._open, report.describe  # noqa: SLF001
    first_time = threading.local()

    def open_together(*args):
        if not getattr(first_time, "passed", False):
            first_time.passed = True
            both.wait(PATIENCE)
        return opening(*args)

    def describe_in_order(models, record):
        better = record.data.tags[tag_names.TO_VERSION] == str(BEST)
        if not better and not better_is_described.is_set():
            better_is_described.wait(5)
        describing(models, record)
        if better:
            better_is_described.set()

    monkeypatch.setattr(decisions, "_open", open_together)
    monkeypatch.setattr(decisions, "is_overtaken", lambda *_: False)
    monkeypatch.setattr(report, "describe", describe_in_order)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda version: promote(lab, reports, version), (GOOD, BEST)))
    holds(lab, BEST)


def test_four_at_once(lab, reports):
    together = threading.Barrier(4)

    def promoting(version):
        together.wait(PATIENCE)
        return promote(lab, reports, version)

    with ThreadPoolExecutor(4) as pool:
        verdicts = [outcome["verdict"] for outcome in pool.map(promoting, [FAIR, GOOD, BEST, FIRST])]
    assert "promoted" in verdicts
    holds(lab, BEST)


def test_a_rollback_wins_over_a_concurrent_promotion(lab, reports, monkeypatch):
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
