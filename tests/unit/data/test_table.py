"""What the columns and labels of a file are: found, said, or refused in one line."""

import datetime as dt
import decimal
import os

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from podium.data.refs import DatasetRef
from podium.data.table import read_table
from podium.errors import PodiumError

MANY = range(240)


def csv(folder, columns, /, **keys):
    """Return a data set of a CSV file with columns of text, and the target y unless it is among them."""
    columns = {**columns} if "y" in columns else {**columns, "y": list("abbabab" * 40)[: len(MANY)]}
    rows = len(next(iter(columns.values())))
    lines = [
        ",".join(f'"{v}"' if isinstance(v, str) and set(v) & set(',"\n') else str(v) for v in row)
        for row in zip(*(list(values)[:rows] for values in columns.values()), strict=True)
    ]
    (folder / "rows.csv").write_text("\n".join([",".join(columns), *lines]) + "\n")
    return DatasetRef.from_spec({"path": "rows.csv", "target": "y", **keys}, folder)


def parquet(folder, columns, /, **keys):
    columns = {**columns} if "y" in columns else {**columns, "y": list("abbabab" * 40)[: len(MANY)]}
    arrays = {name: values if isinstance(values, pa.Array) else pa.array(values) for name, values in columns.items()}
    pa.parquet.write_table(pa.table(arrays), folder / "rows.parquet")
    return DatasetRef.from_spec({"path": "rows.parquet", "target": "y", **keys}, folder)


def column(ref, name="x"):
    table = read_table(ref)
    assert table.features[name].dtype == ("float64" if table.kinds[name] == "number" else "object")
    return table.kinds[name], table.features[name].tolist(), " ".join(table.report.assumptions)


def refusal(ref):
    with pytest.raises(PodiumError) as caught:
        read_table(ref)
    words = str(caught.value)
    assert "\n" not in words
    assert "np." not in words
    return words


def cycle(*values):
    return [values[i % len(values)] for i in MANY]


