"""Write the record of a decision: JSON, Markdown, plots, the model card, the registered model's description."""

from __future__ import annotations

import contextlib
import json
import logging
import tempfile
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podium.evaluation.metrics import greater_is_better
from podium.registry import artifacts, client, tag_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from matplotlib.figure import Figure
    from mlflow.entities import Run

    from podium.promotion.review import Evidence, Review
    from podium.promotion.rules import Candidate, Decision, Rule
    from podium.registry.client import Registry


log = logging.getLogger(__name__)

JSON, MARKDOWN, CARD, PLOTS = "decision.json", "decision.md", "model_card.md", "plots"
# The scores of this many models are drawn with intervals: each model has to be loaded.
MOST_COMPARED = 5


def write(
    models: Registry,
    record: str,
    decision: Decision,
    review: Review,
    verdict: str,
    evidence: Evidence | None = None,
) -> None:
    """Write the rule, the rows and the compared versions to a decision's run."""
    rule = review.rule
    content = {
        "rule": asdict(rule),
        **review.job.as_spec(),
        **asdict(decision),
        "evidence": asdict(evidence) if evidence else None,
    }
    models.client.log_dict(record, json.loads(json.dumps(content)), JSON)
    models.client.log_text(record, markdown(decision, rule, verdict, evidence), MARKDOWN)


def read(models: Registry, record: str) -> str:
    """Return the Markdown of a decision's run."""
    return artifacts.read_text(models.client, record, MARKDOWN)


def address(models: Registry, run_id: str) -> str:
    """Return the URL of a run's page; empty if the tracking store has no UI."""
    uri = str(models.client.tracking_uri)
    return f"{uri.rstrip('/')}/#/runs/{run_id}" if uri.startswith("http") else ""


def content(models: Registry, record: str) -> dict[str, Any]:
    """Return the JSON that :func:`write` wrote; empty if it was interrupted before, or somebody else wrote it."""
    found = artifacts.read_json(models.client, record, JSON)
    return found if isinstance(found, dict) and all(isinstance(one, dict) for one in found.get("ranking", [])) else {}


def rows(decision: Decision, rule: Rule, verdict: str) -> list[tuple[str, ...]]:
    """Return the compared versions as table rows: version, config, estimator, score, p-value, result."""
    result = client.PRODUCTION if verdict in {"promoted", "kept"} else "the best"
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
                *(("" if entry.adjusted is None else f"{entry.adjusted:.2g}",) if rule.confidence else ()),
                result if champion else entry.failure,
            )
        )
    return table


def markdown(decision: Decision, rule: Rule, verdict: str, evidence: Evidence | None = None) -> str:
    """Return a decision as Markdown."""
    head = [
        _row(("version", "config", "estimator", f"held-out {rule.metric}", *(("p",) if rule.confidence else ()), ""))
    ]
    head.append("|" + " --- |" * head[0].count(" | ") + " --- |")
    sections = [f"**{verdict}**: {decision.reason}", "\n".join([*head, *map(_row, rows(decision, rule, verdict))])]
    if metrics := _metrics_table(decision, rule):
        sections.append(metrics)
    if rule.gates:
        sections.append("Gates: " + "; ".join(map(str, rule.gates)) + ".")
    if evidence:
        sections.append(" ".join(_sentences(rule, evidence)))
    return "\n\n".join(sections) + "\n"


def _metrics_table(decision: Decision, rule: Rule) -> str:
    """Return the metrics of the best challenger and the champion side by side; empty without a challenger."""
    challenger, champion = _pair(decision, rule)
    if challenger is None:
        return ""
    pair = [one for one in (challenger, champion) if one]
    cells = [
        (name, *(f"{one.metrics[name]:,.6g}" if name in one.metrics else "" for one in pair))
        for name in challenger.metrics
    ]
    return "\n".join(map(_row, [("metric", *map(_title, pair)), ["---"] * (len(pair) + 1), *cells]))


def _sentences(rule: Rule, evidence: Evidence) -> Iterable[str]:
    order = "higher" if greater_is_better(rule.metric) else "lower"
    yield f"The deciding metric is {rule.metric} ({order} is better): the best challenger gains {evidence.gain:.4g}."
    if evidence.low is not None and evidence.high is not None:
        ends = f"{evidence.low:.4g} to {evidence.high:.4g}"
        yield f"The {evidence.confidence:.0%} bootstrap interval of the gain is {ends}."
    else:
        yield f"The gain has no bootstrap interval: {rule.metric} cannot be computed for resampled rows."
    yield f"The exact McNemar test on the held-out rows has p = {evidence.mcnemar:.2g}."
    if evidence.resampled_t is not None:
        words = f"The corrected resampled t-test on the {rule.metric} of cross-validation"
        yield f"{words} has p = {evidence.resampled_t:.2g}."
    if evidence.permutation is not None:
        yield f"The permutation test of {rule.metric} on the held-out rows has p = {evidence.permutation:.2g}."
    yield "These p-values are not corrected for the number of candidates."


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def log_scores(models: Registry, record: str, scores: Mapping[str, float]) -> None:
    """Log the scores of the version now in Production, so that MLflow can plot them over the decisions."""
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    models.client.log_batch(record, [Metric(name, value, now, 0) for name, value in scores.items()])


