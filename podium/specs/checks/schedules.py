"""Checks of schedules: cron expressions, presets, assets and timetables."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from podium.configs.parameters import shown
from podium.errors import one_line
from podium.specs.arguments import is_later, is_object, unwrapped
from podium.specs.checks.classes import ASSETS, SCHEDULE, check_class, classes_of
from podium.specs.checks.dates import is_positive
from podium.specs.checks.problems import hint

if TYPE_CHECKING:
    from podium.specs.checks.problems import Pointer, ProblemList

#: Schedules of Airflow that are names.
PRESETS = (
    "@once",
    "@continuous",
    "@hourly",
    "@daily",
    "@midnight",
    "@weekly",
    "@monthly",
    "@quarterly",
    "@yearly",
    "@annually",
)
#: Longest name or URI of an asset that Airflow's database stores.
MAX_ASSET_NAME = 1500


def check_schedule(problems: ProblemList, pointer: Pointer, value: Any) -> None:
    """Check a schedule, except the arguments of its objects."""
    value, at = unwrapped(value)
    pointer = (*pointer, *at)
    if value is None:
        return
    if is_object(value):
        check_class(problems, pointer, value, SCHEDULE)
        if "delta" in str(value.get("__type__")) and not is_positive(value):
            problems.add(pointer, "schedule must be longer than 0")
    elif isinstance(value, str):
        check_cron(problems, pointer, value)
    elif isinstance(value, list):
        check_assets(problems, pointer, value)
    elif isinstance(value, dict) and "datasets" in value:
        problems.add(pointer, "Airflow 3 has no schedule with 'datasets': list the assets, or combine them by __and__")
    else:
        words = "a cron expression, a preset such as '@daily', a list of assets or an object with __type__"
        problems.add(pointer, f"schedule must be {words}, not {shown(value)}")


def check_assets(problems: ProblemList, pointer: Pointer, values: list[Any]) -> None:
    """Check a list of assets, each a URI or an object."""
    for at, item in enumerate(values):
        if is_object(item):
            classes = classes_of(item, problems.finder)
            if classes is not None and classes.isdisjoint(ASSETS[1]):
                problems.add((*pointer, at), f"expected an asset, not an object of {item.get('__type__')}")
        elif isinstance(item, str):
            if item.strip():
                check_asset_name(problems, (*pointer, at), item.strip(), "an asset's URI")
        elif item is not None:
            problems.add((*pointer, at), f"expected an asset: a URI or an object, not {shown(item)}")


def check_asset_name(problems: ProblemList, pointer: Pointer, text: str, noun: str) -> None:
    """Check the name or URI of an asset by Airflow's rules."""
    if is_later(text, templated=False):
        return
    if not text.strip() or len(text) > MAX_ASSET_NAME or not text.isascii():
        words = f"{noun} must be a non-blank ASCII string of up to {MAX_ASSET_NAME} characters"
        problems.add(pointer, f"{words}, not {shown(text)}")
    elif text.startswith("airflow:"):
        problems.add(pointer, f"{noun} cannot begin with 'airflow:', which is reserved for Airflow")


def check_cron(problems: ProblemList, pointer: Pointer, text: str, *, is_schedule: bool = True) -> None:
    """Check a cron expression or preset, such as ``0 3 * * *`` or ``@daily``.

    Parameters
    ----------
    is_schedule : bool, default=True
        Whether it is the whole schedule of a DAG, which can also be ``none``, ``@once`` or ``@continuous``.
    """
    presets = PRESETS if is_schedule else PRESETS[2:]
    written, text = text, os.path.expandvars(text)
    if is_later(text, templated=False) or text in presets or (is_schedule and text.strip().lower() == "none"):
        return
    if text.startswith("@"):
        words = hint(text, presets) or ": write @daily, another preset, or a cron expression"
        problems.add(pointer, f"there is no schedule {written!r}{words}")
        return
    from croniter import croniter  # type: ignore[import-untyped]

    try:
        croniter(text)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        reason = one_line(error)
        problems.add(pointer, f"{shown(written)} is not a cron expression such as '0 3 * * *': {reason}")
