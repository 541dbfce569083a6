"""Columns that a person should look at."""

import numpy as np
import pandas as pd

from podium.data.suspicion import suspicious

IDENTIFIERS = ["ID", "patient_id", "Customer ID", "PassengerId"]


def test_an_identifier_is_known_by_its_name_if_some_rows_share_it():
    rows = np.arange(240)
    shared = np.where(rows < 80, rows // 2, rows) * 7919.0 % 10_007
    features = pd.DataFrame(dict.fromkeys([*IDENTIFIERS, "paid", "centroid", "valid"], shared))
    features["shop_id"] = rows % 3.0
    features["size id"] = rows / 7
    labels = pd.Series(np.where(rows % 5 < 2, "a", "b"))
    distinct = {name: features[name].nunique() for name in features}
    found = list(suspicious(features, labels, dict.fromkeys(features, "number"), distinct))
    named = [f"column {name!r} looks like an identifier, 200 different values in 240 rows: " for name in IDENTIFIERS]
    assert [word.partition("`")[0] for word in found] == named
