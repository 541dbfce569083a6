"""Read CSV and other delimited text as columns of strings; what cannot be read is one line with the likely remedy."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import re
import zipfile
import zlib
from itertools import islice
from typing import TYPE_CHECKING, Any

from podium.data.options import WHITE_SPACE
from podium.data.refs import COMPRESSIONS, file_format
from podium.errors import PodiumError, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import pyarrow as pa

    from podium.data.options import ReadOptions

#: Separators that a message suggests.
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars", ",": "commas"}
_SPELLED = {"\t": r'"\t"'}
#: First bytes of files that are not text, and what to say.
_NOT_TEXT = {
    b"PK\x03\x04": "this is a ZIP or Excel file, not text: save it as CSV, or add `read: {compression: zip}`",
    b"\x1f\x8b": "this file is compressed: add `read: {compression: gzip}`, or end its name in .gz",
    b"BZh": "this file is compressed: add `read: {compression: bz2}`, or end its name in .bz2",
    b"\xfd7zXZ": "this file is compressed: add `read: {compression: xz}`, or end its name in .xz",
    b"\x28\xb5\x2f\xfd": "this file is compressed: add `read: {compression: zstd}`, or end its name in .zst",
    b"PAR1": "this is a Parquet file: end its name in .parquet",
    b"\xd0\xcf\x11\xe0": "this is an Excel file, not text: save it as CSV",
}
#: Rows of at most this many bytes can be read.
_LONGEST_ROW = 2**26
#: Bytes in which the header must end.
_HEADER = 2**20
_UTF8 = ("utf-8", "utf8", "utf_8", "utf-8-sig")


def read_table(file: Path, name: str, read: ReadOptions) -> pa.Table:
    """Read a text file as columns of strings.

    Parameters
    ----------
    file : pathlib.Path
        The file.
    name : str
        Its name in messages.
    read : ReadOptions
        How it is written.

    Returns
    -------
    pyarrow.Table
        A blank field is null. A column without a name has the name that pandas gives it, such as ``Unnamed: 0``.

    Raises
    ------
    PodiumError
        If it cannot be read.
    """
    content = _content(file, name, read)
    names = _names(content, file, name, read)
    if separator(file, read) == WHITE_SPACE:
        return _from_records(_records(content, file, read), names, name)
    return _parsed(content, file, name, read, names)


def column_names(file: Path, name: str, read: ReadOptions) -> list[str]:
    """Return the names of a text file's columns.

    Raises
    ------
    PodiumError
        If the header cannot be read.
    """
    return _names(_content(file, name, read, _HEADER), file, name, read)


def separator(file: Path, read: ReadOptions) -> str:
    """Return what separates the fields of a file."""
    return read.sep or ("\t" if file_format(file) == ".tsv" else ",")


def duplicated(names: Iterable[str]) -> str | None:
    """Return the first name that occurs twice, or None."""
    seen: set[str] = set()
    for one in names:
        if one in seen:
            return one
        seen.add(one)
    return None


def _content(file: Path, name: str, read: ReadOptions, size: int = -1) -> bytes:
    """Return the decompressed bytes of a file, or its first `size` bytes, after checks that do not parse it."""
    compression = read.compression
    if compression == "infer":
        compression = COMPRESSIONS.get(file.suffix.lower(), "none")
    try:
        content = _decompressed(file, compression, size)
    except PermissionError:
        raise PodiumError(f"{name}: no permission to read it") from None
    except EOFError:
        raise PodiumError(f"{name}: the file is cut off: its compressed data has no end") from None
    except (OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
        if compression == "none":
            raise PodiumError(f"{name}: {one_line(error)}") from None
        hint = ": `read: {compression: none}`?" if _looks_like_text(file) else ""
        words = f"it is damaged, or not compressed with {compression}"
        raise PodiumError(f"{name}: {words}{hint}") from None
    _check_content(content, name, read)
    return content


def _decompressed(file: Path, compression: str, size: int) -> bytes:
    if compression == "zip":
        with zipfile.ZipFile(file) as archive:
            members = [member for member in archive.namelist() if not member.startswith(("__MACOSX", "."))]
            if len(members) != 1:
                raise PodiumError(f"{file.name}: the archive must have one file, not {len(members)}: unpack it")
            with archive.open(members[0]) as stream:
                return stream.read(size)
    if compression == "zstd":
        import pyarrow as pa

        with pa.CompressedInputStream(pa.OSFile(str(file)), "zstd") as stream:
            return bytes(stream.read(None if size < 0 else size))
    opened: Any = {"gzip": gzip.open, "bz2": bz2.open, "xz": lzma.open, "none": open}[compression]
    with opened(file, "rb") as stream:
        return bytes(stream.read(size))


def _looks_like_text(file: Path) -> bool:
    with file.open("rb") as content:
        return b"\0" not in content.read(1000)


def _check_content(content: bytes, name: str, read: ReadOptions) -> None:
    if not content.strip():
        raise PodiumError(f"{name}: the file is empty")
    for magic, words in _NOT_TEXT.items():
        if content.startswith(magic):
            raise PodiumError(f"{name}: {words}")
    if read.encoding.lower() in _UTF8 and (encoding := _utf16(content)):
        raise PodiumError(f"{name}: this is not UTF-8 text: {encoding}? `read: {{encoding: {encoding}}}`")
    if not read.encoding.lower().startswith(("utf-16", "utf_16", "utf16", "utf-32")) and b"\0" in content[:1000]:
        raise PodiumError(f"{name}: the file has NUL characters, so it is not text")


def _utf16(content: bytes) -> str | None:
    """Return the UTF-16 codec that reads a text, or None if it is not UTF-16."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if b"\0" in content[:2]:  # a header begins with an ASCII letter
        return "utf-16-be" if content.startswith(b"\0") else "utf-16-le"
    return None