@pytest.mark.parametrize(
    ("values", "kind", "first", "said"),
    [
        (cycle("1", "2.5", "-3e2"), "number", [1.0, 2.5, -300.0], ""),
        (cycle("True", "False", ""), "number", [1.0, 0.0, None], ""),
        (cycle("TRUE", "FALSE"), "number", [1.0, 0.0], ""),
        (["?", *map(str, MANY[1:])], "number", [None, 1.0], "'?' is read as missing in 1 row"),
        (["n/a", "-", *map(str, MANY[2:])], "number", [None, None, 2.0], "'-' is read as missing in 1 row"),
        (["NULL", "3,5", *(f"{i},25" for i in MANY[2:])], "number", [None, 3.5, 2.25], "a decimal comma"),
        (cycle("1,234.5", "17"), "number", [1234.5, 17.0], "',' between thousands"),
        (cycle("1.234,5", "17,0"), "number", [1234.5, 17.0], "a decimal comma"),
        (cycle("$1.20", "$3"), "number", [1.2, 3.0], "amounts in $"),
        (cycle("3.4%", "12%"), "number", [3.4, 12.0], "per cent"),
        (["(1.25)", *map(str, MANY[1:])], "number", [-1.25, 1.0], "'(1.25)' is read as a negative number"),
        (cycle("5 kg", "10 kg"), "category", ["5 kg", "10 kg"], ""),
        (cycle("01067", "10115"), "category", ["01067", "10115"], ""),
        (cycle("1", "2", "3+"), "category", ["1", "2", "3+"], ""),
        (cycle("red", "NA", "None"), "category", ["red", None, "None"], "'NA' is read as missing in 80 rows"),
        (cycle("2024-01-31", "", "2023-12-01"), "date", ["2024-01-31", None, "2023-12-01"], ""),
        (cycle("2024-01-31 08:30", "2024-01-31"), "date", ["2024-01-31T08:30:00", "2024-01-31T00:00:00"], ""),
        (cycle("2024-01-31T08:30:00+02:00"), "date", ["2024-01-31T06:30:00+00:00"], ""),
        (cycle("08:30", "17:05:30"), "number", [30600.0, 61530.0], "is read as 30600 seconds"),
        (cycle("1 days 02:00:00", "0 days 00:00:01"), "number", [93600.0, 1.0], "is read as 93600 seconds"),
        ([f"a long remark of customer {i}" for i in MANY], "text", ["a long remark of customer 0"], ""),
        ([f"K{i}" for i in MANY], "category", ["K0"], ""),
        (cycle(" 1", "2 "), "number", [1.0, 2.0], ""),
        (cycle("1.5.2", "10.0.1"), "category", ["1.5.2", "10.0.1"], ""),
    ],
)
def test_the_kind_of_a_column_of_text_is_inferred_and_said(tmp_path, values, kind, first, said):
    found, data, words = column(csv(tmp_path, {"x": values}))
    given = [None if isinstance(v, float) and np.isnan(v) else v for v in data[: len(first)]]
    assert (found, given) == (kind, first)
    assert said in words


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["abc", *map(str, MANY[1:])], "column 'x': 1 row has 'abc' in place of a number: `read: {na_values: [abc]}`"),
        (["5 kg", "6 kg", *map(str, MANY[2:])], "column 'x': 2 rows have '5 kg', '6 kg' in place of a number"),
        (
            cycle("1,234", "950"),
            "column 'x': '1,234' may have a decimal comma or a comma between thousands: `read: {th",
        ),
        (
            cycle("1,5", "2.5"),
            "column 'x': '1,5' cannot be read as a number: the column has numbers that are written in",
        ),
        (
            cycle("3.4%", "5"),
            "column 'x': '3.4%' cannot be read as a number: some values have a per cent sign and some",
        ),
        (cycle("5 €", "7 $"), "column 'x': '5 €' cannot be read as a number: several units, $ and €"),
        (
            ["inf", *map(str, MANY[1:])],
            "column 'x' has an infinite value in 1 row, first in row 1: `read: {na_values: ['i",
        ),
        (
            ["1", "-inf", *map(str, MANY[2:])],
            "column 'x' has an infinite value in 1 row, first in row 2: `read: {na_values",
        ),
        (["2024-02-30", *cycle("2024-01-31")[1:]], "column 'x': 1 row has '2024-02-30' in place of a date"),
        ([f"{i}.5 kg" for i in MANY], "column 'x': '0.5 kg' is a number with the unit 'kg': write the numbers alone"),
        (["soon", *cycle("2024-01-31")[1:]], "column 'x': 1 row has 'soon' in place of a date"),
    ],
)
def test_a_value_that_can_only_be_guessed_is_refused_with_column_value_and_option(tmp_path, values, words):
    assert words in refusal(csv(tmp_path, {"x": values}))


@pytest.mark.parametrize(
    ("values", "keys", "kind", "first"),
    [
        (["abc", *map(str, MANY[1:])], {"read": {"na_values": ["abc"]}}, "number", [None, 1.0]),
        (["abc", *map(str, MANY[1:])], {"columns": {"x": "category"}}, "category", ["abc", "1"]),
        (cycle("1,234", "950"), {"read": {"thousands": ","}}, "number", [1234.0, 950.0]),
        (cycle("1,234", "950"), {"read": {"decimal": ","}}, "number", [1.234, 950.0]),
        (["-999", *map(str, MANY[1:])], {"read": {"na_values": [-999.0]}}, "number", [None, 1.0]),
        (["inf", *map(str, MANY[1:])], {"read": {"na_values": ["inf"]}}, "number", [None, 1.0]),
        (cycle("01067", "10115"), {"columns": {"x": "number"}}, "number", [1067.0, 10115.0]),
        (cycle("1", "2"), {"columns": {"x": "category"}}, "category", ["1", "2"]),
        (cycle("NA", "EU"), {"columns": {"x": "category"}}, "category", ["NA", "EU"]),
        (cycle("short", "word"), {"columns": {"x": "text"}}, "text", ["short", "word"]),
        (cycle("31/12/2024", "01/02/2024"), {"columns": {"x": "date"}}, "date", ["2024-12-31", "2024-02-01"]),
        (cycle("31.12.24"), {"columns": {"x": "date"}}, "date", ["2024-12-31"]),
    ],
)
def test_the_spec_says_what_a_column_is(tmp_path, values, keys, kind, first):
    found, data, _ = column(csv(tmp_path, {"x": values}, **keys))
    given = [None if isinstance(v, float) and np.isnan(v) else v for v in data[: len(first)]]
    assert (found, given) == (kind, first)


