"""What is done about Production, and the record of it, in a real MLflow."""

import json
from pathlib import Path

import mlflow
import pytest

from podium import decisions, registry, validation
from podium.promotion import Rule


def production(lab):
    """Return number, stage and aliases of every version that has any."""
    return {v.number: (v.stage, v.aliases) for v in lab.models.versions() if v.stage != "None" or v.aliases}


def records(lab):
    return list(lab.models.runs(suffix=decisions.EXPERIMENT_SUFFIX))


@pytest.fixture
def good_and_better(lab):
    """Reports of two versions: 1 has depth 1, 2 has depth 3."""
    lab.write("a_stump.yaml", "estimator: DecisionTreeClassifier\nparams: {max_depth: 1}\n")
    lab.write("b_tree.yaml", "estimator: DecisionTreeClassifier\nparams: {max_depth: 3}\n")
    return lab.train_all()


def test_the_first_champion_has_stage_and_alias(lab, good_and_better):
    outcome = lab.promote(good_and_better)
    assert (outcome["verdict"], outcome["version"], outcome["previous"]) == ("promoted", 2, None)
    assert production(lab) == {2: ("Production", ("production",))}


def test_the_version_before_is_archived_and_keeps_the_alias_previous(lab, good_and_better):
    lab.promote(good_and_better[:1])
    outcome = lab.promote(good_and_better[1:])
    assert (outcome["version"], outcome["previous"]) == (2, 1)
    assert production(lab) == {2: ("Production", ("production",)), 1: ("Archived", ("previous",))}


@pytest.mark.usefixtures("good_and_better")
def test_there_is_one_version_in_production_however_many_were(lab):
    for number in (1, 2, 1, 2):
        lab.models.set_production(number)
        assert [v.number for v in lab.models.versions() if v.stage == "Production"] == [number]
    assert production(lab) == {2: ("Production", ("production",)), 1: ("Archived", ("previous",))}


def test_promoting_what_is_in_production_changes_nothing(lab, good_and_better):
    lab.promote(good_and_better)
    assert lab.promote(good_and_better)["verdict"] == "kept"
    assert production(lab) == {2: ("Production", ("production",))}


def test_a_worse_challenger_leaves_production_alone(lab, good_and_better):
    lab.promote(good_and_better[1:])
    outcome = lab.promote(good_and_better[:1])
    assert (outcome["verdict"], outcome["version"]) == ("kept", 2)
    assert production(lab) == {2: ("Production", ("production",))}


def test_without_a_candidate_nothing_is_in_production_and_that_is_recorded(lab):
    assert lab.promote([])["verdict"] == "nothing"
    assert [run.data.tags[decisions.VERDICT] for run in records(lab)] == ["nothing"]


def test_a_decision_is_a_run_with_its_tags_ranking_and_table(lab, good_and_better, tmp_path):
    lab.promote(good_and_better[:1])
    lab.promote(good_and_better[1:])
    run = records(lab)[0]
    assert (run.info.status, run.info.run_name) == ("FINISHED", "promoted")
    assert {
        decisions.VERDICT: "promoted",
        decisions.FROM_VERSION: "1",
        decisions.TO_VERSION: "2",
        decisions.BY: "podium",
    }.items() <= run.data.tags.items()
    assert run.data.tags["mlflow.note.content"] == run.data.tags[decisions.REASON]
    files = Path(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, dst_path=str(tmp_path / "files")))
    record = json.loads((files / "decision.json").read_text())
    assert record["rule"] == {"metric": "balanced_accuracy", "min_improvement": 0.0}
    assert [(c["version"], c["config"]) for c in record["ranking"]] == [(2, "b_tree"), (1, "a_stump")]
    table = (files / "decision.md").read_text()
    assert (
        f"| 2 | b_tree | DecisionTreeClassifier | {good_and_better[1]['metrics']['balanced_accuracy']:.4f} |" in table
    )
    assert "| Production |" in table


def test_the_log_has_the_table_and_names_what_failed(lab, good_and_better, capsys):
    configs = [{"name": "a_stump"}, {"name": "b_tree"}, {"name": "typo", "error": "typo.yaml:1:1  no"}]
    capsys.readouterr()
    outcome = lab.promote(good_and_better, configs=configs)
    assert outcome["failed"] == ["typo"]
    printed = capsys.readouterr().out
    assert "| version | config | estimator | held-out balanced_accuracy |" in printed
    assert printed.endswith("1 failed: typo\n")


def test_the_metric_of_the_spec_decides(lab):
    lab.write("nb.yaml")
    lab.write("shy.yaml", "estimator: GaussianNB\nparams: {var_smoothing: 0.3}\n")
    reports = lab.train_all()
    best = min(reports, key=lambda report: report["metrics"]["log_loss"])
    assert lab.promote(reports, metric="log_loss")["version"] == best["version"]


