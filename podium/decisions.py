"""Decide what is in Production, carry it out, and keep the record of it in MLflow."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from podium import registry, validation
from podium.promotion import Candidate, Decision, Rule, decide

if TYPE_CHECKING:
    from collections.abc import Collection

    from podium.plan import Job

EXPERIMENT_SUFFIX = "-promotions"
VERDICT, REASON, BY = "podium.verdict", "podium.reason", "podium.by"
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
    """Write the record, then Production, then close the record: an open record is a decision half carried out."""
    record = models.client.create_run(
        models.experiment_id(EXPERIMENT_SUFFIX),
        run_name=decision.verdict,
        tags={
            **tags,
            VERDICT: decision.verdict,
            REASON: decision.reason,
            FROM_VERSION: str(decision.previous.version) if decision.previous else "",
            TO_VERSION: str(decision.champion.version) if decision.champion else "",
            "mlflow.note.content": decision.reason,
        },
    ).info.run_id
    models.client.log_dict(record, {"rule": asdict(rule), **as_json(decision)}, "decision.json")
    models.client.log_text(record, markdown(decision, rule), "decision.md")
    if decision.champion and decision.verdict == "promoted":
        models.set_production(decision.champion.version)
    models.client.set_terminated(record, "FINISHED")


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
