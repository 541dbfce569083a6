"""Decisions about Production and their records, in a real MLflow."""

import json
from pathlib import Path

import mlflow
import pytest

from podium.promotion import decisions, records, report, validation
from podium.promotion.rules import Rule
from podium.registry import names, tag_names
from podium.registry.client import Registry


def production(lab):
    """Return number, stage and aliases of every version that has any."""
    return {v.number: (v.stage, v.aliases) for v in lab.models.versions() if v.stage != "None" or v.aliases}


def recorded(lab):
    return list(lab.models.runs(suffix=names.PROMOTIONS))


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


def test_the_previous_champion_is_archived_and_has_the_alias_previous(lab, good_and_better):
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
    assert [run.data.tags[tag_names.VERDICT] for run in recorded(lab)] == ["nothing"]


def test_a_decision_is_a_run_with_its_tags_ranking_and_table(lab, good_and_better, tmp_path):
    lab.promote(good_and_better[:1])
    lab.promote(good_and_better[1:])
    run = recorded(lab)[0]
    assert (run.info.status, run.info.run_name) == ("FINISHED", "promoted")
    assert {
        tag_names.VERDICT: "promoted",
        tag_names.FROM_VERSION: "1",
        tag_names.TO_VERSION: "2",
        tag_names.BY: "podium",
    }.items() <= run.data.tags.items()
    assert run.data.tags["mlflow.note.content"] == run.data.tags[tag_names.REASON]
    files = Path(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, dst_path=str(tmp_path / "files")))
    record = json.loads((files / "decision.json").read_text())
    assert record["rule"] == {
        "metric": "balanced_accuracy",
        "min_improvement": 0.0,
        "gates": [],
        "confidence": None,
        "min_comparison_rows": None,
    }
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
    lines = printed.splitlines()
    assert lines[0].split() == ["version", "config", "estimator", "balanced_accuracy", "result"]
    assert lines[-2] == "1 failed: typo"
    assert lines[-1].startswith("promoted: version 2 (b_tree)")


def test_the_metric_of_the_spec_decides(lab):
    lab.write("nb.yaml")
    lab.write("shy.yaml", "estimator: GaussianNB\nparams: {var_smoothing: 0.3}\n")
    reports = lab.train_all()
    best = min(reports, key=lambda report: report["metrics"]["log_loss"])
    assert lab.promote(reports, metric="log_loss")["version"] == best["version"]


def test_versions_scored_on_other_rows_are_no_candidates(lab, good_and_better):
    other = type(lab)(lab.project, lab.pipeline, lab.dataset, {"seed": 5})
    assert other.promote(good_and_better)["verdict"] == "nothing"


class TestValidation:
    """The hosting pipeline: every stored model is scored again before it can be promoted."""

    def host(self, lab, **again):
        from tasks.validate import list_versions, validate_version

        return [validate_version(model, **lab.arguments) for model in list_versions(**lab.arguments, **again)]

    def verdicts(self, lab):
        return {v.number: v.tags.get(tag_names.VALIDATION) for v in lab.models.versions()}

    def test_a_model_that_scores_as_logged_passes(self, lab, good_and_better):
        outcome = self.host(lab)
        assert self.verdicts(lab) == {1: "passed", 2: "passed"}
        assert [one["name"] for one in outcome] == ["v1 a_stump", "v2 b_tree"]
        assert outcome[1]["metrics"]["accuracy"] == good_and_better[1]["metrics"]["accuracy"]

    def test_tampered_scores_fail_and_are_not_promoted(self, lab, good_and_better, capsys):
        better = {**good_and_better[0]["metrics"], "balanced_accuracy": 0.999}
        lab.models.tag_version(1, {tag_names.SCORES: json.dumps(better)})
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
    def test_a_model_whose_file_is_missing_fails_with_that_reason(self, lab, monkeypatch):
        def gone(*_):
            raise FileNotFoundError("model.skops")

        monkeypatch.setattr(Registry, "load", gone)
        self.host(lab)
        assert self.verdicts(lab) == {1: "failed", 2: "failed"}
        assert lab.models.versions()[0].failure == "FileNotFoundError: model.skops"

    @pytest.mark.usefixtures("good_and_better")
    def test_a_model_with_different_columns_fails(self, lab):
        wine = type(lab)(lab.project, lab.pipeline, "wine")
        outcome = validation.check(lab.models, lab.models.versions()[0], wine.job)
        assert outcome.scores == {}
        assert "its columns differ from those of wine: alcalinity_of_ash" in outcome.failures[0]

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

    def test_a_champion_that_fails_is_replaced(self, lab, good_and_better, monkeypatch):
        lab.promote(good_and_better)
        load = Registry.load

        def damaged(models, number):
            if number == 2:
                raise FileNotFoundError("model.skops")
            return load(models, number)

        monkeypatch.setattr(Registry, "load", damaged)
        self.host(lab)
        outcome = lab.promote(candidates="registry")
        assert (outcome["verdict"], outcome["version"]) == ("promoted", 1)
        assert "cannot be compared: FileNotFoundError: model.skops" in outcome["reason"]


