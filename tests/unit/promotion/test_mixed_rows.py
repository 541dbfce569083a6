"""Rows of every kind from the file to Production: trained, validated as they will be served, and promoted."""

import json

import numpy as np
import pandas as pd
import pytest

from podium.promotion import validation
from podium.serving.scoring import Scorer

CONFIGS = {
    "boosting": "estimator: HistGradientBoostingClassifier\nparams: {max_iter: 20}\n",
    "linear": "estimator: LogisticRegression\n",
    "target": "estimator: RandomForestClassifier\nparams: {n_estimators: 10}\npreprocess: [TargetEncoder]\n",
    "xgb": "estimator: XGBClassifier\nparams: {n_estimators: 20, early_stopping_rounds: 5}\n",
}


def rows():
    rng = np.random.default_rng(0)
    size = 300
    frame = pd.DataFrame(
        {
            "age <years>": rng.normal(40, 9, size),
            "is_new": pd.Series(rng.choice([True, False], size), dtype="object"),
            "town": pd.Series(rng.choice(["ulm", "bonn", "trier"], size), dtype="object"),
            "since": pd.date_range("2024-01-01", periods=size, freq="30h"),
            "note": [f"{'a happy customer' if n % 2 else 'a late parcel'} number {n}" for n in range(size)],
        }
    )
    level = (frame["town"] == "ulm").astype(int) + (frame["age <years>"] > 40)
    frame["grade"] = level + 1
    for at, column in enumerate(["age <years>", "is_new", "town", "since", "note"]):
        frame.loc[at :: 11 + at, column] = None
    return frame


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("suffix", ["csv", pytest.param("parquet", marks=pytest.mark.slow)])
def test_rows_of_every_kind_are_trained_validated_served_and_promoted(lab, suffix):
    pytest.importorskip("xgboost")
    path = lab.project.root / f"rows.{suffix}"
    frame = rows()
    frame.to_csv(path, index=False) if suffix == "csv" else frame.to_parquet(path)
    lab = type(lab)(lab.project, lab.pipeline, {"path": path.name, "target": "grade"}, {"folds": 2})
    for name, text in CONFIGS.items():
        lab.write(f"{name}.yaml", text)
    results = lab.train_all()
    assert len(results) == len(CONFIGS)
    for version in lab.models.versions():
        assert validation.check(lab.models, version, lab.job).failures == ()
        scorer = Scorer(lab.models.load(version.number).served)
        row = {"age <years>": 41, "is_new": True, "town": None, "since": "2024-05-01", "note": ""}
        body = json.dumps({"dataframe_records": [row]}).encode()
        (label,) = json.loads(scorer.predict(body, "application/json", 10).body)["predictions"]
        assert type(label) is int
    assert lab.promote(results)["verdict"] == "promoted"
