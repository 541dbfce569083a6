"""The inference server: a process that follows Production, and workers that answer on one socket."""

from __future__ import annotations

import contextlib
import gc
import importlib
import logging
import os
import socket
import tempfile
from typing import TYPE_CHECKING

from podium import signals
from podium.errors import PodiumError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

from podium.serving.settings import PORT, PORTS, ServerSettings

#: One thread for each worker: with one for every core each, workers only get in each other's way.
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

#: Where the processes keep what they count; prometheus-client looks for it when it is imported.
METERS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"


def serve(settings: ServerSettings, report: Callable[[str], None]) -> None:
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
        from podium.serving.main_process import Arbiter

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
    from podium.registry import model_files
    from podium.serving import worker  # noqa: F401

    model_files.import_skops()
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    gc.freeze()
    gc.enable()


@contextlib.contextmanager
def _listener(settings: ServerSettings) -> Iterator[socket.socket]:
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
