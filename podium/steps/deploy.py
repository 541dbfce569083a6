"""Deploy the version in Production to inference servers, or roll it back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from podium.airflow import environment
from podium.airflow.task_log import say
from podium.errors import PodiumError, RefusedError
from podium.promotion import history
from podium.registry import provenance, tag_names
from podium.serving import deployment
from podium.settings import Settings
from podium.specs.vocabulary import LOCAL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from podium.registry.client import Registry
    from podium.registry.versions import Version


def deploy_model(pipeline: str, endpoints: Sequence[str], timeout: float = 60.0) -> Mapping[str, Any]:
    """Deploy the version in Production to inference servers and run a smoke test on each.

    If a server refuses the version, or its predictions for the input example differ from the model's own, the step
    rolls the version back, unless the version was deployed before: then the server must have changed. If a server
    does not respond, the task fails, Airflow retries it, and Production does not change.

    Parameters
    ----------
    pipeline : str
        Name of the pipeline.
    endpoints : sequence of str
        URLs of inference servers (``podium serve``). ``local`` is the server of the local stack, whose URL is in the
        environment variable ``PODIUM_SERVE_URL``; if that is unset or empty, it is skipped.
    timeout : float
        Seconds that each server may take to switch.

    Returns
    -------
    dict
        The deployed ``version``, None if there was nothing to deploy, and the ``seconds`` of each endpoint.

    Raises
    ------
    AirflowFailException
        If a server refused the version: a retry would not help.
    """
    models = environment.registry(pipeline)
    champion = models.in_production()
    settings = Settings.from_environment()
    urls = [settings.serve_url if name == LOCAL else name for name in endpoints]
    servers = [deployment.Endpoint(url, settings.serve_token) for url in urls if url]
    if champion is None or not servers:
        say(f"no version of {models.model} is in Production" if champion is None else "no server to deploy to")
        return {"version": None, "seconds": {}}
    try:
        test = deployment.SmokeTest.of(models, champion)
        seconds = {server.url: round(server.deploy(test, timeout), 2) for server in servers}
    except RefusedError as error:
        raise AirflowFailException(_roll_back(models, champion, error, servers, timeout)) from error
    for url, took in seconds.items():
        say(f"{url} serves version {champion.number} ({champion.config}) after {took} s; predictions match the model")
    models.tag_version(champion.number, {tag_names.DEPLOYED: "true"})
    return {"version": champion.number, "seconds": seconds}


def _roll_back(
    models: Registry,
    refused: Version,
    error: PodiumError,
    servers: Sequence[deployment.Endpoint],
    timeout: float,
) -> str:
    """Restore the previous champion unless the version was deployed before; return what happened, as a sentence."""
    if tag_names.DEPLOYED in refused.tags:
        return f"{error}; version {refused.number} was deployed before, so it stays in Production"
    try:
        by = provenance.task_tags().get(tag_names.DAG_ID, "podium")
        entry = history.rollback(models, None, f"not deployed: {error}", by=by, replaces=refused.number)
    except PodiumError as obstacle:
        return f"{error}; version {refused.number} stays in Production: {obstacle}"
    sentence = f"{error}; version {entry.to_version} is back in Production"
    try:
        test = deployment.SmokeTest.of(models, models.version(entry.to_version or 0))
        for server in servers:
            server.deploy(test, timeout)
    except PodiumError as also:
        return f"{sentence}, but {also}"
    return f"{sentence}, and each server serves it"
