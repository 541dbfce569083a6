"""The spec files of a project: finding and reading them."""

from __future__ import annotations

import contextlib
import hashlib
import re
from typing import TYPE_CHECKING, Any

from podium.errors import InvalidFileError
from podium.files.documents import load_document
from podium.specs.vocabulary import DEPLOY, LOCAL, STEPS, TRIGGER, current_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from podium.files.documents import Document
    from podium.project import Project

DEFAULTS = ("defaults.yml", "defaults.yaml")
SUFFIXES = (".yaml", ".yml")


def spec_files(project: Project) -> list[Path]:
    """Return the specs of a project, sorted by name, without ``defaults.yml``."""
    return sorted(
        path
        for path in project.dag_specs.iterdir()
        if path.suffix.lower() in SUFFIXES and path.name not in DEFAULTS and not path.name.startswith(".")
    )


def modified(files: Iterable[Path]) -> tuple[tuple[int, int], ...]:
    """Return the modification times and sizes of files, which change when a file is written."""
    return tuple((found.st_mtime_ns, found.st_size) for found in (path.stat() for path in files))


def default_files(project: Project) -> list[Path]:
    """Return the project's file of default arguments, if it exists."""
    return [path for name in DEFAULTS if (path := project.dag_specs / name).is_file()]


def readable(paths: Iterable[Path], project: Project) -> Iterator[Document]:
    """Yield the specs without syntax mistakes."""
    for path in paths:
        with contextlib.suppress(InvalidFileError):
            yield load_document(path, project.shown(path))


def files_of(project: Project, dag_id: str) -> list[Path]:
    """Return the specs that can contain a DAG.

    A spec that is named after its DAG is found without reading the others.
    """
    named = [project.dag_specs / f"{dag_id}{suffix}" for suffix in SUFFIXES]
    own = [path for path in named if path.name not in DEFAULTS and path.is_file() and may_hold(path, dag_id)]
    return own or [path for path in spec_files(project) if may_hold(path, dag_id)]


def digest(project: Project, dag_id: str) -> str:
    """Return the SHA-256, in hexadecimal, of the spec of a DAG; empty if there is none."""
    for path in files_of(project, dag_id) if dag_id and project.dag_specs.is_dir() else ():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    return ""


def may_hold(path: Path, dag_id: str) -> bool:
    """Return whether a file has a key spelled like a DAG's id: much cheaper than parsing the file."""
    text = path.read_text(encoding="utf-8", errors="replace")
    return re.search(rf"""^[{{ ]*["']?{re.escape(dag_id)}["']?\s*:""", text, re.MULTILINE) is not None


def served(project: Project) -> str | None:
    """Return the DAG whose model the local stack serves: the first with a task that deploys to that server, or None."""
    for path in spec_files(project):
        if DEPLOY.removeprefix(STEPS) in path.read_text(encoding="utf-8", errors="replace"):
            for document in readable([path], project):
                for dag_id, spec in document.data.items():
                    if isinstance(spec, dict) and any(map(_deploys_here, tasks_of(spec))):
                        return dag_id
    return None


def _deploys_here(task: Any) -> bool:
    is_deploy = isinstance(task, dict) and current_path(task.get("python_callable")) == DEPLOY
    return is_deploy and LOCAL in (task.get("endpoints") or ())


def dags_watching(project: Project, folder: str) -> list[str]:
    """Return the DAGs for which every new config of a folder starts a run: their schedule is the folder alone."""
    found = []
    for document in readable(spec_files(project), project):
        for dag_id, spec in document.data.items():
            schedule = spec.get("schedule") if isinstance(spec, dict) else None
            alone = isinstance(schedule, list) and len(schedule) == 1
            if alone and project.path(folder) in map(project.path, _watched(schedule)):
                found.append(str(dag_id))
    return found


def _watched(value: Any) -> Iterator[str]:
    """Yield the folders of the triggers in a schedule."""
    if isinstance(value, dict) and current_path(value.get("__type__")) == TRIGGER:
        yield str(value.get("folder") or next(iter(value.get("__args__") or ()), ""))
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _watched(inner)


def tasks_of(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the tasks of a DAG, whether they are a mapping or a list."""
    tasks = spec.get("tasks") or []
    return list(tasks.values()) if isinstance(tasks, dict) else tasks
