"""What a DAG run was started with: the check of its configuration, and of arguments that it sets."""

from __future__ import annotations

from typing import Any

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowFailException

from podium.errors import did_you_mean


def check_configuration() -> None:
    """Check that a run was started with params of its DAG only: Airflow accepts any others and ignores them.

    Raises
    ------
    AirflowFailException
        If it was not; a retry would not help.
    """
    try:
        context: Any = get_current_context()
    except RuntimeError:  # no task
        return
    known = list(context["dag"].params)
    for name in context["dag_run"].conf or {}:
        if name not in known:
            words = did_you_mean(name, known) or f": known are {', '.join(known)}" if known else ": the DAG has none"
            raise AirflowFailException(f"the run was started with an unknown param {name!r}{words}")


def as_bool(name: str, value: bool | str) -> bool:
    """Return an argument that is true or false, or a template's ``"True"`` or ``"False"``.

    Raises
    ------
    AirflowFailException
        If it is something else.
    """
    written = str(value).lower()
    if written not in ("true", "false"):
        raise AirflowFailException(f"{name} must be true or false, not {value!r}")
    return written == "true"
