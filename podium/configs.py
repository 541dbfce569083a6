"""The classifier config: a file in ``config/<pipeline>/``, checked and parsed into the candidates it stands for."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from podium.config_checks import ConfigCheck
from podium.documents import read_document
from podium.parameters import nonfinite_word
from podium.problems import InvalidFileError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from podium.project import Project

#: File name extensions of configs.
SUFFIXES = (".json", ".yaml", ".yml")

#: Candidates that one file's grid may stand for.
MAX_CANDIDATES = 2_000

#: Longest name of a candidate, in characters; a longer one is cut and ends in part of its digest.
MAX_NAME = 120

_NONFINITE = {".inf": math.inf, "-.inf": -math.inf, ".nan": math.nan}


@dataclass(frozen=True)
class ClassifierConfig:
    """One candidate: a classifier with its parameters.

    Parameters
    ----------
    name : str
        The file's stem; a point of a grid adds its values, as in ``rf-max_depth=4``.
    path : str
        The file, as messages show it.
    estimator : str
        Class name of the classifier.
    params : dict
        Its parameters. A classifier inside is ``{"estimator": ..., "params": ..., "preprocess": ...}``, always with
        these three keys.
    preprocess : list of dict
        Transformers in order, each ``{class name: parameters}``.
    description : str
        What a person should know about it.
    tags : dict of str to str
        Tags of the MLflow run and model version.
    """

    name: str
    path: str
    estimator: str
    params: dict[str, Any] = field(default_factory=dict)
    preprocess: list[dict[str, dict[str, Any]]] = field(default_factory=list)
    description: str = ""
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256, in hexadecimal, of what decides the training: estimator, parameters and preprocessing.

        Formatting, the order of keys, name, description and tags do not count; nor does ``1`` against ``1.0`` where
        the parameter is a real number.
        """
        content = {"estimator": self.estimator, "params": self.params, "preprocess": self.preprocess}
        return hashlib.sha256(json.dumps(_encoded(content), sort_keys=True).encode()).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        """Return the config as JSON values; infinite numbers and NaN become ``".inf"``, ``"-.inf"`` and ``".nan"``."""
        return asdict(self) | {"params": _encoded(self.params), "preprocess": _encoded(self.preprocess)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ClassifierConfig:
        """Return the config that `as_dict` described."""
        decoded = {"params": _decoded(values["params"]), "preprocess": _decoded(values["preprocess"])}
        return cls(**{**values, **decoded})


def config_files(folder: Path) -> list[Path]:
    """Return the config files of a folder by name, without hidden and temporary files; none if there is no folder."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if is_config_name(path.name) and path.is_file())


def is_config_name(name: str) -> bool:
    """Return whether a file of this name is a config: ``a.yaml``, and not ``.a.yaml``, ``#a.yaml#`` or ``a.yaml~``."""
    return name.endswith(SUFFIXES) and not name.startswith((".", "#", "~"))


def load_config(path: Path, project: Project) -> list[ClassifierConfig]:
    """Read a config file.

    Parameters
    ----------
    path : pathlib.Path
        A file as `config_files` lists them.
    project : Project
        Decides how the path is shown.

    Returns
    -------
    list of ClassifierConfig
        One, or one per combination of ``grid``, in which a parameter takes precedence over ``params``.

    Raises
    ------
    InvalidFileError
        With every problem of the file.
    """
    shown = project.shown(path)
    name_problems = _name_problems(path, shown)
    document = read_document(path, shown)
    check = ConfigCheck(document)
    parsed = check.run()
    # A value that its syntax spoils, such as a tagged one, is not also of the wrong type.
    spoilt = {(problem.line, problem.column) for problem in document.problems}
    sound = [problem for problem in check.problems if (problem.line, problem.column) not in spoilt]
    problems = [*name_problems, *document.problems, *sound]
    if not problems and math.prod(map(len, parsed.grid.values())) > MAX_CANDIDATES:
        message = f"the grid has more than {MAX_CANDIDATES:,} combinations"
        problems.append(document.problem(("grid",), message, key=True))
    if problems:
        raise InvalidFileError(problems)
    template = ClassifierConfig(
        name=path.stem,
        path=shown,
        estimator=parsed.estimator,
        params=parsed.params,
        preprocess=parsed.preprocess,
        description=parsed.description,
        tags=parsed.tags,
    )
    return _candidates(template, parsed.grid)


def _name_problems(path: Path, shown: str) -> list[Problem]:
    if not path.name.isprintable():
        return [
            Problem(ascii(shown)[1:-1], 1, 1, "the file's name must be printable text, it becomes the model's name")
        ]
    twins = [path.with_suffix(suffix) for suffix in SUFFIXES if suffix < path.suffix]
    return [
        Problem(shown, 1, 1, f"the name {path.stem!r} is already taken by {twin.name}: rename one of them")
        for twin in twins
        if twin.is_file()
    ][:1]


def _candidates(template: ClassifierConfig, grid: Mapping[str, list[Any]]) -> list[ClassifierConfig]:
    """Return a config per combination; sorted parameters keep the names when the file's keys change their order."""
    if not grid:
        return [template]
    names = sorted(grid)
    points = [dict(zip(names, values, strict=True)) for values in itertools.product(*(grid[name] for name in names))]
    candidates = [_with(template, params=template.params | point) for point in points]
    labels = [_label(template.name, point) for point in points]
    return [
        _with(candidate, name=_unique(label, candidate.digest, labels))
        for candidate, label in zip(candidates, labels, strict=True)
    ]


def _with(config: ClassifierConfig, **changes: Any) -> ClassifierConfig:
    return ClassifierConfig(**{**config.__dict__, **changes})


def _label(name: str, point: Mapping[str, Any]) -> str:
    return "-".join([name, *(f"{key}={_word(value)}" for key, value in point.items())])


def _word(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and "estimator" in value:
        return str(value["estimator"])
    return json.dumps(_encoded(value), separators=(",", ":")).replace('"', "")


def _unique(label: str, digest: str, labels: list[str]) -> str:
    """Return a label that no other candidate has: two estimators inside can differ in their parameters only."""
    if len(label) <= MAX_NAME and label.isprintable() and labels.count(label) == 1:
        return label
    return f"{''.join(filter(str.isprintable, label))[: MAX_NAME - 9]}-{digest[:8]}"


def _encoded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _encoded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_encoded(inner) for inner in value]
    return nonfinite_word(value) if isinstance(value, float) and not math.isfinite(value) else value


def _decoded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _decoded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_decoded(inner) for inner in value]
    return _NONFINITE.get(value, value) if isinstance(value, str) else value
