"""Save models with skops, never with pickle, and load only files that contain allowed types."""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podium.data.numbers import TEXT_MARKERS
from podium.registry.fitted_parts import check_parts
from podium.registry.model_description import SKOPS_FILE, check_folder, read_description
from podium.registry.skops_file import check_skops
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
    """Load a model's folder as MLflow serves it, without MLflow choosing a loader or a path from its files.

    Raises
    ------
    PodiumError
        If it is not a scikit-learn model saved with skops, contains a type that no allowed config produces, or a part
        that would read files, crash or never end.
    """
    from mlflow.pyfunc import PyFuncModel
    from mlflow.sklearn import _SklearnModelWrapper

    import_skops()
    folder = Path(path)
    size = check_folder(folder)
    description = read_description(folder)
    check_skops(folder / SKOPS_FILE)
    model = _opened(folder / SKOPS_FILE)
    check_parts(model)
    served = PyFuncModel(model_meta=description, model_impl=_SklearnModelWrapper(model), model_id=description.model_id)
    with contextlib.suppress(Exception):  # as MLflow does: a model without an example is served too
        served.input_example = description.load_input_example(path=path)
    return Loaded(served, size)


def _opened(path: Path) -> Any:
    import skops.io

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return skops.io.load(path, trusted=list(trusted_types()))


def import_skops() -> None:
    """Import skops without warnings of other packages.

    The import reads every attribute of every loaded module, Airflow's deprecated ones included.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import skops.io  # noqa: F401


INPUT_EXAMPLE_ROWS = 3
#: Requirements of every saved model, and of one that contains parts of a package: by the package's import name.
PACKAGES = ("mlflow", "numpy", "pandas", "scikit-learn", "scipy", "skops")
PACKAGES_OF_PARTS = {"lightgbm": "lightgbm", "podium": "podium-ml", "skrub": "skrub", "xgboost": "xgboost"}


def pip_requirements(model: Any) -> list[str]:
    """Return the requirements of a model, pinned to the installed releases; MLflow would start a process."""
    modules = {type(part).__module__.partition(".")[0] for part in (model, *model.get_params().values())}
    packages = (*PACKAGES, *(package for module, package in PACKAGES_OF_PARTS.items() if module in modules))
    return [f"{name}=={_release(name)}" for name in packages]


@functools.cache
def _release(package: str) -> str:
    return importlib.metadata.version(package)


def signature(dataset: Dataset, predictions: Any) -> Any:
    """Return the signature of a model: every feature may be null, so that a gap that appears later is served.

    Parameters
    ----------
    dataset : Dataset
        The rows: numbers are ``double``, all others ``string``.
    predictions : array
        Some predictions.
    """
    from mlflow.models import ModelSignature, infer_signature
    from mlflow.types import ColSpec, Schema

    types = {column: "double" if kind == "number" else "string" for column, kind in dataset.kinds.items()}
    columns = [ColSpec(type_, column, required=False) for column, type_ in types.items()]
    return ModelSignature(Schema(columns), infer_signature(predictions).inputs)


def served_as(dataset: Dataset) -> dict[str, list[str]]:
    """Return what a server must know of the columns besides their types; see `podium.serving.rows.Columns`."""
    rows, kinds = dataset.x_train, dataset.kinds
    numbers = [column for column, kind in kinds.items() if kind == "number"]
    strings = [column for column, kind in kinds.items() if kind in ("category", "text")]
    return {
        "booleans": [column for column in numbers if rows[column].dropna().isin((0, 1)).all()],
        "dates": [column for column, kind in kinds.items() if kind == "date"],
        "literal": [column for column in strings if rows[column].isin(TEXT_MARKERS).any()],
        "missing": list(dataset.na_values),
    }


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
        signature=signature(dataset, model.predict(example)),
        input_example=example,
        metadata=served_as(dataset),
        pip_requirements=pip_requirements(model),
    )
