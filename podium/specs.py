"""DAG specs: dag-factory's YAML, read with positions and built one DAG at a time."""

from __future__ import annotations

import contextlib
import functools
import gc
import hashlib
import importlib
import inspect
import operator
import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from podium import messages
from podium.documents import load_document
from podium.plan import Job
from podium.problems import InvalidFileError, PodiumError, Problem, did_you_mean
from podium.promotion import Rule
from podium.yaml_nodes import from_environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from airflow.sdk import DAG

    from podium.documents import Document
    from podium.project import Project

DEFAULTS = ("defaults.yml", "defaults.yaml")
SUFFIXES = (".yaml", ".yml")
# Top-level keys of a spec that are not DAGs.
NOT_DAGS = ("default", "task_groups")
# Where Podium's own steps are.
STEPS = "tasks."
# A task that deploys, and what it calls the server of the local stack.
DEPLOY, LOCAL = "tasks.deploy.deploy_model", "local"
COMBINE = {"__and__": operator.and_, "__or__": operator.or_}


def spec_files(project: Project) -> list[Path]:
    """Return the specs of a project, sorted by name; ``defaults.yml`` is none."""
    return sorted(
        path
        for path in project.dag_specs.iterdir()
        if path.suffix in SUFFIXES and path.name not in DEFAULTS and not path.name.startswith(".")
    )


def load_dags(project: Project, dag_id: str | None = None) -> dict[str, DAG]:
    """Build the DAGs of a project's specs, leaving out the specs that :func:`spec_problems` reports.

    Parameters
    ----------
    project : Project
        Whose specs.
    dag_id : str, optional
        Build only the specs that may hold this DAG: a task needs no other.

    Returns
    -------
    dict of str to airflow.sdk.DAG
    """
    if dag_id:
        # A task's own DAG was valid when it was scheduled, and a task must start fast.
        files = files_of(project, dag_id)
        return dict(_built(project, tuple(files), _stamp([*files, *_defaults(project)])))
    return _build_all(_validated(project)[0], project)


def _build_all(documents: Iterable[Document], project: Project) -> dict[str, DAG]:
    dags: dict[str, DAG] = {}
    with _no_collection():
        for document in documents:
            with contextlib.suppress(InvalidFileError):
                dags = build(document, project) | dags
    return dags


@functools.lru_cache(maxsize=64)
def _built(project: Project, files: tuple[Path, ...], _stamp: object) -> dict[str, DAG]:
    return _build_all(_readable(files, project), project)


def forget_built() -> None:
    """Forget the DAGs that were built for tasks, so that the next one builds its own."""
    _built.cache_clear()


def _stamp(files: Iterable[Path]) -> tuple[tuple[int, int], ...]:
    """Return what changes when a file is written."""
    return tuple((found.st_mtime_ns, found.st_size) for found in (path.stat() for path in files))


def _defaults(project: Project) -> list[Path]:
    return [path for name in DEFAULTS if (path := project.dag_specs / name).is_file()]


def spec_problems(project: Project) -> list[Problem]:
    """Return what keeps specs from becoming DAGs."""
    sound, problems = _validated(project)
    for document in sound:
        try:
            build(document, project)
        except InvalidFileError as error:
            problems += error.problems
    return problems


def _readable(paths: Iterable[Path], project: Project) -> Iterator[Document]:
    for path in paths:
        with contextlib.suppress(InvalidFileError):
            yield load_document(path, project.shown(path))


def _validated(project: Project) -> tuple[list[Document], list[Problem]]:
    """Return the specs without a mistake, and the mistakes of the others: those that ``podium validate`` finds."""
    from podium.validate import Validation, duplicate_ids

    check = Validation(project)
    files = [*_defaults(project), *spec_files(project)]
    found = [problem for path in files for problem in check.file(path)]
    problems = [*check.problems, *found, *duplicate_ids(check.ids, project)]
    spoilt = {problem.path for problem in problems}
    return [document for document in check.specs if document.path not in spoilt], problems


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Leave out garbage collection: nothing of what is loaded is, and looking for it takes an eighth of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def files_of(project: Project, dag_id: str) -> list[Path]:
    """Return the specs that may hold a DAG.

    One that is named after its DAG is found without a look at the others, however many there are.
    """
    named = [project.dag_specs / f"{dag_id}{suffix}" for suffix in SUFFIXES]
    own = [path for path in named if path.name not in DEFAULTS and path.is_file() and may_hold(path, dag_id)]
    return own or [path for path in spec_files(project) if may_hold(path, dag_id)]


def digest(project: Project, dag_id: str) -> str:
    """Return the SHA-256, in hexadecimal, of the spec that holds a DAG; empty where there is none."""
    for path in files_of(project, dag_id) if dag_id and project.dag_specs.is_dir() else ():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    return ""


def may_hold(path: Path, dag_id: str) -> bool:
    """Tell whether a file's text has a key spelled like a DAG's id: much cheaper than parsing it."""
    text = path.read_text(encoding="utf-8", errors="replace")
    return re.search(rf"""^[{{ ]*["']?{re.escape(dag_id)}["']?\s*:""", text, re.MULTILINE) is not None


