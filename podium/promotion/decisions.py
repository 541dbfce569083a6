"""Decide which version is in Production, and carry the decision out.

Every decision has a record in MLflow, opened before Production changes: see :mod:`podium.promotion.records`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from podium.evaluation.gates import Gate
from podium.promotion import by_hand, report, validation
from podium.promotion.records import (
    APPROVED,
    AWAITING,
    REFUSED,
    SUPERSEDED,
    WOULD_PROMOTE,
    close_record,
    describe_production,
    earlier_requests,
    finish_interrupted,
    is_overtaken,
    open_record,
    promoted_meanwhile,
    withdraw,
)
from podium.promotion.review import Review
from podium.promotion.rules import Decision, Rule, decide
from podium.registry import tag_names
from podium.training.job import Job

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from podium.project import Project
    from podium.registry.client import Registry
    from podium.registry.versions import Version

Mode = Literal["enabled", "dry_run", "disabled"]


@dataclass(frozen=True)
class Outcome:
    """A decision and its record.

    Parameters
    ----------
    decision : Decision
        The decision of the rules.
    verdict : str
        The result: ``promoted``, ``kept`` or ``nothing``; ``awaiting approval``; or ``would promote`` if the mode does
        not change Production.
    run_id : str
        The MLflow run that is its record.
    """

    decision: Decision
    verdict: str
    run_id: str


@dataclass(frozen=True)
class _Opened:
    """A decision whose record is open, the review it is based on, and the records that existed before it."""

    outcome: Outcome
    review: Review
    known: set[str]


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
    """Promote the best version and record why.

    Parameters
    ----------
    models : Registry
        The pipeline's registry.
    job : Job
        The rows.
    rule : Rule
        The rule that decides.
    numbers : collection of int or None
        Versions that are candidates; None for all that passed validation on these rows.
    tags : dict of str to str
        Tags of the decision's run, such as who decides and from which spec.
    mode : {"enabled", "dry_run", "disabled"}
        Whether Production changes; with ``disabled``, the logged scores decide and challengers are not loaded.
    approval : bool
        Whether a person has to approve first: see :func:`answer`.
    """
    opened = _decide_and_record(models, job, rule, numbers, tags, mode, approval=approval)
    outcome = opened.outcome
    if outcome.verdict == AWAITING:
        _withdraw_earlier_requests(models, outcome.run_id, tags)
        _complete_record(models, opened, mode)
        return outcome
    close_record(models, models.client.get_run(outcome.run_id), ends=False)
    _complete_record(models, opened, mode)
    models.client.set_terminated(outcome.run_id, "FINISHED")
    if outcome.verdict == "promoted":
        _compare_with_concurrent(models, job, rule, tags, opened)
    return outcome


def _decide_and_record(
    models: Registry,
    job: Job,
    rule: Rule,
    numbers: Collection[int] | None,
    tags: dict[str, str],
    mode: Mode,
    *,
    approval: bool,
) -> _Opened:
    """Decide and open the record; decide again for as long as another decision is found to have come first."""
    while True:
        known = finish_interrupted(models)
        if by_hand.settle(models, protect=tag_names.PROTECT in tags):
            known = finish_interrupted(models)
        champion = models.in_production()
        review = Review(models, job, rule, _challengers(models, job, rule, numbers), champion, loads=mode != "disabled")
        decision = _decide(review, mode)
        verdict = _verdict(decision, mode, approval=approval)
        record = _open(models, decision, verdict, {**tags, tag_names.MODE: mode})
        report.write(models, record, decision, review, verdict)
        if verdict != "promoted" or not is_overtaken(models, record, known, champion):
            return _Opened(Outcome(decision, verdict, record), review, known)
        withdraw(models, record, "Production changed while this was decided")


def _challengers(models: Registry, job: Job, rule: Rule, numbers: Collection[int] | None) -> list[Version]:
    """Return the candidates, and versions that failed gates which have been removed or mended since."""
    if numbers is None:
        found = [v for v in models.versions() if v.tags.get(tag_names.VALIDATION) == "passed"]
    else:
        found = [v for v in models.versions(min(numbers)) if v.number in numbers] if numbers else []
    failed = [v for v in models.tagged(tag_names.VALIDATION, "failed") if validation.is_outdated(v, rule.gates)]
    every = {version.number: version for version in (*failed, *found)}
    digest = job.held_out_digest()
    return [every[number] for number in sorted(every) if every[number].scored_on == digest]


def _decide(review: Review, mode: Mode) -> Decision:
    if mode == "disabled":
        metric_only = Rule(review.rule.metric, review.rule.min_improvement)
        return decide(review.candidates, review.champion, metric_only)
    return decide(review.candidates, review.champion, review.rule, review.review)


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


def _withdraw_earlier_requests(models: Registry, record: str, tags: Mapping[str, str]) -> None:
    for earlier in earlier_requests(models, record, tags):
        withdraw(models, earlier, "its task was run again")


def _complete_record(models: Registry, opened: _Opened, mode: Mode) -> None:
    """Add scores, evidence and model card to a record."""
    decision, verdict, record = opened.outcome.decision, opened.outcome.verdict, opened.outcome.run_id
    if decision.champion and verdict in {"promoted", "kept"}:
        report.log_scores(models, record, opened.review.scores_of_version(decision.champion))
    if mode != "disabled":
        report.add_evidence(models, record, decision, opened.review, verdict)
    if verdict == "promoted":
        with report.best_effort("model card"):
            report.write_card(models, models.client.get_run(record), opened.review)


def _compare_with_concurrent(models: Registry, job: Job, rule: Rule, tags: dict[str, str], opened: _Opened) -> None:
    """Decide between this champion and those that concurrent decisions promoted; the last one to see both does it."""
    champion = opened.outcome.decision.champion
    others = promoted_meanwhile(models, opened.outcome.run_id, opened.known)
    if others and champion:
        promote(models, job, rule, {*others, champion.version}, tags)
        models.keep_one_in_production()
        describe_production(models)


def answer(models: Registry, project: Project, run_id: str, by: str, *, approved: bool) -> str:
    """Carry out or refuse a decision that awaits approval, and return its verdict; repeating it changes nothing.

    It is superseded if Production has changed since: the approval was for a comparison with the champion at that time.

    Parameters
    ----------
    models : Registry
        The pipeline's registry.
    project : Project
        The checkout that the paths of its data set are relative to.
    run_id : str
        The record.
    by : str
        Who answered; empty if nobody did in time.
    approved : bool
        The answer.
    """
    finish_interrupted(models)
    tags = models.client.get_run(run_id).data.tags
    by_hand.settle(models, protect=tag_names.PROTECT in tags)
    if tags.get(tag_names.APPROVAL) != AWAITING:
        return str(tags[tag_names.VERDICT])
    version = models.version(int(tags[tag_names.PROPOSED]))
    verdict, why = _answered(models, version, tags, by, approved=approved)
    _record_answer(models, run_id, by, verdict, why, approved=approved)
    close_record(models, models.client.get_run(run_id))
    if verdict == "promoted":
        report.log_scores(models, run_id, version.metrics)
        with report.best_effort("model card"):
            report.write_card(models, models.client.get_run(run_id), _recorded_review(models, project, run_id))
    return verdict


def _answered(
    models: Registry, version: Version, tags: Mapping[str, str], by: str, *, approved: bool
) -> tuple[str, str]:
    """Return the verdict that follows from an answer, and why."""
    if not approved:
        return REFUSED, f"refused by {by}" if by else "refused: no answer within the time limit"
    champion = models.in_production()
    if str(champion.number if champion else "") != tags[tag_names.FROM_VERSION]:
        return SUPERSEDED, f"approved by {by}, but Production has changed since the decision"
    if version.failure:
        return SUPERSEDED, f"approved by {by}, but since the decision: {version.failure}"
    return "promoted", f"approved by {by}"


def _record_answer(models: Registry, run_id: str, by: str, verdict: str, why: str, *, approved: bool) -> None:
    tags = models.client.get_run(run_id).data.tags
    reason = f"{tags[tag_names.REASON]}; {why}"
    models.tag_run(
        run_id,
        {
            tag_names.VERDICT: verdict,
            tag_names.REASON: reason,
            tag_names.TO_VERSION: tags[tag_names.TO_VERSION if verdict == "promoted" else tag_names.FROM_VERSION],
            tag_names.APPROVAL: APPROVED if approved else REFUSED,
            tag_names.APPROVER: by,
            "mlflow.runName": verdict,
            "mlflow.note.content": tag_names.note(reason, tags),
        },
    )


def _recorded_review(models: Registry, project: Project, run_id: str) -> Review:
    """Return the review of a recorded decision, with its rule and rows."""
    written = report.content(models, run_id)
    rule = Rule(**{**written["rule"], "gates": tuple(Gate(**gate) for gate in written["rule"]["gates"])})
    return Review(models, Job.from_spec(project, models.pipeline, written["dataset"], written["split"]), rule)
