"""The main process of the inference server: supervises the other processes and distributes their messages.

It neither loads models nor queries the registry, so nothing can block it.
"""

from __future__ import annotations

from multiprocessing import connection
from typing import TYPE_CHECKING, Any

from podium import signals
from podium.registry.names import registered_model
from podium.serving import prometheus
from podium.serving.child_processes import ChildProcesses
from podium.serving.messages import (
    LoadFailed,
    Loading,
    ModelReady,
    NowServing,
    RegistryStatus,
    Reload,
    ServerStatus,
    ShadowStatus,
)
from podium.serving.production import Production
from podium.serving.shadow_version import ShadowVersion

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from podium.serving.child_process import ChildProcess
    from podium.serving.settings import ServerSettings


class MainProcess:
    """The main process.

    Parameters
    ----------
    settings : ServerSettings
        What to serve, and how.
    listener : socket.socket
        The socket from which the workers accept connections.
    report : callable
        Takes one line about each event.
    """

    def __init__(self, settings: ServerSettings, listener: socket.socket, report: Callable[[str], None]) -> None:
        self._listener = listener
        self._report = report
        self._lines: list[str] = []
        self._model = registered_model(settings.pipeline)
        self._production = Production(self._model, self._lines.append)
        self._shadow = ShadowVersion(self._model, settings.shadow, self._lines.append) if settings.shadow else None
        self._children = ChildProcesses(settings, listener, self._production)

    def run(self) -> None:
        """Serve until interrupted."""
        try:
            self._children.start()
            self._report(f"serving {self._model} at {_url(self._listener)}")
            while True:
                self._wait()
        finally:
            with signals.ignored():
                self._children.stop()

    def _wait(self) -> None:
        """Wait for messages and ended processes, and handle them."""
        children = self._children.all()
        ready = connection.wait([child.pipe for child in children], timeout=1.0)
        for child in children:
            if child.pipe in ready:
                try:
                    message = child.pipe.recv()
                except (EOFError, OSError):
                    self._replace(child)
                else:
                    self._handle(child, message)
        if self._production.is_loading_too_long and self._children.follower:
            self._children.follower.process.kill()
        # Report last: what a line says must already be in the status that workers were sent.
        for line in self._lines:
            self._report(line)
        self._lines.clear()

    def _handle(self, child: ChildProcess, message: Any) -> None:
        if child is self._children.shadow_follower:
            self._handle_shadow_follower(message)
        elif isinstance(message, Reload):
            if self._children.follower:
                self._children.follower.send(message)
        else:
            if self._shadow and isinstance(message, ShadowStatus):
                self._shadow.status_changed(message)
            else:
                self._update_production(child, message)
            self._publish()

    def _update_production(self, child: ChildProcess, message: Any) -> None:
        match message:
            case RegistryStatus():
                self._production.registry_queried(message)
            case Loading():
                self._production.loading_started(message)
            case ModelReady():
                self._production.model_ready(message)
                for worker in self._children.workers:
                    worker.send(message)
            case LoadFailed():
                self._production.load_failed(message)
            case NowServing():
                child.version = message.version
                self._production.workers_serve({worker.version for worker in self._children.workers})

    def _handle_shadow_follower(self, message: Any) -> None:
        if self._shadow and self._shadow.follower_said(message) and self._children.shadow:
            self._children.shadow.send(message)

    def _publish(self) -> None:
        """Send every worker the fields of ``GET /model`` that only the main process knows."""
        workers = self._children.workers
        status = ServerStatus(
            {
                **self._production.as_json(),
                "shadow": self._shadow.as_json() if self._shadow else None,
                "workers": [{"pid": worker.process.pid, "version": worker.version} for worker in workers],
            }
        )
        for worker in workers:
            worker.send(status)

    def _replace(self, child: ChildProcess) -> None:
        """Replace a process that has ended."""
        how = child.join()
        children = self._children
        if child is children.follower and self._production.is_loading:
            self._production.follower_ended(how)
        else:
            self._lines.append(f"{child.process.name} (pid {child.process.pid}) {how}; starting another")
        if child in children.workers:
            prometheus.RESTARTS.inc()
            prometheus.forget(child.process.pid or 0)
        is_shadow = child is children.shadow
        children.replace(child)
        if is_shadow and children.shadow and self._shadow and self._shadow.ready:
            children.shadow.send(self._shadow.ready)
        self._publish()


def _url(listener: socket.socket) -> str:
    host, port, *_ = listener.getsockname()
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
