"""Config files in ``config/<pipeline>/``: listed, checked, and parsed into candidates."""

from __future__ import annotations

import itertools
import json
import math
from typing import TYPE_CHECKING, Any

from podium.configs.check import ConfigCheck
from podium.configs.config import ClassifierConfig, encoded
from podium.configs.grid import with_values
from podium.configs.vocabulary import Vocabulary
from podium.errors import InvalidFileError, Problem
from podium.files.documents import read_document

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    from podium.configs.grid import Place
    from podium.project import Project

#: File name extensions of configs, in lower or upper case.
SUFFIXES = (".json", ".yaml", ".yml")

#: Largest number of candidates of one file's grid.
MAX_CANDIDATES = 2_000

#: Longest name of a candidate, in characters; a longer one is cut and ends with part of the config's digest.
MAX_NAME = 120


def config_files(folder: Path) -> list[Path]:
    """Return the config files of a folder, if it exists, sorted by name; hidden and temporary files are skipped."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if is_config_name(path.name) and path.is_file())


def is_config_name(name: str) -> bool:
    """Return whether a file name is that of a config: ``a.yaml``, but not ``.a.yaml``, ``#a.yaml#`` or ``a.yaml~``."""
    return name.lower().endswith(SUFFIXES) and not name.startswith((".", "#", "~"))


def load_config(
    path: Path, project: Project, columns: Callable[[], Collection[str]] | None = None
) -> list[ClassifierConfig]:
    """Read a config file.

    Parameters
    ----------
    path : pathlib.Path
        A file that `config_files` lists.
    project : Project
        The project; paths are shown relative to it.
    columns : callable, optional
        Returns the features of the data set; called if the config names columns. Default: any column may exist.

    Returns
    -------
    list of ClassifierConfig
        One, or one per combination of ``grid``. A parameter in ``grid`` takes precedence over ``params``.

    Raises
    ------
    InvalidFileError
        With every problem of the file.
    """
    shown = project.shown(path)
    name_problems = _name_problems(path, shown)
    document = read_document(path, shown)
    check = ConfigCheck(document, Vocabulary.of(project), columns)
    parsed = check.run()
    # Report only the syntax mistake of a value, such as a tag, and not its type as well.
    spoilt = {(problem.line, problem.column) for problem in document.problems}
    sound = [problem for problem in check.problems if (problem.line, problem.column) not in spoilt]
    problems = [*name_problems, *document.problems, *sound]
    if not problems and math.prod(len(values) for _, values in parsed.grid.values()) > MAX_CANDIDATES:
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
        return [Problem(ascii(shown)[1:-1], 1, 1, "the file name must be printable: it becomes the name of the model")]
    spellings = [*SUFFIXES, *map(str.upper, SUFFIXES)]
    twins = sorted(path.with_suffix(suffix) for suffix in spellings if suffix < path.suffix)
    return [
        Problem(shown, 1, 1, f"the name {path.stem!r} is already taken by {twin.name}: rename one of them")
        for twin in twins
        if twin.is_file() and not twin.samefile(path)
    ][:1]


def _candidates(template: ClassifierConfig, grid: Mapping[str, tuple[Place, list[Any]]]) -> list[ClassifierConfig]:
    """Return a config per combination. Parameters are sorted, so names do not depend on the order of keys."""
    if not grid:
        return [template]
    names = sorted(grid)
    combinations = itertools.product(*(grid[name][1] for name in names))
    points = [dict(zip(names, values, strict=True)) for values in combinations]
    content = {"params": template.params, "preprocess": template.preprocess}
    candidates = [
        _with(template, **with_values(content, {grid[name][0]: value for name, value in point.items()}))
        for point in points
    ]
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
    return json.dumps(encoded(value), separators=(",", ":")).replace('"', "")


def _unique(label: str, digest: str, labels: list[str]) -> str:
    """Return a label that is unique: nested estimators of two candidates can differ in their parameters only."""
    if len(label) <= MAX_NAME and label.isprintable() and labels.count(label) == 1:
        return label
    return f"{''.join(filter(str.isprintable, label))[: MAX_NAME - 9]}-{digest[:8]}"
