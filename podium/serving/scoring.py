"""A request's body to rows, and a model's predictions back: MLflow's scoring protocol.

What is accepted and what is answered is MLflow's, by its own functions. Plain bodies, rows of numbers and texts under
the signature's names, take a shorter way to the very same frame: MLflow goes through the columns twice, which for one
row takes three times as long as the model does.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import time
import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from podium.errors import RequestError, cause

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd
    from mlflow.types import Schema


JSON, CSV = "application/json", "text/csv"
SPLIT, RECORDS, INSTANCES, INPUTS = FORMATS = ("dataframe_split", "dataframe_records", "instances", "inputs")
# What MLflow casts without loss to a column's type; anything else is left to MLflow.
PLAIN: dict[str, tuple[str, frozenset[type]]] = {
    "double": ("float64", frozenset({float, int})),
    "long": ("int64", frozenset({int})),
    "boolean": ("bool", frozenset({bool})),
    "string": ("str", frozenset({str})),
}


@dataclass(frozen=True)
class Answer:
    """What was answered.

    Parameters
    ----------
    body : bytes
        JSON, ``{"predictions": [...]}``.
    rows : int
        How many rows were asked about.
    """

    body: bytes
    rows: int


class Scorer:
    """Answers requests with one model.

    Parameters
    ----------
    served : mlflow.pyfunc.PyFuncModel
        A scikit-learn model with a signature.
    """

    def __init__(self, served: Any) -> None:
        self.served = served
        self.schema: Schema = served.metadata.get_input_schema()
        self._model = served.get_raw_model()
        # Of an array: see below. For the whole process, as putting it back is not safe between threads.
        warnings.filterwarnings("ignore", message="X does not have valid feature names", category=UserWarning)

    @cached_property
    def _columns(self) -> list[str]:
        return list(self.schema.input_names())

    @cached_property
    def _plain(self) -> list[tuple[str, frozenset[type]]] | None:
        """What each column has to hold for the shorter way; None where a column has a type that it does not know."""
        found = []
        for spec in self.schema.inputs:
            dtype, types = PLAIN.get(getattr(spec.type, "name", ""), ("", frozenset()))
            if not dtype or not self.schema.has_input_names():
                return None
            found.append((dtype, types if spec.required or dtype != "float64" else types | {type(None)}))
        return found

    @cached_property
    def _are_numbers(self) -> bool:
        """Whether all columns are required, and numbers."""
        return self._plain is not None and {types for _, types in self._plain} == {PLAIN["double"][1]}

    @cached_property
    def takes_arrays(self) -> bool:
        """Whether the model takes an array for a frame: scikit-learn looks at a frame for three times as long.

        It takes columns by their place then, which is the same one: an array has been put into the signature's order.
        Only what chooses columns by name has to have a frame.
        """
        from sklearn.compose import ColumnTransformer

        steps = [step for _, step in getattr(self._model, "steps", [("", self._model)])]
        named = list(getattr(self._model, "feature_names_in_", ()))
        return named == self._columns and not any(isinstance(step, ColumnTransformer) for step in steps)

    def answer(self, body: bytes, content_type: str, most_rows: int) -> Answer:
        """Answer a request.

        Raises
        ------
        RequestError
            If the body is not what the protocol or the signature asks for, or the model cannot answer for its rows.
        """
        from mlflow.utils.proto_json_utils import NumpyEncoder, _get_jsonable_obj

        kind = _media_type(content_type)
        decoded = _decoded(body) if kind == JSON else None
        if decoded is not None:
            _check_rows(_rows_of_json(decoded), most_rows)
        table = None if decoded is None else self._plain_table(decoded)
        if table is not None:
            rows, predictions = len(table), self._predict_plain(table)
        else:
            data = self._parse(body if decoded is None else decoded)
            _check_rows(rows := _rows(data), most_rows)
            predictions = self._predict(self.served.predict, data)
        text = json.dumps({"predictions": _get_jsonable_obj(predictions, pandas_orient="records")}, cls=NumpyEncoder)
        return Answer(text.encode(), rows)

    def plain_frame(self, decoded: dict[str, Any]) -> pd.DataFrame | None:
        """Return the frame that MLflow would give to the model, None where that is for MLflow itself to say."""
        table = self._plain_table(decoded)
        return None if table is None else self._framed(table)

    def _predict_plain(self, table: Any) -> Any:
        if self.takes_arrays and not hasattr(table, "columns"):
            # What a model refuses, it refuses again below, and then says it of the columns' names.
            with contextlib.suppress(Exception):
                return self._model.predict(table)
        return self._predict(self._model.predict, self._framed(table))

    def _plain_table(self, decoded: dict[str, Any]) -> Any:
        """Return rows of numbers as an array, other plain rows as a frame, and of others None."""
        rows = self._plain_rows(decoded)
        if not rows or self._plain is None:
            return None
        try:
            return self._table(rows, self._plain)
        except (OverflowError, TypeError, ValueError):
            return None

    def _framed(self, table: Any) -> pd.DataFrame:
        import pandas as pd

        return pd.DataFrame(table, columns=self._columns, copy=False)

    def _plain_rows(self, decoded: dict[str, Any]) -> list[list[Any]] | None:
        """Return the values in the order of the signature's columns, of rows that have exactly these."""
        if len(decoded) != 1 or self._plain is None:
            return None
        ((kind, table),) = decoded.items()
        names = self._columns
        if kind == SPLIT:
            if type(table) is not dict or table.keys() - {"index"} != {"columns", "data"}:
                return None
            rows = table["data"]
            fits = table["columns"] == names and _all_of(rows, list) and set(map(len, rows)) == {len(names)}
            return rows if fits and _is_plain_index(table.get("index"), rows) else None
        if kind == RECORDS and _all_of(table, dict) and set(map(len, table)) == {len(names)}:
            try:
                return [[row[name] for name in names] for row in table]
            except KeyError:
                return None
        return None

    def _table(self, rows: list[list[Any]], plain: Sequence[tuple[str, frozenset[type]]]) -> Any:
        import numpy as np
        import pandas as pd

        if self._are_numbers:
            if not set(map(type, itertools.chain.from_iterable(rows))) <= plain[0][1]:
                return None
            # In Fortran's order, as MLflow's frame of columns has it: sums may round otherwise in the other.
            return np.array(rows, dtype="float64", order="F")
        columns = {}
        for name, values, (dtype, types) in zip(self._columns, zip(*rows, strict=True), plain, strict=True):
            if not set(map(type, values)) <= types:
                return None
            columns[name] = pd.array(values, dtype="str") if dtype == "str" else np.array(values, dtype=dtype)
        return pd.DataFrame(columns, copy=False)

    def _parse(self, given: bytes | dict[str, Any]) -> Any:
        """Return the rows as MLflow's server parses them."""
        from mlflow.pyfunc.scoring_server import infer_and_parse_data, parse_csv_input

        try:
            if isinstance(given, bytes):
                return parse_csv_input(io.StringIO(given.decode()), self.schema)
            return infer_and_parse_data({name: given[name] for name in FORMATS if name in given}, self.schema)
        except Exception as error:
            # Whatever a body can raise in pandas and MLflow, it is the body that has to change.
            raise _bad_request(cause(error)) from error

    def _predict(self, predict: Any, rows: Any) -> Any:
        try:
            return predict(rows)
        except Exception as error:
            raise _bad_request(f"the model cannot answer for these rows: {cause(error)}") from error