@pytest.mark.parametrize(
    ("values", "role", "words"),
    [
        (cycle("a", "b"), "number", "column 'x': 240 rows have 'a', 'b' in place of a number"),
        (cycle("01/02/2024"), "date", "column 'x': is '01/02/2024' day/month or month/day? write dates as 2024-01-31"),
        (cycle("soon"), "date", "column 'x': 'soon' is no date"),
    ],
)
def test_a_column_that_is_not_what_the_spec_says_is_refused(tmp_path, values, role, words):
    assert words in refusal(csv(tmp_path, {"x": values}, columns={"x": role}))


DAY = dt.date(2024, 1, 31)
NOON = dt.datetime(2024, 1, 31, 12, 30)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("values", "kind", "first"),
    [
        (pa.array(cycle(True, None, False)), "number", [1.0, None, 0.0]),
        (pa.array(cycle(1, None)), "number", [1.0, None]),
        (pa.array(cycle(decimal.Decimal("1.25"), None)), "number", [1.25, None]),
        (pa.array(cycle("a", None)).dictionary_encode(), "category", ["a", None]),
        (pa.array(cycle(DAY, None)), "date", ["2024-01-31", None]),
        (pa.array(cycle(NOON, None)), "date", ["2024-01-31T12:30:00", None]),
        (pa.array(cycle(NOON.replace(hour=0, minute=0))), "date", ["2024-01-31"]),
        (pa.array(cycle(NOON), pa.timestamp("us", "Europe/Berlin")), "date", ["2024-01-31T12:30:00+00:00"]),
        (pa.array(cycle(dt.timedelta(hours=1), None)), "number", [3600.0, None]),
        (pa.array(cycle(dt.time(1, 0, 30), None)), "number", [3630.0, None]),
        (pa.array(cycle("1.5", "2")), "number", [1.5, 2.0]),
        (pa.array(cycle("10", "20")), "category", ["10", "20"]),
        (pa.array(cycle("2024-01-31")), "date", ["2024-01-31"]),
        (pa.array(cycle(1.5, float("nan"))), "number", [1.5, None]),
    ],
)
def test_the_kind_of_a_typed_column_follows_from_its_type(tmp_path, values, kind, first):
    found, data, _ = column(parquet(tmp_path, {"x": values}))
    given = [None if isinstance(v, float) and np.isnan(v) else v for v in data[: len(first)]]
    assert (found, given) == (kind, first)


def test_numbers_that_pandas_has_as_categories_are_such(tmp_path):
    frame = pd.DataFrame({"x": pd.Categorical(cycle(1, 2)), "y": list("abbabab" * 40)[:240]})
    frame.to_parquet(tmp_path / "r.parquet")
    found = read_table(DatasetRef.from_spec({"path": "r.parquet", "target": "y"}, tmp_path))
    assert (found.kinds["x"], found.features["x"].tolist()[:2]) == ("category", ["1", "2"])


@pytest.mark.parametrize(
    ("values", "noun"),
    [(cycle([1, 2]), "lists"), (cycle({"a": 1}), "records"), (cycle(b"x"), "bytes")],
)
def test_a_column_without_single_values_is_refused_by_name(tmp_path, values, noun):
    words = refusal(parquet(tmp_path, {"x": values, "z": list(MANY)}))
    assert words == f"column 'x' has {noun}, not single values: `columns: {{x: drop}}`"
    assert list(read_table(parquet(tmp_path, {"x": values, "z": list(MANY)}, columns={"x": "drop"})).features) == ["z"]


