"""Frames of any kinds, written to CSV and Parquet, are read back with the same labels and kinds."""

import datetime as dt
import math
import tempfile
from pathlib import Path

import pandas as pd
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from podium.data.refs import DatasetRef
from podium.data.table import read_table

# Too few rows for a column to give the label away.
ROWS = 18
WORDS = [
    "None",
    "NA",
    "null",
    "nan",
    "n/a",
    "",
    "-",
    "?",
    "yes",
    "no",
    "ä b",
    'q"uote',
    "a,b",
    "x;y",
    "True",
    "é",
    "1e",
]


def column(values, *, gaps=True):
    choices = st.one_of(st.none(), values) if gaps else values
    return st.lists(choices, min_size=ROWS, max_size=ROWS).filter(lambda one: any(value is not None for value in one))


FEATURES = {
    "number": st.one_of(
        column(st.floats(-1e30, 1e30, allow_nan=False)),
        column(st.integers(-(2**53), 2**53)).map(lambda values: pd.array(values, dtype="Int64")),
        column(st.booleans()).map(lambda values: pd.array(values, dtype="boolean")),
        column(st.timedeltas(dt.timedelta(0), dt.timedelta(days=900))).map(
            lambda values: pd.to_timedelta(pd.Series(values)).dt.as_unit("us")
        ),
    ),
    "date": st.one_of(
        column(st.dates(dt.date(1700, 1, 1), dt.date(2200, 1, 1))),
        column(st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1))).map(  # noqa: DTZ001
            lambda values: pd.to_datetime(pd.Series(values)).dt.as_unit("us")
        ),
    ),
    "category": st.one_of(
        column(st.sampled_from(["red", "green", "pale blue", "ä,b", 'q"uote', "None", "-", "?"])),
        column(st.sampled_from(["001", "01067", "10115"]), gaps=False).filter(lambda values: "001" in values),
        column(st.sampled_from(["low", "high"])).map(pd.Categorical),
    ),
}
LABELS = st.one_of(
    column(st.sampled_from([word for word in WORDS if word]), gaps=False).filter(
        lambda one: set(one) != {"True", "no"}
    ),
    column(st.sampled_from(["a", "b", "None"])),
    column(st.sampled_from(["001", "2", "NA"]), gaps=False).filter(lambda one: set(one) != {"2"}),
    column(st.integers(-5, 5)).map(lambda values: pd.array(values, dtype="Int64")),
    column(st.booleans()).map(lambda values: pd.array(values, dtype="boolean")),
)


@st.composite
def frames(draw):
    kinds = draw(st.lists(st.sampled_from(sorted(FEATURES)), min_size=1, max_size=4))
    features = {f"{kind} {at}": draw(FEATURES[kind]) for at, kind in enumerate(kinds)}
    return pd.DataFrame({**features, "y": draw(LABELS)})


def read(folder, name):
    return read_table(DatasetRef.from_spec({"path": name, "target": "y", "allow_missing_target": True}, folder))


def same(one, other):
    both_missing = pd.isna(one) and pd.isna(other)
    return both_missing or one == other or (isinstance(one, float) and math.isclose(one, other, rel_tol=1e-15))


@settings(max_examples=60, deadline=None)
@given(frames())
def test_labels_kinds_and_values_survive(frame):
    given_labels = frame["y"].dropna().tolist()
    assume(len(set(given_labels)) > 1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        frame.to_csv(folder / "r.csv", index=False)
        frame.to_parquet(folder / "r.parquet")
        text, typed = read(folder, "r.csv"), read(folder, "r.parquet")
    kinds = {column: column.split()[0] for column in frame if column != "y"}
    assert (text.kinds, typed.kinds) == (kinds, kinds)
    assert text.labels.tolist() == typed.labels.tolist() == given_labels
    assert [type(label) for label in text.labels.tolist()] == [type(label) for label in given_labels]
    for column_name in kinds:
        pairs = zip(text.features[column_name], typed.features[column_name], strict=True)
        assert all(same(one, other) for one, other in pairs)
