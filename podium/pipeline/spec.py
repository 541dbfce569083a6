"""DAG specs: dag-factory's YAML, read with positions and built one DAG at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from podium.errors import InvalidFileError, PodiumError, did_you_mean
from podium.files.documents import load_document
from podium.promotion.rules import Rule
from podium.specs import vocabulary
from podium.training.job import Job

if TYPE_CHECKING:
    from podium.files.documents import Document
    from podium.project import Project
from podium.specs.dags import expand
from podium.specs.files import files_of, readable, spec_files, tasks_of
from podium.specs.vocabulary import NOT_DAGS


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


def read_pipeline(project: Project, dag_id: str) -> Pipeline:
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
    for document in readable(spec_files(project), project):
        known += document.data.keys() - set(NOT_DAGS)
    hint = did_you_mean(dag_id, known) or f": known are {', '.join(sorted(known))}"
    raise PodiumError(f"no pipeline {dag_id!r} in {project.shown(project.dag_specs)}{hint}")


def _pipeline(project: Project, dag_id: str, spec: dict[str, Any], document: Document) -> Pipeline:
    of_step = {
        vocabulary.current_path(task.get("python_callable")): {**task, **task.get("partial", {})}
        for task in tasks_of(spec)
    }
    promote = of_step.get(vocabulary.PROMOTE)
    if promote is None:
        message = f"{dag_id} has no task that calls {vocabulary.PROMOTE}, so it is no pipeline of Podium's"
        raise InvalidFileError([document.problem([dag_id], message, key=True)])
    detect = of_step.get(vocabulary.DETECT, {})
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
