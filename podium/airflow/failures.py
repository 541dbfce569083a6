"""Failures of steps that a retry cannot mend."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from airflow.sdk.exceptions import AirflowFailException

from podium.errors import PodiumError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")


def fails_at_once(step: Callable[P, R]) -> Callable[P, R]:
    """Let a step fail without a retry for an error that only the user can fix."""

    @functools.wraps(step)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return step(*args, **kwargs)
        except UnreachableError:
            raise
        except PodiumError as error:
            raise AirflowFailException(str(error)) from error

    return run