@pytest.mark.parametrize(
    ("values", "labels", "kind"),
    [
        (cycle("None", "Mild", "Severe"), ["None", "Mild", "Severe"], "O"),
        (cycle("NA", "EU", "US"), ["NA", "EU", "US"], "O"),
        (cycle("null", "ok"), ["null", "ok"], "O"),
        (cycle("001", "2"), ["001", "2"], "O"),
        (cycle("1", "2"), [1, 2], "i"),
        (cycle("True", "False"), [True, False], "b"),
        (cycle("1.0", "2.0"), [1.0, 2.0], "f"),
        (cycle("0.5", "1.0", "5.0"), ["0.5", "1.0", "5.0"], "O"),
        (cycle("12345678901234567890", "2"), ["12345678901234567890", "2"], "O"),
        (cycle("yes ", "yes"), ["yes ", "yes"], "O"),
    ],
)
def test_labels_are_read_as_written(tmp_path, values, labels, kind):
    found = read_table(csv(tmp_path, {"x": list(MANY), "y": values})).labels
    assert found.tolist()[: len(labels)] == labels
    assert found.dtype.kind == kind
    assert [type(label) for label in found.tolist()[: len(labels)]] == [type(label) for label in labels]


@pytest.mark.parametrize(
    ("values", "labels", "kind"),
    [
        (pa.array(cycle(1, None, 2)), [1, 2], "i"),
        (pa.array(cycle(1.0, None, 2.0)), [1, 2], "i"),
        (pa.array(cycle(1.0, 2.0)), [1.0, 2.0], "f"),
        (pa.array(cycle(True, None, False)), [True, False], "b"),
        (pa.array(cycle("1", "2")), ["1", "2"], "O"),
        (pa.array(cycle("a", "b", None)).dictionary_encode(), ["a", "b"], "O"),
        (pa.array(cycle(0.5, 1.0)), ["0.5", "1.0"], "O"),
        (pa.array(cycle(decimal.Decimal(1), decimal.Decimal(2))), [1, 2], "i"),
    ],
)
def test_typed_labels_keep_their_type(tmp_path, values, labels, kind):
    found = read_table(parquet(tmp_path, {"x": list(MANY), "y": values}, allow_missing_target=True)).labels
    assert (found.tolist()[: len(labels)], found.dtype.kind) == (labels, kind)


def test_blank_labels_are_counted_and_more_than_one_per_cent_need_a_word(tmp_path):
    few = read_table(csv(tmp_path, {"x": list(MANY), "y": ["", " ", *cycle("a", "b")[2:]]}))
    assert (len(few.labels), few.report.dropped) == (238, (("no label", 2),))
    many = {"x": list(MANY), "y": [*[""] * 30, *cycle("a", "b")[30:]]}
    assert refusal(csv(tmp_path, many)) == (
        "data set rows: 30 of 240 rows (12.5%) have no label in 'y': `allow_missing_target: true` drops them"
    )
    kept = read_table(csv(tmp_path, many, allow_missing_target=True))
    assert (len(kept.features), kept.features.index[0], kept.features["x"].iloc[0]) == (210, 0, 30.0)


@pytest.mark.parametrize(
    "values",
    [[f"{i}.25" for i in MANY], [str(i * 37) for i in MANY], [f"{i % 30}.5" for i in MANY]],
    ids=["fractions", "integers", "half steps"],
)
def test_a_number_to_predict_is_refused_and_can_be_declared_classes(tmp_path, values):
    words = refusal(csv(tmp_path, {"x": cycle(1, 2), "y": values}))
    assert words.startswith("column 'y' looks like a number to predict, not classes: ")
    assert f"such as {values[0].removesuffix('.0')}" in words
    assert (
        read_table(csv(tmp_path, {"x": cycle(1, 2), "y": values}, columns={"y": "category"})).labels.tolist() == values
    )