def _flowers(labels):
    return "x,label\n" + "".join(f"{i % 10 + 20 * k},{label}\n" for k, label in enumerate(labels) for i in range(20))


@pytest.mark.usefixtures("good_and_better")
def test_rows_of_the_table_show_why_a_version_is_out(lab):
    failed = {tag_names.VALIDATION: "failed", tag_names.VALIDATION_REASON: "too old", tag_names.VALIDATION_GATES: "[]"}
    lab.models.tag_version(1, failed)
    outcome = decisions.promote(lab.models, lab.job, Rule(), {1, 2}, {})
    assert [row[-1] for row in report.rows(outcome.decision, Rule(), outcome.verdict)] == ["Production", "too old"]


def files_of(run, folder):
    path = Path(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, dst_path=str(folder)))
    return {str(file.relative_to(path)): file for file in path.rglob("*") if file.is_file()}


def test_the_record_of_a_promotion_has_evidence_and_plots(lab, good_and_better, tmp_path):
    lab.promote(good_and_better[:1])
    outcome = lab.promote(good_and_better[1:])
    run = recorded(lab)[0]
    assert run.info.run_id == outcome["run_id"]
    files = files_of(run, tmp_path / "files")
    assert {"plots/confusion_matrices.png", "plots/calibration.png", "plots/scores.png"} < files.keys()
    evidence = json.loads(files["decision.json"].read_text())["evidence"]
    assert evidence["gain"] == pytest.approx(
        good_and_better[1]["metrics"]["balanced_accuracy"] - good_and_better[0]["metrics"]["balanced_accuracy"]
    )
    assert 0 < evidence["low"] < evidence["gain"] < evidence["high"]
    assert evidence["mcnemar"] < 0.001  # a stump takes a third of the rows for another class
    assert evidence["resampled_t"] < 0.01
    page = files["decision.md"].read_text()
    assert "The 95% bootstrap interval of the gain is 0." in page
    assert "The exact McNemar test on the held-out rows has p = " in page
    assert {tag_names.DATA_DIGEST: lab.job.dataset.digest(), tag_names.MODE: "enabled"}.items() <= run.data.tags.items()


def test_a_promoted_version_has_a_model_card_and_the_model_says_what_is_in_production(lab, good_and_better, tmp_path):
    lab.promote(good_and_better[:1])
    lab.promote(good_and_better[1:])
    version = lab.models.version(2)
    card = files_of(lab.models.client.get_run(version.run_id), tmp_path / "files")["model_card.md"].read_text()
    assert f"{lab.models.model} version 2" in card
    assert "version 2 (b_tree) has balanced_accuracy" in card
    description = lab.models.client.get_registered_model(lab.models.model).description
    assert description.startswith("**Version 2 (b_tree) has been in Production since 20")
    assert f"/runs/{recorded(lab)[0].info.run_id})" in description
    assert "previous champion: version 1" in description


