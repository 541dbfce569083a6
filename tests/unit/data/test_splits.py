"""The split of a data set: which part a row is in, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podium.data.datasets import DatasetRef, load
from podium.data.division import divide
from podium.data.keys import label_keys, row_keys
from podium.data.splits import KINDS, Split, split_digest
from podium.errors import PodiumError


class Rows:
    """A table of rows with one number, one text and whatever a split names."""

    def __init__(self, frame, ids=None):
        self.raw = frame
        self.features = frame.drop(columns=["label", *({"id"} & set(frame.columns))])
        self.labels = frame["label"]
        self.ids = ids


def table(size=400, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "number": rng.normal(size=size),
            "text": rng.choice(["ulm", "bonn", None], size),
            "patient": rng.integers(0, 60, size),
            "day": pd.date_range("2026-01-01", periods=size, freq="h").strftime("%Y-%m-%d"),
            "fold": rng.choice(["test", "a", "b", "c"], size),
            "label": rng.choice(["no", "yes"], size),
        }
    )


def split_of(kind, **options):
    column = {"time": {"time": "day"}, "group": {"group": "patient"}, "given": {"fold": "fold"}, "random": {}}
    return Split.from_spec({"kind": kind, **column[kind], **options})


def part_of(frame, split, **options):
    """Return the part of each row by its index."""
    found = divide(Rows(frame, **options), split)
    return {**dict.fromkeys(frame.index[found.train], "train"), **dict.fromkeys(frame.index[found.test], "test")}


@pytest.mark.parametrize("kind", KINDS)
def test_every_row_is_in_one_part_and_every_fold_divides_the_training_part(kind):
    frame = table()
    found = divide(Rows(frame), split_of(kind))
    assert sorted([*found.train, *found.test]) == list(range(len(frame)))
    assert 0.3 < len(found.test) / len(frame) < 0.5 or kind == "given"
    for fitted, scored in found.folds:
        assert set(fitted).isdisjoint(scored)
        assert len(fitted)
        assert len(scored)
    scored = np.concatenate([scored for _, scored in found.folds])
    assert len(set(scored)) == len(scored)
    assert kind == "time" or len(scored) == len(found.train)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 50),
    kind=st.sampled_from(["random", "group", "given"]),
    removed=st.sets(st.integers(0, 399), max_size=150),
    relabelled=st.sets(st.integers(0, 399), max_size=50),
    appended=st.integers(0, 200),
)
def test_a_row_stays_in_its_part_when_rows_come_go_or_are_relabelled(seed, kind, removed, relabelled, appended):
    frame, split = table(), split_of(kind, seed=seed)
    before = part_of(frame, split)
    more = table(appended, seed=1).set_axis(range(1000, 1000 + appended))
    changed = frame.assign(label=frame["label"].where(~frame.index.isin(list(relabelled)), "yes"))
    later = pd.concat([more, changed.drop(index=list(removed))]).sample(frac=1, random_state=seed)
    after = part_of(later, split)
    assert {index: after[index] for index in changed.index.difference(list(removed))} == {
        index: part for index, part in before.items() if index not in removed
    }


@pytest.mark.parametrize("kind", ["random", "group", "given"])
def test_the_parts_do_not_depend_on_the_order_of_columns_or_on_how_a_number_is_stored(kind):
    frame, split = table(), split_of(kind)
    other = frame[frame.columns[::-1]].assign(patient=frame["patient"].astype("float64"))
    assert part_of(frame, split) == part_of(other, split)


def test_equal_rows_are_in_the_same_part_and_the_same_fold_whatever_their_labels():
    frame = table(150)
    twice = pd.concat([frame, frame.assign(label="yes")], ignore_index=True)
    found = divide(Rows(twice), Split())
    parts = [set(part % 150) for part in (found.train, found.test)]
    assert parts[0].isdisjoint(parts[1])
    for fitted, scored in found.folds:
        assert set(found.train[fitted] % 150).isdisjoint(found.train[scored] % 150)


def test_the_key_of_a_row_never_changes():
    """The digests are literal: stored training rows of past years are compared with them."""
    frame = pd.DataFrame({"a": [1.0, -0.0, np.nan], "b": ["x", "", None], "label": ["n", "y", "y"]})
    assert row_keys(frame[["a", "b"]]).tolist() == [
        6705754869890252719,
        11600656233879925821,
        5192308648593513237,
    ]
    assert label_keys(pd.Series([7, 7.0, "7"])).tolist() == [9407870976149377255] * 3


def test_an_id_alone_decides_the_part():
    frame = table().assign(id=range(400))
    changed = frame.assign(number=0.0, text="ulm")
    assert part_of(frame, Split(), ids=frame["id"]) == part_of(changed, Split(), ids=changed["id"].astype(str))


def test_no_group_is_in_both_parts_or_on_both_sides_of_a_fold():
    frame = table()
    found = divide(Rows(frame), split_of("group"))
    groups = frame["patient"].to_numpy()
    assert set(groups[found.train]).isdisjoint(groups[found.test])
    for fitted, scored in found.folds:
        assert set(groups[found.train[fitted]]).isdisjoint(groups[found.train[scored]])


@pytest.mark.parametrize("gap", [0, 2])
@pytest.mark.parametrize("form", [str, lambda day: int(day[-2:]), pd.Timestamp], ids=["text", "number", "date"])
def test_a_split_by_time_holds_out_the_newest_rows_and_scores_folds_on_later_ones(gap, form):
    frame = table(600)
    frame["day"] = frame["day"].map(form)
    found = divide(Rows(frame), split_of("time", gap=gap, test_size=0.2))
    days = frame["day"].to_numpy()
    between = {day for day in days if max(days[found.train]) < day < min(days[found.test])}
    assert len(between) == gap
    for fitted, scored in found.folds:
        fitted_days, scored_days = days[found.train[fitted]], days[found.train[scored]]
        assert len({day for day in days if max(fitted_days) < day < min(scored_days)}) == gap
    if gap:
        assert [note for note in found.notes if "48 rows of the gap are in neither part" in note]


def test_a_given_column_names_the_test_part_and_the_folds():
    frame = table()
    found = divide(Rows(frame), split_of("given"))
    assert set(frame["fold"].iloc[found.test]) == {"test"}
    assert [set(frame["fold"].iloc[found.train[scored]]) for _, scored in found.folds] == [{"a"}, {"b"}, {"c"}]
    frame["fold"] = frame["fold"].replace({"a": "train"})
    found = divide(Rows(frame), split_of("given"))
    assert len(found.folds) == 2
    assert all("train" in set(frame["fold"].iloc[found.train[fitted]]) for fitted, _ in found.folds)
    frame["fold"] = frame["fold"].replace({"b": "train", "c": "train"})
    assert len(divide(Rows(frame), split_of("given", folds=4)).folds) == 4


def test_test_rows_that_equal_a_training_row_are_counted():
    frame = table().drop(columns=["number", "day", "fold"])
    rows = Rows(frame.assign(day=range(400)))
    rows.features = frame[["text", "patient"]]
    (note,) = divide(rows, split_of("time")).notes
    assert "% of" not in note
    assert note.endswith("equal a training row: scores on them show what a model remembers")
    assert divide(Rows(frame), Split()).notes == ()


def test_test_rows_that_the_training_part_has_too_are_left_out():
    frame = table().assign(fold=["train", "test", "train", "train"] * 100)
    frame.loc[1:40, "number"] = frame["number"].iloc[0]
    rows = Rows(frame)
    rows.features = frame[["number", "label"]]
    found = divide(rows, split_of("given"))
    assert len(found.train) == 300
    assert set(found.keys[found.test]).isdisjoint(found.keys[found.train])
    left_out = 100 - len(found.test)
    assert found.notes == (f"{left_out} test rows are left out, because the training part has the same rows or ids",)
    assert left_out in range(1, 20)


def test_an_id_of_several_times_is_in_one_part_and_not_counted_as_a_row_of_the_gap():
    frame = table().assign(day=range(400))
    ids = frame["day"].replace({390: 0, 391: 1, 230: 2})  # the last is in the gap
    found = divide(Rows(frame, ids=ids), split_of("time", gap=20))
    left_out, gap, *_ = found.notes
    assert left_out == "2 test rows are left out, because the training part has the same rows or ids"
    assert gap == "20 rows of the gap are in neither part"
    with pytest.raises(PodiumError, match="0 test rows: each class needs both; 160 test rows are left out"):
        divide(Rows(frame, ids=frame["day"] % 100), split_of("time"))


@pytest.mark.parametrize(
    ("options", "changes", "message"),
    [
        ({"kind": "time", "time": "day"}, {"day": "soon"}, "column 'day' is no time: 'soon' is neither a number nor"),
        ({"kind": "group", "group": "patient"}, {"patient": None}, "column 'patient' is empty in 400 rows"),
        ({"kind": "group", "group": "patient"}, {"patient": 1}, "rows: each class needs both; add groups with it"),
        ({"kind": "given", "fold": "fold"}, {"fold": "a"}, "column 'fold' has no row with the value 'test'"),
        ({"kind": "time", "time": "day"}, {"day": 2026}, "'no' has 0 training and "),
    ],
)
def test_rows_that_cannot_be_divided_are_refused_in_one_line(options, changes, message):
    with pytest.raises(PodiumError) as caught:
        divide(Rows(table().assign(**changes)), Split.from_spec(options))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@settings(deadline=None, max_examples=80)
@given(
    rare=st.integers(1, 9),
    common=st.integers(5, 60),
    kind=st.sampled_from(["random", "time", "group"]),
    folds=st.integers(2, 6),
    seed=st.integers(0, 99),
)
def test_a_class_that_a_part_or_a_fold_would_lack_is_refused_with_its_counts(rare, common, kind, folds, seed):
    frame = table(rare + common).assign(label=["rare"] * rare + ["often"] * common)
    try:
        found = divide(Rows(frame.sample(frac=1, random_state=seed)), split_of(kind, folds=folds, seed=seed))
    except PodiumError as refused:
        assert any(character.isdigit() for character in str(refused))  # noqa: PT017
        return
    labels = frame.sample(frac=1, random_state=seed)["label"].to_numpy()
    assert set(labels[found.test]) == {"rare", "often"}
    for fitted, scored in found.folds:
        assert set(labels[found.train[fitted]]) == {"rare", "often"}
        assert len(scored)


def test_a_rare_class_is_refused_with_what_the_split_gives(tmp_path):
    rows = [f"{i},{'yes' if i % 2 else 'no'}" for i in range(60)] + [f"{i},maybe" for i in range(100, 103)]
    (tmp_path / "rows.csv").write_text("a,label\n" + "\n".join(rows) + "\n")
    ref = DatasetRef.from_spec({"path": "rows.csv", "target": "label"}, tmp_path)
    found = set()
    for seed in range(12):
        try:
            load(ref, Split(seed=seed))
        except PodiumError as refused:
            found.add(str(refused).split(": each")[0])
    assert {
        "data set rows: class 'maybe' has 0 training and 3 test rows",
        "data set rows: class 'maybe' has 3 training and 0 test rows",
    } & found


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"tset_size": 0.3}, "unknown key 'tset_size' in split: did you mean 'test_size'?"),
        ({"test_size": 1.0}, "split needs a test_size between 0 and 1"),
        ({"test_size": 0}, "split needs a test_size between 0 and 1"),
        ({"folds": 1}, "at least 2 folds"),
        ({"kind": "tiem"}, "unknown kind 'tiem' of split: did you mean 'time'?"),
        ({"kind": "time"}, "split of kind time needs the key 'time': the name of a column"),
        ({"kind": "given"}, "split of kind given needs the key 'fold': the name of a column"),
        ({"group": "patient"}, "split of kind random has no key 'group': set kind: group, or leave it out"),
        ({"gap": 3}, "split of kind random has no key 'gap': set kind: time, or leave it out"),
    ],
)
def test_a_wrong_split_is_refused(value, message):
    with pytest.raises(PodiumError) as caught:
        Split.from_spec(value)
    assert message in str(caught.value)


def test_a_split_has_defaults_and_is_written_as_it_is_read():
    assert Split.from_spec(None) == Split()
    assert Split.from_spec({"seed": 3}) == Split(seed=3)
    for kind in KINDS:
        assert Split.from_spec(split_of(kind).as_spec()) == split_of(kind)
    assert len({split_digest(split_of(kind)) for kind in KINDS}) == len(KINDS)
