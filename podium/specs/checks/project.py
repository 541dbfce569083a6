"""The check of a project's specs and configs."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from podium.configs.files import config_files, load_config
from podium.configs.vocabulary import Vocabulary
from podium.errors import InvalidFileError, PodiumError, Problem, did_you_mean
from podium.files.documents import MAX_BYTES, read_document
from podium.specs import files
from podium.specs.checks.objects import allow_list
from podium.specs.checks.spec import check_spec, finder_of
from podium.specs.vocabulary import NOT_DAGS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from podium.files.documents import Document
    from podium.project import Project


_SUFFIXES = (*files.SUFFIXES, ".json")
_TOP_KEY = re.compile(r"""^(?:"([^"\n]+)"|'([^'\n]+)'|([^\s#"'{}\[\],&*!|>%@`-][^\n:#]*?))\s*:(?:\s|$)""", re.MULTILINE)
#: An ``estimator`` that can be at the top level: at the beginning of a line, or inside braces.
_MAY_BE_CONFIG = re.compile(r"""(^|\{\s*|,\s*)["']?estimator["']?\s*:""", re.MULTILINE)


def problems_of(paths: Sequence[Path], project: Project) -> list[Problem]:
    """Return the problems of files, sorted.

    Parameters
    ----------
    paths : sequence of pathlib.Path
        Specs, configs, or folders of them. If empty: all specs and configs of the project.

    Raises
    ------
    PodiumError
        If a path does not exist or is neither a spec nor a config.
    """
    return checked(paths, project)[0]


def checked(paths: Sequence[Path], project: Project) -> tuple[list[Problem], ProjectCheck]:
    """Return the problems of files, as `problems_of` does, and the check that found them."""
    check = ProjectCheck(project)
    files = (
        list(dict.fromkeys(file for path in paths for file in _files(path, project))) if paths else all_files(project)
    )
    problems = list(check.problems)
    for file in files:
        problems += check.file(file)
    problems += duplicate_ids(check.ids, project)
    return sorted(set(problems)), check


def all_files(project: Project) -> list[Path]:
    """Return every spec and config of a project."""
    defaults = [path for name in files.DEFAULTS if (path := project.dag_specs / name).is_file()]
    folders = sorted(path for path in project.config.iterdir() if path.is_dir()) if project.config.is_dir() else []
    found = [file for folder in folders for file in config_files(folder)]
    return [*defaults, *files.spec_files(project), *found]


