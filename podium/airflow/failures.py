"""Failures of steps that a retry cannot mend."""

from __future__ import annotations

import functools
import inspect
import time
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from airflow.sdk.exceptions import AirflowFailException

from podium.airflow.task_log import say
from podium.errors import PodiumError, UnreachableError
from podium.settings import Settings
from podium.stack import disk

if TYPE_CHECKING:
    from collections.abc import Callable

# A disk has no event for free space.
POLL_SECONDS = 1.0
LONGEST_WAIT = 3600.0

P = ParamSpec("P")
R = TypeVar("R")


def fails_at_once(step: Callable[P, R]) -> Callable[P, R]:
    """Let a step fail without a retry for an error that only the user can fix.

    If the disk of the local stack's state is full, the step first waits for space, so that the retry can succeed.
    """

    @functools.wraps(step)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return step(*args, **kwargs)
        except UnreachableError:
            raise
        except PodiumError as error:
            raise AirflowFailException(str(error)) from error
        except AirflowFailException:
            raise
        except Exception:
            _wait_for_space()
            raise

    # dag-factory, unless Podium loads the spec, looks at the arguments of the function itself.
    run.__signature__ = inspect.signature(step)  # type: ignore[attr-defined]
    return run


def _wait_for_space() -> None:
    home = Settings.from_environment().home
    if home is None or not disk.is_low(home):
        return
    say(f"waiting: {disk.shortage(home)}")
    deadline = time.monotonic() + LONGEST_WAIT
    while disk.shortage(home) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
