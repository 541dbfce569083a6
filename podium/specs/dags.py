"""Building the DAGs of specs through dag-factory, one DAG at a time."""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import inspect
import operator
import warnings
from typing import TYPE_CHECKING, Any

from podium.errors import InvalidFileError, PodiumError, Problem, one_line
from podium.files.documents import load_document
from podium.files.yaml_nodes import from_environment
from podium.specs import notifications, trial
from podium.specs.files import default_files, files_of, modified, readable, spec_files, tasks_of
from podium.specs.vocabulary import NOT_DAGS, STEPS, current_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from airflow.sdk import DAG

    from podium.files.documents import Document
    from podium.project import Project

COMBINE = {"__and__": operator.and_, "__or__": operator.or_}


def load_dags(project: Project, dag_id: str | None = None) -> dict[str, DAG]:
    """Build the DAGs of a project's specs, without the specs that :func:`spec_problems` reports.

    Parameters
    ----------
    project : Project
        The project.
    dag_id : str, optional
        Build only the specs that can contain this DAG: a task needs no others.

    Returns
    -------
    dict of str to airflow.sdk.DAG
    """
    if dag_id:
        # Not checked again: the DAG of a task was valid when it was scheduled, and a task must start fast.
        files = files_of(project, dag_id)
        return dict(_built(project, tuple(files), modified([*files, *default_files(project)])))
    return _build_all(_validated(project)[0], project)


def _build_all(documents: Iterable[Document], project: Project, *, tried: bool = True) -> dict[str, DAG]:
    dags: dict[str, DAG] = {}
    with _no_collection():
        for document in documents:
            with contextlib.suppress(InvalidFileError):
                dags = build(document, project, tried=tried) | dags
    return dags


@functools.lru_cache(maxsize=64)
def _built(project: Project, files: tuple[Path, ...], _modified: object) -> dict[str, DAG]:
    return _build_all(readable(files, project), project, tried=False)


def forget_built() -> None:
    """Clear the cache of DAGs built for tasks, so that the next task builds its own."""
    _built.cache_clear()


def spec_problems(project: Project) -> list[Problem]:
    """Return the problems because of which specs do not become DAGs."""
    sound, problems = _validated(project)
    for document in sound:
        try:
            build(document, project)
        except InvalidFileError as error:
            problems += error.problems
    return problems


def _validated(project: Project) -> tuple[list[Document], list[Problem]]:
    """Return the specs without problems, and the problems of the others, as ``podium validate`` finds them."""
    from podium.specs.checks.project import ProjectCheck, duplicate_ids

    check = ProjectCheck(project)
    files = [*default_files(project), *spec_files(project)]
    found = [problem for path in files for problem in check.file(path)]
    problems = [*check.problems, *found, *duplicate_ids(check.ids, project)]
    spoilt = {problem.path for problem in problems}
    return [document for document in check.specs if document.path not in spoilt], problems


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Disable garbage collection: it takes an eighth of the loading time and would free nothing."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def build(document: Document, project: Project, *, tried: bool = True) -> dict[str, DAG]:
    """Build the DAGs of one spec through dag-factory.

    Parameters
    ----------
    document : Document
        The spec.
    project : Project
        The project.
    tried : bool
        Whether to try also what Airflow does next with a DAG: see :mod:`podium.specs.trial`.

    Raises
    ------
    InvalidFileError
        With a problem for each DAG that dag-factory or Airflow refuses.
    """
    factory = _factory(project)
    from dagfactory.utils import cast_with_type

    shared = {key: value for key, value in document.data.items() if key in NOT_DAGS}
    dags: dict[str, DAG] = {}
    problems = []
    for key in document.data.keys() - shared.keys():
        try:
            content = expand({**shared, key: document.data[key]})
            for task in tasks_of(content[key]):
                _keep_signature(str(task.get("python_callable")))
            sent = notifications.take(content)
            config = combine(cast_with_type(content))
            built = factory(config_dict=config, defaults_config_path=str(project.dag_specs)).build_dags()
            for dag in built.values():
                notifications.attach(dag, sent)
                if tried:
                    trial.check(dag)
            dags |= built
        except Exception as error:  # noqa: BLE001
            # An error that dag-factory or Airflow raises for a spec must not affect the other specs.
            text = one_line(error)
            message = f"{key}: {text}" if isinstance(error, PodiumError) else f"{key}: {type(error).__name__}: {text}"
            problems.append(document.problem([key], message, key=True))
    if problems:
        raise InvalidFileError(problems)
    for dag in dags.values():
        written = f"```yaml\n{document.text.rstrip()}\n```"
        dag.doc_md = f"{dag.doc_md}\n\n{written}" if dag.doc_md else written
    return dags


@functools.cache
def _keep_signature(name: str) -> None:
    """Store the signature of a Podium step: Airflow computes it twice per task, a seventh of the loading time."""
    module, _, function = name.rpartition(".")
    if current_path(name).startswith(STEPS):
        with contextlib.suppress(Exception):  # dag-factory reports the error
            step = getattr(importlib.import_module(module), function)
            step.__signature__ = inspect.signature(step)


def import_dag_factory() -> None:
    """Import dag-factory without the warnings about deprecated names that it and Airflow itself import."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import dagfactory  # noqa: F401


@functools.cache
def _factory(project: Project) -> Any:
    import_dag_factory()
    from dagfactory.dagfactory import _DagFactory
    from dagfactory.utils import cast_with_type

    class Factory(_DagFactory):  # type: ignore[misc]
        """dag-factory without its own parsing and printing of YAML, which takes most of its time."""

        def _load_dag_config(self, config_filepath: Path) -> dict[str, Any]:
            defaults = load_document(config_filepath, project.shown(config_filepath))
            return dict(cast_with_type(expand(defaults.data)))

        @staticmethod
        def _serialise_config_md(*_: Any) -> str:
            return ""  # the docs show the spec as its author wrote it

    return Factory


def expand(value: Any) -> Any:
    """Return a spec's content with ``$NAME`` and ``${NAME}`` in its strings replaced from the environment."""
    if isinstance(value, str):
        return from_environment(value)
    if isinstance(value, dict):
        return {key: expand(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [expand(inner) for inner in value]
    return value


def combine(value: Any) -> Any:
    """Return a spec's content with ``__and__``, ``__or__`` and ``__join__`` evaluated."""
    if isinstance(value, list):
        return [combine(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    for key, both in COMBINE.items():
        if key in value:
            return functools.reduce(both, combine(value[key]))
    if "__join__" in value:
        return "".join(map(str, combine(value["__join__"])))
    return {key: combine(inner) for key, inner in value.items()}
