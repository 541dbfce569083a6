"""A file with the rows of a data set, typed and split, which every process maps instead of holding a copy.

The file has a JSON header, which describes the values, and the arrays after it. Nothing in it is code: it is neither a
pickle nor does it name classes to import.
"""

from __future__ import annotations

import json
import mmap
import os
from functools import partial
from typing import TYPE_CHECKING, Any

from podium.data.report import ColumnReport, DataReport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy as np
    import pandas as pd

    Array = np.ndarray[Any, Any]

# The file begins with the magic bytes, then the lengths of header and file, 8 bytes each.
MAGIC = b"podium rows 1\n\0\0"
_LENGTH = 8
_PREFIX = len(MAGIC) + 2 * _LENGTH
# Arrays begin at multiples of this, so that they are aligned for any type.
_ALIGNMENT = 64
_CLASSES: dict[str, type] = {cls.__name__: cls for cls in (ColumnReport, DataReport)}


class UnsupportedValueError(Exception):
    """A value that a file of rows cannot have."""


def write(path: Path, values: Mapping[str, Any]) -> None:
    """Write values to a file that only its owner can read, and let it reach the disk.

    Parameters
    ----------
    path : pathlib.Path
        The file, which must not exist.
    values : mapping of str
        Frames and series of numbers and strings, arrays, reports, JSON values, and lists, tuples and mappings of these.

    Raises
    ------
    UnsupportedValueError
        If a value is none of these.
    """
    arrays = _Arrays()
    described = {name: arrays.describe(value) for name, value in values.items()}
    header = json.dumps({"values": described, "arrays": arrays.placed()}).encode()
    start = _aligned(_PREFIX + len(header))
    length = start + arrays.length
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(MAGIC + len(header).to_bytes(_LENGTH) + length.to_bytes(_LENGTH) + header)
        for array, offset in zip(arrays.arrays, arrays.offsets, strict=True):
            file.seek(start + offset)
            array.tofile(file)
        file.truncate(length)
        file.flush()
        os.fsync(file.fileno())


def read(path: Path) -> dict[str, Any]:
    """Return the values in a file; their arrays are mapped, and writing to them changes neither the file nor others.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If it is not a complete file of rows.
    """
    with path.open("rb") as file:
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    lengths = content[len(MAGIC) : _PREFIX]
    header, length = int.from_bytes(lengths[:_LENGTH]), int.from_bytes(lengths[_LENGTH:])
    if content[: len(MAGIC)] != MAGIC or len(content) != length:
        raise ValueError(f"{path} is not a complete file of rows")
    found = json.loads(content[_PREFIX : _PREFIX + header])
    arrays = _mapped(content, _aligned(_PREFIX + header), found["arrays"])
    return {name: _restored(value, arrays) for name, value in found["values"].items()}