def test_a_failed_plot_does_not_undo_a_decision(lab, good_and_better, monkeypatch, caplog):
    monkeypatch.setattr("podium.evaluation.plots.confusion_figure", None)
    assert lab.promote(good_and_better)["version"] == 2
    assert production(lab) == {2: ("Production", ("production",))}
    assert "the decision's plots could not be written: TypeError" in caplog.text


class TestGates:
    def test_a_gate_is_checked_on_the_loaded_model(self, lab, good_and_better):
        outcome = lab.promote(good_and_better, gates={"matthews_corrcoef": {"threshold": 0.999}})
        assert (outcome["verdict"], outcome["version"]) == ("nothing", None)
        version = lab.models.version(2)
        assert version.tags[tag_names.VALIDATION] == "failed"
        assert version.tags[tag_names.VALIDATION_REASON].startswith("matthews_corrcoef is 0.")
        assert version.metrics["latency_ms"] > 0
        assert version.metrics["model_bytes"] > 1000

    def test_the_best_that_passes_is_promoted(self, lab, good_and_better):
        size = validation.check(lab.models, lab.models.version(1), lab.job).scores["model_bytes"]
        outcome = lab.promote(good_and_better, gates={"model_bytes": {"threshold": size}})
        assert outcome["version"] == 1

    def test_the_least_improvement_over_the_champion(self, lab, good_and_better):
        lab.promote(good_and_better[:1])
        gates = {"worst_class_recall": {"min_absolute_change": 0.99}}
        outcome = lab.promote(good_and_better[1:], gates=gates)
        assert (outcome["verdict"], outcome["version"]) == ("kept", 1)
        recall = good_and_better[1]["metrics"]["worst_class_recall"]
        assert (
            f"but worst_class_recall is {recall:.6g} against the champion's 0; the gate requires an improvement of 0.99"
            in outcome["reason"]
        )
        assert lab.promote(good_and_better[1:])["version"] == 2

    @pytest.mark.usefixtures("good_and_better")
    def test_hosting_applies_them_and_remembers(self, lab):
        from tasks.validate import list_versions, validate_version

        gates = {"worst_class_recall": {"threshold": 0.5}}
        for model in list_versions(**lab.arguments):
            validate_version(model, **lab.arguments, gates=gates)
        assert [v.tags[tag_names.VALIDATION] for v in lab.models.versions()] == ["failed", "passed"]
        assert list_versions(**lab.arguments, again="False") == []


@pytest.mark.usefixtures("good_and_better")
def test_a_model_with_another_signature_fails_with_one_sentence(lab, monkeypatch):
    from mlflow.pyfunc import PyFuncModel

    predict = PyFuncModel.predict
    monkeypatch.setattr(
        PyFuncModel, "predict", lambda self, x: predict(self, x.astype("object").assign(**{x.columns[0]: "a"}))
    )
    outcome = validation.check(lab.models, lab.models.version(1), lab.job)
    assert outcome.failures[0].startswith(
        "its signature does not fit: Incompatible input types for column sepal length"
    )
    assert len(outcome.failures[0]) < 150


def test_with_confidence_a_lead_that_is_not_significant_is_not_promoted(lab):
    lab.write("a.yaml", "estimator: DecisionTreeClassifier\nparams: {max_depth: 2}\n")
    lab.promote(lab.train_all(), metric="accuracy")
    lab.write("b.yaml", "estimator: LinearDiscriminantAnalysis\n")
    reports = lab.train_all()
    outcome = lab.promote(reports, metric="accuracy", confidence=0.99)
    assert (outcome["verdict"], outcome["version"]) == ("kept", 1)
    assert "but the lead is not significant: p = 0." in outcome["reason"]
    assert lab.promote(reports, metric="accuracy")["version"] == 2