class ProjectCheck:
    """Checks files of one project; what they share is only read once.

    Attributes
    ----------
    problems : list of Problem
        Problems of the project's settings.
    ids : dict of pathlib.Path to dict
        Positions of the DAG ids of each spec that could be read.
    specs : list of Document
        These specs.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._finder = finder_of(project)
        self._allowed, self.problems = allow_list(project)
        self.problems += Vocabulary.of(project).problems()
        self._shared = _shared(project)
        self.ids: dict[Path, dict[str, tuple[int, int]]] = {}
        self.specs: list[Document] = []

    def file(self, path: Path) -> list[Problem]:
        """Return the problems of a spec or config."""
        if is_config(path, self._project):
            try:
                load_config(path, self._project)
            except InvalidFileError as error:
                return error.problems
            return []
        try:
            return self.spec(path, read_document(path, self._project.shown(path)))
        except InvalidFileError as error:
            return error.problems

    def spec(self, path: Path, document: Document) -> list[Problem]:
        """Return the problems of a spec that has been read."""
        is_defaults = path.name in files.DEFAULTS
        if not is_defaults:
            names = [name for name in document.data if name not in NOT_DAGS]
            self.ids[path] = {name: document.position((name,), key=True) for name in names}
            self.specs.append(document)
        shared = None if is_defaults else self._shared
        found = check_spec(document, self._project, self._finder, self._allowed, shared=shared)
        # Report only the syntax mistake of a value, such as a tag, and not its type as well.
        spoilt = {(problem.line, problem.column) for problem in document.problems}
        return [*document.problems, *(problem for problem in found if (problem.line, problem.column) not in spoilt)]


def duplicate_ids(ids: dict[Path, dict[str, tuple[int, int]]], project: Project) -> list[Problem]:
    """Return a problem for each DAG id that is also in another spec.

    The file that is named after the id keeps it, or else the first file.
    """
    first: dict[str, Path] = {}
    others = files.spec_files(project) if any(path.parent == project.dag_specs for path in ids) else []
    for path in sorted({*ids, *others}):
        for name in ids.get(path) or ({} if path in ids else _top_keys(path)):
            if name not in first or first[name].stem != name == path.stem:
                first[name] = path
    return [
        Problem(project.shown(path), *position, f"the DAG id {name!r} is already taken by {project.shown(first[name])}")
        for path, names in ids.items()
        for name, position in names.items()
        if first[name] != path
    ]


def is_config(path: Path, project: Project) -> bool:
    """Return whether a file is a classifier config, by its folder, or else by whether it has an estimator."""
    if path.is_relative_to(project.dag_specs) or path.name in files.DEFAULTS:
        return False
    if path.is_relative_to(project.config):
        return True
    if path.suffix.lower() == ".json":
        return not _is_dag_json(path)
    return _MAY_BE_CONFIG.search(_text(path)) is not None and _has_estimator(path)


def shown_as(problems: Iterable[Problem], format_: str) -> str:
    """Return problems as plain text, JSON or GitHub annotations."""
    if format_ == "json":
        return json.dumps([asdict(problem) for problem in problems])
    if format_ == "github":
        return "\n".join(map(_annotation, problems))
    return "\n".join(map(str, problems))


def _annotation(problem: Problem) -> str:
    values = (problem.path, problem.message)
    path, message = (re.sub(r"[%\r\n]", lambda found: f"%{ord(found[0]):02X}", value) for value in values)
    path = path.replace(":", "%3A").replace(",", "%2C")
    return f"::error file={path},line={problem.line},col={problem.column}::{message}"


def _files(path: Path, project: Project) -> list[Path]:
    path = path.absolute()
    if project.dag_specs.is_relative_to(path) or project.config.is_relative_to(path):
        # A project has other YAML files too, such as those of its CI.
        return [file for file in all_files(project) if file.is_relative_to(path)]
    if path.is_dir():
        return sorted(
            file
            for file in path.rglob("*")
            if file.suffix.lower() in _SUFFIXES and file.is_file() and not _is_hidden(file.relative_to(path))
        )
    if not path.exists():
        near = [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
        raise PodiumError(f"there is no file or folder {path}{did_you_mean(path.name, near)}")
    if path.suffix.lower() not in _SUFFIXES:
        raise PodiumError(f"{path} is neither a spec nor a config: its name must end in {', '.join(_SUFFIXES)}")
    return [path]


def _is_hidden(path: Path) -> bool:
    return any(part.startswith((".", "#", "~")) for part in path.parts)


def _top_keys(path: Path) -> set[str]:
    """Return the top-level keys of a YAML file by a pattern, which is much cheaper than parsing the file."""
    return {next(filter(None, match)) for match in _TOP_KEY.findall(_text(path))}


def _text(path: Path) -> str:
    """Return the content of a file, decoded; empty if the file cannot be read."""
    try:
        if not path.is_file():
            return ""
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            return file.read(MAX_BYTES)
    except OSError:
        return ""


def _has_estimator(path: Path) -> bool:
    """Return whether a file has a top-level estimator that cannot be a DAG; True if the file cannot be parsed."""
    try:
        data = read_document(path, path.name).data
    except InvalidFileError:
        return True
    return "estimator" in data and not isinstance(data["estimator"], dict)


def _is_dag_json(path: Path) -> bool:
    try:
        data: Any = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return (
        isinstance(data, dict)
        and "estimator" not in data
        and any(isinstance(value, dict) and "tasks" in value for value in data.values())
    )


def _shared(project: Project) -> dict[str, Any]:
    for name in files.DEFAULTS:
        path = project.dag_specs / name
        if path.is_file():
            try:
                return read_document(path, project.shown(path)).data
            except InvalidFileError:
                return {}
    return {}
