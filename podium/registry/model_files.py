"""Save models with skops, never with pickle, and load only files that contain allowed types."""

from __future__ import annotations

import functools
import importlib.metadata
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podium.errors import PodiumError
from podium.registry.schema_rows import schema_rows
from podium.registry.trusted_types import trusted_types

if TYPE_CHECKING:
    from mlflow.models import Model

    from podium.data.datasets import Dataset


@dataclass(frozen=True)
class Loaded:
    """A model loaded from the registry.

    Parameters
    ----------
    served : mlflow.pyfunc.PyFuncModel
        The model as MLflow serves it, which enforces its signature.
    size : int
        Bytes that its files take.
    """

    served: Any
    size: int

    @property
    def model(self) -> Any:
        """The scikit-learn pipeline."""
        return self.served.get_raw_model()


def load_model(path: str) -> Loaded:
    """Load a model's folder as MLflow serves it; a file that could run code is refused before it is opened.

    Raises
    ------
    PodiumError
        If it is not a scikit-learn model saved with skops, or contains a type that no allowed config produces.
    """
    import mlflow.pyfunc

    import_skops()
    _check_harmless(path)
    size = sum(file.stat().st_size for file in Path(path).rglob("*") if file.is_file())
    # suppress_warnings skips a check of all installed packages, 0.4 s: the model lists the ones it was made with.
    return Loaded(mlflow.pyfunc.load_model(path, suppress_warnings=True), size)


def _check_harmless(path: str) -> None:
    from mlflow.models import Model

    flavors = Model.load(path).flavors
    own, served = flavors.get("sklearn", {}), flavors.get("python_function", {})
    brings_code = own.get("code") or served.get("code")
    if brings_code or served.get("loader_module") != "mlflow.sklearn" or own.get("serialization_format") != "skops":
        raise PodiumError("refused: not a scikit-learn model saved with skops")
    if foreign := set(own.get("skops_trusted_types") or ()) - set(trusted_types()):
        raise PodiumError(f"refused: types that no allowed config produces: {', '.join(sorted(foreign))}")


def import_skops() -> None:
    """Import skops without warnings of other packages.

    The import reads every attribute of every loaded module, Airflow's deprecated ones included.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import skops.io  # noqa: F401


INPUT_EXAMPLE_ROWS = 3


@functools.cache
def pip_requirements() -> list[str]:
    """Return the requirements of a saved model, pinned to the installed releases; MLflow would start a process."""
    packages = ("mlflow", "numpy", "pandas", "scikit-learn", "scipy", "skops")
    return [f"{name}=={importlib.metadata.version(name)}" for name in packages]


def save_model(model: Any, dataset: Dataset, folder: Path, about: Model | None = None) -> None:
    """Save a model in a folder with skops, with signature, input example and requirements.

    Parameters
    ----------
    model : sklearn.pipeline.Pipeline
        The fitted model.
    dataset : Dataset
        The data set it was fitted on.
    folder : pathlib.Path
        The target folder: empty, or created.
    about : mlflow.models.Model, optional
        Further metadata that MLflow stores, such as the run that made the model.
    """
    import mlflow.sklearn

    import_skops()
    example = dataset.x_train.head(INPUT_EXAMPLE_ROWS)
    mlflow.sklearn.save_model(
        model,
        str(folder),
        mlflow_model=about,
        serialization_format="skops",
        skops_trusted_types=list(trusted_types()),
        signature=mlflow.models.infer_signature(schema_rows(dataset.x_train), model.predict(example)),
        input_example=example,
        pip_requirements=pip_requirements(),
    )
