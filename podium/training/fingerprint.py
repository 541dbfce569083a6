"""The fingerprint of a training: two trainings with the same one give the same model and scores."""

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

#: Raised by hand, with a line in CHANGELOG.md, when Podium's own code would fit another model or score it differently
#: from the same config, rows and split.
TRAINING_REVISION = 1

# Before there was a revision, a digest of the training code stood for it and for scikit-learn's release. The code of
# revision 1 is the one that these are digests of.
_CODE_DIGESTS = {
    "1.9.0": "3d960307c050008188dd930776fac5eea198b2322d983113486a3b43816a964a",
    "1.9.1": "77535f48eecc1b6224f786477f418f88e16fa0cce7bd92c453a79b59491571ed",
}


def fingerprint(config: ClassifierConfig, data_digest: str, split: Split) -> str:
    """Return what identifies a training.

    Parameters
    ----------
    config : ClassifierConfig
        Its name counts too: a copy under another name is a candidate of its own.
    data_digest : str
        Digest of the rows.
    split : Split
        How they are divided.

    Returns
    -------
    str
        SHA-256, in hexadecimal, of these, of :data:`TRAINING_REVISION` and of the releases of the packages that fit.
    """
    return _digest(config, data_digest, split, f"revision {TRAINING_REVISION}", *_releases(config))


def former_fingerprint(config: ClassifierConfig, data_digest: str, split: Split) -> str | None:
    """Return what identified the same training in the release without :data:`TRAINING_REVISION`.

    None if no version of that release can have been trained by the same code.
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
    """Yield the class names of the classifiers inside a config's parameters."""
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
        return "absent"  # its absence is an error of the training, which says how to install it
