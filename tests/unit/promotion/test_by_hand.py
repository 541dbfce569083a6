"""Stage or alias moved by hand in MLflow: noticed, recorded, and the same everywhere."""

import json

import pytest
from airflow.sdk.exceptions import AirflowFailException
from mlflow import MlflowClient
from typer.testing import CliRunner

from podium.cli import main
from podium.errors import PodiumError
from podium.project import Project
from podium.promotion import by_hand, history
from podium.promotion.leaderboard import leaderboard
from podium.promotion.rules import Rule
from podium.registry import tag_names
from tests.support.lab import Lab

ESTIMATORS = {"nb": "GaussianNB", "lda": "LinearDiscriminantAnalysis", "knn": "KNeighborsClassifier"}
SPEC = """
own:
  tasks:
    - task_id: promote
      decorator: airflow.sdk.task
      python_callable: podium.steps.promote.promote_best
      pipeline: %s
      metric: log_loss
      protect: %s
      dataset: iris
"""


@pytest.fixture(scope="module")
def trained(mlflow_store, tmp_path_factory):  # noqa: ARG001
    """Three versions, the second in Production by a decision."""
    root = tmp_path_factory.mktemp("by_hand")
    (root / "dag_specs").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PODIUM_PROJECT", str(root))
        patch.setattr("podium.promotion.report._figures", lambda *_: iter(()))
        lab = Lab(Project(root, root / ".podium"), "by_hand")
        for name, estimator in ESTIMATORS.items():
            lab.write(f"{name}.yaml", f"estimator: {estimator}\n")
            lab.promote(lab.train_all(), metric="log_loss")
    return lab


@pytest.fixture
def lab(trained, monkeypatch):
    monkeypatch.setenv("PODIUM_PROJECT", str(trained.project.root))
    monkeypatch.setattr("podium.promotion.report._figures", lambda *_: iter(()))
    by_hand.settle(trained.models)
    champion = trained.models.in_production()
    if champion is None:
        move_alias(trained, 2)
        by_hand.settle(trained.models)
    elif champion.number != 2:
        history.rollback(trained.models, 2, "the next test")
    assert marks(trained) == ([2], [2])
    for version in trained.models.versions():
        trained.models.client.delete_model_version_tag(trained.models.model, str(version.number), tag_names.ROLLED_BACK)
    trained.models.client.set_registered_model_alias(trained.models.model, "previous", "1")
    return trained


def move_stage(lab, number, stage="Production", *, archive=False):
    MlflowClient().transition_model_version_stage(lab.models.model, str(number), stage, archive)


def move_alias(lab, number):
    MlflowClient().set_registered_model_alias(lab.models.model, "production", str(number))


def remove_alias(lab):
    MlflowClient().delete_registered_model_alias(lab.models.model, "production")


def marks(lab):
    """The versions in the stage and at the alias."""
    versions = lab.models.versions()
    staged = [version.number for version in versions if version.stage == "Production"]
    return staged, [version.number for version in versions if "production" in version.aliases]


MOVES = {
    "the stage, beside the champion": (lambda lab: move_stage(lab, 3), 3, "stage"),
    "the stage, in place of the champion": (lambda lab: move_stage(lab, 3, archive=True), 3, "stage"),
    "the stage, to the previous champion": (lambda lab: move_stage(lab, 1), 1, "stage"),
    "the alias": (lambda lab: move_alias(lab, 1), 1, "alias"),
    "both": (lambda lab: (move_alias(lab, 3), move_stage(lab, 3, archive=True)), 3, "alias and stage"),
    "the alias, away": (remove_alias, None, "alias"),
    "the stage, away": (lambda lab: move_stage(lab, 2, "Archived"), None, "stage"),
}


@pytest.mark.parametrize("move", MOVES)
def test_what_was_moved_by_hand_is_recorded_and_both_marks_follow(lab, move):
    act, wanted, words = MOVES[move]
    act(lab)
    found = lab.models.in_production()
    assert (found.number if found else None) == wanted, "before it is recorded"
    assert by_hand.settle(lab.models).endswith(f"is in Production: the {words} was moved by hand in MLflow")
    assert marks(lab) == ([wanted] if wanted else [], [wanted] if wanted else [])
    entry = history.entries(lab.models)[0]
    assert (entry.verdict, entry.from_version, entry.to_version, entry.by) == ("by hand", 2, wanted, "MLflow")
    if wanted:
        assert lab.models.named("previous").number == 2
    assert by_hand.settle(lab.models) == ""


