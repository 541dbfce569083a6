"""The link from a task in Airflow to what it wrote in MLflow.

Airflow's usual way has the worker store each link, which is one more request for every task. This one is made by the
API server when somebody looks at the task, from the result that the task has returned anyway.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from airflow.plugins_manager import AirflowPlugin
from airflow.providers.standard.decorators.python import _PythonDecoratedOperator
from airflow.sdk import BaseOperatorLink

from podium.registry.names import registered_model
from podium.registry.tag_names import FAILED_RUN
from podium.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping


_RESULT = "return_value"


class MLflowLink(BaseOperatorLink):  # type: ignore[misc]
    """Points to the run of a training, the run that records a decision, or the version that was checked."""

    #: Airflow finds a link's tasks by the operator's name alone, and that of every decorated function is the same.
    operators: ClassVar[list[type]] = [_PythonDecoratedOperator]

    @property
    def name(self) -> str:
        """Text of the button."""
        return "MLflow"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Return the address, or nothing for a task that wrote nothing and one that is not a step of Podium's."""
        server = Settings.from_environment().tracking_uri or ""
        arguments = getattr(operator, "op_kwargs", None) or getattr(operator, "partial_kwargs", {}).get("op_kwargs", {})
        if not server.startswith("http") or "pipeline" not in arguments:
            return ""
        page = _page(arguments["pipeline"], _stored(ti_key))
        return f"{server.rstrip('/')}/#/{page}" if page else ""


class PodiumPlugin(AirflowPlugin):  # type: ignore[misc]
    """What Airflow finds by the package's entry point."""

    name = "podium"
    operator_extra_links: ClassVar[list[Any]] = [MLflowLink()]


def _page(pipeline: str, stored: Mapping[str, Any]) -> str:
    """Return the page in MLflow of what a task has stored: a run, else a version."""
    result = stored.get(_RESULT)
    result = result if isinstance(result, dict) else {}
    if run_id := result.get("run_id") or stored.get(FAILED_RUN):
        return f"runs/{run_id}"
    if "metrics" in result and "version" in result:
        return f"models/{quote(registered_model(pipeline))}/versions/{result['version']}"
    return ""


def _stored(ti_key: Any) -> dict[str, Any]:
    """Return what a task instance has put into Airflow's database, by key."""
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    query = XComModel.get_many(
        run_id=ti_key.run_id, dag_ids=ti_key.dag_id, task_ids=ti_key.task_id, map_indexes=ti_key.map_index
    )
    with create_session() as session:
        rows = session.execute(query.with_only_columns(XComModel.key, XComModel.value)).all()
    return {key: _parsed(value) for key, value in rows}


def _parsed(value: Any) -> Any:
    try:
        return json.loads(value)
    except (TypeError, ValueError):
        return value  # a plain text, or parsed by the database's driver
