"""Have the inference servers answer with what is in Production, or put back what was before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from podium.airflow import environment
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
    """Tell inference servers of the version in Production, and wait until each has passed the smoke test with it.

    A version that a server refuses, or with which it answers the model's input example otherwise than the model
    itself, is rolled back from, unless it was deployed before: then it is not the version that has changed. A server
    that does not answer at all fails the task, which Airflow tries again, and Production stays as it is.

    Parameters
    ----------
    pipeline : str
        Name of the pipeline.
    endpoints : sequence of str
        Addresses of servers of ``podium serve``. ``local`` is that of the local stack, whose address is in the
        environment variable ``PODIUM_SERVE_URL``; where it is unset or empty, there is none.
    timeout : float
        Seconds that each server may take to change over.

    Returns
    -------
    dict
        The ``version`` that is deployed, None where there is nothing to deploy, and the ``seconds`` of each endpoint.

    Raises
    ------
    AirflowFailException
        If a server refused the version: trying again would not help.
    """
    models = environment.registry(pipeline)
    champion = models.in_production()
    settings = Settings.from_environment()
    urls = [settings.serve_url if name == LOCAL else name for name in endpoints]
    servers = [deployment.Endpoint(url, settings.serve_token) for url in urls if url]
    if champion is None or not servers:
        print(f"nothing of {models.model} is in Production" if champion is None else "no server to tell")
        return {"version": None, "seconds": {}}
    try:
        test = deployment.SmokeTest.of(models, champion)
        seconds = {server.url: round(server.deploy(test, timeout), 2) for server in servers}
    except RefusedError as error:
        raise AirflowFailException(_back(models, champion, error, servers, timeout)) from error
    for url, took in seconds.items():
        print(
            f"{url} answers with version {champion.number} ({champion.config}) after {took} s, as the model itself does"
        )
    models.tag_version(champion.number, {tag_names.DEPLOYED: "true"})
    return {"version": champion.number, "seconds": seconds}


def _back(
    models: Registry,
    refused: Version,
    error: PodiumError,
    servers: Sequence[deployment.Endpoint],
    timeout: float,
) -> str:
    """Put the champion before back where that is called for, and return the sentence that says what has happened."""
    if tag_names.DEPLOYED in refused.tags:
        return f"{error}; version {refused.number} was deployed before, so it stays in Production"
    try:
        by = provenance.task_tags().get(tag_names.DAG_ID, "podium")
        entry = history.rollback(models, None, f"not deployed: {error}", by=by, replaces=refused.number)
    except PodiumError as why_not:
        return f"{error}; version {refused.number} stays in Production: {why_not}"
    sentence = f"{error}; version {entry.to_version} is back in Production"
    try:
        test = deployment.SmokeTest.of(models, models.version(entry.to_version or 0))
        for server in servers:
            server.deploy(test, timeout)
    except PodiumError as also:
        return f"{sentence}, but {also}"
    return f"{sentence}, and each server answers with it"
