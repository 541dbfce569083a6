"""What may stand in a model's `MLmodel` file: keys and values that Podium writes, never a path of its own."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from podium.errors import PodiumError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mlflow.models import Model

#: The file with the fitted model, the one with its description, and the two of its input example.
SKOPS_FILE, DESCRIPTION_FILE = "model.skops", "MLmodel"
EXAMPLE_FILE, SERVED_EXAMPLE_FILE = "input_example.json", "serving_input_example.json"
#: Sizes in bytes, and how many files a folder may have. The largest measured model has 180 MB.
MOST_DESCRIPTION, MOST_EXAMPLE, MOST_MODEL, MOST_FILES = 2**20, 2**24, 2**32, 50

_NOT_OURS = "refused: not a scikit-learn model saved with skops"
_RELEASE = re.compile(r"[0-9A-Za-z.+]{1,40}")


def _is(*values: Any) -> Callable[[Any], bool]:
    return lambda given: any(given is value or (given == value and type(given) is type(value)) for value in values)


def _is_release(given: Any) -> bool:
    return isinstance(given, str) and bool(_RELEASE.fullmatch(given))


def _is_plain(given: Any) -> bool:
    return given is None or isinstance(given, str | int | float | bool)


def _is_list_of_names(given: Any) -> bool:
    return isinstance(given, list) and all(isinstance(one, str) for one in given)


def _is_environment(given: Any) -> bool:
    known = {"conda": "conda.yaml", "virtualenv": "python_env.yaml"}
    return isinstance(given, dict) and given.items() <= known.items()


def _is_signature(given: Any) -> bool:
    keys = {"inputs", "outputs", "params"}
    return isinstance(given, dict) and given.keys() <= keys and all(_is_plain(value) for value in given.values())


def _is_metadata(given: Any) -> bool:
    return given is None or (isinstance(given, dict) and all(map(_is_list_of_names, given.values())))


_PYFUNC = {
    "code": _is(None),
    "env": _is_environment,
    "loader_module": _is("mlflow.sklearn"),
    "model_path": _is(SKOPS_FILE),
    "predict_fn": _is("predict"),
    "python_version": _is_release,
    "streamable": _is(False),
}
_SKLEARN = {
    "code": _is(None),
    "pickled_model": _is(SKOPS_FILE),
    "serialization_format": _is("skops"),
    "sklearn_version": _is_release,
    "skops_trusted_types": _is_list_of_names,
}
_EXAMPLE = {
    "artifact_path": _is(EXAMPLE_FILE),
    "format": _is_plain,
    "pandas_orient": _is("split"),
    "serving_input_path": _is(SERVED_EXAMPLE_FILE),
    "type": _is("dataframe"),
}
# Texts and numbers that MLflow only shows.
_SHOWN = (
    *("artifact_path", "is_signature_from_type_hint", "mlflow_version", "model_id", "model_size_bytes", "model_uuid"),
    *(
        "prompts",
        "run_id",
        "type_hint_from_example",
        "utc_time_created",
        "registered_model_name",
        "registered_model_version",
    ),
)


def check_folder(folder: Path) -> int:
    """Check that a model's folder has plain files of bounded sizes; return the bytes that they take.

    Raises
    ------
    PodiumError
        If there is a link, a device, too many files or one that is too large.
    """
    limits = {DESCRIPTION_FILE: MOST_DESCRIPTION, SKOPS_FILE: MOST_MODEL}
    sizes = []
    for entry in _files(folder):
        if entry.is_symlink() or not entry.is_file(follow_symlinks=False):
            raise PodiumError(f"refused: {entry.name!r} is not a plain file")
        sizes.append(entry.stat(follow_symlinks=False).st_size)
        if sizes[-1] > limits.get(entry.name, MOST_EXAMPLE):
            raise PodiumError(f"refused: {entry.name!r} has {sizes[-1]:,} bytes")
        if len(sizes) > MOST_FILES:
            raise PodiumError(f"refused: it has more than {MOST_FILES} files")
    for name in (DESCRIPTION_FILE, SKOPS_FILE):
        if not (folder / name).is_file():
            raise PodiumError(f"{_NOT_OURS}: there is no {name}")
    return sum(sizes)


def _files(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _files(Path(entry.path))
            else:
                yield entry


def read_description(folder: Path) -> Model:
    """Return what a model's `MLmodel` file says.

    Raises
    ------
    PodiumError
        If it has a key or a value that Podium does not write: paths, loaders and code are among them.
    """
    from mlflow.models import Model

    try:
        given = yaml.safe_load((folder / DESCRIPTION_FILE).read_text("utf-8"))
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise PodiumError(f"{_NOT_OURS}: its MLmodel is not YAML") from error
    if not isinstance(given, dict) or not isinstance(given.get("flavors"), dict):
        raise PodiumError(_NOT_OURS)
    flavors = given["flavors"]
    for name, known in (("python_function", _PYFUNC), ("sklearn", _SKLEARN)):
        _check(f"flavors.{name}", flavors.get(name), known)
    if set(flavors) != {"python_function", "sklearn"}:
        raise PodiumError(_NOT_OURS)
    if flavors["sklearn"].get("serialization_format") != "skops" or "loader_module" not in flavors["python_function"]:
        raise PodiumError(_NOT_OURS)
    _check("saved_input_example_info", given.get("saved_input_example_info") or {}, _EXAMPLE)
    whole = {"metadata": _is_metadata, "signature": _is_signature, **dict.fromkeys(_SHOWN, _is_plain)}
    checked = ("flavors", "saved_input_example_info")
    _check("MLmodel", {key: value for key, value in given.items() if key not in checked}, whole)
    return Model.from_dict(given)


def _check(where: str, given: Any, known: Mapping[str, Callable[[Any], bool]]) -> None:
    if not isinstance(given, dict):
        raise PodiumError(_NOT_OURS)
    for key, value in given.items():
        if key not in known or not known[key](value):
            raise PodiumError(f"{_NOT_OURS}: {where} has {str(key)[:60]!r}")