def quickest(scorer: Scorer, body: bytes, tries: int = 3) -> float:
    """Ask a model a question and return how many seconds the quickest answer took.

    Raises
    ------
    RequestError
        If it does not answer.
    """
    took = []
    for _ in range(tries):
        started = time.perf_counter()
        scorer.answer(body, JSON, most_rows=len(body))
        took.append(time.perf_counter() - started)
    return min(took)


def _bad_request(message: str) -> RequestError:
    return RequestError(400, "BAD_REQUEST", message)


def _media_type(content_type: str) -> str:
    """Return JSON or CSV, the two kinds of body that are taken, from the header of a request."""
    kind, *parameters = (part.strip() for part in content_type.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if (name, value.lower()) != ("charset", "utf-8"):
            raise RequestError(
                415, "BAD_REQUEST", f"the content type has {parameter!r}; only charset=utf-8 is supported"
            )
    if kind not in {JSON, CSV}:
        raise RequestError(415, "BAD_REQUEST", f"the content type is {kind!r}; it must be {JSON} or {CSV}")
    return kind


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        decoded = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _bad_request(f"the body is not valid JSON: {error}") from error
    wanted = f"the body has to be a JSON object with exactly one of {', '.join(FORMATS)}"
    if not isinstance(decoded, dict):
        raise _bad_request(f"{wanted}, and is none")
    decoded.pop("params", None)  # as MLflow ignores them for a model that takes none
    if len(found := decoded.keys() & set(FORMATS)) != 1:
        raise _bad_request(f"{wanted}, and has {' and '.join(sorted(found)) or 'none'}")
    return decoded


def _rows_of_json(decoded: dict[str, Any]) -> int:
    """Return about how many rows a body has, before anything is made of them."""
    (name,) = decoded.keys() & set(FORMATS)
    table = decoded[name]
    return _rows(table.get("data") if name == SPLIT and isinstance(table, dict) else table)


def _rows(data: Any) -> int:
    if isinstance(data, dict):
        return max(map(_rows, data.values()), default=0)
    shape = getattr(data, "shape", None)
    if shape is not None:
        return int(shape[0]) if shape else 1
    return len(data) if isinstance(data, list) else 1


def _check_rows(rows: int, most: int) -> None:
    if rows > most:
        raise RequestError(413, "RESOURCE_EXHAUSTED", f"the request has {rows:,} rows, and at most {most:,} are taken")


def _all_of(values: Any, kind: type) -> bool:
    return type(values) is list and set(map(type, values)) == {kind}


def _is_plain_index(index: Iterable[Any] | None, rows: list[Any]) -> bool:
    return index is None or (_all_of(index, int) and len(list(index)) == len(rows))
