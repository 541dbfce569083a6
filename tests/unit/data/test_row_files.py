"""Files of rows: what they keep, and who can change it."""

import numpy as np
import pandas as pd
import pytest

from podium.data import row_files
from podium.data.report import ColumnReport, DataReport

INDEX = [5, 3, 9]


def frame(**columns):
    return pd.DataFrame({name: pd.Series(values, INDEX, dtype=values.dtype) for name, values in columns.items()})


def strings(*values):
    return np.array(values, dtype=object)


REPORT = DataReport("a", "file:///a", "0", "y", 3, (ColumnReport("x", "number", "", 0, None),), (("b", 3),))
VALUES = {
    "numbers": frame(x=np.array([1.5, np.nan, -0.0]), y=np.array([1e300, -np.inf, 2.0])),
    "mixed": frame(x=np.array([1.0, 2.0, 3.0]), s=strings("ä", None, "\ud800"), t=strings(None, "", " ")),
    "no rows": frame(x=np.array([1.0, 2.0, 3.0])).iloc[:0],
    "text labels": pd.Series(strings("NA", "b", "NA"), INDEX, name="y", dtype=object),
    "integer labels": pd.Series([1, 0, 2], INDEX, name="y"),
    "boolean labels": pd.Series([True, False, True], INDEX, name="y"),
}
OTHERS = {
    "keys": np.array([2**64 - 1, 0], dtype=np.uint64),
    "folds": [(np.array([0, 1]), np.array([2])), (np.array([2]), np.array([0, 1]))],
    "positive": np.int64(7),
    "report": REPORT,
    "kinds": {"x": "number"},
    "notes": ("one", "two"),
    "weights": None,
    "name": "ä",
}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "a.rows"


@pytest.mark.parametrize("name", VALUES)
def test_frames_and_series_come_back_as_they_were(file, name):
    row_files.write(file, {"value": VALUES[name]})
    found = row_files.read(file)["value"]
    same = pd.testing.assert_frame_equal if isinstance(found, pd.DataFrame) else pd.testing.assert_series_equal
    same(found, VALUES[name])


def test_other_values_come_back_as_they_were(file):
    row_files.write(file, OTHERS)
    found = row_files.read(file)
    np.testing.assert_equal(found, OTHERS)
    assert found["keys"].dtype == np.uint64
    assert found["report"] == REPORT
    assert isinstance(found["notes"], tuple)


def test_only_the_owner_can_read_a_file(file):
    row_files.write(file, OTHERS)
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_change_to_mapped_rows_stays_in_its_process(file):
    row_files.write(file, {"x": np.array([1.0, 2.0])})
    mine, others = row_files.read(file)["x"], row_files.read(file)["x"]
    mine[0] = 5
    assert others[0] == row_files.read(file)["x"][0] == 1


def test_numbers_are_mapped_row_by_row_as_estimators_want_them(file):
    row_files.write(file, {"x": VALUES["numbers"]})
    values = row_files.read(file)["x"].to_numpy()
    assert values.flags.c_contiguous
    assert not values.flags.owndata


@pytest.mark.parametrize("change", [lambda content: content[:-1], lambda content: b"x" + content[1:], lambda _: b"x"])
def test_a_damaged_file_is_refused(file, change):
    row_files.write(file, OTHERS)
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(ValueError, match="not a complete file of rows"):
        row_files.read(file)


@pytest.mark.parametrize(
    "value",
    [
        {1, 2},
        strings("a", 1),
        strings("a", np.nan),
        pd.Series(["2026-01-01"], dtype="datetime64[ns]"),
        pd.Series(["a"], dtype="category"),
        pd.DataFrame([[1.0, 2.0]], columns=["a", "a"]),
        pd.DataFrame({"a": [1.0]}, index=["x"]),
        {1: "number"},
    ],
    ids=str,
)
def test_values_that_would_not_come_back_the_same_are_refused(file, value):
    with pytest.raises(row_files.UnsupportedValueError):
        row_files.write(file, {"value": value})
    assert not file.exists()
