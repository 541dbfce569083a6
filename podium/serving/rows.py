"""Read the rows of a request value by value, so that a row is read the same alone as among others.

What is missing in a file of training rows is missing here: empty strings, blanks, markers such as ``NA``, and the
``na_values`` of the data set.

MLflow's own parser infers the type of a column from all rows of the request: a row with ``null`` alone is another input
than the same row in a batch.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import itertools
import json
import math
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from podium.data.numbers import MARKERS, TEXT_MARKERS
from podium.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    import pandas as pd
    from mlflow.models import Model

#: The formats of a JSON body.
FORMATS = SPLIT, RECORDS, INSTANCES, INPUTS = ("dataframe_split", "dataframe_records", "instances", "inputs")
#: The types of columns that Podium's models have.
NUMBER, STRING = "double", "string"
#: How many columns a message names, and how many characters of a value it shows.
MOST_NAMED, LONGEST_SHOWN = 5, 40


@dataclass(frozen=True)
class Columns:
    """The columns of a model.

    Parameters
    ----------
    types : mapping of str to {"double", "string"}
        By name, in the order of the signature.
    booleans : frozenset of str
        Numbers that were 0 or 1 in training: ``true`` and ``false`` mean these.
    dates : frozenset of str
        Strings that are dates.
    literal : frozenset of str
        Strings of which one such as ``NA`` is a value, not a missing one.
    missing : frozenset of str
        Further values that are missing in every column, as the data set has them in a file.
    """

    types: Mapping[str, str]
    booleans: frozenset[str] = frozenset()
    dates: frozenset[str] = frozenset()
    literal: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()

    @classmethod
    def of(cls, model: Model) -> Columns | None:
        """Return the columns of a saved model; None if its signature has other types than Podium's models."""
        schema = model.get_input_schema()
        if not schema.has_input_names() or schema.is_tensor_spec():
            return None
        types = {spec.name: getattr(spec.type, "name", "") for spec in schema.inputs}
        if not set(types.values()) <= {NUMBER, STRING}:
            return None
        known = model.metadata or {}
        return cls(types, *(frozenset(known.get(what, ())) for what in ("booleans", "dates", "literal", "missing")))

    @cached_property
    def names(self) -> list[str]:
        """The names, in the order of the signature."""
        return list(self.types)

    @cached_property
    def are_numbers(self) -> bool:
        """Whether all columns are numbers."""
        return set(self.types.values()) == {NUMBER}

    @cached_property
    def missing_numbers(self) -> frozenset[float]:
        """Those of `missing` that are numbers."""
        found = set()
        for text in self.missing:
            with contextlib.suppress(ValueError):
                found.add(float(text))
        return frozenset(found)

    def rows_of_json(self, decoded: Mapping[str, Any]) -> Any:
        """Return the rows of a body of one of :data:`FORMATS`.

        Returns
        -------
        numpy.ndarray of float64, (n_rows, n_columns), or pandas.DataFrame
            An array if all columns are numbers.

        Raises
        ------
        RequestError
            If a row lacks a column, or has a value of another type.
        """
        ((form, table),) = decoded.items()
        rows = _split_rows(table, self.names) if form == SPLIT else _other_rows(table, self.names, form)
        plain = self._plain_array(rows)
        return self._frame(rows) if plain is None else plain

    def rows_of_csv(self, text: str) -> pd.DataFrame:
        """Return the rows of a CSV body.

        Raises
        ------
        RequestError
            If it is not CSV, lacks a column, or has a value of another type.
        """
        import pandas as pd

        try:
            table = pd.read_csv(io.StringIO(text), dtype="object", keep_default_na=False)
        except (ValueError, pd.errors.ParserError) as error:
            raise bad_request(f"the body is not valid CSV: {' '.join(str(error).split())}") from error
        _check_columns(table.columns, self.names)
        cells = table[self.names].to_numpy(dtype="object")
        return self._frame([[None if cell == "" else cell for cell in row] for row in cells.tolist()])

    def _plain_array(self, rows: Sequence[Sequence[Any]]) -> Any:
        """Return rows of numbers and null as an array; None for all others."""
        import numpy as np

        types = set(map(type, itertools.chain.from_iterable(rows)))
        if not self.are_numbers or not types <= {float, int, type(None)}:
            return None
        try:
            # In Fortran order like a data frame: in C order, sums may be rounded differently.
            found = np.array(rows, dtype="float64", order="F").reshape(len(rows), len(self.names))
        except OverflowError:
            return None
        if self.missing_numbers:
            found[np.isin(found, list(self.missing_numbers))] = np.nan
        return found

    def _frame(self, rows: Sequence[Sequence[Any]]) -> pd.DataFrame:
        import pandas as pd

        columns = {}
        for (name, type_), values in zip(self.types.items(), _by_column(rows, len(self.names)), strict=True):
            if type_ == NUMBER:
                words = ("true", "false") if name in self.booleans else ()
                read: Callable[[Any], Any] = partial(_number, words=words, missing=self.missing_numbers)
            else:
                markers = () if name in self.literal else TEXT_MARKERS
                read = _date if name in self.dates else partial(_string, markers=markers)
            dtype = "float64" if type_ == NUMBER else "object"
            columns[name] = pd.Series(list(_each(read, map(self._given, values), name)), dtype=dtype)
        return pd.DataFrame(columns, copy=False)

    def _given(self, value: Any) -> Any:
        return None if isinstance(value, str) and value in self.missing else value


