"""Models are compared only on rows that none of them was trained on, in a real MLflow."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from podium.data import datasets
from podium.promotion import comparison, leaderboard
from podium.promotion.rules import Rule
from podium.registry import data_records, names, tag_names

PARTS = ["test", "one", "two", "train"]
FOREST = "estimator: RandomForestClassifier\nparams: {n_estimators: 15}\n"


def rows(size, seed=0, noise=1.5):
    """Two classes that overlap, so that a model which remembers its rows scores visibly better on them."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(size, 4)), columns=list("abcd"))
    frame["label"] = np.where(frame["a"] + frame["b"] + rng.normal(scale=noise, size=size) > 0, "yes", "no")
    return frame


@pytest.fixture
def grown(lab, without_plots):  # noqa: ARG001
    """A pipeline on a file whose rows each test changes; a forest is in Production."""
    lab = replace(lab, dataset={"path": "rows.csv", "target": "label"})
    write(lab, rows(400))
    lab.write("forest.yaml", FOREST)
    assert lab.promote(lab.train_all())["verdict"] == "promoted"
    return lab


def write(lab, frame):
    frame.to_csv(lab.project.root / "rows.csv", index=False)


def honest(lab, number):
    """Return a version's accuracy on the held-out rows that it has not seen, without Podium's own comparison."""
    data = datasets.load(lab.job.dataset, lab.job.split)
    model = lab.models.load(number).model
    return (model.predict(data.x_test) == data.y_test).mean()


def test_the_champion_is_scored_on_no_row_of_its_training_when_rows_are_appended(grown):
    write(grown, pd.concat([rows(400), rows(60, seed=1)]))
    outcome = grown.promote(grown.train_all(), metric="accuracy")
    champion = grown.models.version(1)
    assert champion.scored_on == grown.job.held_out_digest()
    assert champion.metrics["accuracy"] == pytest.approx(honest(grown, 1))
    assert champion.metrics["accuracy"] < 0.85
    assert "trained again" not in outcome["reason"]


def test_after_a_change_of_the_seed_the_champion_is_compared_on_rows_that_it_has_not_seen(grown):
    other = replace(grown, split={"seed": 9})
    other.write("stump.yaml", "estimator: DecisionTreeClassifier\nparams: {max_depth: 1}\n")
    results = other.train_all()
    outcome = other.promote(results, metric="accuracy", min_comparison_rows=20)
    mask = comparison.unseen(other.models, other.models.version(1), other.job)
    assert 20 < mask.count < len(mask.mask)
    assert (
        f"; compared on the {mask.count} held-out rows that version 1 (forest) was not trained on" in outcome["reason"]
    )
    assert other.models.version(1).scored_on == grown.job.held_out_digest(), "no score on rows it has seen is stored"


def test_with_too_few_unseen_rows_the_champions_config_is_trained_again_and_stands_for_it(grown):
    other = replace(grown, split={"seed": 9})
    other.write("stump.yaml", "estimator: DecisionTreeClassifier\nparams: {max_depth: 1}\n")
    results = other.train_all()
    before = len(other.models.versions())
    outcome = other.promote(results, metric="accuracy", min_comparison_rows=1000, confidence=0.95)
    assert "version 1 (forest) was trained again for this comparison: it was trained on " in outcome["reason"]
    assert "are too few: 1000 are required" in outcome["reason"]
    assert outcome["version"] == 1
    assert len(other.models.versions()) == before
    run = other.models.client.get_run(outcome["run_id"])
    assert "accuracy" not in run.data.metrics, "the scores of the stand-in are not those of the version in Production"


def test_a_champion_whose_rows_are_not_recorded_is_compared_through_its_config_alone(grown):
    for run in grown.models.runs(suffix=names.DATA):
        grown.models.client.delete_run(run.info.run_id)
    (grown.folder / "forest.yaml").unlink()
    grown.write("bayes.yaml")
    write(grown, pd.concat([rows(400), rows(200, seed=1)]))
    outcome = grown.promote(grown.train_all(), metric="accuracy")
    assert (
        "version 1 (forest) was trained again for this comparison: its training rows are not recorded"
        in (outcome["reason"])
    )
    card = grown.models.client.get_registered_model(grown.models.model).description
    assert outcome["verdict"] == "promoted"
    assert "trained again" in card


def test_a_champion_that_cannot_even_be_trained_again_is_replaced_with_the_reason(grown):
    for run in grown.models.runs(suffix=names.DATA):
        grown.models.client.delete_run(run.info.run_id)
    grown.models.client.log_text(grown.models.version(1).run_id, "estimator: [", "candidate.yaml")
    grown.write("bayes.yaml")
    write(grown, pd.concat([rows(400), rows(200, seed=1)]))
    outcome = grown.promote(grown.train_all(), metric="accuracy")
    assert (
        "replaces version 1 (forest), which cannot be compared: its training rows are not recorded; its config cannot "
        "be trained again: " in outcome["reason"]
    )


def test_hosting_gives_no_score_to_a_version_that_was_trained_on_held_out_rows(grown):
    from tasks.validate import list_versions, validate_version

    other = replace(grown, split={"seed": 9})
    for model in list_versions(**other.arguments):
        validate_version(model, **other.arguments)
    version = other.models.version(1)
    assert version.tags[tag_names.VALIDATION] == "passed"
    assert version.scored_on == grown.job.held_out_digest()
    assert other.promote(candidates="registry")["reason"] == "no challenger; version 1 (forest) stays"
    assert list_versions(**other.arguments, again="False") == []


