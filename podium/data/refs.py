"""A data set as a spec names it: its file, its target, how to read it, and what its columns are."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from podium.data.options import READ_SCHEMA, ReadOptions
from podium.errors import PodiumError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

# scikit-learn's data sets, and the file of the package with their rows: hashing the file identifies the rows without
# importing scikit-learn.
BUILT_IN = {
    "iris": "iris.csv",
    "wine": "wine_data.csv",
    "breast_cancer": "breast_cancer.csv",
    "digits": "digits.csv.gz",
}
#: Formats of files, by suffix; text can be compressed.
TEXT, PARQUET = (".csv", ".tsv"), ".parquet"
#: Suffixes of compressed text, and the value of ``read: {compression: …}`` for each.
COMPRESSIONS = {".gz": "gzip", ".bz2": "bz2", ".xz": "xz", ".zst": "zstd", ".zip": "zip"}
SUFFIXES = (*TEXT, ".csv.gz", PARQUET)
#: What ``columns`` can say of a column.
ROLES = ("number", "category", "text", "date", "id", "drop")
RARE_CLASSES = ("refuse", "drop", "other")
#: Keys of a file's data set in a spec, with the JSON Schema of each.
KEYS: dict[str, dict[str, Any]] = {
    "path": {
        "type": "string",
        "description": "A CSV, TSV or Parquet file, or a folder of them, relative to the project.",
    },
    "target": {"type": "string", "description": "Column of the class labels."},
    "name": {"type": "string", "description": "Name of the data set in MLflow. Default: the file's stem."},
    "read": {**READ_SCHEMA, "description": "How the file is written. Default: as its suffix says."},
    "columns": {
        "type": "object",
        "propertyNames": {"minLength": 1},
        "additionalProperties": {"enum": list(ROLES)},
        "description": "What columns are: number, category, text or date; id identifies a row and is no feature; drop"
        " leaves a column out. The kind of other columns is inferred.",
    },
    "weight": {"type": "string", "description": "Column with the weight of each row; not a feature."},
    "positive": {
        "anyOf": [{"type": "string"}, {"type": "number"}, {"type": "boolean"}],
        "description": "The label that counts as positive, for metrics of two classes such as f1.",
    },
    "rare_classes": {
        "enum": list(RARE_CLASSES),
        "description": "Classes with too few rows for every fold: refuse the data, drop their rows, or join them into"
        " the class other. Default: refuse.",
    },
    "allow_missing_target": {
        "type": "boolean",
        "description": "Accept that more than 1 % of the rows have no label; they are dropped. Default: false.",
    },
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
        The file, or folder of files; None for a data set of scikit-learn.
    target : str
        Column that holds the class labels.
    read : ReadOptions
        How the file is written.
    columns : tuple of (str, str)
        What the spec says of columns: name and role, one of :data:`ROLES`, in the order of the names.
    weight : str or None
        Column with the weights of the rows.
    positive : str, int, float, bool or None
        The positive label, as the spec writes it.
    rare_classes : {"refuse", "drop", "other"}
        What happens to classes with too few rows.
    allow_missing_target : bool
        Whether more than 1 % of the rows may have no label.
    """

    name: str
    path: Path | None
    target: str
    read: ReadOptions = field(default_factory=ReadOptions)
    columns: tuple[tuple[str, str], ...] = ()
    weight: str | None = None
    positive: str | float | bool | None = None
    rare_classes: Literal["refuse", "drop", "other"] = "refuse"
    allow_missing_target: bool = False

    @classmethod
    def from_spec(cls, value: str | Mapping[str, Any], root: Path) -> DatasetRef:
        """Read the ``dataset`` argument of a spec.

        Parameters
        ----------
        value : str or mapping
            A name such as ``iris``, or a mapping with the keys of :data:`KEYS`, such as
            ``{path: data/penguins.csv, target: species}``.
        root : pathlib.Path
            The folder that paths are relative to.

        Raises
        ------
        PodiumError
            If the name or a key is unknown, the file does not exist or its format is not supported.
        """
        if isinstance(value, str):
            if value not in BUILT_IN:
                hint = did_you_mean(value, BUILT_IN) or f": use one of {', '.join(BUILT_IN)}, or a path and a target"
                raise PodiumError(f"unknown data set {value!r}{hint}")
            return cls(name=value, path=None, target="target")
        if not set(REQUIRED) <= set(value):
            raise PodiumError(f"a data set must be a name or {{path, target}}, not {dict(value)!r}")
        if unknown := set(value) - set(KEYS):
            word = min(unknown)
            raise PodiumError(f"unknown key {word!r} in dataset{did_you_mean(word, KEYS)}")
        path = root / value["path"]
        if problem := path_problem(value["path"], path):
            raise PodiumError(f"data set {value['path']}: {problem}")
        return cls(
            name=value.get("name") or stem(path),
            path=path,
            target=value["target"],
            read=ReadOptions.from_spec(value.get("read")),
            columns=_columns(value.get("columns"), value["target"]),
            weight=value.get("weight"),
            positive=value.get("positive"),
            rare_classes=_one_of("rare_classes", value.get("rare_classes", "refuse"), RARE_CLASSES),
            allow_missing_target=bool(value.get("allow_missing_target", False)),
        )

    def as_spec(self, root: Path) -> str | dict[str, Any]:
        """Return the form that :meth:`from_spec` reads."""
        if self.path is None:
            return self.name
        path = self.path.relative_to(root) if self.path.is_relative_to(root) else self.path
        return {"path": str(path), "target": self.target, "name": self.name, **self._options()}

    def _options(self) -> dict[str, Any]:
        """Return the keys that differ from their defaults, apart from path, target and name, as a spec writes them."""
        given = {
            option.name: getattr(self, option.name)
            for option in fields(self)[3:]
            if getattr(self, option.name) != (ReadOptions() if option.name == "read" else option.default)
        }
        if "read" in given:
            given["read"] = self.read.as_spec()
        if "columns" in given:
            given["columns"] = dict(self.columns)
        return given

    @property
    def files(self) -> list[Path]:
        """The files with the rows, in the order of their names."""
        if self.path is None:
            return [_built_in_folder() / BUILT_IN[self.name]]
        return files_of(self.path)

    @property
    def source(self) -> str:
        """Where the rows come from, for MLflow."""
        return self.path.as_uri() if self.path else f"sklearn.datasets.load_{self.name}"

    def role(self, column: str) -> str | None:
        """Return what the spec says of a column, or None."""
        return dict(self.columns).get(column)

    def digest(self) -> str:
        """Return the SHA-256, in hexadecimal, of the files, the target's name and the options."""
        stats = [(file, file.stat()) for file in self.files]
        parts = [_file_digest(file, status.st_size, status.st_mtime_ns) for file, status in stats]
        parts.append(self.target)
        if options := self._options():
            parts.append(json.dumps(options, sort_keys=True))
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def files_of(path: Path) -> list[Path]:
    """Return a file, or the files of a folder in the order of their names, without hidden ones and markers."""
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith((".", "_")))


