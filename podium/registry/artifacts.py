"""Files of runs and models: written where MLflow keeps them, and read back."""

from __future__ import annotations

import contextlib
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow import MlflowClient

# Addresses of artifacts that MLflow's server keeps.
PROXIED_ARTIFACTS = "mlflow-artifacts:/"
# File of a training's run with its scores in each fold.
FOLDS = "folds.json"


@contextlib.contextmanager
def folder(uri: str, client: MlflowClient, local: Path | None) -> Iterator[Path]:
    """Give a folder whose files become the artifacts of a run or a model.

    If MLflow's server keeps its artifacts on this machine, it is their final place. Otherwise the files are uploaded at
    the end, with a request each: half of all requests of a training.

    Parameters
    ----------
    uri : str
        Artifact location of the run or the model, which MLflow's client would otherwise look up first.
    client : mlflow.MlflowClient
        Of the server.
    local : pathlib.Path or None
        The folder of the server's artifacts, if it is on this machine.
    """
    if local and uri.startswith(PROXIED_ARTIFACTS):
        place = Path(local, uri.removeprefix(PROXIED_ARTIFACTS))
        place.mkdir(parents=True, exist_ok=True)
        yield place
        return
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    with tempfile.TemporaryDirectory() as temporary:
        yield Path(temporary)
        get_artifact_repository(uri, tracking_uri=client.tracking_uri).log_artifacts(temporary)


def read_text(client: MlflowClient, run_id: str, path: str) -> str:
    """Return the text of an artifact of a run."""
    with tempfile.TemporaryDirectory() as temporary:
        return Path(client.download_artifacts(run_id, path, temporary)).read_text("utf-8")


def read_json(client: MlflowClient, run_id: str, path: str) -> Any:
    """Return the content of a JSON artifact of a run; None if the run does not have it."""
    from mlflow.exceptions import MlflowException

    with contextlib.suppress(MlflowException, OSError):
        return json.loads(read_text(client, run_id, path))
    return None
