"""Rows that one process of a stack reads for all."""

import numpy as np
import pandas as pd
import pytest

from podium.data import datasets
from podium.data.datasets import DatasetRef
from podium.data.splits import Split

ROWS = {
    "mixed": "age,town,born,label\n"
    + "".join(
        f"{'' if i % 5 == 0 else i},{'' if i % 7 == 0 else 'ulm'},2026-01-{i % 28 + 1:02},{'NA' if i % 3 else 'no'}\n"
        for i in range(60)
    ),
    "numbers": "a,b,label\n" + "".join(f"{i},{-i}.5,{i % 2}\n" for i in range(60)),
}


@pytest.fixture(params=ROWS)
def ref(request, tmp_path):
    (tmp_path / "rows.csv").write_text(ROWS[request.param])
    return DatasetRef.from_spec({"path": "rows.csv", "target": "label"}, tmp_path)


def load_anew(ref, split=Split()):  # noqa: B008 - it is frozen
    datasets._load.cache_clear()  # noqa: SLF001
    return datasets.load(ref, split)


def assert_same(found, expected):
    """Compare values of data sets, whose frames and arrays have no truth value."""
    assert type(found) is type(expected)
    if isinstance(found, pd.DataFrame):
        pd.testing.assert_frame_equal(found, expected)
        assert found.to_numpy().flags.c_contiguous == expected.to_numpy().flags.c_contiguous
    elif isinstance(found, pd.Series):
        pd.testing.assert_series_equal(found, expected)
    else:
        np.testing.assert_equal(found, expected)


def test_rows_in_a_stack_are_those_outside_of_one(ref, tmp_path, monkeypatch):
    monkeypatch.delenv("PODIUM_HOME", raising=False)
    expected = vars(load_anew(ref))
    monkeypatch.setenv("PODIUM_HOME", str(tmp_path / "state"))
    for found in (vars(load_anew(ref)), vars(load_anew(ref))):
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            assert_same(found[name], value)


def test_a_file_is_read_once_for_all_processes(ref, tmp_path, monkeypatch):
    monkeypatch.setenv("PODIUM_HOME", str(tmp_path / "state"))
    assert not datasets.is_at_hand(ref, Split())
    load_anew(ref)
    assert datasets.is_at_hand(ref, Split())
    monkeypatch.setattr(datasets, "read_table", lambda *_: pytest.fail("read again"))
    load_anew(ref)


def test_changed_rows_and_another_split_are_read_anew(ref, tmp_path, monkeypatch):
    monkeypatch.setenv("PODIUM_HOME", str(tmp_path / "state"))
    load_anew(ref)
    assert len(load_anew(ref, Split(test_size=0.5)).x_test) > len(load_anew(ref).x_test)
    lines = ref.path.read_text().splitlines(keepends=True)
    ref.path.write_text("".join(lines + lines[-4:]))
    assert not datasets.is_at_hand(ref, Split())
    changed = load_anew(ref)
    assert len(changed.x_train) + len(changed.x_test) == 64
