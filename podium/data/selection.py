"""Some of the rows of a data frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def rows_at(frame: pd.DataFrame, positions: np.ndarray[Any, Any]) -> pd.DataFrame:
    """Return the rows at some positions; numbers are row by row in memory, as most estimators copy them otherwise.

    Parameters
    ----------
    frame : pandas.DataFrame
        The rows to choose from.
    positions : numpy.ndarray of int, (n_rows,)
        Positions in the frame.
    """
    import numpy as np
    import pandas as pd

    if not len(frame.columns) or any(dtype != np.float64 for dtype in frame.dtypes):
        return frame.iloc[positions]
    return pd.DataFrame(frame.to_numpy().take(positions, axis=0), frame.index[positions], frame.columns, copy=False)
