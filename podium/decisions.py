"""Decide what is in Production, carry it out, and keep the record of it in MLflow."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from podium import registry, validation
from podium.promotion import Candidate, Decision, Rule, decide

if TYPE_CHECKING:
    from collections.abc import Collection

    from mlflow.entities import Run

    from podium.plan import Job

EXPERIMENT_SUFFIX = "-promotions"
VERDICT, REASON, BY = "podium.verdict", "podium.reason", "podium.by"
# Why the version before must not win again, where a person has rolled back from it.
AGAINST = "podium.against"
FROM_VERSION, TO_VERSION = "podium.from_version", "podium.to_version"


def candidate(version: registry.Version) -> Candidate:
    """Return a version of the registry as the rules see it."""
    estimator = version.tags.get(registry.ESTIMATOR, "")
    return Candidate(version.number, version.config, estimator, version.metrics, version.failure)


def promote(job: Job, rule: Rule, numbers: Collection[int] | None, tags: dict[str, str]) -> Decision:
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
        Who decides: tags of the decision's run.
    """
    models = registry.Registry(job.pipeline)
    finish_what_died(models)
    if numbers is None:
        challengers = [v for v in models.versions() if v.tags.get(registry.VALIDATION) == "passed"]
    else:
        challengers = [v for v in models.versions(min(numbers)) if v.number in numbers] if numbers else []
    digest = job.held_out_digest()
    candidates = [candidate(version) for version in challengers if version.scored_on == digest]
    decision = decide(candidates, _champion(models, job), rule)
    _carry_out(models, decision, rule, tags)
    return decision


def _champion(models: registry.Registry, job: Job) -> Candidate | None:
    """Return the champion with its scores on the rows that the challengers were scored on."""
    version = models.in_production()
    if version is None:
        return None
    if version.scored_on == job.held_out_digest():
        return candidate(version)
    outcome = validation.check(models, version, job)
    return replace(candidate(version), metrics=outcome.scores, failure="; ".join(outcome.failures))


def _carry_out(models: registry.Registry, decision: Decision, rule: Rule, tags: dict[str, str]) -> None:
    before, after = (one.version if one else None for one in (decision.previous, decision.champion))
    record = open_record(models, decision.verdict, decision.reason, before, after, tags)
    models.client.log_dict(record, {"rule": asdict(rule), **as_json(decision)}, "decision.json")
    models.client.log_text(record, markdown(decision, rule), "decision.md")
    close_record(models, models.client.get_run(record))


def open_record(
    models: registry.Registry,
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
                VERDICT: verdict,
                REASON: reason,
                FROM_VERSION: str(before or ""),
                TO_VERSION: str(after or ""),
                "mlflow.note.content": registry.note(reason, tags),
            },
        ).info.run_id
    )


def close_record(models: registry.Registry, record: Run) -> None:
    """Carry out what a record says; again and again leads to the same."""
    tags = record.data.tags
    before, after = tags.get(FROM_VERSION), tags.get(TO_VERSION)
    if before and AGAINST in tags:
        # Before Production changes: whoever decides in between finds the version marked that must not win again.
        models.tag_version(int(before), {registry.ROLLED_BACK: tags[AGAINST]})
    if after and after != before:
        models.set_production(int(after))
        models.client.delete_model_version_tag(models.model, after, registry.ROLLED_BACK)
    models.client.set_terminated(record.info.run_id, "FINISHED")


def finish_what_died(models: registry.Registry) -> None:
    """Carry out the decisions whose process was killed in between, the oldest first."""
    for record in reversed(list(models.runs("attributes.status = 'RUNNING'", EXPERIMENT_SUFFIX))):
        close_record(models, record)


def as_json(decision: Decision) -> dict[str, Any]:
    """Return a decision as JSON values."""
    return dict(json.loads(json.dumps(asdict(decision))))


def rows(decision: Decision, rule: Rule) -> list[tuple[str, ...]]:
    """Return what was compared as rows of a table: version, config, estimator, score, what became of it."""
    table: list[tuple[str, ...]] = []
    for entry in decision.ranking:
        score = entry.metrics.get(rule.metric)
        champion = decision.champion is not None and entry.version == decision.champion.version
        table.append(
            (
                str(entry.version),
                entry.config,
                entry.estimator,
                "" if score is None else f"{score:.4f}",
                registry.PRODUCTION if champion else entry.failure,
            )
        )
    return table


def markdown(decision: Decision, rule: Rule) -> str:
    """Return a decision as a table that a person can read."""
    head = ("version", "config", "estimator", f"held-out {rule.metric}", "")
    lines = [f"**{decision.verdict}**: {decision.reason}", "", _row(head), _row(["---"] * len(head))]
    return "\n".join([*lines, *map(_row, rows(decision, rule))]) + "\n"


def _row(cells: Collection[str]) -> str:
    return f"| {' | '.join(cells)} |"