def _names(content: bytes, file: Path, name: str, read: ReadOptions) -> list[str]:
    """Return the names in the header, checked."""
    try:
        header = next(iter(_records(content, file, read)), [])
    except UnicodeError as error:
        raise _encoding_error(content, name, read, error) from None
    except csv.Error as error:
        raise PodiumError(f"{name}:1  the header cannot be read: {error}") from None
    _check_separator(header, separator(file, read), name)
    double = duplicated(filter(None, header))
    if double is not None:
        raise PodiumError(f"{name}:1  there are several columns {double!r}: rename or remove all but one")
    return [one if one.strip() else f"Unnamed: {at}" for at, one in enumerate(header)]


def _check_separator(header: list[str], sep: str, name: str) -> None:
    """Refuse a header of one column that another separator would divide."""
    if len(header) != 1:
        return
    if header[0].lower().startswith("sep="):
        raise PodiumError(f"{name}:1  the line {header[0]!r} is a hint for Excel: remove it")
    others = {other: header[0].count(other) for other in _SEPARATORS if other != sep}
    best = max(others, key=lambda other: others[other])
    if others[best]:
        option = _SPELLED.get(best, f"'{best}'")
        words = f"only one column found, {header[0][:60]!r}"
        raise PodiumError(f"{name}:1  {words}: {_SEPARATORS[best]}? `read: {{sep: {option}}}`")


def _records(content: bytes, file: Path, read: ReadOptions) -> Iterator[list[str]]:
    """Yield the fields of each row, without empty lines; slow, and with positions in `csv.reader`."""
    return (fields for _, fields in _numbered(content, file, read))


def _numbered(content: bytes, file: Path, read: ReadOptions) -> Iterator[tuple[int, list[str]]]:
    """Yield the line on which each row begins, and its fields; empty lines are left out."""
    sep = separator(file, read)
    encoding = "utf-8-sig" if read.encoding.lower() in _UTF8 else read.encoding
    lines: Iterable[str] = io.TextIOWrapper(io.BytesIO(content), encoding, newline="")
    if sep == WHITE_SPACE:
        sep, lines = " ", (re.sub(r"[ \t]+", " ", line.strip()) for line in lines)
    reader = csv.reader(lines, delimiter=sep)
    begins = 1
    for fields in reader:
        if fields:
            yield begins, fields
        begins = reader.line_num + 1


