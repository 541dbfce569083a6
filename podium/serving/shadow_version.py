"""The version that runs as the shadow model, as the main process of the inference server knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podium.serving.messages import LoadFailed, ModelReady, RegistryStatus, ShadowStatus

if TYPE_CHECKING:
    from collections.abc import Callable


class ShadowVersion:
    """Follows what the shadow follower and the shadow say, and reports changes.

    Parameters
    ----------
    model : str
        Name of the registered model.
    alias : str
        Alias of the version that runs as the shadow model.
    report : callable
        Takes one line about each change.
    """

    def __init__(self, model: str, alias: str, report: Callable[[str], None]) -> None:
        self.ready: ModelReady | None = None
        self._model = model
        self._alias = alias
        self._report = report
        self._status = ShadowStatus(None, {})
        self._has_status = False

    def follower_said(self, message: Any) -> bool:
        """Record a message of the shadow follower and return whether the shadow needs it too."""
        match message:
            case ModelReady():
                self.ready = message
                return True
            case LoadFailed():
                self._report(
                    f"version {message.version} cannot run as the shadow model ({self._alias}): {message.reason}"
                )
            case RegistryStatus():
                if not message.error and message.version is None:
                    self.ready = None
                    self._report(f"no shadow model: no version of {self._model} has the alias {self._alias}")
                return True
        return False

    def status_changed(self, status: ShadowStatus) -> None:
        """Record what the shadow says of itself."""
        previous, self._status, self._has_status = self._status, status, True
        if self.ready and status.version and status.version != previous.version:
            self._report(f"{self.ready.info} runs as the shadow model ({self._alias})")

    def as_json(self) -> dict[str, Any]:
        """Return the field ``shadow`` of ``GET /model``."""
        known = {"version": self._status.version, **self._status.fields} if self._has_status else {}
        return {"alias": self._alias, **known}
