"""Read the files of a data set as Arrow columns: text files as strings, Parquet files with their types."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podium.data import text_files
from podium.data.refs import PARQUET, file_format, files_of
from podium.errors import PodiumError

if TYPE_CHECKING:
    from collections.abc import Collection

    import pyarrow as pa

    from podium.data.options import ReadOptions
    from podium.data.refs import DatasetRef


@dataclass(frozen=True)
class Rows:
    """The rows of a data set as its files have them.

    Parameters
    ----------
    columns : dict of str to pyarrow.ChunkedArray
        The columns in the files' order. Those of text files are strings; a blank field is null.
    is_text : bool
        Whether they come from text files, so that types are still to be found.
    notes : tuple of str
        What was assumed about the files.
    """

    columns: dict[str, pa.ChunkedArray]
    is_text: bool
    notes: tuple[str, ...] = ()


def read_rows(ref: DatasetRef, named: Collection[str]) -> Rows:
    """Read the file, or the files of the folder, of a data set.

    Parameters
    ----------
    ref : DatasetRef
        The data set.
    named : collection of str
        Columns that the spec names; they are kept even if they are the index of a data frame.

    Raises
    ------
    PodiumError
        If a file cannot be read, in one line that names the file and, if known, the line.
    """
    import pyarrow as pa

    if ref.path is None:
        return _built_in(ref.name)
    files = ref.files
    is_text = file_format(files[0]) != PARQUET
    read = [_read_text(file, ref.read) if is_text else _read_parquet(file, named) for file in files]
    notes = tuple(dict.fromkeys(note for _, about in read for note in about))
    tables = _aligned(files, [table for table, _ in read])
    try:
        table = pa.concat_tables(tables, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise PodiumError(f"{shown(files[0].parent)}: the files differ in a column's type: {error}") from None
    return Rows(dict(zip(table.column_names, table.columns, strict=True)), is_text, notes)


def column_names(path: Path, read: ReadOptions, name: str | None = None) -> list[str]:
    """Return the names of a data set's columns without reading its rows.

    Parameters
    ----------
    path : pathlib.Path
        The file or folder.
    read : ReadOptions
        How it is written.
    name : str, optional
        Its name in messages.

    Raises
    ------
    PodiumError
        If the file cannot be read.
    """
    file = files_of(path)[0]
    if file_format(file) != PARQUET:
        return text_files.column_names(file, name or shown(file), read)
    return list(_parquet_file(file).schema_arrow.names)


def shown(path: Path) -> str:
    """Return a path for messages: relative to the working directory if it is below it."""
    here = Path(os.path.realpath(Path.cwd()))
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _built_in(name: str) -> Rows:
    """Return the rows of a data set of scikit-learn."""
    import pyarrow as pa
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")(as_frame=True)
    columns = {column: pa.chunked_array([pa.array(values)]) for column, values in bunch.data.items()}
    columns["target"] = pa.chunked_array([pa.array(bunch.target_names[bunch.target])])
    return Rows(columns, is_text=False)


def _read_text(file: Path, read: ReadOptions) -> tuple[pa.Table, list[str]]:
    return text_files.read_table(file, shown(file), read), []


def _read_parquet(file: Path, named: Collection[str]) -> tuple[pa.Table, list[str]]:
    """Return a Parquet file's columns without the index of the data frame that it may have been written from."""
    # Without threads: a process that has read the rows may fork.
    source = _parquet_file(file)
    table = source.read(use_threads=False)
    about: dict[str, Any] = json.loads((source.schema_arrow.metadata or {}).get(b"pandas", b"{}"))
    index = [name for name in about.get("index_columns", []) if isinstance(name, str) and name not in named]
    left = [name for name in index if name in table.column_names]
    notes = [f"the data frame's index {name!r} is left out" for name in left]
    table = _with_categories(table.drop_columns(left), about)
    double = text_files.duplicated(table.column_names)
    if double is not None:
        raise PodiumError(f"{shown(file)}: there are several columns {double!r}: rename or remove all but one")
    return table.replace_schema_metadata(), notes


def _with_categories(table: pa.Table, about: dict[str, Any]) -> pa.Table:
    """Return a table in which pandas's categories are such, whatever their type; Parquet stores only those of text."""
    import pyarrow as pa

    for written in about.get("columns", []):
        at = table.schema.get_field_index(str(written.get("name")))
        if written.get("pandas_type") == "categorical" and at >= 0 and not pa.types.is_dictionary(table.field(at).type):
            table = table.set_column(at, written["name"], table.column(at).dictionary_encode())
    return table


def _parquet_file(file: Path) -> Any:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        return parquet.ParquetFile(file, pre_buffer=False)
    except (pa.ArrowInvalid, OSError) as error:
        with file.open("rb") as content:
            is_parquet = content.read(4) == b"PAR1"
        words = "the Parquet file is damaged or cut off" if is_parquet else "this is no Parquet file"
        if isinstance(error, PermissionError):
            words = "no permission to read it"
        raise PodiumError(f"{shown(file)}: {words}") from None


def _aligned(files: list[Path], tables: list[pa.Table]) -> list[pa.Table]:
    """Return tables with their columns in the order of the first.

    Raises
    ------
    PodiumError
        If a table has other columns than the first.
    """
    names = tables[0].column_names
    for file, table in zip(files, tables, strict=True):
        if differing := set(names) ^ set(table.column_names):
            name = min(differing)
            (with_it, without) = (files[0], file) if name in names else (file, files[0])
            raise PodiumError(f"{shown(without)}: it has no column {name!r}, unlike {shown(with_it)}")
    return [table.select(names) for table in tables]