def _from_records(records: Iterator[list[str]], names: list[str], name: str) -> pa.Table:
    import pyarrow as pa

    rows = list(islice(records, 1, None))
    for fields in rows:
        if len(fields) != len(names):
            words = f"a row has {len(fields)} fields, but the header has {len(names)}: {' '.join(fields)[:60]!r}"
            raise PodiumError(f"{name}: {words}")
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    arrays = [pa.array([field or None for field in column], pa.string()) for column in columns]
    return pa.table(arrays, names=names)


def _parsed(content: bytes, file: Path, name: str, read: ReadOptions, names: list[str]) -> pa.Table:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    # The header is read as a row, since it may repeat a name or have none. Without threads: a process that has read
    # the rows may fork.
    places = [str(at) for at in range(len(names))]
    block = min(len(content) + 1, _LONGEST_ROW)
    options = {
        "read_options": arrow_csv.ReadOptions(
            use_threads=False, column_names=places, encoding=read.encoding, block_size=block
        ),
        "parse_options": arrow_csv.ParseOptions(delimiter=separator(file, read), newlines_in_values=True),
        "convert_options": arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(places, pa.string()), null_values=[""], strings_can_be_null=True
        ),
    }
    try:
        table = arrow_csv.read_csv(pa.BufferReader(content), **options)
    except UnicodeError as error:
        raise _encoding_error(content, name, read, error) from None
    except pa.ArrowInvalid as error:
        raise _parse_error(content, file, name, read, error) from None
    return table.slice(1).rename_columns(names)


def _parse_error(content: bytes, file: Path, name: str, read: ReadOptions, error: Exception) -> PodiumError:
    """Return what is wrong with a file that Arrow cannot parse, with the line."""
    try:
        wrong = _ragged(_numbered(content, file, read), name, content)
    except UnicodeError as undecodable:
        return _encoding_error(content, name, read, undecodable)
    except csv.Error:
        wrong = None
    return PodiumError(wrong or f"{name}: {one_line(error)}")


def _ragged(rows: Iterator[tuple[int, list[str]]], name: str, content: bytes) -> str | None:
    """Return a message about the first row that has another number of fields than the header, or None."""
    columns = len(next(rows)[1])
    numbered = list(rows)
    ragged = [(line, fields) for line, fields in numbered if len(fields) != columns]
    if not ragged:
        return None
    if all(len(fields) == columns + 1 for _, fields in numbered):
        words = f"every row has {columns + 1} fields, but the header has {columns}"
        return f"{name}:1  {words}: the first column needs a name"
    line, fields = ragged[0]
    words = f"the row has {len(fields)} fields, but the header has {columns}"
    spans = sum(field.count("\n") for field in fields)
    if spans and line + spans >= content.count(b"\n"):
        return f"{name}:{line}  {words}: a quotation mark is not closed"
    hint = ": quote values that contain the separator" if len(fields) > columns else ""
    return f"{name}:{line}  {words}{hint}"


def _encoding_error(content: bytes, name: str, read: ReadOptions, error: UnicodeError) -> PodiumError:
    """Return what to say of text in another encoding; a UTF-8 file's first wrong byte has a line."""
    if read.encoding.lower() not in _UTF8:
        return PodiumError(f"{name}: this is not {read.encoding} text: {one_line(error)}")
    line = 1
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as wrong:
        line = content.count(b"\n", 0, wrong.start) + 1
    guess = "cp1252" if re.search(rb"[\x80-\x9f]", content) else "latin-1"
    return PodiumError(f"{name}:{line}  this is not UTF-8 text: {guess}? `read: {{encoding: {guess}}}`")
