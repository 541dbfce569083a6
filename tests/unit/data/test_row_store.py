"""The store of rows that processes share."""

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from podium.data import row_store
from podium.data.row_store import DRAFT_SECONDS, MOST_FILES, RowStore


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "state" / "rows"


def files(folder):
    return list(folder.glob("*.rows"))


def never():
    raise AssertionError("made again")


def test_another_process_gets_what_one_has_made(folder):
    RowStore(folder).get(("a",), lambda: {"x": np.arange(3)})
    code = (
        "import pathlib, sys; from podium.data.row_store import RowStore; "
        "print(RowStore(pathlib.Path(sys.argv[1])).find('a')['x'])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)
    assert done.stdout == "[0 1 2]\n"


def test_values_are_made_once_while_others_wait(folder):
    begun, proceed, made = threading.Event(), threading.Event(), []

    def make():
        made.append(1)
        begun.set()
        proceed.wait(30)
        return {"x": 1}

    first = threading.Thread(target=lambda: RowStore(folder).get(("a",), make))
    first.start()
    assert begun.wait(30)
    second = threading.Thread(target=lambda: RowStore(folder).get(("a",), never))
    second.start()
    proceed.set()
    first.join(30)
    second.join(30)
    assert made == [1]


def test_an_error_is_raised_and_nothing_is_stored(folder):
    def fail():
        raise ValueError("no rows")

    store = RowStore(folder)
    with pytest.raises(ValueError, match="no rows"):
        store.get(("a",), fail)
    assert store.get(("a",), lambda: {"x": 1}) == {"x": 1}


def test_only_the_owner_can_look_into_the_folder(folder):
    RowStore(folder).get(("a",), lambda: {"x": 1})
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_damaged_file_is_made_again(folder):
    store = RowStore(folder)
    store.get(("a",), lambda: {"x": 1})
    (file,) = files(folder)
    file.write_bytes(file.read_bytes()[:-5])
    assert store.find("a") is None
    assert store.get(("a",), lambda: {"x": 1}) == store.find("a") == {"x": 1}


def test_the_files_used_longest_ago_are_removed(folder):
    store = RowStore(folder)
    for number in range(MOST_FILES):
        store.get((str(number),), lambda number=number: {"x": number})
        os.utime(store._path((str(number),)), (number, number))  # noqa: SLF001
    mapped = store.find("0")
    os.utime(store._path(("1",)), (1, 1))  # noqa: SLF001
    store.get(("new",), lambda: {"x": "new"})
    assert len(files(folder)) == MOST_FILES
    assert store.find("1") is None
    assert store.find("0") == mapped


def test_what_a_killed_process_left_is_removed(folder):
    RowStore(folder).get(("a",), lambda: {"x": 1})
    for name, age in ((".old-1", DRAFT_SECONDS + 60), (".new-1", 0)):
        (folder / name).write_text("")
        os.utime(folder / name, (time.time() - age,) * 2)
    RowStore(folder).get(("b",), lambda: {"x": 2})
    assert [file.name for file in folder.glob(".*-1")] == [".new-1"]


def test_other_code_makes_its_own_values(folder, monkeypatch):
    store = RowStore(folder)
    store.get(("a",), lambda: {"x": 1})
    monkeypatch.setattr(row_store, "_code", lambda: "a later release")
    assert store.find("a") is None


@pytest.mark.parametrize("value", [{1, 2}, np.array(["a", 1], dtype=object)], ids=str)
def test_values_that_cannot_be_stored_are_returned_as_they_are(folder, value):
    assert RowStore(folder).get(("a",), lambda: {"x": value}) == {"x": value}
    assert files(folder) == []


def test_without_room_for_files_values_are_returned_as_they_are(tmp_path, caplog):
    (tmp_path / "state").write_text("")
    assert RowStore(tmp_path / "state" / "rows").get(("a",), lambda: {"x": 1}) == {"x": 1}
    assert "not shared" in caplog.text
