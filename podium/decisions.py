"""Decide what is in Production, carry it out, and keep the record of it in MLflow.

A record is an MLflow run. It is opened before Production changes and ends after; a decision whose process was killed in
between is carried out by whoever comes next. Records also keep two that decide at the same moment apart, where no
Airflow pool does: the one whose record is younger decides anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from podium import registry, report
from podium.examination import Examination
from podium.gates import Gate
from podium.plan import Job
from podium.project import find_project
from podium.promotion import Decision, Rule, decide

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from mlflow.entities import Run

    from podium.registry import Registry, Version

EXPERIMENT_SUFFIX = "-promotions"
AWAITING, APPROVED, REFUSED, SUPERSEDED = "awaiting approval", "approved", "refused", "superseded"
WOULD_PROMOTE = "would promote"
# Of so many records, the newest, some may still be open.
RECENT = 100

Mode = Literal["enabled", "dry_run", "disabled"]


@dataclass(frozen=True)
class Outcome:
    """A decision and the record of it.

    Parameters
    ----------
    decision : Decision
        What the rules say.
    verdict : str
        What became of it: ``promoted``, ``kept`` or ``nothing``; ``awaiting approval``; or ``would promote`` where
        nothing was to be changed.
    run_id : str
        The MLflow run that is its record.
    """

    decision: Decision
    verdict: str
    run_id: str


def promote(
    job: Job,
    rule: Rule,
    numbers: Collection[int] | None,
    tags: dict[str, str],
    mode: Mode = "enabled",
    *,
    approval: bool = False,
) -> Outcome:
    """Put the best version into Production and record why.

    Parameters
    ----------
    job : Job
        The pipeline and its rows.
    rule : Rule
        What decides.
    numbers : collection of int or None
        Versions that are candidates; None for all that passed validation on these rows.
    tags : dict of str to str
        Who decides, and from what: tags of the decision's run.
    mode : {"enabled", "dry_run", "disabled"}
        Whether Production changes; with ``disabled``, the logged scores decide and no model is asked.
    approval : bool
        Whether a person has to approve first: see :func:`answer`.
    """
    models = registry.Registry(job.pipeline)
    while True:
        known = finish_what_died(models)
        champion = models.in_production()
        examination = Examination(models, job, rule)
        decision = _decide(examination, _challengers(models, job, numbers), champion, mode)
        verdict = _verdict(decision, mode, approval=approval)
        record = _open(models, decision, verdict, {**tags, registry.MODE: mode})
        report.write(models, record, decision, examination, verdict)
        if verdict != "promoted" or not _overtaken(models, record, known, champion):
            break
        _withdraw(models, record, "Production changed while this was decided")
    if verdict == AWAITING:
        for earlier in _asked_before(models, record, tags):
            _withdraw(models, earlier, "its task was run again")
    else:
        close_record(models, models.client.get_run(record), ends=False)
    if decision.champion and verdict in {"promoted", "kept"}:
        report.log_scores(models, record, decision.champion.metrics)
    if mode != "disabled":
        report.add_evidence(models, record, decision, examination, verdict)
    if verdict == "promoted":
        with report.best_effort("model card"):
            report.write_card(models, models.client.get_run(record), examination)
    if verdict != AWAITING:
        models.client.set_terminated(record, "FINISHED")
    rivals = _rivals(models, record, known) if verdict == "promoted" and decision.champion else set()
    if rivals and decision.champion:
        # Someone elsewhere promoted another one meanwhile: whoever sees it last compares the two.
        promote(job, rule, {*rivals, decision.champion.version}, tags)
        models.keep_one_in_production()
    return Outcome(decision, verdict, record)


def _challengers(models: Registry, job: Job, numbers: Collection[int] | None) -> list[Version]:
    if numbers is None:
        found = [v for v in models.versions() if v.tags.get(registry.VALIDATION) == "passed"]
    else:
        found = [v for v in models.versions(min(numbers)) if v.number in numbers] if numbers else []
    digest = job.held_out_digest()
    return [version for version in found if version.scored_on == digest]


def _decide(examination: Examination, challengers: list[Version], champion: Version | None, mode: Mode) -> Decision:
    candidates = [examination.candidate(version) for version in challengers]
    current = examination.champion(champion)
    if mode == "disabled":
        return decide(candidates, current, Rule(examination.rule.metric, examination.rule.min_improvement))
    return decide(candidates, current, examination.rule, examination.examine)


def _verdict(decision: Decision, mode: Mode, *, approval: bool) -> str:
    if decision.verdict != "promoted":
        return decision.verdict
    if mode != "enabled":
        return WOULD_PROMOTE
    return AWAITING if approval else decision.verdict


def _open(models: Registry, decision: Decision, verdict: str, tags: dict[str, str]) -> str:
    before, after = (one.version if one else None for one in (decision.previous, decision.champion))
    if decision.verdict == "promoted":
        tags = {**tags, registry.PROPOSED: str(after)}
    if verdict == AWAITING:
        tags = {**tags, registry.APPROVAL: AWAITING}
    return open_record(models, verdict, decision.reason, before, before if verdict == WOULD_PROMOTE else after, tags)


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
                registry.VERDICT: verdict,
                registry.REASON: reason,
                registry.FROM_VERSION: str(before or ""),
                registry.TO_VERSION: str(after or ""),
                "mlflow.note.content": registry.note(reason, tags),
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
    before, after = tags.get(registry.FROM_VERSION), tags.get(registry.TO_VERSION)
    if before and registry.AGAINST in tags:
        # Before Production changes: whoever decides in between finds the version marked that must not win again.
        models.tag_version(int(before), {registry.ROLLED_BACK: tags[registry.AGAINST]})
    if after and after != before:
        champion = models.in_production()
        if champion is None or str(champion.number) in {before, after}:  # otherwise the world has moved on
            models.set_production(int(after))
            models.client.delete_model_version_tag(models.model, after, registry.ROLLED_BACK)
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


def answer(models: Registry, run_id: str, by: str, *, approved: bool) -> str:
    """Carry out, or refuse, a decision that awaits approval, and return its verdict; to answer twice changes nothing.

    It is not carried out if something else has come into Production since: what was approved was a comparison with
    the champion of then.

    Parameters
    ----------
    models : Registry
        The pipeline's.
    run_id : str
        The record.
    by : str
        Who answers.
    approved : bool
        The answer.
    """
    finish_what_died(models)
    tags = models.client.get_run(run_id).data.tags
    if tags.get(registry.APPROVAL) != AWAITING:
        return str(tags[registry.VERDICT])
    champion = models.in_production()
    version = models.version(int(tags[registry.PROPOSED]))
    if not approved:
        verdict, why = REFUSED, f"refused by {by}"
    elif str(champion.number if champion else "") != tags[registry.FROM_VERSION]:
        verdict, why = SUPERSEDED, f"approved by {by}, but Production has changed since it was decided"
    elif version.failure:
        verdict, why = SUPERSEDED, f"approved by {by}, but since it was decided: {version.failure}"
    else:
        verdict, why = "promoted", f"approved by {by}"
    after = tags[registry.TO_VERSION] if verdict == "promoted" else tags[registry.FROM_VERSION]
    reason = f"{tags[registry.REASON]}; {why}"
    models.tag_run(
        run_id,
        {
            registry.VERDICT: verdict,
            registry.REASON: reason,
            registry.TO_VERSION: after,
            registry.APPROVAL: APPROVED if approved else REFUSED,
            registry.APPROVER: by,
            "mlflow.runName": verdict,
            "mlflow.note.content": registry.note(reason, tags),
        },
    )
    close_record(models, models.client.get_run(run_id))
    if verdict == "promoted":
        report.log_scores(models, run_id, version.metrics)
        with report.best_effort("model card"):
            report.write_card(models, models.client.get_run(run_id), _examination(models, run_id))
    return verdict


def _examination(models: Registry, run_id: str) -> Examination:
    """Return what a recorded decision was made with."""
    written = report.content(models, run_id)
    rule = Rule(**{**written["rule"], "gates": tuple(Gate(**gate) for gate in written["rule"]["gates"])})
    return Examination(
        models, Job.from_spec(find_project(), models.pipeline, written["dataset"], written["split"]), rule
    )


def _is_open(record: Run) -> bool:
    return bool(record.info.status == "RUNNING" and record.data.tags.get(registry.APPROVAL) != AWAITING)


def _changes(record: Run) -> bool:
    """Tell whether Production is, or will be, another one by a record."""
    tags = record.data.tags
    same = tags.get(registry.FROM_VERSION) == tags.get(registry.TO_VERSION)
    return tags.get(registry.APPROVAL) != AWAITING and not same


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
        and record.data.tags.get(registry.APPROVAL) == AWAITING
        and record.data.tags.get(registry.DAG_RUN) == tags.get(registry.DAG_RUN)
    ]


def _withdraw(models: Registry, record: str, why: str) -> None:
    """Close a record whose decision is made anew."""
    tags = models.client.get_run(record).data.tags
    changed = {
        registry.VERDICT: SUPERSEDED,
        registry.REASON: f"{tags[registry.REASON]}; but {why}",
        registry.APPROVAL: "",
        "mlflow.runName": SUPERSEDED,
    }
    models.tag_run(record, {**changed, registry.TO_VERSION: tags[registry.FROM_VERSION]})
    models.client.set_terminated(record, "FINISHED")


def _place(record: Run) -> tuple[int, str]:
    return record.info.start_time, record.info.run_id


def _rivals(models: Registry, mine: str, known: set[str]) -> set[int]:
    """Return the versions that others have put into Production while this decision was made."""
    return {
        int(record.data.tags[registry.TO_VERSION])
        for record in models.recent_runs(EXPERIMENT_SUFFIX, RECENT)
        if record.info.run_id not in {*known, mine}
        and record.data.tags.get(registry.VERDICT) == "promoted"
        and _changes(record)
    }
