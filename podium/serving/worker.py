"""A worker process of the inference server."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

import uvicorn

from podium.serving.application import Application
from podium.serving.current_model import CurrentModel
from podium.serving.invocations import Invocations
from podium.serving.routes import create_routes
from podium.serving.worker_pipe import WorkerPipe

if TYPE_CHECKING:
    import socket
    from multiprocessing.connection import Connection

    from podium.serving.messages import ModelReady
    from podium.serving.settings import ServerSettings
    from podium.serving.shadow_channel import ShadowSender

#: How long a connection may be idle.
KEEP_ALIVE_SECONDS = 60
#: How long a thread may hold the interpreter while another waits. Python's default of 5 ms delays requests in a swap.
SWITCH_SECONDS = 0.001


def run_worker(
    model: str,
    settings: ServerSettings,
    listener: socket.socket,
    pipe: Connection,
    shadow: ShadowSender | None,
    served: ModelReady | None,
) -> None:
    """Answer requests until the main process closes the pipe, then finish those in progress.

    Parameters
    ----------
    model : str
        Name of the registered model.
    settings : ServerSettings
        The token and the limits of a request.
    listener : socket.socket
        The socket from which connections are accepted.
    pipe : multiprocessing.connection.Connection
        Pipe to the main process.
    shadow : ShadowSender or None
        Gets each answered request; None if there is no shadow model.
    served : ModelReady or None
        The model to start with.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    current = CurrentModel(model)
    main_process = WorkerPipe(current, pipe)
    if served:
        main_process.switch(served)  # before the worker accepts requests
    invocations = Invocations(current, settings.limits, shadow)
    application = Application(current, invocations, create_routes(current, main_process), settings.token)
    server = uvicorn.Server(
        uvicorn.Config(
            application,
            log_level="warning",
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=int(settings.limits.seconds) + 1,
        )
    )

    def listen() -> None:
        main_process.listen()
        server.should_exit = True

    threading.Thread(target=listen, daemon=True).start()
    server.run(sockets=[listener])