def add_evidence(models: Registry, record: str, decision: Decision, review: Review, verdict: str) -> None:
    """Add interval, significance tests and plots to a decision's run."""
    with tempfile.TemporaryDirectory() as folder, best_effort("plots"):
        evidence = _evidence(decision, review)
        for name, figure in _figures(decision, review):
            figure.savefig(Path(folder) / f"{name}.png", dpi=100)
        if any(Path(folder).iterdir()):
            models.client.log_artifacts(record, folder, PLOTS)
        if evidence:
            write(models, record, decision, review, verdict, evidence)


@contextlib.contextmanager
def best_effort(what: str) -> Iterator[None]:
    """Log an error as a warning: a missing plot or card, for example because a file is gone, is not fatal."""
    try:
        yield
    except Exception as error:  # noqa: BLE001
        log.warning("the decision's %s could not be written: %s: %s", what, type(error).__name__, error)


def _pair(decision: Decision, rule: Rule) -> tuple[Candidate | None, Candidate | None]:
    """Return the best challenger, and the previous champion if it can be compared; None for one that is missing."""
    champion = decision.previous if decision.previous and rule.can_compete(decision.previous) else None
    previous = decision.previous.version if decision.previous else None
    scored = [c for c in decision.ranking if c.version != previous and rule.metric in c.metrics]
    promoted = decision.champion if decision.verdict == "promoted" else None
    return promoted or next(iter(scored), None), champion


def _evidence(decision: Decision, review: Review) -> Evidence | None:
    challenger, champion = _pair(decision, review.rule)
    return review.evidence(challenger, champion) if challenger and champion else None


def _figures(decision: Decision, review: Review) -> Iterator[tuple[str, Figure]]:
    from podium.evaluation import plots

    rule = review.rule
    pair = [one for one in _pair(decision, rule) if one]
    if len(pair) < 2 and decision.verdict != "promoted":  # noqa: PLR2004
        return
    predictions = {_title(one): review.predictions(one.version) for one in reversed(pair)}
    yield "confusion_matrices", plots.confusion_figure(review.labels, predictions)
    if figure := plots.calibration_figure(review.labels, predictions):
        yield "calibration", figure
    compared = {one.version: one for one in (*decision.ranking[:MOST_COMPARED], *pair) if rule.metric in one.metrics}
    scores = [
        (_title(one), one.metrics[rule.metric], *interval)
        for one in rule.ranked(list(compared.values()))
        if (interval := review.interval(one))
    ]
    if scores:
        champion = decision.previous
        name = _title(champion) if champion else ""
        yield (
            "scores",
            plots.metrics_figure(rule.metric, scores, champion=name, interval=f"{review.confidence:.0%} interval"),
        )


def _title(candidate: Candidate) -> str:
    return f"{candidate.config} (version {candidate.version})"


def write_card(models: Registry, record: Run, review: Review) -> None:
    """Write the model card of the version that a record promoted to the version's training run."""
    from podium.promotion.card import card

    tags, rows = record.data.tags, review.rows
    version = models.version(int(tags[tag_names.TO_VERSION]))
    previous = tags.get(tag_names.FROM_VERSION)
    text = card(
        review.model(version.number),
        name=models.model,
        version=version.number,
        tags=version.tags,
        warnings=version.warnings or [],
        target=rows.target,
        rows=(len(rows.x_train), len(rows.x_test)),
        split=review.job.split.as_spec(),
        metric=review.rule.metric,
        scores=version.metrics,
        reason=tags[tag_names.REASON],
        decided=_when(record),
        by=tags.get(tag_names.BY, ""),
        approver=tags.get(tag_names.APPROVER, ""),
        previous=f"version {previous}" if previous else "",
        report=rows.report,
        notes=rows.notes,
        links={
            "Decision in MLflow": address(models, record.info.run_id),
            "Training in MLflow": address(models, version.run_id),
            "Training in Airflow": version.tags.get(tag_names.AIRFLOW_TASK, ""),
        },
    )
    models.client.log_text(version.run_id, text, CARD)


def describe(models: Registry, record: Run) -> None:
    """Describe on the registered model which version is in Production, since when and why."""
    tags, info = record.data.tags, record.info
    version = models.version(int(tags[tag_names.TO_VERSION]))
    previous, approver = tags.get(tag_names.FROM_VERSION), tags.get(tag_names.APPROVER)
    by = f", by {tags.get(tag_names.BY) or 'unknown'}{f', approved by {approver}' if approver else ''}"
    text = f"**Version {version.number} ({version.config}) has been in Production since {_when(record)}**{by}."
    links = [
        f"[The decision](#/experiments/{info.experiment_id}/runs/{info.run_id})",
        f"[its training and model card](#/runs/{version.run_id})",
        f"previous champion: version {previous}" if previous else "first champion",
    ]
    models.client.update_registered_model(models.model, f"{text}\n\n{tags[tag_names.REASON]}\n\n{', '.join(links)}")


def _when(record: Run) -> str:
    return datetime.fromtimestamp(record.info.start_time / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
