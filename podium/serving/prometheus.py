"""Prometheus metrics of the inference server.

All processes of a server write to one folder, in prometheus-client's multiprocess mode, and each can report the metrics
of all. The client reads the folder's path, ``PROMETHEUS_MULTIPROC_DIR``, when it is imported.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

REQUESTS = Counter("podium_invocations", "Prediction requests, by status of the response.", ["status"])
SECONDS = Histogram("podium_invocation_seconds", "Seconds from request headers to response.", buckets=_SECONDS)
ROWS = Counter("podium_rows", "Rows with a prediction.")
VERSION = Gauge("podium_model_version", "Version that each worker serves.", ["model"], multiprocess_mode="liveall")
SWAPS = Counter("podium_swaps", "Versions that replaced another.")
FAILURES = Counter("podium_load_failures", "Versions that could not be loaded or could not predict.")
REACHABLE = Gauge("podium_registry_reachable", "1 if the registry responds, else 0.", multiprocess_mode="mostrecent")
RESTARTS = Counter("podium_worker_restarts", "Workers that ended unexpectedly and were replaced.")
SHADOWED = Counter("podium_shadow_requests", "Requests sent to the shadow model, or dropped.", ["outcome"])


def page() -> bytes:
    """Return the metrics of all processes in Prometheus' text format."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def forget(pid: int) -> None:
    """Remove the gauges of a process that has ended, such as its version; its counters stay."""
    mark_process_dead(pid)  # type: ignore[no-untyped-call]
