"""The record of a decision as people and programs read it: JSON, Markdown, plots, a model card, a description."""

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

from podium.evaluation.metrics import GREATER_IS_BETTER
from podium.registry import artifacts, client, tag_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from matplotlib.figure import Figure
    from mlflow.entities import Run

    from podium.promotion.review import Evidence, Examination
    from podium.promotion.rules import Candidate, Decision, Rule
    from podium.registry.client import Registry


log = logging.getLogger(__name__)

JSON, MARKDOWN, CARD, PLOTS = "decision.json", "decision.md", "model_card.md", "plots"
# So many models' scores are drawn with intervals: each has to be loaded.
MOST_COMPARED = 5


def write(
    models: Registry,
    record: str,
    decision: Decision,
    examination: Examination,
    verdict: str,
    evidence: Evidence | None = None,
) -> None:
    """Write what was compared, by which rule and on which rows, into a decision's run."""
    rule = examination.rule
    content = {
        "rule": asdict(rule),
        **examination.job.as_spec(),
        **asdict(decision),
        "evidence": asdict(evidence) if evidence else None,
    }
    models.client.log_dict(record, json.loads(json.dumps(content)), JSON)
    models.client.log_text(record, markdown(decision, rule, verdict, evidence), MARKDOWN)


def read(models: Registry, record: str) -> str:
    """Return the Markdown of a decision's run."""
    return artifacts.read_text(models.client, record, MARKDOWN)


def address(models: Registry, run_id: str) -> str:
    """Return the address of a run's page; empty where MLflow has no pages."""
    uri = str(models.client.tracking_uri)
    return f"{uri.rstrip('/')}/#/runs/{run_id}" if uri.startswith("http") else ""


def content(models: Registry, record: str) -> dict[str, Any]:
    """Return what :func:`write` has written for programs; empty where it came not so far."""
    return dict(artifacts.read_json(models.client, record, JSON) or {})


def rows(decision: Decision, rule: Rule, verdict: str) -> list[tuple[str, ...]]:
    """Return what was compared as rows of a table: version, config, estimator, score, p-value, what became of it."""
    standing = client.PRODUCTION if verdict in {"promoted", "kept"} else "the best"
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
                standing if champion else entry.failure,
            )
        )
    return table


def markdown(decision: Decision, rule: Rule, verdict: str, evidence: Evidence | None = None) -> str:
    """Return a decision as a page that a person can read."""
    asked = [
        _row(("version", "config", "estimator", f"held-out {rule.metric}", *(("p",) if rule.confidence else ()), ""))
    ]
    asked.append("|" + " --- |" * asked[0].count(" | ") + " --- |")
    sections = [f"**{verdict}**: {decision.reason}", "\n".join([*asked, *map(_row, rows(decision, rule, verdict))])]
    if compared := _compared(decision, rule):
        sections.append(compared)
    if rule.gates:
        sections.append("Gates: " + "; ".join(map(str, rule.gates)) + ".")
    if evidence:
        sections.append(" ".join(_sentences(rule, evidence)))
    return "\n\n".join(sections) + "\n"


def _compared(decision: Decision, rule: Rule) -> str:
    """Return the metrics of the best challenger and of the champion side by side; empty without a challenger."""
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
    order = "higher" if GREATER_IS_BETTER[rule.metric] else "lower"
    yield f"{rule.metric} decides, {order} is better: the best challenger gains {evidence.gain:.4g} over the champion."
    if evidence.low is not None and evidence.high is not None:
        yield f"The {evidence.confidence:.0%} bootstrap interval of that is {evidence.low:.4g} to {evidence.high:.4g}."
    yield f"That it is right more often has p = {evidence.mcnemar:.2g} in the exact McNemar test on the held-out rows."
    if evidence.resampled_t is not None:
        words = f"The corrected resampled t-test on the {rule.metric} of cross-validation"
        yield f"{words} has p = {evidence.resampled_t:.2g}."
    yield "These p-values are not corrected for the number of candidates."


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def log_scores(models: Registry, record: str, scores: Mapping[str, float]) -> None:
    """Log the scores of what is in Production from now on, so that MLflow can draw them from decision to decision."""
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    models.client.log_batch(record, [Metric(name, value, now, 0) for name, value in scores.items()])


def add_evidence(models: Registry, record: str, decision: Decision, examination: Examination, verdict: str) -> None:
    """Add to a decision's run how luck may have decided it, and its plots."""
    with tempfile.TemporaryDirectory() as folder, best_effort("plots"):
        evidence = _evidence(decision, examination)
        for name, figure in _figures(decision, examination):
            figure.savefig(Path(folder) / f"{name}.png", dpi=100)
        if any(Path(folder).iterdir()):
            models.client.log_artifacts(record, folder, PLOTS)
        if evidence:
            write(models, record, decision, examination, verdict, evidence)


