"""List decisions, explain why a version is or is not in Production, and roll back."""

from __future__ import annotations

import contextlib
import getpass
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from podium.errors import PodiumError
from podium.evaluation.metrics import greater_is_better
from podium.promotion import records, report
from podium.registry import tag_names

if TYPE_CHECKING:
    from mlflow.entities import Run

    from podium.promotion.rules import Rule
    from podium.registry.client import Registry
    from podium.registry.versions import Version


ROLLED_BACK = "rolled back"
# Number of records searched for a version; hosting compares every version, so one of the newest has it.
MOST_READ = 20


@dataclass(frozen=True)
class Entry:
    """A recorded decision.

    Parameters
    ----------
    time : str
        Date and time, ISO 8601 in UTC.
    verdict : str
        ``promoted``, ``kept``, ``nothing``, ``rolled back``, ``would promote`` (the mode changes nothing),
        ``awaiting approval``, ``refused`` or ``superseded``.
    from_version, to_version : int or None
        The version in Production before and after; while a decision awaits approval, the proposed version.
    reason : str
        One sentence.
    by : str
        The DAG, or the person.
    approver : str
        Who approved or refused; empty if there was no request or no answer.
    run_id : str
        The MLflow run that holds the record.
    """

    time: str
    verdict: str
    from_version: int | None
    to_version: int | None
    reason: str
    by: str
    approver: str
    run_id: str

    @classmethod
    def of(cls, record: Run) -> Entry:
        """Convert a decision's MLflow run."""
        tags, at = record.data.tags, datetime.fromtimestamp(record.info.start_time / 1000, UTC)
        return cls(
            time=at.isoformat(timespec="seconds"),
            verdict=tags.get(tag_names.VERDICT, ""),
            from_version=_number(tags.get(tag_names.FROM_VERSION)),
            to_version=_number(tags.get(tag_names.TO_VERSION)),
            reason=tags.get(tag_names.REASON, ""),
            by=tags.get(tag_names.BY, ""),
            approver=tags.get(tag_names.APPROVER, ""),
            run_id=record.info.run_id,
        )

    @property
    def changed(self) -> bool:
        """Whether the version in Production changed."""
        return self.from_version != self.to_version and self.verdict != records.AWAITING

    def as_json(self) -> dict[str, Any]:
        """Return what ``podium history --json`` prints."""
        return asdict(self)


def entries(models: Registry) -> list[Entry]:
    """Return the decisions that are finished or await approval, newest first."""
    return [
        Entry.of(run)
        for run in models.decisions()
        if run.info.status == "FINISHED" or run.data.tags.get(tag_names.APPROVAL) == records.AWAITING
    ]


def table(found: list[Entry], title: str) -> Table:
    """Return decisions as a table."""
    shown = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    for column in ("when (UTC)", "verdict", "version", "by"):
        shown.add_column(column, no_wrap=True)
    shown.add_column("reason", overflow="fold")
    for entry in found:
        versions = str(entry.to_version or "-")
        if entry.from_version != entry.to_version:
            versions = f"{entry.from_version or '-'} → {versions}"
        when = entry.time.replace("T", " ").removesuffix("+00:00")
        shown.add_row(when, entry.verdict, versions, entry.by, entry.reason)
    return shown


def explain(models: Registry, number: int, rule: Rule) -> list[str]:
    """Return sentences that say what a version is and why it is or is not in Production.

    Raises
    ------
    PodiumError
        If there is no such version.
    """
    version = _version(models, number)
    champion, found = models.in_production(), entries(models)
    sentences = [
        f"{_named(version)} is a {version.tags.get(tag_names.ESTIMATOR, 'model')}{_origin(version)}.",
        _data(version),
        f"Its MLflow run is {version.run_id}.",
        _scores(version),
        _validation(version),
        *_status(version, champion, rule, found),
        *(_sentence(entry, entry.reason) for entry in reversed(found) if _concerns(entry, number)),
        _why_never_promoted(models, found, number),
    ]
    return [sentence for sentence in sentences if sentence]


def _origin(version: Version) -> str:
    """Return the commit and the Airflow run that made a version."""
    commit, run = version.tags.get(tag_names.COMMIT), version.tags.get(tag_names.DAG_RUN)
    at = f" at commit {commit[:12]}" if commit else ""
    return f", made{at}{f' by the run {run}' if run else ''}" if commit or run else ""


def _data(version: Version) -> str:
    name, digest = version.tags.get(tag_names.DATA), version.tags.get(tag_names.DATA_DIGEST, "")
    return f"It was trained on {name}, rows {digest[:12]}." if name else ""


def _concerns(entry: Entry, number: int) -> bool:
    return entry.from_version != entry.to_version and number in {entry.from_version, entry.to_version}


def _sentence(entry: Entry, reason: str) -> str:
    return f"{entry.time}, {entry.by or 'unknown'}: {entry.verdict}: {reason}."


