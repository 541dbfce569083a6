"""Decide what is in Production, carry it out, and keep the record of it in MLflow.

A record is an MLflow run. It is opened before Production changes and ends after; a decision whose process was killed in
between is carried out by whoever comes next. Records also keep two that decide at the same moment apart, where no
Airflow pool does: the one whose record is younger decides anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from podium.evaluation.gates import Gate
from podium.promotion import report
from podium.promotion.review import Examination
from podium.promotion.rules import Decision, Rule, decide
from podium.registry import tag_names
from podium.training.job import Job

if TYPE_CHECKING:
    from collections.abc import Collection

    from podium.project import Project
    from podium.registry.client import Registry
    from podium.registry.versions import Version
from podium.promotion.records import (
    APPROVED,
    AWAITING,
    REFUSED,
    SUPERSEDED,
    WOULD_PROMOTE,
    _asked_before,
    _overtaken,
    _rivals,
    _withdraw,
    close_record,
    finish_what_died,
    open_record,
)

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
    models: Registry,
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
    models : Registry
        The pipeline's.
    job : Job
        The rows.
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
    while True:
        known = finish_what_died(models)
        champion = models.in_production()
        examination = Examination(models, job, rule)
        decision = _decide(examination, _challengers(models, job, numbers), champion, mode)
        verdict = _verdict(decision, mode, approval=approval)
        record = _open(models, decision, verdict, {**tags, tag_names.MODE: mode})
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
        promote(models, job, rule, {*rivals, decision.champion.version}, tags)
        models.keep_one_in_production()
    return Outcome(decision, verdict, record)


def _challengers(models: Registry, job: Job, numbers: Collection[int] | None) -> list[Version]:
    if numbers is None:
        found = [v for v in models.versions() if v.tags.get(tag_names.VALIDATION) == "passed"]
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
        tags = {**tags, tag_names.PROPOSED: str(after)}
    if verdict == AWAITING:
        tags = {**tags, tag_names.APPROVAL: AWAITING}
    return open_record(models, verdict, decision.reason, before, before if verdict == WOULD_PROMOTE else after, tags)


def answer(models: Registry, project: Project, run_id: str, by: str, *, approved: bool) -> str:
    """Carry out, or refuse, a decision that awaits approval, and return its verdict; to answer twice changes nothing.

    It is not carried out if something else has come into Production since: what was approved was a comparison with
    the champion of then.

    Parameters
    ----------
    models : Registry
        The pipeline's.
    project : Project
        Where the paths of its data set count from.
    run_id : str
        The record.
    by : str
        Who answers.
    approved : bool
        The answer.
    """
    finish_what_died(models)
    tags = models.client.get_run(run_id).data.tags
    if tags.get(tag_names.APPROVAL) != AWAITING:
        return str(tags[tag_names.VERDICT])
    champion = models.in_production()
    version = models.version(int(tags[tag_names.PROPOSED]))
    if not approved:
        verdict, why = REFUSED, f"refused by {by}"
    elif str(champion.number if champion else "") != tags[tag_names.FROM_VERSION]:
        verdict, why = SUPERSEDED, f"approved by {by}, but Production has changed since it was decided"
    elif version.failure:
        verdict, why = SUPERSEDED, f"approved by {by}, but since it was decided: {version.failure}"
    else:
        verdict, why = "promoted", f"approved by {by}"
    after = tags[tag_names.TO_VERSION] if verdict == "promoted" else tags[tag_names.FROM_VERSION]
    reason = f"{tags[tag_names.REASON]}; {why}"
    models.tag_run(
        run_id,
        {
            tag_names.VERDICT: verdict,
            tag_names.REASON: reason,
            tag_names.TO_VERSION: after,
            tag_names.APPROVAL: APPROVED if approved else REFUSED,
            tag_names.APPROVER: by,
            "mlflow.runName": verdict,
            "mlflow.note.content": tag_names.note(reason, tags),
        },
    )
    close_record(models, models.client.get_run(run_id))
    if verdict == "promoted":
        report.log_scores(models, run_id, version.metrics)
        with report.best_effort("model card"):
            report.write_card(models, models.client.get_run(run_id), _examination(models, project, run_id))
    return verdict


def _examination(models: Registry, project: Project, run_id: str) -> Examination:
    """Return what a recorded decision was made with."""
    written = report.content(models, run_id)
    rule = Rule(**{**written["rule"], "gates": tuple(Gate(**gate) for gate in written["rule"]["gates"])})
    return Examination(models, Job.from_spec(project, models.pipeline, written["dataset"], written["split"]), rule)
