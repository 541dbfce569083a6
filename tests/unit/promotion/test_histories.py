"""Random histories of a pipeline's data: no version is compared on a row that it was trained on."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from podium.data import datasets
from podium.errors import PodiumError
from podium.promotion import comparison
from podium.registry import data_records
from podium.registry.versions import Version

KINDS = {
    "random": {},
    "group": {"kind": "group", "group": "patient"},
    "time": {"kind": "time", "time": "day"},
    "given": {"kind": "given", "fold": "part"},
}


def new_rows(rng, size):
    return pd.DataFrame(
        {
            "number": rng.normal(size=size).round(9),
            "town": rng.choice(["ulm", "bonn", ""], size),
            "patient": rng.integers(0, 30, size),
            "day": rng.integers(0, 300, size),
            "part": rng.choice(["test", "train", "train"], size),
            "label": rng.choice(["no", "yes"], size),
        }
    )


# What a team may do to its data; `some` is a fifth of the rows.
CHANGES = {
    "append": lambda rows, _, rng: pd.concat([rows, new_rows(rng, 40)], ignore_index=True),
    "repeat": lambda rows, some, _: pd.concat([rows, rows[some]], ignore_index=True),
    "remove": lambda rows, some, _: rows[~some].reset_index(drop=True),
    "relabel": lambda rows, some, _: rows.assign(label=rows["label"].where(~some, "yes")),
    "change": lambda rows, some, rng: rows.assign(number=rows["number"].where(~some, rng.normal(size=len(rows)))),
    "assign to parts": lambda rows, some, _: rows.assign(part=rows["part"].where(~some, "test")),
    "shuffle": lambda rows, _, rng: rows.sample(frac=1, random_state=int(rng.integers(99))),
    "nothing": lambda rows, *_: rows,
}


def changed(rows, change, rng):
    return CHANGES[change](rows, rng.random(len(rows)) < 0.2, rng)


steps = st.lists(
    st.tuples(
        st.sampled_from(list(CHANGES)),
        st.sampled_from([0, 0, 0, 1, 2]),
        st.sampled_from([0.3, 0.3, 0.5]),
        st.sampled_from(["random", "random", *KINDS]),
    ),
    min_size=2,
    max_size=6,
)


def identities(rows, split):
    """Return what must not be in both parts: the row without its label, or its group."""
    if split.kind == "group":
        return set(rows["patient"])
    return set(rows.fillna("").itertuples(index=False, name=None))


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
@settings(deadline=None, max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=steps)
def test_no_version_is_compared_on_a_row_of_its_training(lab, seed, history):
    rng = np.random.default_rng(seed)
    frame, trained = new_rows(rng, 160), []
    lab = replace(lab, dataset={"path": "rows.csv", "target": "label"})
    for change, split_seed, test_size, kind in history:
        frame = changed(frame, change, rng)
        frame.to_csv(lab.project.root / "rows.csv", index=False)
        today = replace(lab, split={"seed": split_seed, "test_size": test_size, "folds": 2, **KINDS[kind]})
        try:
            rows = datasets.load(today.job.dataset, today.job.split)
        except PodiumError:  # a part lacks a class
            continue
        data_records.ensure(today.models, today.job.tags, lambda rows=rows: rows)
        version = Version(len(trained) + 1, "", "None", today.job.tags)
        trained.append((version, today.job.split, rows))
        assert comparison.unseen(today.models, version, today.job).mask.all()
        for earlier, split, data in trained:
            found = comparison.unseen(today.models, earlier, today.job)
            compared = comparison.only(rows, found.mask).x_test
            assert identities(compared, split).isdisjoint(identities(data.x_train, split))
            assert identities(compared, today.job.split).isdisjoint(identities(data.x_train, today.job.split))
            same = (split, found.mask.all()) if split == today.job.split and kind in ("random", "group") else None
            assert same in (None, (split, True)), "without a change of the split, all held-out rows are compared"


@pytest.mark.parametrize("kind", ["random", "group"])
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.sampled_from(list(CHANGES)), min_size=2, max_size=6))
def test_a_row_stays_in_its_part_through_every_history(tmp_path, kind, changes):
    from podium.data.refs import DatasetRef
    from podium.data.splits import Split

    rng = np.random.default_rng(0)
    frame, split, parts = new_rows(rng, 160), Split.from_spec({"folds": 2, **KINDS[kind]}), {}
    for change in changes:
        frame = changed(frame, change, rng)
        frame.to_csv(tmp_path / "rows.csv", index=False)
        rows = datasets.load(DatasetRef.from_spec({"path": "rows.csv", "target": "label"}, tmp_path), split)
        for part, held in (("train", rows.x_train), ("test", rows.x_test)):
            for row in identities(held, split):
                assert parts.setdefault(row, part) == part
