"""Files of a data set: what is read, and what is said of those that cannot be."""

import bz2
import gzip
import lzma
import os
import zipfile

import pandas as pd
import pyarrow as pa
import pytest

from podium.data.reading import column_names
from podium.data.refs import DatasetRef
from podium.data.table import read_table
from podium.errors import PodiumError

ROWS = "size,town,y\n" + "".join(f"{i}.5,{'ulm' if i % 3 else 'köln'},{'no' if i % 2 else 'yes'}\n" for i in range(40))


def ref(folder, content=ROWS, path="rows.csv", **keys):
    data = content if isinstance(content, bytes) else content.encode()
    (folder / path).parent.mkdir(exist_ok=True, parents=True)
    (folder / path).write_bytes(data)
    return DatasetRef.from_spec({"path": path, "target": "y", **keys}, folder)


def message(folder, content, path="rows.csv", **keys):
    with pytest.raises(PodiumError) as caught:
        read_table(ref(folder, content, path, **keys))
    words = str(caught.value).replace(f"{folder}{os.sep}", "")
    assert "\n" not in words
    return words


def zipped(folder, content):
    with zipfile.ZipFile(folder / "made.zip", "w") as archive:
        archive.writestr("rows.csv", content)
    return (folder / "made.zip").read_bytes()


def zstd(content):
    return pa.compress(content, codec="zstd", asbytes=True)


def test_the_same_rows_are_read_from_every_format(tmp_path):
    plain = read_table(ref(tmp_path))
    assert plain.kinds == {"size": "number", "town": "category"}
    files = {
        "r.tsv": ROWS.replace(",", "\t").encode(),
        "r.csv.gz": gzip.compress(ROWS.encode()),
        "r.csv.bz2": bz2.compress(ROWS.encode()),
        "r.csv.xz": lzma.compress(ROWS.encode()),
        "r.csv.zst": zstd(ROWS.encode()),
        "r.csv.zip": zipped(tmp_path, ROWS),
        "r.tsv.gz": gzip.compress(ROWS.replace(",", "\t").encode()),
        "R.CSV": ROWS.encode(),
        "bom.csv": ROWS.encode("utf-8-sig"),
        "crlf.csv": ROWS.replace("\n", "\r\n").encode(),
    }
    for name, content in files.items():
        found = read_table(ref(tmp_path, content, name))
        pd.testing.assert_frame_equal(found.features, plain.features, obj=name)
        pd.testing.assert_series_equal(found.labels, plain.labels, obj=name)
    pd.read_csv(tmp_path / "rows.csv").to_parquet(tmp_path / "r.parquet")
    found = read_table(DatasetRef.from_spec({"path": "r.parquet", "target": "y"}, tmp_path))
    pd.testing.assert_frame_equal(found.features, plain.features)


@pytest.mark.parametrize(
    ("content", "read"),
    [
        (ROWS.replace(",", ";").replace(".", ","), {"sep": ";", "decimal": ","}),
        (ROWS.replace(",", "|"), {"sep": "|"}),
        (ROWS.replace(",", "   "), {"sep": r"\s+"}),
        (ROWS.encode("latin-1"), {"encoding": "latin-1"}),
        (ROWS.encode("utf-16"), {"encoding": "utf-16"}),
        (gzip.compress(ROWS.encode(), mtime=0), {"compression": "gzip"}),
    ],
)
def test_read_says_how_a_text_file_is_written(tmp_path, content, read):
    plain = read_table(ref(tmp_path, path="plain.csv"))
    found = read_table(ref(tmp_path, content, read=read))
    pd.testing.assert_frame_equal(found.features, plain.features)
    assert column_names(
        tmp_path / "rows.csv", DatasetRef.from_spec({"path": "rows.csv", "target": "y", "read": read}, tmp_path).read
    ) == ["size", "town", "y"]


def test_a_folder_is_its_files_one_after_the_other(tmp_path):
    header, *lines = ROWS.splitlines(keepends=True)
    ref(tmp_path, header + "".join(lines[:10]), "all/a.csv")
    swapped = pd.read_csv(tmp_path / "all/a.csv", nrows=0)[["y", "size", "town"]]
    rest = pd.DataFrame([line.strip().split(",") for line in lines[10:]], columns=["size", "town", "y"])
    pd.concat([swapped, rest]).to_csv(tmp_path / "all/b.csv", index=False)
    (tmp_path / "all/_SUCCESS").write_text("")
    whole = DatasetRef.from_spec({"path": "all", "target": "y"}, tmp_path)
    pd.testing.assert_frame_equal(read_table(whole).features, read_table(ref(tmp_path)).features)
    before = whole.digest()
    ref(tmp_path, header + lines[0], "all/c.csv")
    assert whole.digest() != before


