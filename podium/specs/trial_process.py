"""Build specs for ``podium validate`` in a process of its own: ``python -m podium.specs.trial_process``.

Nothing of the project's own code runs: specs that name it are left out.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podium.errors import InvalidFileError, PodiumError, Problem
from podium.files.documents import load_document
from podium.project import Project
from podium.specs.checks.project import checked
from podium.specs.vocabulary import NOT_DAGS, current_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: Longest time for all specs of a project, in seconds; importing Airflow takes two of them.
LONGEST = 300
_DOTTED = re.compile(r"[A-Za-z_]\w*(\.\w+)+")


def tried_problems_of(paths: Sequence[Path], project: Project) -> list[Problem]:
    """Return the problems of files as `problems_of` does, and what Airflow refuses of the specs that have none.

    Raises
    ------
    PodiumError
        If a path does not exist or is neither a spec nor a config, or the specs cannot be built.
    """
    problems, check = checked(paths, project)
    spoilt = {problem.path for problem in problems}
    sound = [path for path in check.ids if project.shown(path) not in spoilt]
    return sorted({*problems, *refused(sound, project)})


def refused(paths: Sequence[Path], project: Project) -> list[Problem]:
    """Return what Airflow refuses of specs in which no check has found a mistake.

    Raises
    ------
    PodiumError
        If they could not be built in time.
    """
    tried = [path for path in paths if _can_be_tried(path, project)]
    if not tried:
        return []
    with tempfile.TemporaryDirectory() as home:
        asked = {"root": str(project.root), "home": str(project.home), "paths": [str(path) for path in tried]}
        command = [sys.executable, "-m", "podium.specs.trial_process"]
        try:
            answer = subprocess.run(
                command,
                input=json.dumps(asked),
                env=_environment(home),
                capture_output=True,
                text=True,
                timeout=LONGEST,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise PodiumError(f"building the specs took more than {LONGEST} s") from None
    if answer.returncode:
        last = answer.stderr.strip().rpartition("\n")[2]
        raise PodiumError(f"the specs cannot be built: {last or f'exit code {answer.returncode}'}")
    return [Problem(**one) for one in json.loads(answer.stdout.rpartition("\n")[2])]


def _environment(home: str) -> dict[str, str]:
    """Return an environment in which Airflow finds an empty home, and the executor of the local stack."""
    ours = {
        "AIRFLOW__CORE__EXECUTOR": "podium.workers.executor.WarmExecutor",
        "AIRFLOW__DAG_FACTORY__ENABLE_TELEMETRY": "False",
        "DO_NOT_TRACK": "1",
    }
    theirs = {name: value for name, value in os.environ.items() if name != "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"}
    return ours | theirs | {"AIRFLOW_HOME": home, "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}


def _can_be_tried(path: Path, project: Project) -> bool:
    """Return whether a spec has a DAG, and names no module of the project."""
    try:
        data = load_document(path, project.shown(path)).data
    except InvalidFileError:
        return False
    folders = (project.root, project.root / "dags", project.root / "plugins")
    own = {entry.stem for folder in folders if folder.is_dir() for entry in folder.iterdir()}
    named = {str(current_path(text)).partition(".")[0] for text in _strings(data) if _DOTTED.fullmatch(text)}
    has_file = any(text.endswith(".py") for text in _strings(data))
    return bool(data.keys() - set(NOT_DAGS)) and not has_file and named.isdisjoint(own - {"podium"})


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _strings(inner)


def main() -> None:
    """Build the specs that standard input names, and print what Airflow refuses as JSON in the last line."""
    from podium.specs.dags import build

    asked = json.load(sys.stdin)
    project = Project(Path(asked["root"]), Path(asked["home"]))
    found = []
    with contextlib.redirect_stdout(sys.stderr):
        for path in map(Path, asked["paths"]):
            try:
                build(load_document(path, project.shown(path)), project)
            except InvalidFileError as error:
                found += error.problems
    sys.stdout.write("\n" + json.dumps([asdict(problem) for problem in found]))


if __name__ == "__main__":
    main()
