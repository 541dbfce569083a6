"""What makes a training the same training: the config, the rows, how they are split, and the code that trains."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from podium.data import Split

# The modules whose text decides what a fitted model and its scores are.
TRAINING_MODULES = ("data.py", "estimators.py", "metrics.py", "training.py")


@functools.cache
def code_digest() -> str:
    """Return the SHA-256, in hexadecimal, of the modules that train and of scikit-learn's version."""
    digest = hashlib.sha256(importlib.metadata.version("scikit-learn").encode())
    for name in TRAINING_MODULES:
        digest.update((Path(__file__).parent / name).read_bytes())
    return digest.hexdigest()


def split_digest(split: Split) -> str:
    """Return the SHA-256, in hexadecimal, of how rows are split."""
    return hashlib.sha256(json.dumps(asdict(split), sort_keys=True).encode()).hexdigest()


def identity(name: str, config_digest: str, data_digest: str, split: Split) -> str:
    """Return what a config's training is known by: two trainings with one identity give the same model.

    Parameters
    ----------
    name : str
        The config's name: a copy under another name is a candidate of its own.
    config_digest : str
        Digest of what the config says about the model.
    data_digest : str
        Digest of the rows.
    split : Split
        How they are divided.

    Returns
    -------
    str
        SHA-256 in hexadecimal.
    """
    parts = (name, config_digest, data_digest, split_digest(split), code_digest())
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
