"""Messages about a promotion: the Airflow notifiers that a spec names, sent when there is something to tell."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow.sdk import DAG, Context
from podium.specs.vocabulary import APPROVAL, FAILED, MESSAGES, PROMOTE, PROMOTED, REJECTED, current_path

#: Verdicts that are final and leave Production as it is, where there was something to decide.
NOT_PROMOTED = ("kept", "nothing", "refused", "superseded")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Messages:
    """What one promotion task sends.

    Parameters
    ----------
    notifiers : mapping of str to list of dict
        By name of the argument, as the spec has them. They are made when they are sent: a task of the same DAG need not
        import what sends mail, and one that has filled in its templates is used up.
    """

    notifiers: Mapping[str, list[dict[str, Any]]]

    def after_success(self, context: Context) -> None:
        """Send what the decision of a finished task asks for."""
        instance: Any = context["ti"]
        decision = instance.xcom_pull(task_ids=instance.task_id, map_indexes=instance.map_index)
        for reason in _reasons(decision or {}):
            self._send(reason, context, decision)

    def after_failure(self, context: Context) -> None:
        """Send that the step itself has failed; there is no decision then, but templates find the same keys."""
        reason = " ".join(str(context.get("exception") or "the task failed").split())
        nothing: dict[str, Any] = {"version": None, "previous": None, "candidates": 0, "failed": []}
        self._send(FAILED, context, {"verdict": "failed", "reason": reason, **nothing})

    def _send(self, reason: str, context: Context, decision: dict[str, Any]) -> None:
        """Send one kind of message; whatever keeps it from arriving, what has been decided stays as it is."""
        from dagfactory.utils import cast_with_type

        for spec in self.notifiers.get(reason, ()):
            try:
                # A notifier writes its arguments into the context, which must not be another one's.
                cast_with_type(spec)({**context, "decision": decision})
            except Exception:
                log.exception("%s: %s could not be sent", reason, spec.get("__type__"))
            else:
                log.info("%s: sent by %s", reason, spec["__type__"])


def _reasons(decision: Mapping[str, Any]) -> Iterator[str]:
    if decision.get("verdict") == "promoted":
        yield PROMOTED
    elif decision.get("verdict") in NOT_PROMOTED and decision.get("candidates"):
        yield REJECTED
    if decision.get("failed"):
        yield FAILED


def take(spec: Mapping[str, Any]) -> dict[str, Messages]:
    """Take the notifiers out of the tasks of a spec, in place, and return them by the task's name.

    Left in, Airflow would fill in their templates before the task runs, and store them in the DAG with their addresses
    in memory, which are others whenever it is read.
    """
    found = {}
    for dag in spec.values():
        for name, task in _tasks(dag):
            places = [task, task.get("partial"), task.get("op_kwargs")]
            if current_path(task.get("python_callable")) == PROMOTE and (given := _take(places)):
                found[name] = Messages(given)
    return found


def attach(dag: DAG, messages: Mapping[str, Messages]) -> None:
    """Add messages to the callbacks that the tasks of a built DAG have, and the approvals of what they decide."""
    for task in dag.tasks:
        names = [task.label, *(dag.get_task(one).label for one in task.upstream_task_ids if _is_approval(task))]
        for of_task in (messages[name] for name in names if name in messages):
            task.on_success_callback = [*_listed(task.on_success_callback), of_task.after_success]
            if FAILED in of_task.notifiers:
                task.on_failure_callback = [*_listed(task.on_failure_callback), of_task.after_failure]


def _is_approval(task: Any) -> bool:
    return bool(type(task).__name__ == APPROVAL.rpartition(".")[2])


def _tasks(dag: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    tasks = (dag.get("tasks") if isinstance(dag, dict) else None) or {}
    named = tasks.items() if isinstance(tasks, dict) else ((task.get("task_id"), task) for task in tasks)
    yield from ((name, task) for name, task in named if isinstance(task, dict))


def _take(places: list[Any]) -> dict[str, list[dict[str, Any]]]:
    holders = [place for place in places if isinstance(place, dict)]
    given = {name: holder.pop(name) for holder in holders for name in MESSAGES if name in holder}
    return {name: _listed(value) for name, value in given.items() if value}


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
