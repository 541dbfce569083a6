"""A client of Airflow's REST API for the command line."""

from __future__ import annotations

import json
import secrets
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx

from podium.errors import PodiumError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


FINISHED = ("success", "failed")
ALIVE = ("running", "queued", "scheduled", "up_for_retry", "deferred", "restarting", "up_for_reschedule")
FAILED = ("failed", "upstream_failed")
AWAITING = "awaiting_input"
POLL_SECONDS = 0.25
# If no task has been alive for this long, only a person can continue the run: an idle scheduler takes a fraction of it.
STANDSTILL_SECONDS = 10
# For one request, and for a request with all its repetitions: Airflow may be under load or starting again.
REQUEST_SECONDS = 30
ANSWER_SECONDS = 120
# For Airflow to parse a new DAG.
DAG_SECONDS = 300
PAGE = 1000
# Statuses of a server, or a proxy before it, that is starting or overloaded.
BUSY = (502, 503, 504)


@dataclass(frozen=True)
class Task:
    """A task instance.

    Parameters
    ----------
    task_id : str
        The task.
    map_index : int
        Index of a mapped task; -1 for a task that is not mapped.
    name : str
        Name of a mapped task, otherwise the id of the task.
    state : str or None
        Airflow's state; None before it is scheduled.
    """

    task_id: str
    map_index: int
    name: str
    state: str | None