@pytest.mark.parametrize(
    ("content", "keys", "words"),
    [
        ("", {}, "rows.csv: the file is empty"),
        ("\n \n", {}, "rows.csv: the file is empty"),
        ("a;b;y\n1;2;x\n", {}, "rows.csv:1  only one column found, 'a;b;y': semicolons? `read: {sep: ';'}`"),
        ("a\ty\n1\tx\n", {}, "rows.csv:1  only one column found, 'a\\ty': tabs? `read: {sep: \"\\t\"}`"),
        ("a,y\n1,x\n", {"read": {"sep": ";"}}, "only one column found, 'a,y': commas? `read: {sep: ','}`"),
        ("a,y\n1,x\né,x\n".encode("latin-1"), {}, "rows.csv:3  this is not UTF-8 text: latin-1? `read: {encoding: lat"),
        ("a,y\n€,x\n".encode("cp1252"), {}, "rows.csv:2  this is not UTF-8 text: cp1252? `read: {encoding: cp1252}`"),
        ("a,y\n1,x\n".encode("utf-16"), {}, "rows.csv: this is not UTF-8 text: utf-16? `read: {encoding: utf-16}`"),
        ("a,y\n1,x\n".encode("utf-16-le"), {}, "utf-16-le? `read: {encoding: utf-16-le}`"),
        ("a,y\n1,x\n", {"read": {"encoding": "utf-16"}}, "rows.csv: this is not utf-16 text"),
        ("a,b,y\n1,2,x\n1,2\n", {}, "rows.csv:3  the row has 2 fields, but the header has 3"),
        ("a,b,y\n1,2,x\n\n1,2,3,4\n", {}, "rows.csv:4  the row has 4 fields, but the header has 3: quote values"),
        ("a,y\n1,2,x\n1,2,x\n", {}, "every row has 3 fields, but the header has 2: the first column needs a name"),
        (
            'a,y\n1,x\n"2,x\n3,x\n',
            {},
            "rows.csv:3  the row has 1 fields, but the header has 2: a quotation mark is",
        ),
        ("a   y\n1 2\n3 4 5\n", {"read": {"sep": r"\s+"}}, "rows.csv: a row has 3 fields, but the header has 2"),
        ("sep=;\na;y\n1;2\n", {}, "rows.csv:1  the line 'sep=;' is a hint for Excel: remove it"),
        (b"PK\x03\x04 and more", {}, "rows.csv: this is a ZIP or Excel file, not text: save it as CSV"),
        (gzip.compress(b"a,y\n1,x\n", mtime=0), {}, "this file is compressed: add `read: {compression: gzip}`"),
        (b"PAR1 and more", {}, "rows.csv: this is a Parquet file: end its name in .parquet"),
        (b"a,y\n\0\0,1\n", {}, "rows.csv: the file has NUL characters, so it is not text"),
        ("a,y,y\n1,2,3\n", {}, "rows.csv:1  there are several columns 'y': rename or remove all but one"),
        ("a,a,y\n1,2,3\n", {}, "rows.csv:1  there are several columns 'a': rename or remove all but one"),
    ],
)
def test_a_text_file_that_cannot_be_read_is_named_with_the_line_and_the_remedy(tmp_path, content, keys, words):
    assert words in message(tmp_path, content, **keys)


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (
            b"a,y\n1,x\n",
            "r.csv.gz",
            "r.csv.gz: it is damaged, or not compressed with gzip: `read: {compres",
        ),
        (
            gzip.compress(ROWS.encode(), mtime=0)[:-20],
            "r.csv.gz",
            "r.csv.gz: the file is cut off: its compressed data has no",
        ),
        (b"a,y\n1,x\n", "r.csv.zip", "r.csv.zip: it is damaged, or not compressed with zip"),
        (b"a,y\n1,x\n", "r.parquet", "r.parquet: this is no Parquet file"),
        (b"PAR1 and no more", "r.parquet", "r.parquet: the Parquet file is damaged or cut off"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_named(tmp_path, content, name, words):
    assert message(tmp_path, content, name).startswith(words)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"a.csv": "a,y\n1,x\n", "b.csv": "b,y\n1,x\n"}, "all/b.csv: it has no column 'a', unlike all/a.csv"),
        ({"a.csv": "y\nx\n", "b.csv": "y,c\n1,x\n"}, "all/a.csv: it has no column 'c', unlike all/b.csv"),
        (
            {"a.csv": "a,y\n1,x\n", "notes.txt": ""},
            "all: the folder has the file 'notes.txt': .txt is not one of",
        ),
        (
            {"a.csv": "a,y\n1,x\n", "b.parquet": ""},
            "all: the folder has text and Parquet files: keep one format",
        ),
        ({".hidden": ""}, "data set all: the folder has no files"),
    ],
)
def test_a_folder_with_files_that_do_not_fit_is_named(tmp_path, files, words):
    for name, content in files.items():
        ref_folder = tmp_path / "all"
        ref_folder.mkdir(exist_ok=True)
        (ref_folder / name).write_text(content)
    with pytest.raises(PodiumError) as caught:
        read_table(DatasetRef.from_spec({"path": "all", "target": "y"}, tmp_path))
    assert words in str(caught.value).replace(f"{tmp_path}{os.sep}", "")