def bad_request(message: str) -> RequestError:
    """Return the refusal of a body that does not match the protocol or the signature."""
    return RequestError(400, "BAD_REQUEST", message)


def _split_rows(table: Any, names: Sequence[str]) -> list[Sequence[Any]]:
    """Return the rows of a ``dataframe_split``, with the values in the order of the names."""
    if not isinstance(table, dict) or table.keys() - {"index"} != {"columns", "data"}:
        raise bad_request(f"{SPLIT} must be an object with columns, data and, optionally, index")
    columns, rows = table["columns"], table["data"]
    if not _all_of(columns, str):
        raise bad_request(f"{SPLIT}: columns must be a list of strings")
    if not isinstance(rows, list) or not all(isinstance(row, list) and len(row) == len(columns) for row in rows):
        raise bad_request(f"{SPLIT}: data must be a list of rows, each a list of {len(columns)} values")
    _check_columns(columns, names)
    if columns == names:
        return rows
    order = [columns.index(name) for name in names]
    return [[row[at] for at in order] for row in rows]


def _other_rows(table: Any, names: Sequence[str], form: str) -> list[Sequence[Any]]:
    """Return the rows of records, or of columns if the format is ``inputs``, in the order of the names."""
    if form == INPUTS and isinstance(table, dict):
        return _rows_of_columns(table, names)
    if not isinstance(table, list) or not all(isinstance(row, dict) for row in table):
        raise bad_request(f"{form} must be a list of objects, one for each row")
    for number, row in enumerate(table, 1):
        if len(row) != len(names) or any(name not in row for name in names):
            _check_columns(row, names, f"row {number}: ")
    return [[row[name] for name in names] for row in table]


def _rows_of_columns(table: Mapping[str, Any], names: Sequence[str]) -> list[Sequence[Any]]:
    _check_columns(table, names)
    columns = [table[name] if isinstance(table[name], list) else [table[name]] for name in names]
    if len({len(values) for values in columns}) != 1:
        raise bad_request(f"{INPUTS}: all columns must have the same number of values")
    return list(zip(*columns, strict=True))


def _by_column(rows: Sequence[Sequence[Any]], columns: int) -> Iterable[Sequence[Any]]:
    return zip(*rows, strict=True) if rows else [()] * columns


def _check_columns(given: Iterable[str], names: Sequence[str], where: str = "") -> None:
    """Refuse rows that lack a column, or have one twice; MLflow's protocol ignores further columns."""
    given = list(given)
    if missing := [name for name in names if name not in given]:
        named = ", ".join(map(repr, missing[:MOST_NAMED]))
        more = f" and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else ""
        raise bad_request(f"{where}missing columns: {named}{more}; a missing value must be null")
    if twice := [name for name in names if given.count(name) > 1]:
        raise bad_request(f"{where}the column {twice[0]!r} occurs twice")


def _each(read: Callable[[Any], Any], values: Iterable[Any], column: str) -> Iterable[Any]:
    for number, value in enumerate(values, 1):
        try:
            yield read(value)
        except _UnfitError as error:
            raise bad_request(f"row {number}: column {column!r} must be {error}, not {_shown(value)}") from None


class _UnfitError(Exception):
    """A value of another type than its column; the message is what it must be."""


def _number(value: Any, words: Sequence[str], missing: Collection[float]) -> float:
    """Return a number; a string may hold one, as in MLflow's protocol and in CSV."""
    if value is None:
        return math.nan
    if isinstance(value, str):
        value = value.strip().lower()
        if not value or value in MARKERS:
            return math.nan
        value = value == "true" if value in words else value
    if isinstance(value, float | int | str) and (words or not isinstance(value, bool)):
        with contextlib.suppress(OverflowError, ValueError):
            number = float(value)
            return math.nan if number in missing else number
    raise _UnfitError("a number, true, false or null" if words else "a number or null")


def _string(value: Any, markers: Collection[str]) -> str | None:
    if isinstance(value, str):
        return None if not value.strip() or value.strip() in markers else value
    if value is None or value != value:  # noqa: PLR0124 (JSON's NaN)
        return None
    raise _UnfitError("a string or null")


def _date(value: Any) -> str | None:
    text = (_string(value, ()) or "").strip()
    if not text or text.lower() in MARKERS:
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise _UnfitError("a date such as 2026-01-31 or 2026-01-31T09:30:00") from None
    if moment.tzinfo:
        moment = moment.astimezone(dt.UTC).replace(tzinfo=None)
    return moment.isoformat()


def _all_of(values: Any, kind: type) -> bool:
    return isinstance(values, list) and set(map(type, values)) <= {kind}


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