class AirflowAPI:
    """A logged-in client of one Airflow.

    Parameters
    ----------
    url : str
        Base address of the API server.
    user, password : str
        For the simple auth manager's token.
    obstacle : callable, optional
        Returns why Airflow may not answer now, as a sentence; while there is such a reason, requests are repeated.
    report : callable, optional
        Called with the reason, once.

    Raises
    ------
    PodiumError
        If Airflow cannot be reached or refuses the login.
    """

    def __init__(
        self,
        url: str,
        user: str,
        password: str,
        obstacle: Callable[[], str] = lambda: "",
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._obstacle, self._report, self._said = obstacle, report, False
        self.client = httpx.Client(base_url=url, timeout=REQUEST_SECONDS, trust_env=False)
        token = self._json("POST", "/auth/token", json={"username": user, "password": password})["access_token"]
        self.client.headers["Authorization"] = f"Bearer {token}"

    def _json(self, method: str, path: str, **arguments: Any) -> Any:
        response = self._repeated(method, path, **arguments)
        if response.is_error:
            raise PodiumError(f"Airflow answers {response.status_code} to {method} {path}: {response.text[:300]}")
        return response.json()

    def _repeated(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Send a request that changes nothing when it is sent again, until Airflow answers or the time is over."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while True:
            try:
                response = self.client.request(method, path, **arguments)
            except httpx.HTTPError as error:
                if time.monotonic() > deadline and not self._is_held_up():
                    raise self._silence(error) from error
            else:
                busy = response.status_code in BUSY and time.monotonic() <= deadline
                if not busy and not (response.is_server_error and self._is_held_up()):
                    return response
            time.sleep(POLL_SECONDS)

    def _is_held_up(self) -> bool:
        """Return whether Airflow may not answer for a reason that will pass, and report it."""
        reason = self._obstacle()
        if reason and not self._said:
            self._report(reason)
        self._said = bool(reason)
        return self._said

    def _silence(self, error: httpx.HTTPError) -> PodiumError:
        return PodiumError(f"Airflow does not answer at {self.client.base_url}: {error}")

    def get(self, path: str, **params: Any) -> Any:
        """Return the JSON of a GET below ``/api/v2``."""
        return self._json("GET", f"/api/v2{path}", params=params)

    def _all(self, path: str, key: str, **params: Any) -> Iterator[dict[str, Any]]:
        offset = 0
        while True:
            answer = self.get(path, limit=PAGE, offset=offset, **params)
            yield from answer[key]
            offset += len(answer[key])
            if not answer[key] or offset >= answer["total_entries"]:
                return

    def wait_for_dag(self, dag_id: str, seconds: float = DAG_SECONDS) -> None:
        """Wait until Airflow has parsed a DAG, for which it has no event.

        Raises
        ------
        PodiumError
            With Airflow's import errors, if it does not appear.
        """
        deadline = time.monotonic() + seconds
        while True:
            if self._repeated("GET", f"/api/v2/dags/{dag_id}").is_success:
                return
            errors = [error["stack_trace"].strip() for error in self._all("/importErrors", "import_errors")]
            if errors and any(dag_id in error for error in errors):
                raise PodiumError("\n".join(errors))
            if time.monotonic() > deadline:
                raise PodiumError("\n".join([f"Airflow has not found a DAG {dag_id!r}", *errors]))
            time.sleep(POLL_SECONDS)

    def is_paused(self, dag_id: str) -> bool:
        """Return whether a DAG is paused: its runs do not start."""
        return bool(self.get(f"/dags/{dag_id}")["is_paused"])

    def unpause(self, dag_id: str) -> None:
        """Unpause a DAG."""
        self._json("PATCH", f"/api/v2/dags/{dag_id}", json={"is_paused": False})

    def obstacle(self, dag_id: str, run_id: str) -> str:
        """Return why a run that does not move cannot go on, as a sentence; empty if no reason is known."""
        if self.is_paused(dag_id):
            return f"paused in Airflow: unpause it on {self.address(dag_id)}"
        active = [other for dag, other in self.active_runs() if dag == dag_id]
        if run_id in active[1:] and self.get(f"/dags/{dag_id}/dagRuns/{run_id}")["state"] == "queued":
            return f"waiting for the run {active[0]} to end"
        waiting = self._all(f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances", "task_instances", state=["scheduled"])
        for pool in sorted({task["pool"] for task in waiting}):
            if self._repeated("GET", f"/api/v2/pools/{pool}").status_code == httpx.codes.NOT_FOUND:
                return f"waiting for the pool {pool!r}, which does not exist: create it on Airflow's page Admin, Pools"
        return ""

    def address(self, dag_id: str) -> str:
        """Return the address of a DAG's page."""
        return f"{str(self.client.base_url).rstrip('/')}/dags/{dag_id}"

    def trigger(self, dag_id: str, conf: dict[str, Any]) -> str:
        """Start a run and return its id."""
        # With an id of its own, a request that is sent again starts no second run.
        run_id = f"manual__{datetime.now(UTC).isoformat()}_{secrets.token_hex(4)}"
        body = {"dag_run_id": run_id, "logical_date": None, "conf": conf}
        path = f"/api/v2/dags/{dag_id}/dagRuns"
        response = self._repeated("POST", path, json=body)
        if response.is_error and response.status_code != httpx.codes.CONFLICT:
            raise PodiumError(f"Airflow answers {response.status_code} to POST {path}: {response.text[:300]}")
        return run_id

    def follow(self, dag_id: str, run_id: str) -> Iterator[tuple[str, list[Task]]]:
        """Yield a run's state and its task instances until the run has finished or awaits a person.

        It yields several times a second, or less often if there are many task instances: following takes at most a
        tenth of the time.
        """
        due = 0.0
        moved = time.monotonic()
        for state in self._states(dag_id, run_id):
            started = time.monotonic()
            if started >= due or state in FINISHED:
                tasks = self.tasks(dag_id, run_id)
                due = started + 10 * (time.monotonic() - started)
                yield state, tasks
                if not awaits_a_person(tasks):
                    moved = time.monotonic()
                elif started - moved > STANDSTILL_SECONDS:
                    return

    def _states(self, dag_id: str, run_id: str) -> Iterator[str]:
        """Yield a run's state at an interval, until it has finished."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/wait"
        deadline = time.monotonic() + ANSWER_SECONDS
        while True:
            # Airflow sends the state at an interval for as long as the run lasts: one request instead of many.
            try:
                with self.client.stream("GET", path, params={"interval": POLL_SECONDS}) as lines:
                    if lines.is_error and lines.status_code not in BUSY and not self._is_held_up():
                        raise PodiumError(f"Airflow answers {lines.status_code} to GET {path}")
                    for line in () if lines.is_error else lines.iter_lines():
                        state = json.loads(line)["state"]
                        deadline = time.monotonic() + ANSWER_SECONDS
                        yield state
                        if state in FINISHED:
                            return
            except httpx.HTTPError as error:
                if time.monotonic() > deadline and not self._is_held_up():
                    raise self._silence(error) from error
            if time.monotonic() > deadline and not self._is_held_up():
                raise PodiumError(f"Airflow does not answer at {self.client.base_url}")
            time.sleep(POLL_SECONDS)

    def tasks(self, dag_id: str, run_id: str) -> list[Task]:
        """Return a run's task instances."""
        found = self._all(f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances", "task_instances")
        return [
            Task(one["task_id"], one["map_index"], one["rendered_map_index"] or one["task_id"], one["state"])
            for one in found
        ]

    def result(self, dag_id: str, run_id: str, task: Task) -> Any:
        """Return the result of a task, None if it returned nothing."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task.task_id}/xcomEntries/return_value"
        answer = self._repeated("GET", path, params={"map_index": task.map_index, "deserialize": True})
        return answer.json()["value"] if answer.is_success else None

    def last_error(self, dag_id: str, run_id: str, task: Task) -> str:
        """Return the last error in the log of a task's last try; empty if there is none."""
        of_task = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task.task_id}"
        mapped = f"/{task.map_index}" if task.map_index >= 0 else ""
        found = self._repeated("GET", f"/api/v2{of_task}{mapped}")
        tries = found.json()["try_number"] if found.is_success else 0
        params = {"map_index": task.map_index, "full_content": True}
        log = self._repeated("GET", f"/api/v2{of_task}/logs/{tries}", params=params)
        lines = log.json().get("content", []) if log.is_success else []
        errors = [line["event"] for line in lines if isinstance(line, dict) and line.get("level") == "error"]
        return str(errors[-1]) if errors else ""

    def active_runs(self) -> list[tuple[str, str]]:
        """Return DAG and run id of every run that has not finished, oldest first."""
        found = self._all("/dags/~/dagRuns", "dag_runs", state=["running", "queued"], order_by="run_after")
        return [(run["dag_id"], run["dag_run_id"]) for run in found]

    def cancel(self, dag_id: str, run_id: str, seconds: float = 60) -> None:
        """Mark a run as failed, and wait until Airflow has ended its tasks or the time is over."""
        self._json("PATCH", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}", json={"state": "failed"})
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and any(task.state in ALIVE for task in self.tasks(dag_id, run_id)):
            time.sleep(POLL_SECONDS)


def awaits_a_person(tasks: list[Task]) -> bool:
    """Return whether a run continues only after a person has answered."""
    states = {task.state for task in tasks}
    return AWAITING in states and states.isdisjoint(ALIVE)


def counts(tasks: list[Task]) -> Counter[str]:
    """Count mapped tasks: ``done``, ``failed``, ``running`` and ``waiting``."""
    names = {"success": "done", "skipped": "done", "running": "running", **dict.fromkeys(FAILED, "failed")}
    return Counter(names.get(task.state or "", "waiting") for task in tasks)
