"""MLflow's scoring protocol: parses a request body into rows and serialises the model's predictions.

MLflow's own functions parse and validate. Plain bodies, rows of numbers and strings under the signature's names, take a
fast path to the identical data frame: MLflow validates the columns twice, which for one row takes three times as long
as the prediction.
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
# What `params: {predict_method: ...}` of a request can be.
LABELS = "predict"
METHODS = (LABELS, "predict_proba", "predict_log_proba")
# Types that MLflow casts to a column's type without loss; MLflow handles all others.
PLAIN: dict[str, tuple[str, frozenset[type]]] = {
    "double": ("float64", frozenset({float, int})),
    "long": ("int64", frozenset({int})),
    "boolean": ("bool", frozenset({bool})),
    "string": ("str", frozenset({str})),
}


@dataclass(frozen=True)
class Predictions:
    """The response to a request.

    Parameters
    ----------
    body : bytes
        JSON, ``{"predictions": [...]}``.
    rows : int
        Number of rows.
    are_labels : bool
        Whether they are labels, and not the probabilities that the request asked for.
    """

    body: bytes
    rows: int
    are_labels: bool = True


class Scorer:
    """Predicts for requests with one model.

    Parameters
    ----------
    model : mlflow.pyfunc.PyFuncModel
        A scikit-learn model with a signature.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self.schema: Schema = model.metadata.get_input_schema()
        self._sklearn_model = model.get_raw_model()
        # Arrays have no feature names, see below. Restoring the filter would not be thread-safe, so it stays.
        warnings.filterwarnings("ignore", message="X does not have valid feature names", category=UserWarning)

    @cached_property
    def _columns(self) -> list[str]:
        return list(self.schema.input_names())

    @cached_property
    def _plain(self) -> list[tuple[str, frozenset[type]]] | None:
        """The dtype and types of each column for the fast path; None if a column has another type."""
        found = []
        for spec in self.schema.inputs:
            dtype, types = PLAIN.get(getattr(spec.type, "name", ""), ("", frozenset()))
            if not dtype or not self.schema.has_input_names():
                return None
            found.append((dtype, types if spec.required or dtype != "float64" else types | {type(None)}))
        return found

    @cached_property
    def _are_numbers(self) -> bool:
        """Whether all columns are required numbers."""
        return self._plain is not None and {types for _, types in self._plain} == {PLAIN["double"][1]}

    @cached_property
    def takes_arrays(self) -> bool:
        """Whether the model can predict for an array: scikit-learn takes three times as long to check a data frame.

        The array has its columns in the order of the signature. Only a model that selects columns by name needs a data
        frame.
        """
        from sklearn.compose import ColumnTransformer

        steps = [step for _, step in getattr(self._sklearn_model, "steps", [("", self._sklearn_model)])]
        named = list(getattr(self._sklearn_model, "feature_names_in_", ()))
        return named == self._columns and not any(isinstance(step, ColumnTransformer) for step in steps)

    def predict(self, body: bytes, content_type: str, most_rows: int) -> Predictions:
        """Predict for a request.

        Raises
        ------
        RequestError
            If the body does not match the protocol or the signature, or the model cannot predict for its rows.
        """
        from mlflow.utils.proto_json_utils import NumpyEncoder, _get_jsonable_obj

        kind = _media_type(content_type)
        decoded = _decoded(body) if kind == JSON else None
        method = LABELS if decoded is None else _predict_method(decoded)
        if decoded is not None:
            _check_rows(_rows_of_json(decoded), most_rows)
        table = None if decoded is None or method != LABELS else self._plain_table(decoded)
        if table is not None:
            rows, predictions = len(table), self._predict_plain(table)
        else:
            data = self._parse(body if decoded is None else decoded)
            _check_rows(rows := _rows(data), most_rows)
            predictions = self._predict(self.model.predict if method == LABELS else self._other(method), data)
        text = json.dumps({"predictions": _get_jsonable_obj(predictions, pandas_orient="records")}, cls=NumpyEncoder)
        return Predictions(text.encode(), rows, method == LABELS)

    def _other(self, method: str) -> Any:
        """Return a method of the model that MLflow does not serve, with the signature enforced.

        Raises
        ------
        RequestError
            If the model does not have it.
        """
        from mlflow.models.utils import _enforce_schema

        predict = getattr(self._sklearn_model, method, None)
        if predict is None:
            raise _bad_request(f"the model has no {method}: it does not give probabilities")
        return lambda data: predict(_enforce_schema(data, self.schema))

    def plain_frame(self, decoded: dict[str, Any]) -> pd.DataFrame | None:
        """Return the data frame that MLflow would pass to the model; None if the body needs MLflow's parser."""
        table = self._plain_table(decoded)
        return None if table is None else self._framed(table)

    def _predict_plain(self, table: Any) -> Any:
        if self.takes_arrays and not hasattr(table, "columns"):
            # If this fails, the prediction below fails too, with a message that has the names of the columns.
            with contextlib.suppress(Exception):
                return self._sklearn_model.predict(table)
        return self._predict(self._sklearn_model.predict, self._framed(table))

    def _plain_table(self, decoded: dict[str, Any]) -> Any:
        """Return rows of numbers as an array, other plain rows as a data frame; None for all others."""
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
        """Return the values in the order of the signature; None if the rows have other columns."""
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
            # In Fortran order like MLflow's data frame: in C order, sums may be rounded differently.
            return np.array(rows, dtype="float64", order="F")
        columns = {}
        for name, values, (dtype, types) in zip(self._columns, zip(*rows, strict=True), plain, strict=True):
            if not set(map(type, values)) <= types:
                return None
            columns[name] = pd.array(values, dtype="str") if dtype == "str" else np.array(values, dtype=dtype)
        return pd.DataFrame(columns, copy=False)

    def _parse(self, given: bytes | dict[str, Any]) -> Any:
        """Return the rows, parsed as MLflow's server does."""
        from mlflow.pyfunc.scoring_server import infer_and_parse_data, parse_csv_input

        try:
            if isinstance(given, bytes):
                return parse_csv_input(io.StringIO(given.decode()), self.schema)
            return infer_and_parse_data({name: given[name] for name in FORMATS if name in given}, self.schema)
        except Exception as error:
            # Whatever pandas or MLflow raises here, the body is the cause.
            raise _bad_request(cause(error)) from error

    def _predict(self, predict: Any, rows: Any) -> Any:
        try:
            return predict(rows)
        except Exception as error:
            raise _bad_request(f"the model cannot predict for these rows: {cause(error)}") from error


