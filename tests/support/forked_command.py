"""The command ``podium`` as forks of one process that has imported what it needs: each start saves 2 s of one core."""

import multiprocessing
import os
import sys
from multiprocessing import forkserver

import pytest

from podium.serving.server import ONE_THREAD

# What `podium serve` imports, except what reads the environment on import.
IMPORTED = ("podium.cli.main", "mlflow.pyfunc.scoring_server", "mlflow.sklearn", "sklearn", "skops.io", "uvicorn")
CONTEXT = multiprocessing.get_context("forkserver")


def start(arguments, env):
    """Start a command.

    Returns
    -------
    process : multiprocessing.Process
        The command.
    output : file
        What it and its children write to standard output and standard error.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in ONE_THREAD:
            patch.setenv(name, "1")
        CONTEXT.set_forkserver_preload(list(IMPORTED))
        forkserver.ensure_running()
    reader, writer = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=_run, args=(arguments, env, writer))
    process.start()
    writer.close()
    output = os.fdopen(os.dup(reader.fileno()))
    reader.close()
    return process, output


def _run(arguments, env, output):
    from podium.cli import main

    os.environ.clear()
    os.environ.update(env)
    for standard in (1, 2):
        os.dup2(output.fileno(), standard)
    output.close()
    sys.argv = ["podium", *arguments]
    main.main()
