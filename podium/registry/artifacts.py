"""Write and read the artifacts of MLflow runs and models."""

from __future__ import annotations

import contextlib
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow import MlflowClient

# Artifact URIs that MLflow's server resolves.
PROXIED_ARTIFACTS = "mlflow-artifacts:/"
# Artifacts of a training's run: the scores of each fold, the candidate that was trained, and warnings if there are any.
FOLDS, CONFIG, WARNINGS = "folds.json", "candidate.yaml", "warnings.json"


@contextlib.contextmanager
def folder(uri: str, client: MlflowClient, local: Path | None) -> Iterator[Path]:
    """Yield a folder whose files become the artifacts of a run or a model.

    If MLflow's server keeps its artifacts on this machine, the folder is their final place. Otherwise the files are
    uploaded at the end, one request per file, which is half of all requests of a training.

    Parameters
    ----------
    uri : str
        Artifact location of the run or the model. MLflow's client would need a request to look it up.
    client : mlflow.MlflowClient
        Client of the server.
    local : pathlib.Path or None
        The server's artifact folder, if it is on this machine.
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
    """Return an artifact of a run as a string."""
    with tempfile.TemporaryDirectory() as temporary:
        return Path(client.download_artifacts(run_id, path, temporary)).read_text("utf-8")


def read_json(client: MlflowClient, run_id: str, path: str) -> Any:
    """Return the content of a JSON artifact of a run; None if the run does not have it or it is not JSON."""
    from mlflow.exceptions import MlflowException

    with contextlib.suppress(MlflowException, OSError, ValueError, RecursionError):
        return json.loads(read_text(client, run_id, path))
    return None