@contextlib.contextmanager
def best_effort(what: str) -> Iterator[None]:
    """Go on without something: what cannot be drawn or told, as a model's file is gone, does not undo a decision."""
    try:
        yield
    except Exception as error:  # noqa: BLE001
        log.warning("the decision's %s could not be written: %s: %s", what, type(error).__name__, error)


def _pair(decision: Decision, rule: Rule) -> tuple[Candidate | None, Candidate | None]:
    """Return the best challenger and the champion before, None for what there is not or has no score."""
    champion = decision.previous if decision.previous and rule.metric in decision.previous.metrics else None
    before = decision.previous.version if decision.previous else None
    scored = [c for c in decision.ranking if c.version != before and rule.metric in c.metrics]
    promoted = decision.champion if decision.verdict == "promoted" else None
    return promoted or next(iter(scored), None), champion


def _evidence(decision: Decision, examination: Examination) -> Evidence | None:
    challenger, champion = _pair(decision, examination.rule)
    return examination.evidence(challenger, champion) if challenger and champion else None


def _figures(decision: Decision, examination: Examination) -> Iterator[tuple[str, Figure]]:
    from podium.evaluation import plots

    rule = examination.rule
    pair = [one for one in _pair(decision, rule) if one]
    if len(pair) < 2 and decision.verdict != "promoted":  # noqa: PLR2004
        return
    answers = {_title(one): examination.answers(one.version) for one in reversed(pair)}
    yield "confusion_matrices", plots.confusion_figure(examination.labels, answers)
    if figure := plots.calibration_figure(examination.labels, answers):
        yield "calibration", figure
    compared = {one.version: one for one in (*decision.ranking[:MOST_COMPARED], *pair) if rule.metric in one.metrics}
    scores = [
        (_title(one), one.metrics[rule.metric], *interval)
        for one in rule.ranked(list(compared.values()))
        if (interval := examination.interval(one))
    ]
    if scores:
        champion = decision.previous
        name = _title(champion) if champion else ""
        yield (
            "scores",
            plots.metrics_figure(rule.metric, scores, champion=name, interval=f"{examination.confidence:.0%} interval"),
        )


def _title(candidate: Candidate) -> str:
    return f"{candidate.config} (version {candidate.version})"


def write_card(models: Registry, record: Run, examination: Examination) -> None:
    """Write the model card of the version that a record has put into Production to the version's run."""
    from podium.promotion.card import card

    tags, rows = record.data.tags, examination.rows
    version = models.version(int(tags[tag_names.TO_VERSION]))
    before = tags.get(tag_names.FROM_VERSION)
    text = card(
        examination.model(version.number),
        name=models.model,
        version=version.number,
        tags=version.tags,
        target=rows.target,
        rows=(len(rows.x_train), len(rows.x_test)),
        split=asdict(examination.job.split),
        metric=examination.rule.metric,
        scores=version.metrics,
        reason=tags[tag_names.REASON],
        decided=_when(record),
        by=tags.get(tag_names.BY, ""),
        approver=tags.get(tag_names.APPROVER, ""),
        previous=f"version {before}" if before else "",
        links={
            "Decision in MLflow": address(models, record.info.run_id),
            "Training in MLflow": address(models, version.run_id),
            "Training in Airflow": version.tags.get(tag_names.AIRFLOW_TASK, ""),
        },
    )
    models.client.log_text(version.run_id, text, CARD)


def describe(models: Registry, record: Run) -> None:
    """Make the registered model's description say what is in Production, since when and why."""
    tags, info = record.data.tags, record.info
    version = models.version(int(tags[tag_names.TO_VERSION]))
    before, approver = tags.get(tag_names.FROM_VERSION), tags.get(tag_names.APPROVER)
    by = f", by {tags.get(tag_names.BY) or 'unknown'}{f', approved by {approver}' if approver else ''}"
    text = f"**Version {version.number} ({version.config}) is in Production since {_when(record)}**{by}."
    links = [
        f"[The decision](#/experiments/{info.experiment_id}/runs/{info.run_id})",
        f"[its training and model card](#/runs/{version.run_id})",
        f"before: version {before}" if before else "it is the first",
    ]
    models.client.update_registered_model(models.model, f"{text}\n\n{tags[tag_names.REASON]}\n\n{', '.join(links)}")


def _when(record: Run) -> str:
    return datetime.fromtimestamp(record.info.start_time / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
