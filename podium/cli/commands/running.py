"""Run a pipeline, or show what a run would train."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from podium.cli.context import AsJson, PipelineName, RetryFailed, console, need_stack, need_store, project

Unpause = Annotated[bool, typer.Option("--unpause", help="Unpause the DAG in Airflow if it is paused.")]


def run(pipeline: PipelineName = None, retry_failed: RetryFailed = False, unpause: Unpause = False) -> None:
    """Run a pipeline once.

    Shows its progress and which model is in Production. Exit code 1 if any config failed.
    """
    from podium.pipeline import run
    from podium.pipeline.spec import find_pipeline

    where = project()
    found = find_pipeline(where, pipeline)
    need_stack("run")
    conf = {"retry_failed": True} if retry_failed else {}
    outcome = run.once(where, found, conf, console, unpause=unpause)
    for error in outcome.errors.values():
        print(error, file=sys.stderr)
    raise typer.Exit(0 if outcome.is_good else 1)


def plan(pipeline: PipelineName = None, retry_failed: RetryFailed = False, as_json: AsJson = False) -> None:
    """Show which configs a run would train.

    Says why, and which are skipped. Exit code 1 if any is invalid or has failed.
    """
    from podium.pipeline.spec import find_pipeline, metrics_of
    from podium.registry.client import Registry
    from podium.stack import commands
    from podium.training import plan
    from podium.training.metric_check import MetricCheck

    where = project()
    found = find_pipeline(where, pipeline)
    job = found.job
    check = MetricCheck(job, metrics_of(where, job.pipeline, found.dag_id))
    check.check_data()
    need_store("plan")
    with commands.tracking(where) as uri:
        items = plan.plan(Registry(job.pipeline, uri), job, retry_failed=retry_failed, check=check)
    if as_json:
        print(json.dumps([{"config": i.name, "action": i.action, "reason": i.reason} for i in items]))
    else:
        for item in items:
            console.print(item.line(), markup=False)
        if not items:
            console.print(f"no configs in {job.shown_folder}")
    raise typer.Exit(1 if any(item.action in {"invalid", "failed"} for item in items) else 0)