@pytest.mark.parametrize("move", MOVES)
def test_a_protected_champion_comes_back(lab, move):
    MOVES[move][0](lab)
    assert "version 2 (lda) is back in Production, which the spec protects" in by_hand.settle(lab.models, protect=True)
    assert marks(lab) == ([2], [2])
    entry = history.entries(lab.models)[0]
    assert (entry.verdict, entry.from_version, entry.to_version) == ("undone", 2, 2)
    assert by_hand.settle(lab.models, protect=True) == ""


def test_the_next_promotion_compares_with_it_and_does_not_take_it_back(lab):
    move_stage(lab, 1)
    outcome = lab.promote([], metric="log_loss", candidates="registry")
    assert (outcome["verdict"], outcome["version"]) == ("kept", 1)
    assert marks(lab) == ([1], [1])
    assert [entry.verdict for entry in history.entries(lab.models)][:2] == ["kept", "by hand"]


def test_the_next_promotion_undoes_it_where_the_spec_protects(lab):
    move_alias(lab, 3)
    assert lab.promote([], metric="log_loss", protect=True)["version"] == 2
    assert marks(lab) == ([2], [2])


def test_without_any_decision_a_version_in_one_of_the_two_is_in_production(hall):
    assert by_hand.settle(hall.models) == ""


@pytest.mark.parametrize(("protect", "wanted"), [("false", 3), ("true", 2)])
def test_every_command_says_the_same(lab, protect, wanted):
    (lab.project.dag_specs / "own.yaml").write_text(SPEC % (lab.pipeline, protect))
    move_alias(lab, 3)
    rows = {row["version"]: row for row in json.loads(invoke("leaderboard", lab, "--json").stdout)}
    assert [number for number, row in rows.items() if row["stage"] == "Production"] == [wanted]
    assert rows[wanted]["aliases"] == ["production"]
    assert "It has been in Production since" in invoke("explain", lab, str(wanted)).stdout
    entries = json.loads(invoke("history", lab, "--json").stdout)
    assert (entries[0]["verdict"], entries[0]["to_version"]) == ("undone" if wanted == 2 else "by hand", wanted)
    restored = json.loads(invoke("rollback", lab, "--reason", "no", "--json").stdout)
    assert restored["from_version"] == wanted


def invoke(command, lab, *arguments):
    first = [argument for argument in arguments if argument.isdigit()]
    rest = [argument for argument in arguments if not argument.isdigit()]
    answer = CliRunner().invoke(main.app, [command, *first, lab.pipeline, *rest])
    assert answer.exit_code == 0, answer.exception
    return answer


@pytest.mark.parametrize("suffix", ["", "-promotions"])
def test_a_deleted_experiment_is_one_line_that_says_how_to_restore_it(lab, suffix):
    client = MlflowClient()
    experiment = client.get_experiment_by_name(f"{lab.pipeline}{suffix}").experiment_id
    client.delete_experiment(experiment)
    words = f"the experiment '{lab.pipeline}{suffix}' was deleted in MLflow; restore it with: "
    words += f"mlflow experiments restore --experiment-id {experiment}"
    (lab.project.dag_specs / "own.yaml").write_text(SPEC % (lab.pipeline, "false"))
    with pytest.raises(PodiumError) as error:
        history.rollback(lab.models, None, "no") if suffix else lab.models.experiment_id()
    assert str(error.value) == words
    with pytest.raises(AirflowFailException, match="mlflow experiments restore"):
        lab.promote([], metric="log_loss") if suffix else lab.detect()
    if suffix:
        assert leaderboard(lab.models, Rule("log_loss")), "reading the versions needs no decisions"
    client.restore_experiment(experiment)


def test_a_deleted_champion_leaves_nothing_in_production(lab):
    move_stage(lab, 2, "Archived")
    MlflowClient().delete_model_version(lab.models.model, "2")
    for protect in (True, False):
        by_hand.settle(lab.models, protect=protect)
        assert marks(lab) == ([], [])
