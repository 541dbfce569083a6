"""The child processes of the inference server: starts them, replaces those that end, and stops them."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from podium.errors import PodiumError
from podium.registry.names import registered_model
from podium.serving import shadow_channel, worker
from podium.serving.child_process import ChildProcess
from podium.serving.follower import Follower, run_follower
from podium.serving.shadow import Shadow

if TYPE_CHECKING:
    import socket
    from multiprocessing.connection import Connection

    from podium.serving.production import Production
    from podium.serving.settings import ServerSettings


#: A process that ends within this time of its start would most likely end again.
EARLY_SECONDS, EARLY_ENDS = 5.0, 5
#: Time to stop, beyond the time that a request may take.
GRACE_SECONDS = 5.0


class ChildProcesses:
    """The child processes of the server.

    Parameters
    ----------
    settings : ServerSettings
        What to serve, and how.
    listener : socket.socket
        The socket from which the workers accept connections.
    production : Production
        What new processes start with: the served version, and the one that failed.
    """

    def __init__(self, settings: ServerSettings, listener: socket.socket, production: Production) -> None:
        self.workers: list[ChildProcess] = []
        self.follower: ChildProcess | None = None
        self.shadow_follower: ChildProcess | None = None
        self.shadow: ChildProcess | None = None
        self._settings = settings
        self._listener = listener
        self._production = production
        self._channel: tuple[socket.socket, socket.socket] | None = None
        self._early_ends = 0

    def all(self) -> list[ChildProcess]:
        """Return the processes that were started."""
        return [child for child in (self.follower, self.shadow_follower, self.shadow, *self.workers) if child]

    def start(self) -> None:
        """Start all processes, one after the other: each closes what it inherits of the earlier ones."""
        if self._settings.shadow:
            self._channel = shadow_channel.create()
            self.shadow = self._start_shadow(*self._channel)
            self.shadow_follower = self._start_shadow_follower(self._settings.shadow)
        for _ in range(self._settings.workers):
            self.workers.append(self._start_worker())
        self.follower = self._start_follower()

    def replace(self, ended: ChildProcess) -> None:
        """Start a new process in place of one that has ended.

        Raises
        ------
        PodiumError
            If several processes in a row ended right after their start.
        """
        is_early = time.monotonic() - ended.started < EARLY_SECONDS
        self._early_ends = self._early_ends + 1 if is_early else 0
        if self._early_ends > EARLY_ENDS:
            raise PodiumError(f"processes of the server ended {self._early_ends} times right after their start")
        if ended is self.follower:
            self.follower = self._start_follower()
        elif ended is self.shadow_follower and self._settings.shadow:
            self.shadow_follower = self._start_shadow_follower(self._settings.shadow)
        elif ended is self.shadow and self._channel:
            self.shadow = self._start_shadow(*self._channel)
        else:
            self.workers[self.workers.index(ended)] = self._start_worker()

    def _start_worker(self) -> ChildProcess:
        settings, served = self._settings, self._production.served

        def run(pipe: Connection) -> None:
            shadow = shadow_channel.ShadowSender(self._channel[0]) if self._channel else None
            worker.run_worker(registered_model(settings.pipeline), settings, self._listener, pipe, shadow, served)

        return ChildProcess.fork(run, "worker", self.all())

    def _start_follower(self) -> ChildProcess:
        served, failed = self._production.served, self._production.failed

        def run(pipe: Connection) -> None:
            self._listener.close()
            run_follower(Follower(self._settings, pipe, served.info if served else None, failed))

        return ChildProcess.fork(run, "registry follower", self.all())

    def _start_shadow_follower(self, alias: str) -> ChildProcess:
        def run(pipe: Connection) -> None:
            self._listener.close()
            run_follower(Follower(self._settings, pipe, alias=alias, uses_copy=False))

        return ChildProcess.fork(run, "shadow follower", self.all())

    def _start_shadow(self, _: socket.socket, receiver: socket.socket) -> ChildProcess:
        def run(pipe: Connection) -> None:
            self._listener.close()
            Shadow(self._settings.pipeline, receiver, pipe).run()

        return ChildProcess.fork(run, "shadow", self.all())

    def stop(self) -> None:
        """Let the workers finish their requests, and kill what has not ended by the deadline."""
        self._listener.close()
        children = [*self.workers, *(child for child in self.all() if child not in self.workers)]
        for child in children:
            with contextlib.suppress(OSError):
                child.pipe.close()  # workers and the shadow end when their pipe closes
        for follower in filter(None, (self.follower, self.shadow_follower)):
            follower.process.terminate()
        deadline = time.monotonic() + self._settings.limits.seconds + GRACE_SECONDS
        for child in children:
            child.process.join(max(0.0, deadline - time.monotonic()))
            if child.process.is_alive():
                child.process.kill()
                child.process.join()
