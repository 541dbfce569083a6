"""The kinds of columns: what each column is to a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

if TYPE_CHECKING:
    import pandas as pd

#: What a feature is to a model. Numbers and booleans are float64; the others are strings, dates as ISO 8601.
Kind: TypeAlias = Literal["number", "category", "text", "date"]


def typed(values: pd.Series[Any], role: str | None) -> tuple[pd.Series[Any], Kind]:
    """Return a column as models get it, and its kind."""
    import pandas as pd

    if pd.api.types.is_bool_dtype(values) or pd.api.types.is_numeric_dtype(values):
        return values.astype("float64"), "number"
    kind = cast("Kind", role) if role in ("text", "date") else "category"
    return values.astype("object"), kind
