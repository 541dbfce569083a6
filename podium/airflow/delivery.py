"""Whether Airflow has started a run for an event of a watched folder.

Airflow drops the events of a DAG that is paused, and a trigger is not told.
"""

from __future__ import annotations

import asyncio
import time

from asgiref.sync import sync_to_async

from podium.airflow.environment import project
from podium.specs.files import dags_watching

# An event that has started no run is sent again at this interval, at most so many times: Airflow ends the trigger of a
# paused DAG when it next parses the DAG's file, every 30 s by default, and starts it again for a DAG that is unpaused.
REPEAT_SECONDS = 5.0
REPEATS = 60


class Delivery:
    """The last event of a trigger: whether a run of a DAG that watches the folder has followed it.

    Parameters
    ----------
    folder : str
        The folder, relative to the project's root.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._dags: list[str] = []
        self._before: int | None = None
        self._sent = 0.0
        self._repeats = 0

    async def begin(self) -> None:
        """Count the runs before an event is sent."""
        self._dags = await asyncio.to_thread(dags_watching, project(), self._folder)
        self._before = await self._runs()
        self._sent, self._repeats = time.monotonic(), 0

    async def is_taken(self) -> bool:
        """Return whether a run has been created since; also if nobody can say."""
        now = await self._runs()
        return self._before is None or now is None or now > self._before

    async def is_due(self) -> bool:
        """Return whether to send the event again: not while a run is active, after which Airflow creates the next."""
        if time.monotonic() - self._sent < REPEAT_SECONDS or self._repeats == REPEATS:
            return False
        self._sent = time.monotonic()
        if await self._runs(["running", "queued"]):
            return False
        self._repeats += 1
        return True

    async def _runs(self, states: list[str] | None = None) -> int | None:
        """Return the number of runs of the DAGs that watch the folder; None if that is unknown."""
        if not self._dags:
            return None
        try:
            return sum([await _count(dag_id, states) for dag_id in self._dags])
        except Exception:  # noqa: BLE001 - without an answer, the event counts as taken
            return None


async def _count(dag_id: str, states: list[str] | None) -> int:
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    return int(await sync_to_async(RuntimeTaskInstance.get_dr_count)(dag_id, states=states))
