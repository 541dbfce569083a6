"""The records of decisions about Production, as MLflow runs.

A record is opened before Production changes and ends afterwards. If the process is killed in between, the next decision
carries the recorded one out. Records also resolve concurrent decisions where no Airflow pool does: the promotion with
the later record backs off and decides again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from podium.promotion import report
from podium.registry import production, tag_names
from podium.registry.names import PROMOTIONS
from podium.registry.production import RECENT, changes_production

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlflow.entities import Run

    from podium.registry.client import Registry
    from podium.registry.versions import Version


AWAITING, APPROVED, REFUSED, SUPERSEDED = production.AWAITING, "approved", "refused", "superseded"
WOULD_PROMOTE = "would promote"
BY_HAND, UNDONE = "by hand", "undone"


def open_record(
    models: Registry,
    verdict: str,
    reason: str,
    before: int | None,
    after: int | None,
    tags: dict[str, str],
) -> str:
    """Record a decision in a new run and return its id; the decision is carried out when the run ends."""
    return str(
        models.client.create_run(
            models.experiment_id(PROMOTIONS),
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
    """Carry out a recorded decision; repeating it changes nothing.

    Parameters
    ----------
    models : Registry
        The pipeline's registry.
    record : mlflow.entities.Run
        The record.
    ends : bool
        Whether nothing more will be written to the record.
    """
    tags = record.data.tags
    before, after = tags.get(tag_names.FROM_VERSION), tags.get(tag_names.TO_VERSION)
    if before and tag_names.AGAINST in tags:
        # Before Production changes, so that a concurrent decision already finds the version marked as rolled back.
        models.tag_version(int(before), {tag_names.ROLLED_BACK: tags[tag_names.AGAINST]})
    if after and after != before:
        champion = models.in_production()
        if champion is None or str(champion.number) in {before, after}:  # otherwise a later decision has changed it
            models.set_production(int(after), int(before) if before else None)
            models.client.delete_model_version_tag(models.model, after, tag_names.ROLLED_BACK)
            report.describe(models, record)
    if before and not after and tags.get(tag_names.VERDICT) == BY_HAND:
        models.clear_production()
    if ends:
        models.client.set_terminated(record.info.run_id, "FINISHED")


def finish_interrupted(models: Registry) -> set[str]:
    """Carry out the recorded decisions whose process was killed, oldest first.

    Returns
    -------
    set of str
        Ids of the recent records.
    """
    records = models.decisions(RECENT)
    for record in reversed(records):
        if _is_open(record):
            models.client.set_tag(record.info.run_id, tag_names.CARRIED_OUT, "true")
            _carry_out(models, record)
    return {record.info.run_id for record in records}


def _carry_out(models: Registry, record: Run) -> None:
    """Carry out a decision; if it names a version that is gone, it fails, and the next one is made all the same."""
    from mlflow.exceptions import MlflowException

    try:
        close_record(models, record)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        models.client.set_terminated(record.info.run_id, "FAILED")


def _is_open(record: Run) -> bool:
    return bool(record.info.status == "RUNNING" and record.data.tags.get(tag_names.APPROVAL) != AWAITING)


def is_overtaken(models: Registry, mine: str, known: set[str], champion: Version | None) -> bool:
    """Return whether another decision, finished or opened earlier, came in since the champion was looked up."""
    records = {record.info.run_id: record for record in models.decisions(RECENT)}
    if not _is_open(records[mine]):
        return False  # the next decision considered it interrupted and carried it out
    place = _order(records[mine])
    others = [
        record for name, record in records.items() if name not in known and name != mine and changes_production(record)
    ]
    if any(not _is_open(other) or _order(other) < place for other in others):
        return True
    now = models.in_production()
    return (now.number if now else None) != (champion.number if champion else None)


def earlier_requests(models: Registry, mine: str, tags: Mapping[str, str]) -> list[str]:
    """Return the other records of the same DAG run that await approval: no task asks for it any more."""
    return [
        record.info.run_id
        for record in models.decisions(RECENT)
        if record.info.run_id != mine
        and record.data.tags.get(tag_names.APPROVAL) == AWAITING
        and record.data.tags.get(tag_names.DAG_RUN) == tags.get(tag_names.DAG_RUN)
    ]


def withdraw(models: Registry, record: str, why: str) -> None:
    """Close a record whose decision is made again."""
    tags = models.client.get_run(record).data.tags
    changed = {
        tag_names.VERDICT: SUPERSEDED,
        tag_names.REASON: f"{tags[tag_names.REASON]}; but {why}",
        tag_names.APPROVAL: "",
        "mlflow.runName": SUPERSEDED,
    }
    models.tag_run(record, {**changed, tag_names.TO_VERSION: tags[tag_names.FROM_VERSION]})
    models.client.set_terminated(record, "FINISHED")


def _order(record: Run) -> tuple[int, str]:
    return record.info.start_time, record.info.run_id


def describe_production(models: Registry) -> None:
    """Describe the version in Production again: of concurrent decisions, the slower one may have written last."""
    champion = models.in_production()
    number = str(champion.number) if champion else ""
    for record in models.decisions(RECENT) if champion else ():
        if record.data.tags.get(tag_names.TO_VERSION) == number and changes_production(record):
            report.describe(models, record)
            return


def promoted_meanwhile(models: Registry, mine: str, known: set[str]) -> set[int]:
    """Return the versions that other decisions promoted while this one was made."""
    return {
        int(record.data.tags[tag_names.TO_VERSION])
        for record in models.decisions(RECENT)
        if record.info.run_id not in {*known, mine}
        and record.data.tags.get(tag_names.VERDICT) == "promoted"
        and changes_production(record)
    }
