"""The plug-in for Airflow: the link from a task to its run or model version in MLflow, and what unpausing a DAG does.

Usually an Airflow worker stores each link, which is one more request for every task. The API server builds this one on
demand, from the result that the task returns anyway.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from airflow.plugins_manager import AirflowPlugin
from airflow.providers.standard.decorators.python import _PythonDecoratedOperator
from airflow.sdk import BaseOperatorLink

from podium.airflow.unpausing import ParseUnpaused
from podium.registry.names import registered_model
from podium.registry.tag_names import FAILED_RUN
from podium.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping


_RESULT = "return_value"


class MLflowLink(BaseOperatorLink):  # type: ignore[misc]
    """Link to the run of a training, the run that records a decision, or the version that was validated."""

    #: Airflow finds the tasks of a link by the operator's name alone, which is the same for every decorated function.
    operators: ClassVar[list[type]] = [_PythonDecoratedOperator]

    @property
    def name(self) -> str:
        """Text of the button."""
        return "MLflow"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Return the address, or an empty string if the task wrote nothing or is not one of Podium's steps."""
        server = Settings.from_environment().tracking_uri or ""
        arguments = getattr(operator, "op_kwargs", None) or getattr(operator, "partial_kwargs", {}).get("op_kwargs", {})
        if not server.startswith("http") or "pipeline" not in arguments:
            return ""
        page = _page(arguments["pipeline"], _stored(ti_key))
        return f"{server.rstrip('/')}/#/{page}" if page else ""


class PodiumPlugin(AirflowPlugin):  # type: ignore[misc]
    """The plug-in that Airflow finds by the package's entry point."""

    name = "podium"
    operator_extra_links: ClassVar[list[Any]] = [MLflowLink()]
    fastapi_root_middlewares: ClassVar[list[Any]] = [{"middleware": ParseUnpaused, "name": "podium"}]


def _page(pipeline: str, stored: Mapping[str, Any]) -> str:
    """Return the page in MLflow of the run that a task has stored, else of the version."""
    result = stored.get(_RESULT)
    result = result if isinstance(result, dict) else {}
    if run_id := result.get("run_id") or stored.get(FAILED_RUN):
        return f"runs/{run_id}"
    if "metrics" in result and "version" in result:
        return f"models/{quote(registered_model(pipeline))}/versions/{result['version']}"
    return ""


def _stored(ti_key: Any) -> dict[str, Any]:
    """Return the values that a task instance has stored in Airflow's database, by key."""
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
        return value  # a plain string, or parsed by the database's driver
