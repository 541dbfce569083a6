"""MLflow's scoring protocol: parses a request body into rows and serialises the model's predictions.

:mod:`podium.serving.rows` reads the rows for models with Podium's signatures, MLflow's own functions for all others.
"""

from __future__ import annotations

import contextlib
import io
import json
import time
import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from podium.errors import RequestError, cause
from podium.serving.rows import FORMATS, SPLIT, Columns, bad_request

if TYPE_CHECKING:
    from mlflow.types import Schema


JSON, CSV = "application/json", "text/csv"
# What `params: {predict_method: ...}` of a request can be.
LABELS = "predict"
METHODS = (LABELS, "predict_proba", "predict_log_proba")


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
        self.columns = Columns.of(model.metadata)
        self._sklearn_model = model.get_raw_model()
        # Arrays have no feature names, see below. Restoring the filter would not be thread-safe, so it stays.
        warnings.filterwarnings("ignore", message="X does not have valid feature names", category=UserWarning)

    @cached_property
    def takes_arrays(self) -> bool:
        """Whether the model can predict for an array: scikit-learn takes three times as long to check a data frame.

        The array has its columns in the order of the signature. Only a model that selects columns by name needs a data
        frame.
        """
        from sklearn.compose import ColumnTransformer

        steps = [step for _, step in getattr(self._sklearn_model, "steps", [("", self._sklearn_model)])]
        named = list(getattr(self._sklearn_model, "feature_names_in_", ()))
        return named == self.schema.input_names() and not any(isinstance(step, ColumnTransformer) for step in steps)

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
        if self.columns is not None:
            data = (
                self.columns.rows_of_csv(_text(body))
                if decoded is None
                else self.columns.rows_of_json(_table_of(decoded))
            )
            _check_rows(rows := len(data), most_rows)
            predictions = self._predict_rows(self._method(method), data)
        else:
            data = self._parse(body if decoded is None else decoded)
            _check_rows(rows := _rows(data), most_rows)
            predictions = self._predict(self.model.predict if method == LABELS else self._enforced(method), data)
        text = json.dumps({"predictions": _get_jsonable_obj(predictions, pandas_orient="records")}, cls=NumpyEncoder)
        return Predictions(text.encode(), rows, method == LABELS)

    def _method(self, name: str) -> Any:
        """Return a method of the model.

        Raises
        ------
        RequestError
            If the model does not have it.
        """
        method = getattr(self._sklearn_model, name, None)
        if method is None:
            raise bad_request(f"the model has no {name}: it does not give probabilities")
        return method

    def _enforced(self, name: str) -> Any:
        """Return a method of the model that MLflow does not serve, with the signature enforced."""
        from mlflow.models.utils import _enforce_schema

        method = self._method(name)
        return lambda data: method(_enforce_schema(data, self.schema))

    def _predict_rows(self, method: Any, rows: Any) -> Any:
        import pandas as pd

        if isinstance(rows, pd.DataFrame):
            return self._predict(method, rows)
        if self.takes_arrays:
            # If this fails, the prediction below fails too, with a message that has the names of the columns.
            with contextlib.suppress(Exception):
                return method(rows)
        return self._predict(method, pd.DataFrame(rows, columns=self.schema.input_names(), copy=False))

    def _parse(self, given: bytes | dict[str, Any]) -> Any:
        """Return the rows, parsed as MLflow's server does."""
        from mlflow.pyfunc.scoring_server import infer_and_parse_data, parse_csv_input

        try:
            if isinstance(given, bytes):
                return parse_csv_input(io.StringIO(given.decode()), self.schema)
            return infer_and_parse_data(_table_of(given), self.schema)
        except Exception as error:
            # Whatever pandas or MLflow raises here, the body is the cause.
            raise bad_request(cause(error)) from error

    def _predict(self, predict: Any, rows: Any) -> Any:
        try:
            return predict(rows)
        except Exception as error:
            raise bad_request(f"the model cannot predict for these rows: {cause(error)}") from error


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
        raise bad_request(f"the body is not valid JSON: {error}") from error
    required = f"the body must be a JSON object with exactly one of {', '.join(FORMATS)}"
    if not isinstance(decoded, dict):
        raise bad_request(required)
    if len(found := decoded.keys() & set(FORMATS)) != 1:
        raise bad_request(f"{required}; it has {' and '.join(sorted(found)) or 'none'}")
    return decoded


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise bad_request(f"the body is not UTF-8: {error}") from error


def _table_of(decoded: dict[str, Any]) -> dict[str, Any]:
    """Return a body without what is not part of the protocol."""
    return {name: table for name, table in decoded.items() if name in FORMATS}


def _predict_method(decoded: dict[str, Any]) -> str:
    """Take the params out of a body, and return the method of the model that they ask for.

    MLflow ignores all params for a model without parameters; but who asks for probabilities must not get labels.
    """
    params = decoded.pop("params", None)
    method = params.get("predict_method", LABELS) if isinstance(params, dict) else LABELS
    if method not in METHODS:
        raise bad_request(f"predict_method must be one of {', '.join(METHODS)}, not {json.dumps(method)}")
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
