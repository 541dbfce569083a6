"""What the command line reads of specs: which pipelines there are, and what each trains and decides by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from podium.errors import InvalidFileError, PodiumError, did_you_mean
from podium.files.documents import load_document
from podium.promotion.rules import Rule
from podium.specs import vocabulary
from podium.specs.dags import expand
from podium.specs.files import files_of, readable, spec_files, tasks_of
from podium.specs.vocabulary import NOT_DAGS
from podium.training.job import Job

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from podium.files.documents import Document
    from podium.project import Project


@dataclass(frozen=True)
class Pipeline:
    """What a spec says about training or hosting.

    Parameters
    ----------
    dag_id : str
        The DAG.
    job : Job
        Name, rows, split and folder.
    rule : Rule
        Decides which version is in Production.
    """

    dag_id: str
    job: Job
    rule: Rule


@dataclass(frozen=True)
class Outline:
    """What a spec says about the models of a pipeline; it is read without the data set.

    Parameters
    ----------
    dag_id : str
        The DAG.
    pipeline : str
        Name of the pipeline, which names its experiment and its registered model. Several DAGs can share it.
    rule : Rule
        Ranks the versions.
    trains : bool
        Whether the DAG detects and trains configs; otherwise it only hosts.
    protect : bool
        Whether Production is protected against what somebody moves by hand in MLflow.
    """

    dag_id: str
    pipeline: str
    rule: Rule
    trains: bool
    protect: bool = False


def read_pipeline(project: Project, dag_id: str) -> Pipeline:
    """Read what a DAG trains or hosts from its spec, without Airflow.

    Raises
    ------
    PodiumError
        If there is no such DAG, or none of its tasks is one of Podium's.
    """
    spec, document = _spec(project, dag_id)
    steps = _steps(spec)
    outline = _outline(dag_id, steps, document)
    promote, detect = steps[vocabulary.PROMOTE], steps.get(vocabulary.DETECT, {})
    try:
        rows, split = promote["dataset"], promote.get("split")
        job = Job.from_spec(project, outline.pipeline, rows, split, detect.get("folder"))
    except KeyError as error:
        raise _missing(document, dag_id, error) from None
    except PodiumError as error:
        raise InvalidFileError([document.problem([dag_id], f"{dag_id}: {error}", key=True)]) from None
    return Pipeline(dag_id, job, outline.rule)


def find_outline(project: Project, name: str | None) -> Outline | None:
    """Return the outline of a pipeline, or None if no spec names it.

    Parameters
    ----------
    project : Project
        The project.
    name : str or None
        A DAG id or the name of a pipeline. For a pipeline with several DAGs, the one that trains is returned. None
        stands for the only pipeline of the project.

    Raises
    ------
    PodiumError
        If the name is None and the project does not have exactly one pipeline, or if the spec has a mistake.
    """
    if name is not None and _holds(project, name):
        spec, document = _spec(project, name)
        return _outline(name, _steps(spec), document)
    found = outlines(project)
    names = sorted({outline.pipeline for outline in found})
    if name is None and len(names) != 1:
        where = project.shown(project.dag_specs)
        if not names:
            raise PodiumError(
                f"no pipeline in {where}: podium new pipeline NAME --data PATH --target COLUMN writes one"
            )
        raise PodiumError(f"{where} has several pipelines, name one: {', '.join(names)}")
    wanted = name or names[0]
    own = [outline for outline in found if outline.pipeline == wanted]
    return next((outline for outline in own if outline.trains), own[0] if own else None)


def find_pipeline(project: Project, name: str | None) -> Pipeline:
    """Read a pipeline by the id of its DAG or by its own name; see :func:`find_outline`.

    Raises
    ------
    PodiumError
        If there is no such pipeline, or its spec has a mistake.
    """
    outline = find_outline(project, name)
    if outline is None:
        raise unknown_pipeline(project, str(name))
    return read_pipeline(project, outline.dag_id)


def unknown_pipeline(project: Project, name: str, registered: Sequence[str] = ()) -> PodiumError:
    """Return the error for a name that is neither a DAG's nor a pipeline's.

    Parameters
    ----------
    project : Project
        The project.
    name : str
        The name.
    registered : sequence of str
        Pipelines that are known from elsewhere.
    """
    known = [*registered]
    for document in readable(spec_files(project), project):
        known += document.data.keys() - set(NOT_DAGS)
    hint = did_you_mean(name, known)
    if not hint and known:
        hint = f": known are {', '.join(sorted(known))}"
    return PodiumError(f"no pipeline {name!r} in {project.shown(project.dag_specs)}{hint}")


def outlines(project: Project) -> list[Outline]:
    """Return the outline of every DAG that promotes models; specs with mistakes are left out."""
    return [outline for document in readable(spec_files(project), project) for outline in _outlines(document)]


def metrics_of(project: Project, pipeline: str, dag_id: str | None = None) -> list[str]:
    """Return the metrics that specs name for the promotions of a pipeline: the deciding ones and those of gates.

    Parameters
    ----------
    project : Project
        The project.
    pipeline : str
        Name of the pipeline.
    dag_id : str, optional
        A DAG: if it promotes models of the pipeline, only its spec is read.
    """
    files = files_of(project, dag_id) if dag_id else []
    return _metrics(project, pipeline, files) or _metrics(project, pipeline, spec_files(project))


def _metrics(project: Project, pipeline: str, files: Sequence[Path]) -> list[str]:
    found: dict[str, None] = {}
    for document in readable(files, project):
        for dag_id in document.data.keys() - set(NOT_DAGS):
            try:
                promote = _steps(expand(document.data[dag_id])).get(vocabulary.PROMOTE, {})
                if promote.get("pipeline") == pipeline:
                    found |= dict.fromkeys([promote.get("metric", Rule.metric), *(promote.get("gates") or ())])
            except (PodiumError, AttributeError, TypeError):  # validate reports what is wrong with its shape
                continue
    return sorted(name for name in found if isinstance(name, str))


def _outlines(document: Document) -> Iterator[Outline]:
    for dag_id in document.data.keys() - set(NOT_DAGS):
        try:
            yield _outline(dag_id, _steps(expand(document.data[dag_id])), document)
        except (PodiumError, AttributeError, TypeError):  # validate reports what is wrong with its shape
            continue


def _holds(project: Project, dag_id: str) -> bool:
    return any(
        dag_id in document.data and dag_id not in NOT_DAGS for document in readable(files_of(project, dag_id), project)
    )


def _spec(project: Project, dag_id: str) -> tuple[dict[str, Any], Document]:
    for path in files_of(project, dag_id):
        document = load_document(path, project.shown(path))
        if dag_id in document.data:
            return expand(document.data[dag_id]), document
    raise unknown_pipeline(project, dag_id)


def _steps(spec: dict[str, Any]) -> dict[Any, dict[str, Any]]:
    """Return the arguments of each step, by its current path."""
    return {
        vocabulary.current_path(task.get("python_callable")): {**task, **task.get("partial", {})}
        for task in tasks_of(spec)
    }


def _outline(dag_id: str, steps: dict[Any, dict[str, Any]], document: Document) -> Outline:
    promote = steps.get(vocabulary.PROMOTE)
    if promote is None:
        message = f"{dag_id} has no task that calls {vocabulary.PROMOTE}, so Podium cannot run it as a pipeline"
        raise InvalidFileError([document.problem([dag_id], message, key=True)])
    try:
        rule = Rule(promote.get("metric", Rule.metric), promote.get("min_improvement", 0.0))
        protect = promote.get("protect") is True
        return Outline(dag_id, promote["pipeline"], rule, vocabulary.DETECT in steps, protect)
    except KeyError as error:
        raise _missing(document, dag_id, error) from None
    except PodiumError as error:
        raise InvalidFileError([document.problem([dag_id], f"{dag_id}: {error}", key=True)]) from None


def _missing(document: Document, dag_id: str, error: KeyError) -> InvalidFileError:
    message = f"{dag_id}: promote_best needs {error.args[0]!r}"
    return InvalidFileError([document.problem([dag_id], message, key=True)])
