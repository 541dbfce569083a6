"""Run the program of a service: ``podium.stack.launch airflow scheduler`` or ``podium.stack.launch mlflow PORT``."""

from __future__ import annotations

import atexit
import gc
import logging
import multiprocessing
import os
import sys
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# What a worker has to end after SIGTERM.
GRACE_SECONDS = 2.0


def main() -> None:
    """Run the program that the arguments name."""
    # Garbage collection takes a quarter of the imports' time, Airflow's API server 4.7 s instead of 3.6 s: it runs
    # after every 700 new objects, and imports only make objects that stay.
    gc.set_threshold(50_000, 20, 20)
    program, *arguments = sys.argv[1:]
    with _quick_end():
        match program:
            case "airflow":
                _airflow(arguments)
            case "mlflow":
                _mlflow(int(arguments[0]))


@contextmanager
def _quick_end() -> Iterator[None]:
    """End the process as soon as the program has ended: Python would free its modules first, 3.5 s of one core."""
    code = 1
    try:
        yield
        code = 0
    except KeyboardInterrupt:
        code = 130
    except SystemExit as ended:
        if isinstance(ended.code, str):
            sys.stderr.write(f"{ended.code}\n")
        else:
            code = ended.code or 0
    except Exception:  # noqa: BLE001
        traceback.print_exc()
    finally:
        try:
            _end_children()
            atexit._run_exitfuncs()  # noqa: SLF001 - as multiprocessing does at the end of its processes
            logging.shutdown()
            sys.stdout.flush()
            sys.stderr.flush()
        finally:  # also if there is no space to write to
            os._exit(code)


def _end_children() -> None:
    """End the workers of a scheduler that failed: they wait for tasks, and multiprocessing would wait for them."""
    children = multiprocessing.active_children()
    for child in children:
        child.terminate()
    for child in children:
        child.join(GRACE_SECONDS)
        child.kill()  # a worker that has run a task ignores the signal


def _airflow(arguments: list[str]) -> None:
    from airflow.__main__ import main as airflow

    if arguments[0] == "scheduler":
        from podium.stack import promotion_pool

        promotion_pool.create()
    sys.argv = ["airflow", *arguments]
    airflow()


def _mlflow(port: int) -> None:
    """Serve MLflow as ``mlflow server`` does, in one process.

    The command imports MLflow twice, 2.3 s each: in itself, where it creates the schema, and in the server that it
    starts. One worker is enough for one machine, and cannot race with others in MLflow's lazy set-up.
    """
    import uvicorn  # before mlflow.server, which detects by it that it runs as a server
    from mlflow.server import constants
    from mlflow.server.handlers import initialize_backend_stores

    store, artifacts = os.environ["MLFLOW_BACKEND_STORE_URI"], os.environ["MLFLOW_ARTIFACTS_DESTINATION"]
    proxied = "mlflow-artifacts:/"
    os.environ[constants.BACKEND_STORE_URI_ENV_VAR] = store
    os.environ[constants.REGISTRY_STORE_URI_ENV_VAR] = store
    os.environ[constants.SERVE_ARTIFACTS_ENV_VAR] = "true"
    os.environ[constants.ARTIFACTS_DESTINATION_ENV_VAR] = artifacts
    os.environ[constants.ARTIFACT_ROOT_ENV_VAR] = proxied
    initialize_backend_stores(store, store, proxied)
    uvicorn.run("mlflow.server.fastapi_app:app", host="127.0.0.1", port=port, access_log=False)


if __name__ == "__main__":
    main()