def build(document: Document, project: Project) -> dict[str, DAG]:
    """Build the DAGs of one spec through dag-factory.

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
            for task in _tasks(content[key]):
                _keep_signature(str(task.get("python_callable")))
            sent = messages.take(content)
            config = combine(cast_with_type(content))
            built = factory(config_dict=config, defaults_config_path=str(project.dag_specs)).build_dags()
            for dag in built.values():
                messages.attach(dag, sent)
            dags |= built
        except Exception as error:  # noqa: BLE001
            # Whatever a spec makes dag-factory or Airflow raise is that spec's problem alone.
            text = " ".join(str(error).split()) or type(error).__name__
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
    """Note the signature of a step of Podium's: Airflow works it out twice a task, a seventh of all loading."""
    module, _, function = name.rpartition(".")
    if name.startswith(STEPS):
        with contextlib.suppress(Exception):  # dag-factory says what is wrong with it
            step = getattr(importlib.import_module(module), function)
            step.__signature__ = inspect.signature(step)


def import_dag_factory() -> None:
    """Import dag-factory without the warnings about what it, and Airflow itself, import by deprecated names."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import dagfactory  # noqa: F401


@functools.cache
def _factory(project: Project) -> Any:
    import_dag_factory()
    from dagfactory.dagfactory import _DagFactory
    from dagfactory.utils import cast_with_type

    class Factory(_DagFactory):  # type: ignore[misc]
        """dag-factory without its own reading and printing of YAML, which is most of its time."""

        def _load_dag_config(self, config_filepath: Path) -> dict[str, Any]:
            defaults = load_document(config_filepath, project.shown(config_filepath))
            return dict(cast_with_type(expand(defaults.data)))

        @staticmethod
        def _serialise_config_md(*_: Any) -> str:
            return ""  # the docs show the spec as its author wrote it

    return Factory


def expand(value: Any) -> Any:
    """Return a spec's content with ``$NAME`` and ``${NAME}`` in its text replaced from the environment."""
    if isinstance(value, str):
        return from_environment(value)
    if isinstance(value, dict):
        return {key: expand(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [expand(inner) for inner in value]
    return value


def combine(value: Any) -> Any:
    """Return a spec's content with ``__and__``, ``__or__`` and ``__join__`` carried out."""
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


def served(project: Project) -> str | None:
    """Return the DAG whose model the local stack serves: the first with a task that deploys to that server.

    None where there is none.
    """
    for path in spec_files(project):
        if DEPLOY in path.read_text(encoding="utf-8", errors="replace"):
            for document in _readable([path], project):
                for dag_id, spec in document.data.items():
                    if isinstance(spec, dict) and any(map(_deploys_here, _tasks(spec))):
                        return dag_id
    return None


def _deploys_here(task: Any) -> bool:
    is_deploy = isinstance(task, dict) and task.get("python_callable") == DEPLOY
    return is_deploy and LOCAL in (task.get("endpoints") or ())


@dataclass(frozen=True)
class Pipeline:
    """What a spec says about training or hosting, as the command line needs it.

    Parameters
    ----------
    dag_id : str
        The DAG.
    job : Job
        Name, rows, split and folder.
    rule : Rule
        What decides about Production.
    """

    dag_id: str
    job: Job
    rule: Rule


def pipeline(project: Project, dag_id: str) -> Pipeline:
    """Read what a DAG trains or hosts from its spec, without Airflow.

    Raises
    ------
    PodiumError
        If there is no such DAG, or none of its tasks is one of Podium's.
    """
    for path in files_of(project, dag_id):
        document = load_document(path, project.shown(path))
        if dag_id in document.data:
            return _pipeline(project, dag_id, expand(document.data[dag_id]), document)
    known: list[str] = []
    for document in _readable(spec_files(project), project):
        known += document.data.keys() - set(NOT_DAGS)
    hint = did_you_mean(dag_id, known) or f": known are {', '.join(sorted(known))}"
    raise PodiumError(f"no pipeline {dag_id!r} in {project.shown(project.dag_specs)}{hint}")


def _pipeline(project: Project, dag_id: str, spec: dict[str, Any], document: Document) -> Pipeline:
    of_step = {task.get("python_callable"): {**task, **task.get("partial", {})} for task in _tasks(spec)}
    promote = of_step.get(messages.PROMOTE)
    if promote is None:
        message = f"{dag_id} has no task that calls {messages.PROMOTE}, so it is no pipeline of Podium's"
        raise InvalidFileError([document.problem([dag_id], message, key=True)])
    detect = of_step.get("tasks.detect.detect_configs", {})
    try:
        return Pipeline(
            dag_id=dag_id,
            job=Job.from_spec(
                project, promote["pipeline"], promote["dataset"], promote.get("split"), detect.get("folder")
            ),
            rule=Rule(promote.get("metric", Rule.metric), promote.get("min_improvement", 0.0)),
        )
    except KeyError as error:
        raise InvalidFileError(
            [document.problem([dag_id], f"{dag_id}: promote_best needs {error.args[0]!r}", key=True)]
        ) from None
    except PodiumError as error:
        raise InvalidFileError([document.problem([dag_id], f"{dag_id}: {error}", key=True)]) from None


def _tasks(spec: dict[str, Any]) -> list[dict[str, Any]]:
    tasks = spec.get("tasks") or []
    return list(tasks.values()) if isinstance(tasks, dict) else tasks
