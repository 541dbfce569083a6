"""Decide what is in Production, carry it out, and keep the record of it in MLflow.

A record is an MLflow run. It is opened before Production changes and ends after; a decision whose process was killed in
between is carried out by whoever comes next. Records also keep two that decide at the same moment apart, where no
Airflow pool does: the one whose record is younger decides anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from podium.promotion import report
from podium.registry import tag_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlflow.entities import Run

    from podium.registry.client import Registry
    from podium.registry.versions import Version


EXPERIMENT_SUFFIX = "-promotions"
AWAITING, APPROVED, REFUSED, SUPERSEDED = "awaiting approval", "approved", "refused", "superseded"
WOULD_PROMOTE = "would promote"
# Of so many records, the newest, some may still be open.
RECENT = 100


def open_record(
    models: Registry,
    verdict: str,
    reason: str,
    before: int | None,
    after: int | None,
    tags: dict[str, str],
) -> str:
    """Write what has been decided into a run, and return its id; while the run is open, it is not carried out."""
    return str(
        models.client.create_run(
            models.experiment_id(EXPERIMENT_SUFFIX),
            run_name=verdict,
            tags={
                **tags,
                tag_names.VERDICT: verdict,
                tag_names.REASON: reason,
                tag_names.FROM_VERSION: str(before or ""),
                tag_names.TO_VERSION: str(after or ""),
                "mlflow.note.content": tag_names.note(reason, tags),
            },
        ).info.run_id
    )


def close_record(models: Registry, record: Run, *, ends: bool = True) -> None:
    """Carry out what a record says; again and again leads to the same.

    Parameters
    ----------
    models : Registry
        The pipeline's.
    record : mlflow.entities.Run
        As it was opened.
    ends : bool
        Whether nothing more will be written to the record.
    """
    tags = record.data.tags
    before, after = tags.get(tag_names.FROM_VERSION), tags.get(tag_names.TO_VERSION)
    if before and tag_names.AGAINST in tags:
        # Before Production changes: whoever decides in between finds the version marked that must not win again.
        models.tag_version(int(before), {tag_names.ROLLED_BACK: tags[tag_names.AGAINST]})
    if after and after != before:
        champion = models.in_production()
        if champion is None or str(champion.number) in {before, after}:  # otherwise the world has moved on
            models.set_production(int(after))
            models.client.delete_model_version_tag(models.model, after, tag_names.ROLLED_BACK)
            report.describe(models, record)
    if ends:
        models.client.set_terminated(record.info.run_id, "FINISHED")


def finish_what_died(models: Registry) -> set[str]:
    """Carry out the decisions whose process was killed in between, the oldest first.

    Returns
    -------
    set of str
        Ids of the records that there are, the recent ones.
    """
    records = models.recent_runs(EXPERIMENT_SUFFIX, RECENT)
    for record in reversed(records):
        if _is_open(record):
            close_record(models, record)
    return {record.info.run_id for record in records}


def _is_open(record: Run) -> bool:
    return bool(record.info.status == "RUNNING" and record.data.tags.get(tag_names.APPROVAL) != AWAITING)


def _changes(record: Run) -> bool:
    """Tell whether Production is, or will be, another one by a record."""
    tags = record.data.tags
    same = tags.get(tag_names.FROM_VERSION) == tags.get(tag_names.TO_VERSION)
    return tags.get(tag_names.APPROVAL) != AWAITING and not same


def _overtaken(models: Registry, mine: str, known: set[str], champion: Version | None) -> bool:
    """Tell whether someone else has decided, or decides and came first, since the champion was looked up."""
    records = {record.info.run_id: record for record in models.recent_runs(EXPERIMENT_SUFFIX, RECENT)}
    if not _is_open(records[mine]):
        return False  # whoever came next has taken it for one that died, and carried it out
    place = _place(records[mine])
    others = [record for name, record in records.items() if name not in known and name != mine and _changes(record)]
    if any(not _is_open(other) or _place(other) < place for other in others):
        return True
    now = models.in_production()
    return (now.number if now else None) != (champion.number if champion else None)


def _asked_before(models: Registry, mine: str, tags: Mapping[str, str]) -> list[str]:
    """Return the records of the same DAG run that await approval: nobody will be asked about them any more."""
    return [
        record.info.run_id
        for record in models.recent_runs(EXPERIMENT_SUFFIX, RECENT)
        if record.info.run_id != mine
        and record.data.tags.get(tag_names.APPROVAL) == AWAITING
        and record.data.tags.get(tag_names.DAG_RUN) == tags.get(tag_names.DAG_RUN)
    ]


def _withdraw(models: Registry, record: str, why: str) -> None:
    """Close a record whose decision is made anew."""
    tags = models.client.get_run(record).data.tags
    changed = {
        tag_names.VERDICT: SUPERSEDED,
        tag_names.REASON: f"{tags[tag_names.REASON]}; but {why}",
        tag_names.APPROVAL: "",
        "mlflow.runName": SUPERSEDED,
    }
    models.tag_run(record, {**changed, tag_names.TO_VERSION: tags[tag_names.FROM_VERSION]})
    models.client.set_terminated(record, "FINISHED")


def _place(record: Run) -> tuple[int, str]:
    return record.info.start_time, record.info.run_id


def _rivals(models: Registry, mine: str, known: set[str]) -> set[int]:
    """Return the versions that others have put into Production while this decision was made."""
    return {
        int(record.data.tags[tag_names.TO_VERSION])
        for record in models.recent_runs(EXPERIMENT_SUFFIX, RECENT)
        if record.info.run_id not in {*known, mine}
        and record.data.tags.get(tag_names.VERDICT) == "promoted"
        and _changes(record)
    }
