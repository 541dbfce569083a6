"""The warnings of a training, each of them once."""

from __future__ import annotations

import contextlib
import re
import warnings
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from podium.errors import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator


# What concerns the authors of packages and not the config.
OTHERS_CONCERN = (DeprecationWarning, PendingDeprecationWarning, FutureWarning, ImportWarning, ResourceWarning)
# MLflow stores up to 8,000 characters in a tag of a run.
MOST, LONGEST = 20, 300
# Folds repeat a warning with other numbers, and lists of other columns.
_NUMBERS = re.compile(r"[-+]?\d[\d.]*(?:e[-+]?\d+)?(?:[\s,]+[-+]?\d[\d.]*(?:e[-+]?\d+)?)*", re.IGNORECASE)


@dataclass(frozen=True)
class FitWarning:
    """A warning of a training.

    Parameters
    ----------
    category : str
        Name of its class, such as ``ConvergenceWarning``.
    message : str
        Its text in one line, as it was first given.
    count : int
        How often it was given, over all folds.
    """

    category: str
    message: str
    count: int

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)


class Collector:
    """Counts warnings."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], FitWarning] = {}

    @property
    def found(self) -> tuple[FitWarning, ...]:
        """The warnings, in the order of their first appearance; at most :data:`MOST`."""
        return tuple(self._found.values())[:MOST]

    def add(self, message: Warning | str, category: type[Warning], *_where: Any) -> None:
        """Count a warning; it has the signature of :func:`warnings.showwarning`."""
        if issubclass(category, OTHERS_CONCERN):
            return
        text = _shortened(one_line(Exception(str(message))))
        key = category.__name__, _NUMBERS.sub("#", text)
        known = self._found.get(key)
        self._found[key] = FitWarning(
            category.__name__, known.message if known else text, 1 + (known.count if known else 0)
        )


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


@contextlib.contextmanager
def collected() -> Iterator[Collector]:
    """Collect the warnings that are given inside, instead of showing them."""
    collector = Collector()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = collector.add  # type: ignore[assignment]
        yield collector
