"""The fits of one training without Podium around them: ``python -m bench.size.bare CSV CONFIG``.

Rows read by pandas, a pipeline as Podium builds it, as many fits, and the log loss of each; the processor seconds go to
standard output.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pandas as pd
from sklearn.base import clone
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold, train_test_split

from bench.size.rows import TARGET
from bench.size.trainings import SPLIT
from podium.configs.files import load_config
from podium.data import datasets
from podium.project import Project
from podium.training import fit


def main() -> None:
    """Fit and score."""
    rows, file = Path(sys.argv[1]), Path(sys.argv[2])
    ref = datasets.DatasetRef.from_spec({"path": rows.name, "target": TARGET}, rows.parent)
    dataset = datasets.load(ref, SPLIT)
    (config,) = load_config(file, Project(rows.parent, rows.parent))
    template = fit.pipeline(config, dataset, SPLIT.seed)
    frame = dataset.x_train.iloc[:0]
    started = time.process_time()
    read = pd.read_csv(rows, dtype=dict(frame.dtypes))
    x, y = read.drop(columns=TARGET), read[TARGET].to_numpy()
    x, x_test, y, y_test = train_test_split(x, y, test_size=SPLIT.test_size, random_state=0, stratify=y)
    for fitted, scored in StratifiedKFold(SPLIT.folds, shuffle=True, random_state=0).split(x, y):
        model = clone(template).fit(x.iloc[fitted], y[fitted])
        log_loss(y[scored], model.predict_proba(x.iloc[scored]))
    log_loss(y_test, template.fit(x, y).predict_proba(x_test))
    print(time.process_time() - started)


if __name__ == "__main__":
    main()
