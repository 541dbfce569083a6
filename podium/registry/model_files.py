"""Model files: saved as skops, never as pickle, and loaded only if they hold nothing but allowed types."""

from __future__ import annotations

import functools
import importlib.metadata
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podium.errors import PodiumError
from podium.registry.trusted_types import TRUSTED_TYPES

if TYPE_CHECKING:
    from mlflow.models import Model

    from podium.data.datasets import Dataset


@dataclass(frozen=True)
class Loaded:
    """A model that was loaded back.

    Parameters
    ----------
    served : mlflow.pyfunc.PyFuncModel
        Enforces its signature.
    size : int
        Bytes that it takes in the registry.
    """

    served: Any
    size: int

    @property
    def model(self) -> Any:
        """The scikit-learn pipeline."""
        return self.served.get_raw_model()


def opened(path: str) -> Loaded:
    """Open a model's folder as MLflow serves it; a file that could run code is not opened.

    Raises
    ------
    PodiumError
        If it is anything but a scikit-learn model in skops' format, of types that a config can lead to.
    """
    import mlflow.pyfunc

    import_skops()
    _check_harmless(path)
    size = sum(file.stat().st_size for file in Path(path).rglob("*") if file.is_file())
    # Without a look at all installed packages, 0.4 s: the model says which ones it was made with.
    return Loaded(mlflow.pyfunc.load_model(path, suppress_warnings=True), size)


def _check_harmless(path: str) -> None:
    from mlflow.models import Model

    flavors = Model.load(path).flavors
    own, served = flavors.get("sklearn", {}), flavors.get("python_function", {})
    brings_code = own.get("code") or served.get("code")
    if brings_code or served.get("loader_module") != "mlflow.sklearn" or own.get("serialization_format") != "skops":
        raise PodiumError("it is not a scikit-learn model in skops' format, and nothing else is loaded")
    if foreign := set(own.get("skops_trusted_types") or ()) - set(TRUSTED_TYPES):
        raise PodiumError(f"it asks for types that no config leads to: {', '.join(sorted(foreign))}")


def import_skops() -> None:
    """Import skops without the warnings of others.

    While it is imported it looks at every attribute of every loaded module, and so asks Airflow for deprecated ones.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import skops.io  # noqa: F401


INPUT_EXAMPLE_ROWS = 3


@functools.cache
def pip_requirements() -> list[str]:
    """Return what a saved model needs, pinned to what is installed: MLflow would start a process to find out."""
    packages = ("mlflow", "numpy", "pandas", "scikit-learn", "scipy", "skops")
    return [f"{name}=={importlib.metadata.version(name)}" for name in packages]


def save_model(model: Any, dataset: Dataset, folder: Path, about: Model | None = None) -> None:
    """Write a model to a folder: as skops, never as pickle, with signature, input example and requirements.

    Parameters
    ----------
    model : sklearn.pipeline.Pipeline
        Fitted.
    dataset : Dataset
        What it was fitted on.
    folder : pathlib.Path
        Where to; empty, or made.
    about : mlflow.models.Model, optional
        What else MLflow keeps of the model, such as the run that made it.
    """
    import mlflow.sklearn

    import_skops()
    example = dataset.x_train.head(INPUT_EXAMPLE_ROWS)
    mlflow.sklearn.save_model(
        model,
        str(folder),
        mlflow_model=about,
        serialization_format="skops",
        skops_trusted_types=list(TRUSTED_TYPES),
        signature=mlflow.models.infer_signature(dataset.x_train, model.predict(example)),
        input_example=example,
        pip_requirements=pip_requirements(),
    )
