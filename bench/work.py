"""The configs that every side of a comparison trains: their fits take about 20 ms each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from pathlib import Path

# Each is used in turn, with one number that makes it a config of its own.
KINDS: list[tuple[str, str, dict[str, Any]]] = [
    ("LogisticRegression", "C", {"max_iter": 2000}),
    ("RandomForestClassifier", "max_depth", {"n_estimators": 15}),
    ("SVC", "C", {"kernel": "rbf"}),
    ("ExtraTreesClassifier", "max_depth", {"n_estimators": 20}),
    ("KNeighborsClassifier", "n_neighbors", {}),
    ("GradientBoostingClassifier", "max_depth", {"n_estimators": 5}),
]


def configs(count: int, label: str) -> dict[str, dict[str, Any]]:
    """Return so many classifier configs by name; another label makes other names."""
    made = {}
    for index in range(count):
        estimator, varied, params = KINDS[index % len(KINDS)]
        value = 2 + index // len(KINDS)
        made[f"{label}-{index:04}"] = {"estimator": estimator, "params": {**params, varied: value}}
    return made


def write(folder: Path, made: dict[str, dict[str, Any]]) -> None:
    """Make a folder hold these configs and no others."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.yaml"):
        path.unlink()
    for name, config in made.items():
        write_one(folder / f"{name}.yaml", config)


def write_one(path: Path, config: dict[str, Any]) -> None:
    """Write one config."""
    path.write_text(yaml.safe_dump(config))
