"""Some of the rows of a data frame."""

import numpy as np
import pandas as pd
import pytest

from podium.data.selection import rows_at

NUMBERS = pd.DataFrame({"a": [1.0, np.nan, 3.0], "b": [4.0, 5.0, 6.0]}, index=[7, 8, 9])
FRAMES = {
    "numbers": NUMBERS,
    "mixed": NUMBERS.assign(s=pd.Series(["x", None, "y"], [7, 8, 9], dtype=object)),
    "no columns": NUMBERS.iloc[:, :0],
}


@pytest.mark.parametrize("name", FRAMES)
@pytest.mark.parametrize("positions", [[2, 0], []])
def test_they_are_those_that_pandas_returns(name, positions):
    chosen = np.array(positions, dtype=int)
    pd.testing.assert_frame_equal(rows_at(FRAMES[name], chosen), FRAMES[name].iloc[chosen])


def test_numbers_are_row_by_row_in_memory():
    assert rows_at(NUMBERS, np.array([2, 0])).to_numpy().flags.c_contiguous
