"""A skops file before it is opened: every type in it, and the size of every array, is checked first.

skops trusts many types by itself, such as every estimator and function of scikit-learn. Here only what a config can
lead to passes.
"""

from __future__ import annotations

import functools
import json
import math
import re
import zipfile
from typing import IO, TYPE_CHECKING, Any

from podium.configs import catalogue
from podium.errors import PodiumError
from podium.registry.trusted_types import trusted_types

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Bytes of the file's structure, and of the unpacked sparse matrices. skops writes all else without compression.
MOST_STRUCTURE, MOST_SPARSE = 2**27, 2**30
#: A value without bytes, such as an empty string, may occur so often.
MOST_EMPTY = 10**6

_STRUCTURE = "schema.json"
_MEMBER = re.compile(r"[\w-]{1,80}\.(npy|npz|bin)")
_FUNCTION, _LOSS, _CALL = "FunctionNode", "LossNode", "ConstructorFromReduceNode"
_LOADERS = frozenset(
    {
        *("BytearrayNode", "BytesNode", "DTypeNode", "DefaultDictNode", "DictNode", "JsonNode", "ListNode"),
        *("MaskedArrayNode", "NdArrayNode", "ObjectNode", "PartialNode", "RandomGeneratorNode", "RandomStateNode"),
        *("SetNode", "SliceNode", "SparseMatrixNode", "TreeNode", "TupleNode", "TypeNode", _FUNCTION, _LOSS, _CALL),
    }
)
# Parts of fitted models, besides the estimators that a config names and the types that skops does not trust.
_PARTS = (
    *("bool", "bytearray", "bytes", "dict", "float", "int", "list", "object", "set", "slice", "str", "tuple"),
    *("collections.defaultdict", "collections.OrderedDict"),
    *("numpy.ndarray", "numpy.dtype", "numpy.ma.MaskedArray"),
    *("numpy.random._generator.Generator", "numpy.random.mtrand.RandomState"),
    *(f"scipy.sparse._{kind}.{kind}_{shape}" for kind in ("csc", "csr") for shape in ("array", "matrix")),
    "sklearn.compose._column_transformer.ColumnTransformer",
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "sklearn.feature_extraction.text.TfidfTransformer",
    "sklearn.feature_extraction.text.TfidfVectorizer",
    "sklearn.isotonic.IsotonicRegression",
    "sklearn.neighbors._unsupervised.NearestNeighbors",
    "sklearn.pipeline.Pipeline",
    "sklearn.preprocessing._data.KernelCenterer",
    "sklearn.preprocessing._function_transformer.FunctionTransformer",
    "sklearn.preprocessing._label.LabelBinarizer",
    "sklearn.preprocessing._label.LabelEncoder",
    "sklearn.tree._classes.DecisionTreeRegressor",
    "sklearn.tree._classes.ExtraTreeRegressor",
)
# What a _CALL may call with the values that the file gives: the time zone of a column of dates.
_CALLED = frozenset({"datetime.timedelta", "datetime.timezone"})
_LOSSES = re.compile(r"sklearn\.(_loss\.(_loss|loss|link)|linear_model\._sgd_fast)\.[A-Z]\w*")
_NUMPY_SCALAR = re.compile(r"numpy\.(bool_?|str_|bytes_|datetime64|timedelta64|u?int(8|16|32|64)|float(16|32|64))")


def check_skops(path: Path) -> None:
    """Check a skops file without creating any object of it.

    Raises
    ------
    PodiumError
        If it is no such file, has a type that no allowed config produces, or an array that is larger than its bytes.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(archive)
            nodes = list(_nodes(json.loads(archive.read(_STRUCTURE))))
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError, RecursionError, NotImplementedError) as error:
        raise PodiumError(f"refused: {path.name} is not a skops file: {type(error).__name__}") from error
    if foreign := sorted({name for loader, name in nodes if not _is_allowed(loader, name)}):
        raise PodiumError(f"refused: types that no allowed config produces: {', '.join(foreign[:5])}")


def _check_members(archive: zipfile.ZipFile) -> None:
    members = archive.infolist()
    if len({member.filename for member in members}) != len(members):
        raise ValueError("a member occurs twice")
    if archive.getinfo(_STRUCTURE).file_size > MOST_STRUCTURE:
        raise PodiumError("refused: its structure is too large")
    for member in members:
        if member.filename == _STRUCTURE:
            packed = False
        elif found := _MEMBER.fullmatch(member.filename):
            packed = found[1] == "npz"
        else:
            raise ValueError("a member of another name")
        if member.file_size != member.compress_size:
            raise PodiumError(f"refused: {member.filename[:80]} is compressed, which skops does not do")
        if packed:
            with archive.open(member) as file:
                _check_sparse(file)
        elif member.filename.endswith(".npy"):
            with archive.open(member) as file:
                _check_array(file, member.file_size)


def _check_sparse(file: IO[bytes]) -> None:
    with zipfile.ZipFile(file) as inner:
        if sum(member.file_size for member in inner.infolist()) > MOST_SPARSE:
            raise PodiumError("refused: a sparse matrix is too large")
        for member in inner.infolist():
            with inner.open(member) as array:
                _check_array(array, member.file_size)


def _check_array(file: IO[bytes], size: int) -> None:
    """Check that an array has the bytes that its header says; an array of Python objects would be a pickle."""
    from numpy.lib import format as npy

    version = npy.read_magic(file)
    read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(version)
    if read is None:
        raise ValueError("another version of the format")
    shape, _, dtype = read(file)
    count = math.prod(shape)
    if dtype.hasobject or file.tell() + count * dtype.itemsize != size or (not dtype.itemsize and count > MOST_EMPTY):
        raise PodiumError("refused: an array is not as large as its header says")


def _nodes(structure: Any) -> Iterator[tuple[str, str]]:
    """Yield the loader and the type's path of every node, whatever it is part of."""
    left = [structure]
    while left:
        node = left.pop()
        if isinstance(node, dict):
            if "__loader__" in node or "__class__" in node or "__module__" in node:
                yield str(node.get("__loader__")), f"{node.get('__module__')}.{node.get('__class__')}"
            left += node.values()
        elif isinstance(node, list):
            left += node


def _is_allowed(loader: str, name: str) -> bool:
    if loader not in _LOADERS or (loader == _CALL and name not in _CALLED):
        return False
    if name in trusted_types():
        return True
    if loader == _FUNCTION:
        return False
    return name in _types() or bool(_LOSSES.fullmatch(name) or _NUMPY_SCALAR.fullmatch(name))


@functools.cache
def _types() -> frozenset[str]:
    """Return the types that may stand in every project's models."""
    named = [*catalogue.classifiers().values(), *catalogue.transformers().values()]
    parts = [name if "." in name else f"builtins.{name}" for name in _PARTS]
    return frozenset([*parts, *(f"{class_.__module__}.{class_.__qualname__}" for class_ in named)])