def test_an_unnamed_index_is_dropped_and_said_unless_it_is_asked_for(tmp_path):
    columns = {"": list(MANY), "x": cycle(1, 5, 2)}
    table = read_table(csv(tmp_path, columns))
    assert list(table.features) == ["x"]
    (found,) = [column for column in table.report.columns if column.name == "Unnamed: 0"]
    assert (found.kind, found.why) == ("drop", "it names or numbers the rows")
    kept = read_table(csv(tmp_path, columns, columns={"Unnamed: 0": "number"}))
    assert list(kept.features) == ["Unnamed: 0", "x"]
    for name in ("rownames", "index"):
        assert list(read_table(csv(tmp_path, {name: list(MANY), "x": cycle(1, 5, 2)})).features) == ["x"]
    assert "rownames" in read_table(csv(tmp_path, {"rownames": cycle(3, 1), "x": cycle(1, 5, 2)})).features
    assert list(read_table(csv(tmp_path, {"": cycle(3, 1), "x": cycle(1, 5, 2)})).features) == ["Unnamed: 0", "x"]


@pytest.mark.parametrize(
    ("values", "how"),
    [
        (cycle("a", "b"), "it has one value for each class"),
        (cycle("0", "1"), "it has one value for each class"),
        (
            [f"{i * 1.5}" if i % 2 == 0 else f"-{i * 1.5}" for i in MANY],
            "thresholds of its values separate the classes",
        ),
        (cycle("", "1"), "it has one value for each class"),
    ],
)
def test_a_column_that_gives_the_label_away_fails_unless_it_is_declared(tmp_path, values, how):
    columns = {"x": list(map(str, np.random.default_rng(0).normal(size=240))), "leak": values, "y": cycle("a", "b")}
    words = refusal(csv(tmp_path, columns))
    assert words.startswith(
        f"data set rows: column 'leak' gives the label away: {how}; `columns: {{leak: drop}}` leaves"
    )
    role = words.rpartition("{leak: ")[2].partition("}")[0]
    assert "leak" in read_table(csv(tmp_path, columns, columns={"leak": role})).features
    assert "leak" not in read_table(csv(tmp_path, columns, columns={"leak": "drop"})).features


def test_a_column_that_only_helps_is_no_leak(tmp_path):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 600)
    group = rng.integers(0, 60, 600)
    columns = {"near": y + rng.normal(size=600) / 4, "group": [f"g{g}" for g in group], "y": group % 2}
    assert set(read_table(csv(tmp_path, columns)).features) == {"near", "group"}


def test_suspicious_columns_are_named(tmp_path):
    columns = {
        "same": cycle("k"),
        "key": [f"K{i * 7919 % 1000}" for i in MANY],
        "number": list(MANY),
        "x": cycle(1, 5, 2),
        "copy": cycle(1, 5, 2),
        "day": cycle("31/12/2024", "01/02/2024", "05/02/2023"),
        "code": cycle("-999", "4", "5", "7"),
        "long": [10**17 + i for i in MANY],
        "stamp": [f"2024{1 + i % 12:02}{1 + i % 28:02}" for i in MANY],
        "part": cycle("u", "v", "w", "v", "x"),
        "y": cycle("a", "b", "A", "b", "b"),
    }
    words = read_table(csv(tmp_path, columns)).report.suspicious
    assert [one for one in words if "constant" in one] == ["column 'same' is constant: 'k' in every row"]
    assert len([one for one in words if "looks like an identifier, 240 different values" in one]) == 2
    assert "column 'copy' has the same values as 'x'" in words
    assert "column 'day' has dates such as '31/12/2024': `columns: {day: date}` reads them" in words
    assert "column 'code' has -999 in 60 rows: missing? `read: {na_values: [-999]}`" in words
    assert "column 'long' has whole numbers of more than 15 digits, which are rounded" in " ".join(words)
    assert "column 'stamp' has dates such as 20240101: `columns: {stamp: date}` reads them" in words
    assert "column 'part' gives the class: each of its 4 values has one" in words
    assert "the classes 'A' and 'a' differ only in case or white space" in words


