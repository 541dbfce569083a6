"""The fingerprint of a training: trainings with the same fingerprint give the same model and scores."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
from typing import TYPE_CHECKING, Any

from podium.configs import own_code
from podium.configs.catalogue import EXTRAS
from podium.data.splits import split_digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podium.configs.config import ClassifierConfig
    from podium.data.splits import Split

#: Increase it by hand, with a line in CHANGELOG.md, when Podium's own code fits a different model or computes different
#: scores from the same config, rows and split.
TRAINING_REVISION = 2


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
    parts = (config.name, config.digest, data_digest, split_digest(split), f"revision {TRAINING_REVISION}")
    return hashlib.sha256("\0".join([*parts, *_releases(config)]).encode()).hexdigest()


def _releases(config: ClassifierConfig) -> list[str]:
    names = {config.estimator, *_estimators(config.params)}
    packages = {"scikit-learn", *(EXTRAS[name] for name in names if name in EXTRAS)}
    return [*(f"{package} {_release(package)}" for package in sorted(packages)), *_own_code(config)]


def _own_code(config: ClassifierConfig) -> list[str]:
    """Return digests of the modules that define the config's own classes."""
    own = own_code.current()
    if not own.entries:
        return []
    own.make_importable()
    words = set(_words({"params": config.params, "preprocess": config.preprocess, "estimator": config.estimator}))
    used = [entry for entry in own.entries if entry.kind != own_code.METRICS and entry.name in words]
    return [f"{entry.target} {hashlib.sha256(entry.source()).hexdigest()}" for entry in used]


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _words(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _words(inner)


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
