"""Recorded decisions, why a version is or is not in Production, and rollback."""

import contextlib
import itertools

import pytest
from mlflow import MlflowClient

from podium.errors import PodiumError
from podium.promotion import history
from podium.promotion.rules import Rule
from podium.registry import tag_names

BETTER = "estimator: LinearDiscriminantAnalysis\n"
RULE = Rule("log_loss")


@pytest.fixture
def two_champions(lab, without_plots):  # noqa: ARG001
    """A pipeline in which version 2 has followed version 1."""
    for name, text in (("good.yaml", "estimator: GaussianNB\n"), ("better.yaml", BETTER)):
        lab.write(name, text)
        lab.promote(lab.train_all(), metric="log_loss")
    return lab


def in_production(lab):
    staged = [version.number for version in lab.models.versions() if version.stage == "Production"]
    assert staged == [lab.models.in_production().number]
    return staged[0]


def test_history_has_every_decision_newest_first(two_champions):
    two_champions.promote([], metric="log_loss")
    found = history.entries(two_champions.models)
    assert [(one.verdict, one.from_version, one.to_version) for one in found] == [
        ("kept", 2, 2),
        ("promoted", 1, 2),
        ("promoted", None, 1),
    ]
    assert "version 2 (better) has log_loss" in found[1].reason
    assert all(one.by == "podium" and one.time.endswith("+00:00") for one in found)


def test_rollback_restores_the_previous_champion_and_records_why(two_champions):
    entry = history.rollback(two_champions.models, None, "it answers too slowly")
    assert in_production(two_champions) == 1
    assert (entry.verdict, entry.from_version, entry.to_version) == ("rolled back", 2, 1)
    assert entry.reason == "version 1 (good) replaces version 2 (better): it answers too slowly"
    assert history.entries(two_champions.models)[0] == entry


def test_a_version_that_was_rolled_back_is_not_promoted_again_automatically(two_champions):
    history.rollback(two_champions.models, None, "it answers too slowly")
    reports = [{"name": "better", "version": 2, "metrics": {}}]
    outcome = two_champions.promote(reports, metric="log_loss")
    assert (outcome["verdict"], outcome["version"]) == ("kept", 1)
    with pytest.raises(PodiumError, match="has no previous champion"):
        history.rollback(two_champions.models, None, "once more")
    assert in_production(two_champions) == 1


def test_a_person_can_restore_it_by_its_number(two_champions):
    history.rollback(two_champions.models, None, "it answers too slowly")
    history.rollback(two_champions.models, 2, "it was the network")
    assert in_production(two_champions) == 2
    assert not two_champions.models.version(2).failure
    with pytest.raises(PodiumError, match=r"version 2 \(better\) is already in Production"):
        history.rollback(two_champions.models, 2, "again")


def test_a_rollback_requires_a_previous_champion(lab):
    with pytest.raises(PodiumError, match="is in Production"):
        history.rollback(lab.models, None, "panic")
    lab.write("good.yaml")
    lab.promote(lab.train_all(), metric="log_loss")
    with pytest.raises(PodiumError, match="has no previous champion"):
        history.rollback(lab.models, None, "panic")
    with pytest.raises(PodiumError, match="has no version 7"):
        history.rollback(lab.models, 7, "panic")


WRITES = (
    "create_run",
    "log_dict",
    "log_text",
    "log_artifacts",
    "log_batch",
    "update_registered_model",
    "set_model_version_tag",
    "transition_model_version_stage",
    "set_registered_model_alias",
    "delete_model_version_tag",
    "set_terminated",
)


class Killed(BaseException):
    """What ends a process between two writes."""


@contextlib.contextmanager
def dying(at, *, before):
    """Let the process die before or after its n-th write to MLflow."""
    writes = itertools.count(1)

    def counted(write):
        def writing(*args, **kwargs):
            dies = next(writes) == at
            if dies and before:
                raise Killed
            result = write(*args, **kwargs)
            if dies:
                raise Killed
            return result

        return writing

    with pytest.MonkeyPatch.context() as patch:
        for name in WRITES:
            patch.setattr(MlflowClient, name, counted(getattr(MlflowClient, name)))
        with pytest.raises(Killed):
            yield


@pytest.mark.slow
@pytest.mark.usefixtures("without_plots")
def test_a_promotion_that_was_killed_is_carried_out_or_was_never_made(lab):
    """Killed before and after each of its writes: the next decision finds it recorded, or finds nothing of it."""
    lab.write("good.yaml")
    lab.promote(lab.train_all(), metric="log_loss")
    lab.write("better.yaml", BETTER)
    reports = lab.train_all()
    seen = set()
    for at, before in ((at, before) for at in itertools.count(1) for before in (True, False)):
        try:
            with dying(at, before=before):
                lab.promote(reports, metric="log_loss")
        except pytest.fail.Exception:
            break  # it has no more writes
        newest = history.entries(lab.models)[0]
        opened = list(lab.models.runs("attributes.status = 'RUNNING'", "-promotions"))
        lab.promote([], metric="log_loss")
        recorded = bool(opened) or newest.to_version == 2
        assert in_production(lab) == (2 if recorded else 1), (at, before)
        assert all(run.info.status == "FINISHED" for run in lab.models.runs("", "-promotions"))
        seen.add((recorded, bool(opened)))
        if recorded:
            history.rollback(lab.models, 1, "once more")
            lab.models.client.delete_model_version_tag(lab.models.model, "2", tag_names.ROLLED_BACK)
    assert at > 10
    assert {(False, False), (True, True)} <= seen


def test_explain_says_why_a_version_is_or_is_not_in_production(two_champions):
    models = two_champions.models
    first, second = ("\n".join(history.explain(models, number, RULE)) for number in (1, 2))
    assert "It is not in Production: version 2 (better) is." in first
    assert "The deciding metric is log_loss (lower is better): it has " in first
    assert "It passed validation: loaded from the registry, it reproduces these scores." in first
    assert "It has been in Production since 20" in second
    assert ", the previous champion was version 1." in second
    assert "promoted: version 2 (better) has log_loss" in second
    history.rollback(models, None, "it answers too slowly")
    assert "It was rolled back and is not promoted again automatically: it answers too slowly." in "\n".join(
        history.explain(models, 2, RULE)
    )
    with pytest.raises(PodiumError, match="has no version 9"):
        history.explain(models, 9, RULE)