@pytest.mark.parametrize("mode", ["dry_run", "disabled"])
def test_a_mode_that_changes_nothing_records_what_would_have_happened(lab, good_and_better, mode):
    lab.promote(good_and_better[:1])
    outcome = lab.promote(good_and_better[1:], mode=mode)
    assert outcome["verdict"] == "would promote"
    assert production(lab) == {1: ("Production", ("production",))}
    tags = recorded(lab)[0].data.tags
    assert (tags[tag_names.PROPOSED], tags[tag_names.FROM_VERSION], tags[tag_names.TO_VERSION]) == ("2", "1", "1")
    assert tags[tag_names.MODE] == mode
    assert (tag_names.VALIDATION in lab.models.version(2).tags) == (mode == "dry_run")
    assert lab.promote(good_and_better[1:])["version"] == 2


class TestApproval:
    @pytest.fixture
    def awaiting(self, lab, good_and_better):
        lab.promote(good_and_better[:1])
        outcome = lab.promote(good_and_better[1:], approval="required")
        assert outcome["verdict"] == records.AWAITING
        assert production(lab) == {1: ("Production", ("production",))}
        return outcome["run_id"]

    def test_an_approved_decision_is_carried_out_and_names_the_approver(self, lab, awaiting, tmp_path):
        assert decisions.answer(lab.models, lab.project, awaiting, "ann", approved=True) == "promoted"
        assert production(lab) == {2: ("Production", ("production",)), 1: ("Archived", ("previous",))}
        run = lab.models.client.get_run(awaiting)
        assert (run.info.status, run.data.tags[tag_names.APPROVER]) == ("FINISHED", "ann")
        assert run.data.tags[tag_names.REASON].endswith("; approved by ann")
        assert "approved by ann" in lab.models.client.get_registered_model(lab.models.model).description
        card = files_of(lab.models.client.get_run(lab.models.version(2).run_id), tmp_path)["model_card.md"].read_text()
        assert "ann" in card

    def test_a_refused_decision_does_not_change_production(self, lab, awaiting):
        assert decisions.answer(lab.models, lab.project, awaiting, "bob", approved=False) == "refused"
        assert production(lab) == {1: ("Production", ("production",))}
        tags = lab.models.client.get_run(awaiting).data.tags
        assert tags[tag_names.REASON].endswith("; refused by bob")
        assert decisions.answer(lab.models, lab.project, awaiting, "ann", approved=True) == "refused"
        assert production(lab) == {1: ("Production", ("production",))}

    def test_other_decisions_do_not_touch_one_that_awaits_approval(self, lab, awaiting):
        assert lab.promote([])["version"] == 1
        assert lab.models.client.get_run(awaiting).info.status == "RUNNING"
        assert decisions.answer(lab.models, lab.project, awaiting, "ann", approved=True) == "promoted"

    def test_a_task_that_is_run_again_withdraws_its_first_request(self, lab, awaiting, good_and_better):
        again = lab.promote(good_and_better[1:], approval="required")["run_id"]
        tags = lab.models.client.get_run(awaiting).data.tags
        assert tags[tag_names.REASON].endswith("; but its task was run again")
        assert decisions.answer(lab.models, lab.project, awaiting, "ann", approved=True) == "superseded"
        assert decisions.answer(lab.models, lab.project, again, "ann", approved=True) == "promoted"

    def test_an_approval_is_superseded_if_the_champion_has_changed(self, lab, awaiting):
        lab.write("c.yaml", "estimator: LinearDiscriminantAnalysis\n")
        lab.promote(lab.train_all(), metric="log_loss")
        assert lab.models.in_production().number == 3
        assert decisions.answer(lab.models, lab.project, awaiting, "ann", approved=True) == "superseded"
        assert lab.models.in_production().number == 3

    def test_without_an_answer_in_time_it_is_refused(self, lab, awaiting):
        assert decisions.answer(lab.models, lab.project, awaiting, "", approved=False) == "refused"
        assert production(lab) == {1: ("Production", ("production",))}
        assert (
            lab.models.client.get_run(awaiting)
            .data.tags[tag_names.REASON]
            .endswith("; refused: no answer within the time limit")
        )
