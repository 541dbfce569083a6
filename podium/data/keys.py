"""Row keys: 64-bit digests by which a row is recognised when other rows come or go.

A key must stay the same for years, so it is made of BLAKE2 and of integer arithmetic, not of a library's own hash.
"""

from __future__ import annotations

import hashlib
import math
import numbers
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import pandas as pd

    Keys = np.ndarray[Any, np.dtype[np.uint64]]

#: Part of the digest of every record of training rows: raise it when the same row gets another key.
REVISION = 1

_MISSING = 0x9E3779B97F4A7C15


def row_keys(rows: pd.DataFrame) -> Keys:
    """Return the key of each row.

    It depends on the values, their type (number or not) and the names of the columns; not on the order of the columns
    or on other rows. Equal rows have equal keys; different rows have the same key with a probability of 2⁻⁶⁴.

    Parameters
    ----------
    rows : pandas.DataFrame, (n_rows, n_columns)
        Numbers (booleans included) and other values, which count by what they are as a string.

    Returns
    -------
    numpy.ndarray of uint64, (n_rows,)
    """
    import numpy as np

    total = np.zeros(len(rows), dtype=np.uint64)
    for position, name in enumerate(rows.columns):
        total += mixed(_value_keys(rows.iloc[:, position]) ^ np.uint64(_digest(f"column {name}")))
    return mixed(total)


def label_keys(values: pd.Series[Any]) -> Keys:
    """Return the key of each value of an identifier or a group, (n_rows,) of uint64.

    Values count as they are written: the integer 7, the number 7.0 and the string ``7`` are the same.
    """
    return _digests(values, written)


def combined(first: Keys, second: Keys) -> Keys:
    """Return the keys of pairs of values."""
    import numpy as np

    return mixed(first + mixed(second ^ np.uint64(_MISSING)))


def mixed(keys: Keys) -> Keys:
    """Mix the bits of keys, so that similar keys become unrelated ones.

    References
    ----------
    Steele, Lea and Flood (2014), Fast splittable pseudorandom number generators, OOPSLA: the mixing function of
    SplitMix64.
    """
    import numpy as np

    with np.errstate(over="ignore"):
        keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return keys ^ (keys >> np.uint64(31))


def positions_in_unit(keys: Keys, seed: int) -> np.ndarray[Any, Any]:
    """Return a number in [0, 1) for each key, which depends on the key and the seed alone."""
    import numpy as np

    drawn = mixed(mixed(keys ^ np.uint64(_digest(f"seed {seed}"))))
    return (drawn >> np.uint64(11)) * 2.0**-53


def _value_keys(column: pd.Series[Any]) -> Keys:
    import numpy as np
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column.dtype):
        # Adding 0 makes -0 and 0 the same.
        values = column.to_numpy(dtype=np.float64, na_value=np.nan) + 0.0
        return np.where(np.isnan(values), np.uint64(_MISSING), values.view(np.uint64))
    return _digests(column, _typed)


def _digests(values: pd.Series[Any], named: Callable[[Any], str]) -> Keys:
    """Return a digest of the name of each value, which is computed once for each distinct one."""
    import numpy as np

    codes, distinct = values.factorize()
    keys = np.array([*(_digest(named(value)) for value in distinct), _MISSING], dtype=np.uint64)
    found: Keys = keys[codes]  # -1, a missing value, is the last
    return found


def _typed(value: Any) -> str:
    """Return a value as a string that tells numbers from strings."""
    return f"number {written(value)}" if isinstance(value, numbers.Real) else f"string {value}"


def written(value: Any) -> str:
    """Return a value as a string: a whole number without a decimal point."""
    if isinstance(value, numbers.Real) and math.isfinite(value) and value == math.floor(value):
        return str(math.floor(value))
    return str(value)


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
