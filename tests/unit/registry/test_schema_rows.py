"""The rows that MLflow infers a schema from."""

import mlflow.models
import numpy as np
import pandas as pd
import pytest

from podium.registry.schema_rows import schema_rows

NUMBERS = np.arange(1000.0)
WORDS = np.array(["a", "b"] * 500, dtype=object)


def gap(values, where):
    values = values.copy()
    values[where] = None
    return values


@pytest.mark.parametrize(
    "columns",
    [
        {"complete": NUMBERS, "also": NUMBERS},
        {"first missing": gap(NUMBERS, 0), "last missing": gap(NUMBERS, -1)},
        {"text": WORDS, "gaps in text": gap(WORDS, slice(0, 999)), "number": gap(NUMBERS, 500)},
    ],
)
def test_a_few_rows_have_the_schema_of_all(columns):
    rows = pd.DataFrame(columns)
    few = schema_rows(rows)
    assert len(few) <= 1 + 2 * rows.shape[1]
    assert mlflow.models.infer_signature(few) == mlflow.models.infer_signature(rows)
