"""The inference server: a process that follows Production, and workers that answer requests on one socket."""

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
from podium.serving.settings import PORT, PORTS, ServerSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: One thread per worker: with one per core in each, workers would slow each other down.
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

#: Folder of the processes' metrics; prometheus-client reads the variable when it is imported.
METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"


def serve(settings: ServerSettings, report: Callable[[str], None]) -> None:
    """Serve until Ctrl-C or SIGTERM, then finish the requests in progress.

    Parameters
    ----------
    settings : ServerSettings
        What to serve, and how.
    report : callable
        Takes one line about each event.

    Raises
    ------
    PodiumError
        If the port is taken, or processes repeatedly end right after their start.
    """
    for name in ONE_THREAD:
        os.environ.setdefault(name, "1")
    with _listener(settings) as listener, tempfile.TemporaryDirectory(prefix="podium-serve-") as folder:
        os.environ[METRICS_FOLDER] = folder
        _import_all()
        from podium.serving.main_process import MainProcess

        with contextlib.suppress(KeyboardInterrupt), signals.as_interrupts():
            MainProcess(settings, listener, report).run()
    report("stopped")


def _import_all() -> None:
    """Import what the processes need before they are forked, and exclude it from garbage collection.

    A full collection over the objects of MLflow and scikit-learn takes 0.1 s, during which no request is answered.
    """
    gc.disable()  # imports create only objects that stay
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
    """Open a listening socket on the configured port, or on the first free one."""
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
