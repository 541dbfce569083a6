"""The inference server: a process that follows Production, and workers that answer on one socket."""

from __future__ import annotations

import contextlib
import gc
import importlib
import logging
import os
import socket
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from podium import signals
from podium.problems import PodiumError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from podium.project import Project

PORT, PORTS = 8000, 200
#: One thread for each worker: with one for every core each, workers only get in each other's way.
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

#: Where the processes keep what they count; prometheus-client looks for it when it is imported.
METERS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"


@dataclass(frozen=True)
class Limits:
    """What a request may ask for.

    Parameters
    ----------
    body : int
        Bytes of its body.
    rows : int
        Rows.
    seconds : float
        Until it is answered.
    """

    body: int = 16 * 2**20
    rows: int = 100_000
    seconds: float = 30.0


@dataclass(frozen=True)
class Settings:
    """What to serve, and how.

    Parameters
    ----------
    project : Project
        Where the stack and the copy are.
    pipeline : str
        Its registered model's version in Production is served.
    limits : Limits
        What a request may ask for.
    host : str
        Address to listen on.
    port : int or None
        Port to listen on, 0 for any; None for the first free one from :data:`PORT` on.
    workers : int
        Processes that answer.
    token : str or None
        What requests have to bear.
    shadow : str or None
        Alias of a version that is asked the same questions, and does not answer.
    """

    project: Project
    pipeline: str
    limits: Limits
    host: str = "127.0.0.1"
    port: int | None = None
    workers: int = 1
    token: str | None = None
    shadow: str | None = None


def serve(settings: Settings, report: Callable[[str], None]) -> None:
    """Serve until Ctrl-C or SIGTERM, then finish the requests that have begun.

    Parameters
    ----------
    report : callable
        Takes one line about each thing that happens.

    Raises
    ------
    PodiumError
        If the port is taken, or a process ends again and again.
    """
    for name in ONE_THREAD:
        os.environ.setdefault(name, "1")
    with _listener(settings) as listener, tempfile.TemporaryDirectory(prefix="podium-serve-") as folder:
        os.environ[METERS_FOLDER] = folder
        _import_all()
        from podium.arbiter import Arbiter

        with contextlib.suppress(KeyboardInterrupt), signals.as_interrupts():
            Arbiter(settings, listener, report).run()
    report("stopped")


def _import_all() -> None:
    """Import what the processes need, which then share it, and leave it out of garbage collection for good.

    A full collection over all that MLflow and scikit-learn have made takes 0.1 s, in which nothing is answered.
    """
    gc.disable()  # imports make only what stays
    for module in ("mlflow.pyfunc.scoring_server", "mlflow.sklearn", "sklearn", "uvicorn", "uvloop", "httptools"):
        importlib.import_module(module)
    from podium import follower, meters, registry, server  # noqa: F401

    registry.import_skops()
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    gc.freeze()
    gc.enable()


@contextlib.contextmanager
def _listener(settings: Settings) -> Iterator[socket.socket]:
    """Give a socket that listens: on the port that is asked for, else on the first free one."""
    ports = range(PORT, PORT + PORTS) if settings.port is None else (settings.port,)
    for port in ports:
        try:
            family, *_, address = socket.getaddrinfo(settings.host, port, type=socket.SOCK_STREAM)[0]
            listener = socket.create_server(address[:2], family=family, backlog=2048)
        except OSError as error:
            failure = error
        else:
            with listener:
                yield listener
            return
    raise PodiumError(f"cannot listen on {settings.host}:{settings.port or PORT}: {os.strerror(failure.errno or 0)}")