def _why_never_promoted(models: Registry, found: list[Entry], number: int) -> str:
    """Return the reason of the last decision about a version that was never in Production; otherwise empty."""
    if any(_concerns(entry, number) for entry in found):
        return ""
    for entry in found[:MOST_READ]:
        for candidate in report.content(models, entry.run_id).get("ranking", []):
            if candidate.get("version") == number:
                failure = candidate.get("failure")
                return _sentence(entry, f"this version: {failure}" if failure else entry.reason)
    return ""


def rollback(
    models: Registry, to: int | None, reason: str, by: str | None = None, replaces: int | None = None
) -> Entry:
    """Restore an earlier champion, and prevent the current one from being promoted again automatically.

    Parameters
    ----------
    models : Registry
        The pipeline's registry.
    to : int or None
        Version to restore; None for the previous champion that has not been rolled back.
    reason : str
        Reason, for the record.
    by : str, optional
        Who rolls back. Default: the user of this process.
    replaces : int, optional
        The version expected in Production; if another one is, nothing changes.

    Raises
    ------
    PodiumError
        If nothing is in Production, there is no version to restore, or it is already in Production.
    """
    records.finish_interrupted(models)
    champion = models.in_production()
    if champion is None:
        raise PodiumError(f"no version of {models.model} is in Production")
    if replaces not in {None, champion.number}:
        raise PodiumError(f"{_named(champion)} is in Production now")
    target = _previous_champion(models, champion) if to is None else _version(models, to)
    if target.number == champion.number:
        raise PodiumError(f"{_named(target)} is already in Production")
    why = f"{_named(target)} replaces {_named(champion)}: {reason}"
    tags = {tag_names.BY: by or _user(), tag_names.AGAINST: reason}
    opened = records.open_record(models, ROLLED_BACK, why, champion.number, target.number, tags)
    records.close_record(models, models.client.get_run(opened))
    champion = models.in_production()
    if champion is None or champion.number != target.number:
        raise PodiumError("another version was promoted at the same time: see podium history")
    return Entry.of(models.client.get_run(opened))


def _previous_champion(models: Registry, champion: Version) -> Version:
    """Return the previous champion that has not been rolled back."""
    versions = {version.number: version for version in models.versions()}
    for entry in entries(models):
        version = versions.get(entry.from_version or 0)
        if version and version.number != champion.number and tag_names.ROLLED_BACK not in version.tags:
            return version
    raise PodiumError(f"{_named(champion)} has no previous champion: choose a version with --to")


def _version(models: Registry, number: int) -> Version:
    from mlflow.exceptions import MlflowException

    try:
        return models.version(number)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        raise PodiumError(f"{models.model} has no version {number}") from None


def _scores(version: Version) -> str:
    metrics = {name: value for name, value in version.metrics.items() if not name.endswith("_seconds")}
    shown = ", ".join(f"{name} {f'{value:,.4f}'.rstrip('0').rstrip('.')}" for name, value in metrics.items())
    return f"On the held-out rows it has {shown}." if shown else ""


def _validation(version: Version) -> str:
    reason = version.tags.get(tag_names.VALIDATION_REASON, "")
    match version.tags.get(tag_names.VALIDATION):
        case "passed" if reason:
            return f"It passed validation: it can be loaded from the registry. It was not scored again: {reason}."
        case "passed":
            return "It passed validation: loaded from the registry, it reproduces these scores."
        case "failed":
            return f"It failed validation: {reason}."
    return "It has not been validated yet."


def _status(version: Version, champion: Version | None, rule: Rule, found: list[Entry]) -> list[str]:
    """Return whether a version is in Production and since when, or how it compares with the champion."""
    if champion and champion.number == version.number:
        last = next((entry for entry in found if entry.changed and entry.to_version == version.number), None)
        if last is None:
            return ["It is in Production."]
        previous = (
            f"the previous champion was version {last.from_version}" if last.from_version else "the first champion"
        )
        approved = f", approved by {last.approver}" if last.approver else ""
        return [f"It has been in Production since {last.time}, {previous}{approved}."]
    sentences = [f"It is not in Production: {f'{_named(champion)} is' if champion else 'nothing is'}."]
    if reason := version.tags.get(tag_names.ROLLED_BACK):
        sentences.append(f"It was rolled back and is not promoted again automatically: {reason}.")
    ours, theirs = (one.metrics.get(rule.metric) if one else None for one in (version, champion))
    if ours is None:
        sentences.append(f"It has no {rule.metric}, the deciding metric.")
    elif theirs is not None and version.scored_on == (champion.scored_on if champion else ""):
        order = "higher" if greater_is_better(rule.metric) else "lower"
        scores = f"it has {ours:.4f}, the champion {theirs:.4f}"
        sentences.append(f"The deciding metric is {rule.metric} ({order} is better): {scores}.")
    return sentences


def _named(version: Version) -> str:
    return f"version {version.number} ({version.config})"


def _number(text: str | None) -> int | None:
    return int(text) if text else None


def _user() -> str:
    with contextlib.suppress(OSError, KeyError):  # a container may run as a user without a name
        return getpass.getuser()
    return "unknown"
