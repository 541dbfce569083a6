"""Data sets: the source of their rows, their digest, and reading them."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podium.errors import PodiumError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from podium.data.splits import Split

# scikit-learn's data sets, and the file of the package with their rows: hashing the file identifies the rows without
# importing scikit-learn.
BUILT_IN = {
    "iris": "iris.csv",
    "wine": "wine_data.csv",
    "breast_cancer": "breast_cancer.csv",
    "digits": "digits.csv.gz",
}
SUFFIXES = (".csv", ".parquet")
# Keys of a file's data set in a spec, with descriptions for the JSON Schema.
KEYS = {
    "path": "The file, relative to the project.",
    "target": "Column of the class labels.",
    "name": "Name of the data set in MLflow; by default the file's stem.",
}
REQUIRED = ("path", "target")


@dataclass(frozen=True)
class DatasetRef:
    """A data set as a spec names it.

    Parameters
    ----------
    name : str
        A data set of scikit-learn (``iris``, ``wine``, ``breast_cancer``, ``digits``), or the file's stem.
    path : pathlib.Path or None
        The CSV or Parquet file; None for a data set of scikit-learn.
    target : str
        Column that holds the class labels.
    """

    name: str
    path: Path | None
    target: str

    @classmethod
    def from_spec(cls, value: str | Mapping[str, Any], root: Path) -> DatasetRef:
        """Read the ``dataset`` argument of a spec.

        Parameters
        ----------
        value : str or mapping
            A name such as ``iris``, or ``{path: data/penguins.csv, target: species}``.
        root : pathlib.Path
            The folder that paths are relative to.

        Raises
        ------
        PodiumError
            If the name is unknown, the file does not exist or its format is not supported.
        """
        if isinstance(value, str):
            if value not in BUILT_IN:
                hint = did_you_mean(value, BUILT_IN) or f": use one of {', '.join(BUILT_IN)}, or a path and a target"
                raise PodiumError(f"unknown data set {value!r}{hint}")
            return cls(name=value, path=None, target="target")
        if not set(REQUIRED) <= set(value) <= set(KEYS):
            raise PodiumError(f"a data set must be a name or {{path, target}}, not {dict(value)!r}")
        path = root / value["path"]
        if path.suffix not in SUFFIXES:
            raise PodiumError(f"data set {value['path']}: {path.suffix or 'no suffix'} is not one of {SUFFIXES}")
        if not path.is_file():
            raise PodiumError(f"data set {value['path']}: no such file")
        return cls(name=value.get("name", path.stem), path=path, target=value["target"])

    def as_spec(self, root: Path) -> str | dict[str, str]:
        """Return the form that :meth:`from_spec` reads."""
        if self.path is None:
            return self.name
        path = self.path.relative_to(root) if self.path.is_relative_to(root) else self.path
        return {"path": str(path), "target": self.target, "name": self.name}

    @property
    def file(self) -> Path:
        """The file with the rows."""
        return self.path or _built_in_folder() / BUILT_IN[self.name]

    def digest(self) -> str:
        """Return the SHA-256, in hexadecimal, of the rows and the name of the target column."""
        status = self.file.stat()
        rows = _file_digest(self.file, status.st_size, status.st_mtime_ns)
        return hashlib.sha256(f"{rows}\0{self.target}".encode()).hexdigest()


@functools.cache
def _built_in_folder() -> Path:
    """Return scikit-learn's data folder, without importing scikit-learn."""
    package = importlib.util.find_spec("sklearn")
    if package is None or package.origin is None:
        raise PodiumError("scikit-learn is not installed")
    return Path(package.origin).parent / "datasets" / "data"


@functools.lru_cache(maxsize=64)
def _file_digest(path: Path, _size: int, _modified: int) -> str:
    with path.open("rb") as rows:
        return hashlib.file_digest(rows, "sha256").hexdigest()


@dataclass(frozen=True)
class Dataset:
    """The rows of a data set, split.

    Parameters
    ----------
    name, digest, source : str
        Recorded in MLflow.
    target : str
        Name of the target column.
    x_train, x_test : pandas.DataFrame
        Features, (n_rows, n_features); numbers and strings.
    y_train, y_test : pandas.Series
        Class labels, (n_rows,).
    """

    name: str
    digest: str
    source: str
    target: str
    x_train: pd.DataFrame
    x_test: pd.DataFrame
    y_train: pd.Series[Any]
    y_test: pd.Series[Any]


def load(ref: DatasetRef, split: Split) -> Dataset:
    """Read a data set and split it, stratified by class.

    Rows without a label are dropped. A process reads each data set only once.

    Raises
    ------
    PodiumError
        If there is no target column, or a class has too few rows for both parts and every fold.
    """
    return _load(ref, ref.digest(), split)


@functools.lru_cache(maxsize=4)
def _load(ref: DatasetRef, digest: str, split: Split) -> Dataset:
    from sklearn.model_selection import train_test_split

    frame = _read(ref)
    if ref.target not in frame:
        raise PodiumError(f"data set {ref.name} has no column {ref.target!r}{did_you_mean(ref.target, frame.columns)}")
    frame = frame.dropna(subset=[ref.target])
    features, labels = frame.drop(columns=ref.target), frame[ref.target]
    counts = labels.value_counts()
    if len(counts) < 2:  # noqa: PLR2004
        raise PodiumError(f"data set {ref.name}: column {ref.target!r} needs at least 2 classes, not {len(counts)}")
    # Each class needs a row in every fold of the training rows and one in the test rows.
    if counts.min() < split.folds + 1:
        raise PodiumError(
            f"data set {ref.name}: class {counts.idxmin()!r} has {counts.min()} rows; {split.folds} folds need "
            f"at least {split.folds + 1}"
        )
    x_train, x_test, y_train, y_test = train_test_split(
        features, labels, test_size=split.test_size, random_state=split.seed, stratify=labels
    )
    return Dataset(
        name=ref.name,
        digest=digest,
        source=ref.path.as_uri() if ref.path else f"sklearn.datasets.load_{ref.name}",
        target=ref.target,
        x_train=x_train,
        x_test=x_test,
        y_train=y_train,
        y_test=y_test,
    )


def _read(ref: DatasetRef) -> pd.DataFrame:
    import pandas as pd

    if ref.path is None:
        from sklearn import datasets

        bunch = getattr(datasets, f"load_{ref.name}")(as_frame=True)
        frame: pd.DataFrame = bunch.data.assign(target=bunch.target_names[bunch.target])
    elif ref.path.suffix == ".csv":
        frame = pd.read_csv(ref.path)
    else:
        frame = pd.read_parquet(ref.path)
    # int64 has no missing values, so MLflow's signature of an integer column would refuse rows that need imputing.
    # All numbers are therefore float64, and everything else is object.
    features = frame.columns.drop(ref.target, errors="ignore")
    numbers = frame[features].select_dtypes(["number", "bool"]).columns
    kinds = {column: "float64" if column in numbers else "object" for column in features}
    return frame.astype(kinds)