def test_a_champion_scored_on_other_rows_is_scored_again(lab, good_and_better):
    lab.promote(good_and_better)
    other = type(lab)(lab.project, lab.pipeline, lab.dataset, {"seed": 5})
    reports = other.train_all()
    assert {report["version"] for report in reports} == {3, 4}
    outcome = other.promote(reports)
    champion = next(v for v in other.models.versions() if v.number == 2)
    assert champion.scored_on == other.job.held_out_digest() != lab.job.held_out_digest()
    assert outcome["version"] in {2, 4}


def test_versions_scored_on_other_rows_are_no_candidates(lab, good_and_better):
    other = type(lab)(lab.project, lab.pipeline, lab.dataset, {"seed": 5})
    assert other.promote(good_and_better)["verdict"] == "nothing"


class TestValidation:
    """The hosting pipeline: every stored model is asked again before it may be Production."""

    def host(self, lab, **again):
        from tasks.validate import list_versions, validate_version

        return [validate_version(model, **lab.arguments) for model in list_versions(**lab.arguments, **again)]

    def verdicts(self, lab):
        return {v.number: v.tags.get(registry.VALIDATION) for v in lab.models.versions()}

    def test_a_model_that_scores_as_logged_passes(self, lab, good_and_better):
        outcome = self.host(lab)
        assert self.verdicts(lab) == {1: "passed", 2: "passed"}
        assert [one["name"] for one in outcome] == ["v1 a_stump", "v2 b_tree"]
        assert outcome[1]["metrics"]["accuracy"] == good_and_better[1]["metrics"]["accuracy"]

    def test_tampered_scores_fail_and_are_not_promoted(self, lab, good_and_better, capsys):
        better = {**good_and_better[0]["metrics"], "balanced_accuracy": 0.999}
        lab.models.tag_version(1, {registry.SCORES: json.dumps(better)})
        self.host(lab)
        assert self.verdicts(lab) == {1: "failed", 2: "passed"}
        assert "version 1 (a_stump) balanced_accuracy is 0.6" in capsys.readouterr().out
        assert lab.promote(candidates="registry")["version"] == 2

    @pytest.mark.usefixtures("good_and_better")
    def test_only_what_passed_can_be_hosted(self, lab):
        assert lab.promote(candidates="registry")["verdict"] == "nothing"
        self.host(lab)
        assert lab.promote(candidates="registry")["version"] == 2

    @pytest.mark.usefixtures("good_and_better")
    def test_a_model_whose_file_is_gone_fails_and_says_so(self, lab, monkeypatch):
        def gone(*_):
            raise FileNotFoundError("model.skops")

        monkeypatch.setattr(registry.Registry, "load", gone)
        self.host(lab)
        assert self.verdicts(lab) == {1: "failed", 2: "failed"}
        assert lab.models.versions()[0].failure == "FileNotFoundError: model.skops"

    @pytest.mark.usefixtures("good_and_better")
    def test_a_model_of_other_columns_fails(self, lab):
        wine = type(lab)(lab.project, lab.pipeline, "wine")
        outcome = validation.check(lab.models, lab.models.versions()[0], wine.job)
        assert outcome.scores == {}
        assert "its columns are not those of wine: alcalinity_of_ash" in outcome.failures[0]

    def test_a_model_that_lacks_a_class_fails(self, lab):
        (lab.project.root / "two.csv").write_text(_flowers("ab"))
        two = type(lab)(lab.project, lab.pipeline, {"path": "two.csv", "target": "label"})
        two.write("nb.yaml")
        two.train_all()
        (lab.project.root / "three.csv").write_text(_flowers("abc"))
        three = type(lab)(lab.project, lab.pipeline, {"path": "three.csv", "target": "label"})
        outcome = validation.check(three.models, three.models.versions()[0], three.job)
        assert "it cannot predict c" in outcome.failures

    @pytest.mark.usefixtures("good_and_better")
    def test_after_training_only_what_is_new_is_checked(self, lab):
        self.host(lab)
        assert self.host(lab, again="False") == []
        lab.write("c_nb.yaml")
        lab.train_all()
        assert [one["version"] for one in self.host(lab, again="False")] == [3]
        assert len(self.host(lab, again="True")) == 3

    def test_a_champion_that_fails_is_replaced(self, lab, good_and_better):
        lab.promote(good_and_better)
        lab.models.tag_version(2, {registry.SCORES: json.dumps({"accuracy": 0.5})})
        self.host(lab)
        outcome = lab.promote(candidates="registry")
        assert (outcome["verdict"], outcome["version"]) == ("promoted", 1)
        assert "cannot be compared: accuracy is" in outcome["reason"]


def _flowers(labels):
    return "x,label\n" + "".join(f"{i % 10 + 20 * k},{label}\n" for k, label in enumerate(labels) for i in range(20))


@pytest.mark.usefixtures("good_and_better")
def test_rows_of_the_table_show_why_a_version_is_out(lab):
    lab.models.tag_version(1, {registry.VALIDATION: "failed", registry.VALIDATION_REASON: "too old"})
    decision = decisions.promote(lab.job, Rule(), {1, 2}, {})
    assert [row[-1] for row in decisions.rows(decision, Rule())] == ["Production", "too old"]
