"""What Airflow would refuse of a DAG: it is tried as Airflow's DAG processor and its tables would."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podium.errors import PodiumError, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.sdk import DAG

#: Columns of Airflow's tables, and the attribute of a DAG or a task that is stored there.
_DAG_COLUMNS = {
    "dag_display_name": "dag_display_name",
    "owners": "owner",
    "description": "description",
    "max_active_tasks": "max_active_tasks",
    "max_active_runs": "max_active_runs",
}
_TASK_COLUMNS = {
    "task_display_name": "task_display_name",
    "pool": "pool",
    "pool_slots": "pool_slots",
    "queue": "queue",
    "max_tries": "retries",
    "unixname": "run_as_user",
    "executor": "executor",
}
_LARGEST_INTEGER = 2**31 - 1


def check(dag: DAG) -> None:
    """Try what Airflow does with a DAG after it is built: validate, serialise, read again and store it.

    A DAG that fails here would take all others of its file out of service, or end the DAG processor.

    Raises
    ------
    PodiumError
        With what Airflow refuses.
    """
    from airflow.dag_processing.dagbag import _validate_executor_fields
    from airflow.serialization.serialized_objects import DagSerialization

    try:
        dag.validate()
        dag.check_cycle()
        _validate_executor_fields(dag)
        DagSerialization.from_dict(DagSerialization.to_dict(dag))
    except Exception as error:
        raise PodiumError(f"Airflow refuses it: {_reason(error)}") from error
    for words in _too_large(dag):
        raise PodiumError(f"Airflow cannot store it: {words}")


def _reason(error: BaseException) -> str:
    """Return the cause of an error; a JSON Schema's has the whole schema after the first sentence."""
    text = str(error).strip().partition("\n")[0].strip()
    return text or f"{type(error).__name__}: {one_line(error)}"


def _too_large(dag: DAG) -> Iterator[str]:
    from airflow.models.dag import DagModel
    from airflow.models.taskinstance import TaskInstance

    yield from _values(DagModel, _DAG_COLUMNS, dag, "")
    for task in dag.tasks:
        yield from _values(TaskInstance, _TASK_COLUMNS, task, f"task {task.task_id}: ")


def _values(model: Any, columns: dict[str, str], owner: Any, place: str) -> Iterator[str]:
    """Yield what does not fit a column of a table."""
    for column, attribute in columns.items():
        value = getattr(owner, attribute, None)
        most = getattr(model.__table__.c[column].type, "length", None)
        if isinstance(value, str) and most and len(value) > most:
            yield f"{place}{attribute} has {len(value):,} characters, at most {most:,} fit"
        elif isinstance(value, int) and not isinstance(value, bool) and abs(value) > _LARGEST_INTEGER:
            yield f"{place}{attribute} {value:,} is larger than {_LARGEST_INTEGER:,}"
