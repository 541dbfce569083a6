"""The version in Production, as the main process of the inference server knows it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from podium.serving import prometheus
from podium.serving.messages import LoadFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from podium.serving.messages import Loading, ModelReady, RegistryStatus

#: Loading a model is aborted after this time.
LOADING_SECONDS = 120.0


class Production:
    """Follows what the registry follower and the workers say of the version in Production, and reports changes.

    Parameters
    ----------
    model : str
        Name of the registered model.
    report : callable
        Takes one line about each change.
    """

    def __init__(self, model: str, report: Callable[[str], None]) -> None:
        self.served: ModelReady | None = None
        self.failed: LoadFailed | None = None
        self._model = model
        self._report = report
        self._registry: RegistryStatus | None = None
        self._loading: tuple[Loading, float] | None = None
        self._unreported = ""

    @property
    def is_loading(self) -> bool:
        """Whether the follower is loading a version."""
        return self._loading is not None

    @property
    def is_loading_too_long(self) -> bool:
        """Whether the follower has been loading a version for longer than allowed."""
        return self._loading is not None and time.monotonic() - self._loading[1] > LOADING_SECONDS

    def registry_queried(self, status: RegistryStatus) -> None:
        """Record the result of a query to the registry."""
        prometheus.REACHABLE.set(0 if status.error else 1)
        previous, self._registry = self._registry, status
        if status.error and (previous is None or not previous.error):
            self._report(f"the registry does not respond: {status.error}{self._still_serving()}")
        elif not status.error and previous and previous.error:
            self._report(f"the registry responds again at {status.uri}")
        if not status.error and status.version is None and (previous is None or previous.error or previous.version):
            consequence = self._still_serving() or "; requests get 503 until one is promoted"
            self._report(f"no version of {self._model} is in Production{consequence}")

    def loading_started(self, message: Loading) -> None:
        """Record that the follower loads a version."""
        self._loading = message, time.monotonic()

    def model_ready(self, ready: ModelReady) -> None:
        """Record a loaded version; it is reported when all workers serve it."""
        self._loading, self.failed = None, None
        previous, self.served = self.served, ready
        if previous:
            prometheus.SWAPS.inc()
        origin = " from the local copy" if ready.is_copy else ""
        replaced = f", replacing version {previous.info.version}" if previous else ""
        self._unreported = f"serving {ready.info}{origin}{replaced}"

    def workers_serve(self, versions: set[int | None]) -> None:
        """Report a new version as soon as it is the only one that the workers serve."""
        if self._unreported and self.served and versions == {self.served.info.version}:
            self._report(self._unreported)
            self._unreported = ""

    def load_failed(self, failed: LoadFailed) -> None:
        """Record that a version could not be loaded."""
        self._loading = None
        prometheus.FAILURES.inc()
        if failed == self.failed:
            return
        self.failed = failed
        what = f"version {failed.version}" if failed.version else "the local copy"
        self._report(f"{what} cannot be served: {failed.reason}{self._still_serving()}")

    def follower_ended(self, how: str) -> None:
        """Record that the follower ended while it was loading a version."""
        if self._loading:
            self.load_failed(LoadFailed(self._loading[0].info.version, f"the process that loaded it {how}"))

    def as_json(self) -> dict[str, Any]:
        """Return the fields of ``GET /model`` about the registry and the versions in it."""
        registry = self._registry
        return {
            "production": registry.version if registry else None,
            "failed": {"version": self.failed.version, "reason": self.failed.reason} if self.failed else None,
            "loading": self._loading[0].info.version if self._loading else None,
            "registry": {
                "uri": registry.uri if registry else None,
                "reachable": bool(registry and not registry.error),
                "error": registry.error if registry else "",
            },
            "mlflow": self._mlflow_page(),
        }

    def _mlflow_page(self) -> str | None:
        """Return the URL of the served version's page in MLflow."""
        uri = self._registry.uri if self._registry else None
        if not self.served or not uri or not uri.startswith("http"):
            return None
        return f"{uri.rstrip('/')}/#/models/{self._model}/versions/{self.served.info.version}"

    def _still_serving(self) -> str:
        return f"; still serving {self.served.info}" if self.served else ""