def _aligned(offset: int) -> int:
    return -(-offset // _ALIGNMENT) * _ALIGNMENT


class _Arrays:
    """The arrays of a file that is being written; one that occurs in several values is written once."""

    def __init__(self) -> None:
        self.arrays: list[Array] = []
        self.offsets: list[int] = []
        self.length = 0
        self._known: dict[int, tuple[int, Any]] = {}

    def placed(self) -> list[tuple[str, tuple[int, ...], int]]:
        """Return type, shape and offset of each array."""
        return [(array.dtype.str, array.shape, offset) for array, offset in zip(self.arrays, self.offsets, strict=True)]

    def describe(self, value: Any) -> Any:
        """Return a value as JSON, with references to arrays."""
        import numpy as np
        import pandas as pd

        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, np.ndarray):
            return self._array(value)
        kinds: dict[str, tuple[Any, Callable[[Any], Any]]] = {
            "scalar": (np.generic, lambda one: self._array(np.array([one]))),
            "frame": (pd.DataFrame, self._frame),
            "series": (pd.Series, self._series),
            "list": (list, lambda ones: [self.describe(one) for one in ones]),
            "tuple": (tuple, lambda ones: [self.describe(one) for one in ones]),
            "dataclass": (tuple(_CLASSES.values()), self._dataclass),
            "mapping": (dict, self._mapping),
        }
        for kind, (types, described) in kinds.items():
            if isinstance(value, types):
                return {kind: described(value)}
        raise UnsupportedValueError(type(value).__name__)

    def _dataclass(self, value: Any) -> list[Any]:
        return [type(value).__name__, {name: self.describe(part) for name, part in vars(value).items()}]

    def _mapping(self, value: dict[Any, Any]) -> dict[str, Any]:
        if not all(isinstance(key, str) for key in value):
            raise UnsupportedValueError("a key that is no string")
        return {key: self.describe(one) for key, one in value.items()}

    def _series(self, series: pd.Series[Any]) -> list[Any]:
        return [self.describe(series.name), self._index(series.index), self._array(_values(series))]

    def _frame(self, frame: pd.DataFrame) -> dict[str, Any]:
        import numpy as np

        if not all(isinstance(column, str) for column in frame.columns) or not frame.columns.is_unique:
            raise UnsupportedValueError("names of columns")
        described = {"columns": list(frame.columns), "index": self._index(frame.index)}
        if len(frame.columns) and all(dtype == np.float64 for dtype in frame.dtypes):
            return described | {"block": self._array(frame.to_numpy())}
        return described | {"series": [self._array(_values(column)) for _, column in frame.items()]}

    def _index(self, index: pd.Index[Any]) -> Any:
        if index.dtype.kind not in "iu":
            raise UnsupportedValueError("an index without numbers")
        return self._array(index.to_numpy())

    def _array(self, array: Array) -> dict[str, Any]:
        """Add an array and return the reference to it."""
        import numpy as np

        if id(array) in self._known:
            return {"array": self._known[id(array)][0]}
        if array.dtype == object:
            return self._strings(array)
        if array.dtype.kind not in "biuf":
            raise UnsupportedValueError(str(array.dtype))
        self._known[id(array)] = len(self.arrays), array  # keeps the array, and so its id
        self.arrays.append(np.ascontiguousarray(array))
        self.offsets.append(self.length)
        self.length = _aligned(self.length + array.nbytes)
        return {"array": len(self.arrays) - 1}

    def _strings(self, array: Array) -> dict[str, Any]:
        """Add strings as a number for each, which says which of the distinct ones it is; -1 is None."""
        import numpy as np
        import pandas as pd

        codes, distinct = pd.factorize(array)
        if not all(isinstance(one, str) for one in distinct) or any(one is not None for one in array[codes < 0]):
            raise UnsupportedValueError("objects that are not strings")
        return {"strings": list(distinct), "codes": self._array(codes.astype(np.int32))}


def _values(column: pd.Series[Any]) -> Array:
    """Return the values of a column as NumPy has them."""
    import numpy as np

    if not isinstance(column.dtype, np.dtype):
        raise UnsupportedValueError(str(column.dtype))
    return column.to_numpy()


def _mapped(content: mmap.mmap, start: int, placed: list[Any]) -> list[Array]:
    import numpy as np

    return [
        np.ndarray(tuple(shape), np.dtype(kind), buffer=content, offset=start + offset)
        if 0 not in shape
        else np.empty(tuple(shape), np.dtype(kind))
        for kind, shape, offset in placed
    ]


def _restored(value: Any, arrays: list[Array]) -> Any:
    """Return the value that :meth:`_Arrays.describe` described."""
    if not isinstance(value, dict):
        return value
    if "strings" in value:
        return _strings(value, arrays)
    ((kind, described),) = value.items()
    restored = partial(_restored, arrays=arrays)
    readers: dict[str, Callable[[Any], Any]] = {
        "array": lambda number: arrays[number],
        "scalar": lambda one: restored(one)[0],
        "frame": lambda one: _frame(one, restored),
        "series": lambda one: _series(*map(restored, one)),
        "list": lambda ones: [restored(one) for one in ones],
        "tuple": lambda ones: tuple(restored(one) for one in ones),
        "mapping": lambda ones: {key: restored(one) for key, one in ones.items()},
        "dataclass": lambda one: _CLASSES[one[0]](**{key: restored(part) for key, part in one[1].items()}),
    }
    return readers[kind](described)


def _strings(value: dict[str, Any], arrays: list[Array]) -> Array:
    import numpy as np

    distinct: Array = np.array([*value["strings"], None], dtype=object)
    placed: Array = distinct[_restored(value["codes"], arrays)]
    return placed


def _series(name: Any, index: Array, values: Array) -> pd.Series[Any]:
    import pandas as pd

    return pd.Series(values, pd.Index(index), dtype=values.dtype, name=name, copy=False)


def _frame(described: dict[str, Any], restored: Callable[[Any], Any]) -> pd.DataFrame:
    import pandas as pd

    index, columns = pd.Index(restored(described["index"])), described["columns"]
    if "block" in described:
        return pd.DataFrame(restored(described["block"]), index, columns, copy=False)
    arrays = {name: restored(one) for name, one in zip(columns, described["series"], strict=True)}
    # Without a type, pandas would make strings of its own of the objects.
    series = {name: pd.Series(array, index, dtype=array.dtype, copy=False) for name, array in arrays.items()}
    return pd.DataFrame(series, index, copy=False)