def fastest_prediction(scorer: Scorer, body: bytes, tries: int = 3) -> float:
    """Predict several times for a request body and return the seconds of the fastest prediction.

    Raises
    ------
    RequestError
        If the model cannot predict.
    """
    seconds = []
    for _ in range(tries):
        started = time.perf_counter()
        scorer.predict(body, JSON, most_rows=len(body))
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def _bad_request(message: str) -> RequestError:
    return RequestError(400, "BAD_REQUEST", message)


def _media_type(content_type: str) -> str:
    """Return the media type of a request body, JSON or CSV."""
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
    required = f"the body must be a JSON object with exactly one of {', '.join(FORMATS)}"
    if not isinstance(decoded, dict):
        raise _bad_request(required)
    if len(found := decoded.keys() & set(FORMATS)) != 1:
        raise _bad_request(f"{required}; it has {' and '.join(sorted(found)) or 'none'}")
    return decoded


def _predict_method(decoded: dict[str, Any]) -> str:
    """Take the params out of a body, and return the method of the model that they ask for.

    MLflow ignores all params for a model without parameters; but who asks for probabilities must not get labels.
    """
    params = decoded.pop("params", None)
    method = params.get("predict_method", LABELS) if isinstance(params, dict) else LABELS
    if method not in METHODS:
        raise _bad_request(f"predict_method must be one of {', '.join(METHODS)}, not {json.dumps(method)}")
    return str(method)


def _rows_of_json(decoded: dict[str, Any]) -> int:
    """Return the approximate number of rows of a body before it is parsed further."""
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
        raise RequestError(413, "RESOURCE_EXHAUSTED", f"the request has {rows:,} rows; the limit is {most:,}")


def _all_of(values: Any, kind: type) -> bool:
    return type(values) is list and set(map(type, values)) == {kind}


def _is_plain_index(index: Iterable[Any] | None, rows: list[Any]) -> bool:
    return index is None or (_all_of(index, int) and len(list(index)) == len(rows))
