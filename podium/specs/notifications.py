"""Messages about a promotion, sent through the Airflow notifiers that a spec names."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from podium.specs.vocabulary import APPROVAL, FAILED, PROMOTED, REJECTED, spec_arguments

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from airflow.sdk import DAG, Context

#: Final verdicts that do not change Production.
NOT_PROMOTED = ("kept", "nothing", "refused", "superseded")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Messages:
    """The messages of one promotion task.

    Parameters
    ----------
    notifiers : mapping of str to list of dict
        By name of the argument, as in the spec. A notifier is created when its message is sent: other tasks of the DAG
        do not have to import it, and a notifier that has rendered its templates cannot be used again.
    """

    notifiers: Mapping[str, list[dict[str, Any]]]

    def after_success(self, context: Context) -> None:
        """Send the messages about the decision of a finished task."""
        instance: Any = context["ti"]
        decision = instance.xcom_pull(task_ids=instance.task_id, map_indexes=instance.map_index)
        for reason in _reasons(decision or {}):
            self._send(reason, context, decision)

    def after_failure(self, context: Context) -> None:
        """Send that the step itself has failed. There is no decision, but templates can use the same keys."""
        reason = " ".join(str(context.get("exception") or "the task failed").split())
        nothing: dict[str, Any] = {"version": None, "previous": None, "candidates": 0, "failed": []}
        self._send(FAILED, context, {"verdict": "failed", "reason": reason, **nothing})

    def _send(self, reason: str, context: Context, decision: dict[str, Any]) -> None:
        """Send one kind of message; an error in sending does not change the decision."""
        from dagfactory.utils import cast_with_type

        for spec in self.notifiers.get(reason, ()):
            try:
                # A notifier writes its arguments into the context, so each gets its own.
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

    Otherwise Airflow would render their templates before the task runs, and store them in the serialized DAG with their
    memory addresses, which differ whenever the DAG is parsed.
    """
    found = {}
    for dag in spec.values():
        for name, task in _tasks(dag):
            places = [task, task.get("partial"), task.get("op_kwargs")]
            names = spec_arguments(task.get("python_callable"))
            if given := _take(places, names):
                found[name] = Messages(given)
    return found


def attach(dag: DAG, messages: Mapping[str, Messages]) -> None:
    """Add messages to the callbacks of the promotion tasks of a built DAG, and of the approvals after them."""
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


def _take(places: list[Any], names: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    holders = [place for place in places if isinstance(place, dict)]
    given = {name: holder.pop(name) for holder in holders for name in names if name in holder}
    return {name: _listed(value) for name, value in given.items() if value}


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
