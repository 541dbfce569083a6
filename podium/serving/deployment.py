"""Deployment of the version in Production to inference servers, with a smoke test.

A server is a ``podium serve``. If it refuses a version, the version is at fault; if it does not respond, the cause is
unknown.
"""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx

from podium.errors import PodiumError, RefusedError, UnreachableError, cause
from podium.serving.model import LoadedModel, VersionInfo
from podium.serving.scoring import JSON, Scorer

if TYPE_CHECKING:
    from podium.registry.client import Registry
    from podium.registry.versions import Version


#: Time between two requests to a server that is switching: it has no event to wait for.
POLL_SECONDS = 0.1
REQUEST_SECONDS = 10.0
MOST_ROWS = 1000  # of an input example
VERSION_HEADER = "x-podium-model-version"


@dataclass(frozen=True)
class SmokeTest:
    """A request whose predictions are known.

    Parameters
    ----------
    version : int
        The version under test.
    input_example : bytes
        Body of the request: the model's input example.
    predictions : object
        JSON that the model returns without a server.
    """

    version: int
    input_example: bytes
    predictions: Any

    @classmethod
    def of(cls, models: Registry, version: Version) -> SmokeTest:
        """Load a version from the registry and predict for its input example.

        Raises
        ------
        RefusedError
            If the version cannot be loaded, could run code, or cannot predict.
        """
        with tempfile.TemporaryDirectory() as folder:
            path = models.download(version.number, folder)
            try:
                loaded = LoadedModel.load(path, VersionInfo.of(models.model, version))
            except Exception as error:  # a stored model may raise anything
                raise RefusedError(f"version {version.number} cannot be loaded: {cause(error)}") from error
        predictions = Scorer(loaded.model).predict(loaded.input_example, JSON, MOST_ROWS)
        return cls(version.number, loaded.input_example, json.loads(predictions.body))


@dataclass(frozen=True)
class Endpoint:
    """An inference server.

    Parameters
    ----------
    url : str
        Its URL.
    token : str or None
        The bearer token that it requires.
    """

    url: str
    token: str | None = None

    def deploy(self, test: SmokeTest, seconds: float) -> float:
        """Have the server reload, wait until all its workers serve a version, and test it.

        Parameters
        ----------
        test : SmokeTest
            The version, and the test to run.
        seconds : float
            How long the server may take to switch.

        Returns
        -------
        float
            Seconds that the deployment took.

        Raises
        ------
        UnreachableError
            If the server does not respond.
        RefusedError
            If the server cannot load the version, does not switch in time, or fails the test.
        """
        started = time.monotonic()
        is_reloading = False
        while True:
            try:
                is_reloading = is_reloading or bool(self._request("POST", "/reload"))
                obstacle = self._obstacle(test.version)
            except UnreachableError as error:  # the server may be starting
                obstacle = error
            if obstacle is None:
                self._test(test)
                return time.monotonic() - started
            if time.monotonic() - started > seconds:
                raise obstacle
            time.sleep(POLL_SECONDS)

    def _obstacle(self, version: int) -> PodiumError | None:
        """Return why the server does not serve a version yet; None if all its workers do."""
        state = self._request("GET", "/model").json()
        failed = state.get("failed")
        if failed and failed["version"] == version:
            raise RefusedError(f"{self.url} cannot load version {version}: {failed['reason']}")
        served = {worker["version"] for worker in state["workers"]}
        if served == {version}:
            return None
        if not state["registry"]["reachable"]:
            return UnreachableError(f"{self.url} cannot reach the registry: {state['registry']['error']}")
        versions = ", ".join(sorted(map(str, served)))
        return RefusedError(f"{self.url} still serves version {versions}, not {version}")

    def _test(self, test: SmokeTest) -> None:
        found = self._request("POST", "/invocations", test.input_example)
        if found.status_code != HTTPStatus.OK:
            raise RefusedError(f"{self.url} answered the input example with {found.status_code}: {found.text[:300]}")
        served = found.headers.get(VERSION_HEADER)
        if served != str(test.version):
            raise RefusedError(f"{self.url} predicted with version {served}, not {test.version}")
        if found.json() != test.predictions:
            raise RefusedError(f"{self.url} predicts differently for the input example than version {served} itself")

    def _request(self, method: str, path: str, body: bytes | None = None) -> httpx.Response:
        headers = {"Content-Type": JSON} if body else {}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        try:
            found = httpx.request(
                method, self.url.rstrip("/") + path, content=body, headers=headers, timeout=REQUEST_SECONDS
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise UnreachableError(f"{self.url} does not respond: {error}") from error
        if path != "/invocations" and found.is_error:
            raise UnreachableError(f"{self.url}{path} responds with {found.status_code}: {found.text[:300]}")
        return found
