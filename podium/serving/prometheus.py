"""What a server counts and times, for Prometheus.

All processes of a server write into one folder, as prometheus-client's multiprocess mode has it, and each of them can
answer for all. The client looks for the folder, ``PROMETHEUS_MULTIPROC_DIR``, when it is imported.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

REQUESTS = Counter("podium_invocations", "Requests for predictions, by status of the answer.", ["status"])
SECONDS = Histogram("podium_invocation_seconds", "From the request's header to the answer.", buckets=_SECONDS)
ROWS = Counter("podium_rows", "Rows that were answered.")
VERSION = Gauge(
    "podium_model_version", "Version that each worker answers with.", ["model"], multiprocess_mode="liveall"
)
SWAPS = Counter("podium_swaps", "Versions that took over from another.")
FAILURES = Counter("podium_load_failures", "Versions that could not be opened or asked.")
REACHABLE = Gauge("podium_registry_reachable", "Whether the registry answers.", multiprocess_mode="mostrecent")
RESTARTS = Counter("podium_worker_restarts", "Workers that ended by themselves and were replaced.")
SHADOWED = Counter("podium_shadow_requests", "Requests that were passed on to the shadow, or dropped.", ["outcome"])


def page() -> bytes:
    """Return the figures of all processes, in Prometheus' text format."""
    collected = CollectorRegistry()
    MultiProcessCollector(collected)  # type: ignore[no-untyped-call]
    return generate_latest(collected)


def forget(pid: int) -> None:
    """Leave out what a process that has ended says of itself, such as its version; what it has counted stays."""
    mark_process_dead(pid)  # type: ignore[no-untyped-call]
