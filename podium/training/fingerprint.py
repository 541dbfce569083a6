"""The fingerprint of a training: trainings with the same fingerprint give the same model and scores."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
from typing import TYPE_CHECKING, Any

from podium.configs.catalogue import EXTRAS
from podium.data.splits import split_digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podium.configs.config import ClassifierConfig
    from podium.data.splits import Split

#: Increase it by hand, with a line in CHANGELOG.md, when Podium's own code fits a different model or computes different
#: scores from the same config, rows and split.
TRAINING_REVISION = 1

# Release 0.1.0 used a digest of the training code, per release of scikit-learn, instead of the revision. That code is
# the code of revision 1.
_CODE_DIGESTS = {
    "1.9.0": "3d960307c050008188dd930776fac5eea198b2322d983113486a3b43816a964a",
    "1.9.1": "77535f48eecc1b6224f786477f418f88e16fa0cce7bd92c453a79b59491571ed",
}


def fingerprint(config: ClassifierConfig, data_digest: str, split: Split) -> str:
    """Return the fingerprint of a training.

    Parameters
    ----------
    config : ClassifierConfig
        The name is included: a copy with another name is a separate candidate.
    data_digest : str
        Digest of the rows.
    split : Split
        How they are divided.

    Returns
    -------
    str
        SHA-256, in hexadecimal, of these arguments, :data:`TRAINING_REVISION` and the releases of the packages that
        fit the model.
    """
    return _digest(config, data_digest, split, f"revision {TRAINING_REVISION}", *_releases(config))


def former_fingerprint(config: ClassifierConfig, data_digest: str, split: Split) -> str | None:
    """Return the fingerprint of the same training in release 0.1.0, which had no :data:`TRAINING_REVISION`.

    None if that release cannot have trained the same model.
    """
    code = _CODE_DIGESTS.get(_release("scikit-learn")) if TRAINING_REVISION == 1 else None
    return _digest(config, data_digest, split, code) if code else None


def _digest(config: ClassifierConfig, data_digest: str, split: Split, *code: str) -> str:
    parts = (config.name, config.digest, data_digest, split_digest(split), *code)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _releases(config: ClassifierConfig) -> list[str]:
    names = {config.estimator, *_estimators(config.params)}
    packages = {"scikit-learn", *(EXTRAS[name] for name in names if name in EXTRAS)}
    return [f"{package} {_release(package)}" for package in sorted(packages)]


def _estimators(value: Any) -> Iterator[str]:
    """Yield the class names of the classifiers nested in a config's parameters."""
    if isinstance(value, dict):
        if isinstance(value.get("estimator"), str):
            yield value["estimator"]
        for inner in value.values():
            yield from _estimators(inner)


@functools.cache
def _release(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "absent"  # the training fails with an error that says how to install it
