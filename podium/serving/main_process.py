"""The main process of the inference server: keeps the others, and passes on what they say.

It neither opens models nor asks the registry, so that nothing keeps it from looking after the others.
"""

from __future__ import annotations

import contextlib
import time
from multiprocessing import connection
from typing import TYPE_CHECKING, Any

from podium import signals
from podium.errors import PodiumError
from podium.registry.names import registered_model
from podium.serving.child_process import Child

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from multiprocessing.connection import Connection

    from podium.serving.messages import Failed, Look, Opened, Opening
    from podium.serving.settings import ServerSettings


#: A process that has ended so soon after its start would most likely end again.
SOON_SECONDS, SOON_TIMES = 5.0, 5
#: A model that takes longer to be opened is given up.
OPENING_SECONDS = 120.0
#: Beyond the time that a request may take.
GRACE_SECONDS = 5.0


class Arbiter:
    """The main process.

    Parameters
    ----------
    settings : ServerSettings
        What to serve, and how.
    listener : socket.socket
        What the workers accept connections from.
    report : callable
        Takes one line about each thing that happens.
    """

    def __init__(self, settings: ServerSettings, listener: socket.socket, report: Callable[[str], None]) -> None:
        self._settings = settings
        self._model = registered_model(settings.pipeline)
        self._listener = listener
        self._report = report
        self._lines: list[str] = []
        self._workers: list[Child] = []
        self._follower: Child | None = None
        self._scout: Child | None = None
        self._shadow: Child | None = None
        self._shadowed: Opened | None = None
        self._shadow_state: dict[str, Any] | None = None
        self._channel: tuple[socket.socket, socket.socket] | None = None
        self._champion: Opened | None = None
        self._opening: tuple[Opening, float] | None = None
        self._failed: Failed | None = None
        self._look: Look | None = None
        self._ended_soon = 0
        self._unsaid = ""

    def run(self) -> None:
        """Serve until interrupted."""
        try:
            if self._settings.shadow:
                from podium.serving.shadow import channel

                self._channel = channel()
                self._shadow = self._start_shadow()
                self._scout = self._start_scout()
            # One after the other: each closes what it inherits of those that are there.
            for _ in range(self._settings.workers):
                self._workers.append(self._start_worker())
            self._follower = self._start_follower()
            self._report(f"{self._model} is served at {_url(self._listener)}")
            while True:
                self._wait()
        finally:
            with signals.ignored():
                self._stop()

    def _wait(self) -> None:
        """Wait for something to happen, and see to it."""
        assert self._follower  # noqa: S101 - it has been started
        children = self._children()
        ready = connection.wait([child.pipe for child in children], timeout=1.0)
        for child in children:
            if child.pipe in ready:
                try:
                    message = child.pipe.recv()
                except (EOFError, OSError):
                    self._replace(child)
                else:
                    self._see_to(child, message)
        if self._opening and time.monotonic() - self._opening[1] > OPENING_SECONDS:
            self._follower.process.kill()
        # Only now, so that whoever reads a line finds the same in /model.
        for line in self._lines:
            self._report(line)
        self._lines.clear()

    def _say(self, line: str) -> None:
        self._lines.append(line)

    def _children(self) -> list[Child]:
        return [child for child in (self._follower, self._scout, self._shadow, *self._workers) if child]

    def _see_to(self, child: Child, message: Any) -> None:
        from podium.serving import prometheus
        from podium.serving.messages import Failed, Look, Opened, Opening, Reload, Took

        if child is self._scout:
            self._scouted(message)
            return
        match message:
            case dict():
                self._shadowing(message)
            case Look():
                self._looked(message)
            case Opening():
                self._opening = message, time.monotonic()
            case Opened():
                self._opening, self._failed = None, None
                self._swap(message)
            case Failed():
                self._opening = None
                prometheus.FAILURES.inc()
                self._fail(message)
            case Took():
                child.version = message.version
                self._say_who_answers()
            case Reload():
                if self._follower:
                    self._follower.tell(message)
                return
        self._publish()

    def _shadowing(self, state: dict[str, Any]) -> None:
        before, self._shadow_state = self._shadow_state or {}, state
        self._publish()
        if self._shadowed and state["version"] and state["version"] != before.get("version"):
            self._say(f"{self._shadowed.about} is asked in the shadow ({self._settings.shadow})")

    def _scouted(self, message: Any) -> None:
        """See to what the alias of the shadow names."""
        from podium.serving.messages import Failed, Look, Opened

        assert self._shadow  # noqa: S101 - it comes with the scout
        alias = self._settings.shadow
        match message:
            case Opened():
                self._shadowed = message
                self._shadow.tell(message)
            case Failed():
                self._say(f"version {message.version} is not asked in the shadow ({alias}): {message.reason}")
            case Look():
                if not message.error and message.wanted is None:
                    self._shadowed = None
                    self._say(f"nothing is asked in the shadow: no version of {self._model} is {alias}")
                self._shadow.tell(message)

    def _looked(self, look: Look) -> None:
        from podium.serving import prometheus

        prometheus.REACHABLE.set(0 if look.error else 1)
        before, self._look = self._look, look
        if look.error and (before is None or not before.error):
            stays = f"; {self._champion.about} goes on answering" if self._champion else ""
            self._say(f"the registry does not answer: {look.error}{stays}")
        elif not look.error and before and before.error:
            self._say(f"the registry answers at {look.uri}")
        if not look.error and look.wanted is None and (before is None or before.error or before.wanted):
            stays = f"{self._champion.about} stays" if self._champion else "requests get 503 until something is"
            self._say(f"nothing is in Production of {self._model}: {stays}")

    def _swap(self, opened: Opened) -> None:
        from podium.serving import prometheus

        before, self._champion = self._champion, opened
        if before:
            prometheus.SWAPS.inc()
        follows = f" in place of version {before.about.version}" if before else ""
        origin = ", from the last copy" if opened.is_copy else ""
        self._unsaid = f"{opened.about} answers{follows}{origin}"
        for worker in self._workers:
            worker.tell(opened)

    def _say_who_answers(self) -> None:
        """Report a swap, when it is true of every worker."""
        champion = self._champion
        if self._unsaid and champion and {worker.version for worker in self._workers} == {champion.about.version}:
            self._say(self._unsaid)
            self._unsaid = ""

    def _fail(self, failed: Failed) -> None:
        if failed == self._failed:
            return
        self._failed = failed
        what = f"version {failed.version} is not served" if failed.version else "the last copy is not served"
        stays = f"; {self._champion.about} stays" if self._champion else ""
        self._say(f"{what}: {failed.reason}{stays}")

    def _publish(self) -> None:
        """Let every worker know what ``/model`` shows."""
        state = {
            "production": self._look.wanted if self._look else None,
            "failed": {"version": self._failed.version, "reason": self._failed.reason} if self._failed else None,
            "loading": self._opening[0].about.version if self._opening else None,
            "registry": {
                "uri": self._look.uri if self._look else None,
                "reachable": bool(self._look and not self._look.error),
                "error": self._look.error if self._look else "",
            },
            "mlflow": self._page(),
            "shadow": {"alias": self._settings.shadow, **(self._shadow_state or {})} if self._settings.shadow else None,
            "workers": [{"pid": worker.process.pid, "version": worker.version} for worker in self._workers],
        }
        for worker in self._workers:
            worker.tell(state)

    def _page(self) -> str | None:
        """Return the version's page in MLflow."""
        uri = self._look.uri if self._look else None
        if not self._champion or not uri or not uri.startswith("http"):
            return None
        return f"{uri.rstrip('/')}/#/models/{self._model}/versions/{self._champion.about.version}"

    def _replace(self, child: Child) -> None:
        """Start another process in place of one that has ended."""
        from podium.serving import prometheus
        from podium.serving.messages import Failed

        how = child.end()
        self._ended_soon = self._ended_soon + 1 if time.monotonic() - child.started < SOON_SECONDS else 0
        if self._ended_soon > SOON_TIMES:
            raise PodiumError(f"a process of the server has ended {self._ended_soon} times right after its start")
        if child is self._follower:
            if self._opening:
                version = self._opening[0].about.version
                self._opening = None
                prometheus.FAILURES.inc()
                self._fail(Failed(version, f"the process that opened it {how}"))
            else:
                self._say(f"the process that follows the registry {how}; starting it again")
            self._follower = self._start_follower()
        elif child is self._scout:
            self._say(f"the process that follows {self._settings.shadow} {how}; starting it again")
            self._scout = self._start_scout()
        elif child is self._shadow:
            self._say(f"the process of the shadow {how}; starting it again")
            self._shadow = self._start_shadow()
            if self._shadowed:
                self._shadow.tell(self._shadowed)
        else:
            self._say(f"worker {child.process.pid} {how}; starting another")
            prometheus.RESTARTS.inc()
            prometheus.forget(child.process.pid or 0)
            self._workers[self._workers.index(child)] = self._start_worker()
        self._publish()

    def _start_worker(self) -> Child:
        from podium.serving.shadow import Passage
        from podium.serving.worker import Worker, work

        settings = self._settings

        def run(pipe: Connection) -> None:
            passage = Passage(self._channel[0]) if self._channel else None
            worker = Worker(self._model, settings.limits, settings.token, pipe, passage)
            if self._champion:
                worker.take(self._champion)  # before it accepts a request that it could not answer
            work(worker, self._listener)

        return Child.forked(run, "worker", self._children())

    def _start_follower(self) -> Child:
        from podium.serving.follower import Follower, follow

        served, failed = self._champion.about if self._champion else None, self._failed

        def run(pipe: Connection) -> None:
            self._listener.close()
            follow(Follower(self._settings, pipe, served, failed))

        return Child.forked(run, "follower", self._children())

    def _start_scout(self) -> Child:
        from podium.serving.follower import Follower, follow

        settings = self._settings

        def run(pipe: Connection) -> None:
            self._listener.close()
            follow(Follower(settings, pipe, alias=settings.shadow or "", keeps=False))

        return Child.forked(run, "scout", self._children())

    def _start_shadow(self) -> Child:
        from podium.serving.shadow import Shadow

        assert self._channel  # noqa: S101 - it has been made
        _, end = self._channel

        def run(pipe: Connection) -> None:
            self._listener.close()
            Shadow(self._settings.pipeline, end, pipe).run()

        return Child.forked(run, "shadow", self._children())

    def _stop(self) -> None:
        """Let the workers finish what they have begun, and end what does not end by itself."""
        self._listener.close()
        children = [*self._workers, *(child for child in self._children() if child not in self._workers)]
        for child in children:
            with contextlib.suppress(OSError):
                child.pipe.close()  # which tells a worker, and the shadow
        for follower in filter(None, (self._follower, self._scout)):
            follower.process.terminate()
        deadline = time.monotonic() + self._settings.limits.seconds + GRACE_SECONDS
        for child in children:
            child.process.join(max(0.0, deadline - time.monotonic()))
            if child.process.is_alive():
                child.process.kill()
                child.process.join()


def _url(listener: socket.socket) -> str:
    host, port, *_ = listener.getsockname()
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