def test_hosting_scores_a_version_that_has_seen_none_of_the_rows(grown):
    from tasks.validate import list_versions, validate_version

    write(grown, pd.concat([rows(400), rows(200, seed=1)]))
    for model in list_versions(**grown.arguments):
        validate_version(model, **grown.arguments)
    assert grown.models.version(1).metrics["accuracy"] == pytest.approx(honest(grown, 1))


def test_promotions_on_unchanged_data_load_neither_rows_nor_the_champion(grown, monkeypatch):
    grown.write("bayes.yaml")
    results = grown.train_all()
    loaded = []
    load = type(grown.models).load
    monkeypatch.setattr(type(grown.models), "load", lambda self, number: loaded.append(number) or load(self, number))
    monkeypatch.setattr(data_records, "read", None)
    grown.promote(results, mode="disabled")
    assert loaded == []


def test_the_training_rows_are_recorded_once_whoever_detects_at_the_same_time(grown, monkeypatch):
    (record,) = grown.models.runs(suffix=names.DATA)
    stored = data_records.read(grown.models, grown.models.version(1).tags)
    data = datasets.load(grown.job.dataset, grown.job.split)
    assert stored.keys.tolist() == sorted(set(data.keys_train.tolist()))
    assert {file.path for file in grown.models.client.list_artifacts(record.info.run_id)} >= {
        "training_rows.npy",
        "report.json",
    }
    assert record.data.metrics == {"training_rows": len(data.y_train), "test_rows": len(data.y_test)}
    write(grown, rows(500))
    finished = data_records._finished  # noqa: SLF001
    calls = []

    def nothing_yet(models, tags):
        calls.append(tags)
        if len(calls) == 1:  # another process writes the same record in between
            data_records.ensure(models, tags, lambda: datasets.load(grown.job.dataset, grown.job.split))
            return []
        return finished(models, tags)

    monkeypatch.setattr(data_records, "_finished", nothing_yet)
    grown.detect()
    monkeypatch.undo()
    assert len(list(grown.models.runs(suffix=names.DATA))) == 2


def test_equal_rows_in_both_parts_are_said_before_anything_trains(lab, capsys):
    frame = rows(200).round(0).assign(day=range(200))
    lab = replace(
        lab,
        dataset={"path": "rows.csv", "target": "label", "columns": {"day": "drop"}},
        split={"kind": "time", "time": "day"},
    )
    write(lab, frame)
    lab.write("bayes.yaml")
    lab.detect()
    (note,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("warning: "))
    assert note.endswith("equal a training row: scores on them show what a model remembers")
    (record,) = lab.models.runs(suffix=names.DATA)
    assert record.data.tags[tag_names.NOTES] == note.removeprefix("warning: ")
    write(lab, frame.head(3))
    with pytest.raises(Exception, match=r"class '.*each class needs both"):
        lab.detect()


@pytest.mark.parametrize(
    "split",
    [
        {"kind": "time", "time": "day", "gap": 3, "folds": 3},
        {"kind": "group", "group": "patient", "folds": 3},
        {"kind": "given", "fold": "part"},
    ],
    ids=lambda split: split["kind"],
)
@pytest.mark.usefixtures("without_plots")
def test_each_kind_of_split_trains_and_compares_with_the_champion_as_the_data_grows(lab, split):
    column = split.get("time") or split.get("group") or split["fold"]

    def dated(first, size):
        rng = np.random.default_rng(first)
        values = {
            "day": range(first, first + size),
            "patient": rng.integers(0, 40, size),
            "part": rng.choice(PARTS, size),
        }
        return rows(size, seed=first).assign(**{column: values[column]})

    dropped = {} if split["kind"] == "given" else {"columns": {column: "drop"}}
    dataset = {"path": "rows.csv", "target": "label", **dropped}
    lab = replace(lab, dataset=dataset, split=split)
    write(lab, dated(0, 300))
    lab.write("bayes.yaml")
    assert lab.promote(lab.train_all())["verdict"] == "promoted"
    write(lab, pd.concat([dated(0, 300), dated(300, 60)]))
    outcome = lab.promote(lab.train_all(), metric="balanced_accuracy", confidence=0.95)
    champion = lab.models.version(1)
    assert champion.scored_on == lab.job.held_out_digest()
    assert champion.metrics["accuracy"] == pytest.approx(honest(lab, 1))
    assert "cannot be compared" not in outcome["reason"]
    assert list(lab.models.load(1).model.feature_names_in_) == list("abcd")


def test_only_scores_on_todays_rows_rank(grown):
    grown.models.tag_version(1, {tag_names.SCORES: '{"balanced_accuracy": 0.999}'})
    write(grown, rows(300, seed=2, noise=3))
    grown.train_all()
    found = leaderboard.leaderboard(grown.models, Rule(), grown.job.held_out_digest())
    assert [(row["version"], row["of_other_rows"]) for row in found] == [(2, False), (1, True)]
    assert leaderboard.leaderboard(grown.models, Rule()) == found, "without the data, the newest version says the rows"
    console = Console(width=120, record=True)
    console.print(leaderboard.table(found, "rows", Rule(), 120))
    shown = [line for line in console.export_text().splitlines() if "forest" in line]
    assert [line.rstrip().endswith("of other rows") for line in shown] == [False, True]


def test_the_table_has_no_such_column_if_all_scores_are_of_todays_rows(grown):
    found = leaderboard.leaderboard(grown.models, Rule(), grown.job.held_out_digest())
    assert [column.header for column in leaderboard.table(found, "rows", Rule(), 120).columns][-1] == "stage"