def test_a_column_without_values_is_left_out_and_said(tmp_path):
    table = read_table(csv(tmp_path, {"x": cycle(1, 5, 2), "empty": cycle("")}))
    assert list(table.features) == ["x"]
    assert [column.why for column in table.report.columns if column.name == "empty"] == ["it has no values"]


def test_weights_ids_and_kept_columns_are_no_features(tmp_path):
    columns = {"x": cycle(1, 5, 2), "w": cycle(1, 2.5), "key": [f"K{i}" for i in MANY], "when": cycle("2024-01-31")}
    said = {"weight": "w", "columns": {"key": "id", "when": "drop"}}
    table = read_table(csv(tmp_path, columns, **said), keep=("when",))
    assert list(table.features) == ["x"]
    assert table.weights.tolist()[:2] == [1.0, 2.5]
    assert table.ids.tolist()[:2] == ["K0", "K1"]
    assert table.raw["when"].tolist()[0] == "2024-01-31"
    assert {column.name: column.kind for column in table.report.columns} == {
        "x": "number",
        "w": "weight",
        "key": "id",
        "when": "drop",
        "y": "target",
    }


@pytest.mark.parametrize(
    ("column", "keys", "words"),
    [
        (cycle("1", "-1"), {"weight": "x"}, "weight: column 'x' has a negative value"),
        (cycle("1", ""), {"weight": "x"}, "weight: column 'x' has no value in 120 rows"),
        (cycle("0"), {"weight": "x"}, "weight: column 'x' is 0 in every row"),
        (cycle("a", "1"), {"weight": "x"}, "column 'x': 120 rows have 'a' in place of a number"),
        (["", *map(str, MANY[1:])], {"columns": {"x": "id"}}, "column 'x' is the id, and 1 row have none"),
        (cycle("1"), {"positive": "c"}, "positive: 'y' has no class 'c'; its classes are 'a', 'b'"),
        (cycle("1"), {"columns": {"x": "drop", "z": "drop"}}, "data set rows has no column to learn from besides 'y'"),
    ],
)
def test_columns_that_cannot_be_what_the_spec_says_are_refused(tmp_path, column, keys, words):
    assert words in refusal(csv(tmp_path, {"x": column, "z": list(MANY)}, **keys))


@pytest.mark.parametrize(
    ("values", "positive", "found"),
    [
        (cycle("yes", "no"), "yes", "yes"),
        (cycle("yes", "no"), True, "yes"),
        (cycle("0", "1"), 1, 1),
        (cycle("0", "1"), "1", 1),
        (cycle("True", "False"), True, True),
        (cycle("001", "2"), "001", "001"),
    ],
)
def test_the_positive_label_is_found_as_it_is_written(tmp_path, values, positive, found):
    table = read_table(csv(tmp_path, {"x": list(MANY), "y": values}, positive=positive))
    assert table.positive == found
    assert type(table.positive) is type(table.labels.unique().tolist()[0])


def test_repeated_rows_are_counted(tmp_path):
    table = read_table(
        csv(tmp_path, {"x": [*MANY[:200], *MANY[:40]], "y": [*cycle("a", "b")[:200], *cycle("b", "a")[:40]]})
    )
    assert table.report.duplicate_rows == 40
    assert "40 rows with the same features as an earlier row, 40 of them with another label" in table.report.suspicious


def test_the_report_is_json(tmp_path):
    table = read_table(csv(tmp_path, {"x": ["?", *MANY[1:]]}))
    table.report.write(tmp_path)
    text = (tmp_path / "report.json").read_text()
    assert '"assumptions"' in text
    assert os.linesep in text