def stem(path: Path) -> str:
    """Return a file's name without its suffixes of format and compression."""
    if path.suffix in COMPRESSIONS:
        path = path.with_suffix("")
    return path.stem


def file_format(path: Path) -> str | None:
    """Return the suffix of a file's format, whether it is compressed or not; None if the format is unknown."""
    suffix = path.suffix.lower()
    if suffix in COMPRESSIONS:
        inner = Path(path.stem).suffix.lower()
        return inner if inner in TEXT else None
    return suffix if suffix in (*TEXT, PARQUET) else None


def path_problem(written: str, path: Path) -> str | None:
    """Return what is wrong with the path of a data set, or None.

    Parameters
    ----------
    written : str
        The path as the spec writes it.
    path : pathlib.Path
        The path that it means.
    """
    if "://" in written:
        return "addresses are not read: download the file, and name its path"
    if path.is_dir():
        return _folder_problem(path)
    if file_format(path) is None:
        return f"{path.suffix or 'no suffix'} is not one of {', '.join(SUFFIXES)}"
    return None if path.is_file() else "no such file"


def _folder_problem(folder: Path) -> str | None:
    formats = {file: file_format(file) for file in files_of(folder)}
    if not formats:
        return "the folder has no files"
    wrong = next((file for file, suffix in formats.items() if suffix is None), None)
    if wrong is not None:
        return (
            f"the folder has the file {wrong.name!r}: {wrong.suffix or 'no suffix'} is not one of {', '.join(SUFFIXES)}"
        )
    if PARQUET in formats.values() and len(set(formats.values())) > 1:
        return "the folder has text and Parquet files: keep one format"
    return None


def _columns(value: Any, target: str) -> tuple[tuple[str, str], ...]:
    roles = {str(column): _one_of(f"columns: {column}", role, ROLES) for column, role in (value or {}).items()}
    ids = [column for column, role in roles.items() if role == "id"]
    if len(ids) > 1:
        raise PodiumError(f"columns: one column can be the id, not {', '.join(ids)}: drop the others")
    if roles.get(target) in ("id", "drop"):
        raise PodiumError(f"columns: {target!r} is the target, so it cannot be {roles[target]}")
    return tuple(sorted(roles.items()))


def _one_of(name: str, value: Any, options: tuple[str, ...]) -> Any:
    if value not in options:
        raise PodiumError(f"{name} must be one of {', '.join(options)}, not {value!r}")
    return value


@functools.cache
def _built_in_folder() -> Path:
    """Return scikit-learn's data folder, without importing scikit-learn."""
    package = importlib.util.find_spec("sklearn")
    if package is None or package.origin is None:
        raise PodiumError("scikit-learn is not installed")
    return Path(package.origin).parent / "datasets" / "data"


@functools.lru_cache(maxsize=1024)
def _file_digest(path: Path, _size: int, _modified: int) -> str:
    with path.open("rb") as rows:
        return hashlib.file_digest(rows, "sha256").hexdigest()