def test_an_address_is_refused_in_one_line(tmp_path):
    with pytest.raises(PodiumError, match="addresses are not read: download the file, and name its path"):
        DatasetRef.from_spec({"path": "https://data.invalid/rows.csv", "target": "y"}, tmp_path)


def test_the_index_of_a_stored_data_frame_is_no_feature(tmp_path):
    frame = pd.DataFrame({"a": [1.0, 2.0, 1.0], "y": ["n", "n", "m"]}, index=pd.Index([7, 8, 9], name="key"))
    frame.to_parquet(tmp_path / "r.parquet")
    table = read_table(DatasetRef.from_spec({"path": "r.parquet", "target": "y"}, tmp_path))
    assert list(table.features) == ["a"]
    assert "the data frame's index 'key' is left out" in table.report.assumptions
    keeps = DatasetRef.from_spec({"path": "r.parquet", "target": "y", "columns": {"key": "id"}}, tmp_path)
    assert read_table(keeps).ids.tolist() == [7, 8, 9]


@pytest.mark.parametrize(
    ("read", "words"),
    [
        ({"seperator": ";"}, "unknown key 'seperator' in read"),
        ({"encodng": "utf-8"}, "unknown key 'encodng' in read: did you mean 'encoding'?"),
        ({"sep": "; "}, "read: sep must be one character or \\s+, not '; '"),
        ({"decimal": ";"}, "read: decimal must be one of '.', ',', not ';'"),
        ({"decimal": ",", "thousands": ","}, "read: thousands and decimal cannot both be ','"),
        ({"encoding": "latin-11"}, "read: unknown encoding 'latin-11': did you mean 'latin-1'?"),
        ({"compression": "rar"}, "read: compression must be one of"),
    ],
)
def test_a_wrong_option_is_refused(tmp_path, read, words):
    with pytest.raises(PodiumError) as caught:
        ref(tmp_path, read=read)
    assert words in str(caught.value)


def test_a_ref_survives_the_way_through_a_spec(tmp_path):
    keys = {
        "name": "people",
        "read": {"sep": ";", "na_values": [-999, "?"]},
        "columns": {"size": "number", "town": "drop"},
        "weight": "size",
        "positive": True,
        "rare_classes": "drop",
        "allow_missing_target": True,
    }
    one = ref(tmp_path, **keys)
    again = DatasetRef.from_spec(one.as_spec(tmp_path), tmp_path)
    assert (again, hash(again), again.digest()) == (one, hash(one), one.digest())
    plain = ref(tmp_path)
    digests = {
        DatasetRef.from_spec({"path": "rows.csv", "target": "y", key: value}, tmp_path).digest()
        for key, value in keys.items()
        if key != "name"
    }
    assert len(digests | {plain.digest()}) == len(keys)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"columns": {"size": "nummer"}}, "columns: size must be one of number, category, text, date, id, drop"),
        (
            {"columns": {"size": "id", "town": "id"}},
            "columns: one column can be the id, not size, town: drop the",
        ),
        ({"columns": {"y": "drop"}}, "columns: 'y' is the target, so it cannot be drop"),
        ({"rare_classes": "dorp"}, "rare_classes must be one of refuse, drop, other, not 'dorp'"),
        ({"columns": {"twon": "drop"}}, "data set rows has no column 'twon': did you mean 'town'?"),
        ({"weight": "wieght"}, "data set rows has no column 'wieght'"),
    ],
)
def test_a_wrong_key_of_a_data_set_is_refused(tmp_path, keys, words):
    with pytest.raises(PodiumError) as caught:
        read_table(ref(tmp_path, **keys))
    assert words in str(caught.value)
