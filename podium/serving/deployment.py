"""The deployment of a champion to inference servers, which are to answer with it as the model itself does.

A server is one of ``podium serve``. Where it refuses a version, that version is to blame; where nothing answers, nobody
knows.
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
from podium.serving.model import About, Champion
from podium.serving.scoring import JSON, Scorer

if TYPE_CHECKING:
    from podium.registry.client import Registry
    from podium.registry.versions import Version


#: Between two questions to a server that is changing over: it has no event to wait for.
POLL_SECONDS = 0.1
REQUEST_SECONDS = 10.0
MOST_ROWS = 1000  # of an input example
VERSION_HEADER = "x-podium-model-version"


@dataclass(frozen=True)
class SmokeTest:
    """A question whose answer is known.

    Parameters
    ----------
    version : int
        Which version is asked.
    question : bytes
        Body of the request: the model's input example.
    answer : object
        What the model says when it is asked without a server.
    """

    version: int
    question: bytes
    answer: Any

    @classmethod
    def of(cls, models: Registry, version: Version) -> SmokeTest:
        """Load a version from the registry and ask it.

        Raises
        ------
        RefusedError
            If it cannot be opened, could run code, or does not answer.
        """
        with tempfile.TemporaryDirectory() as folder:
            path = models.download(version.number, folder)
            try:
                champion = Champion.opened(path, About.of(models.model, version))
            except Exception as error:  # whatever a stored model raises speaks against that model
                raise RefusedError(f"version {version.number} cannot be loaded: {cause(error)}") from error
        answer = Scorer(champion.served).answer(champion.question, JSON, MOST_ROWS)
        return cls(version.number, champion.question, json.loads(answer.body))


@dataclass(frozen=True)
class Endpoint:
    """An inference server.

    Parameters
    ----------
    url : str
        Its address.
    token : str or None
        The bearer token that it requires.
    """

    url: str
    token: str | None = None

    def deploy(self, test: SmokeTest, seconds: float) -> float:
        """Tell the server to look at the registry, wait until all of it answers with a version, and test that.

        Parameters
        ----------
        test : SmokeTest
            What to ask it then.
        seconds : float
            How long it may take to change over.

        Returns
        -------
        float
            Seconds that it took.

        Raises
        ------
        UnreachableError
            If nothing answers.
        RefusedError
            If it cannot load the version, does not take it in time, or fails the test.
        """
        started = time.monotonic()
        told = False
        while True:
            try:
                told = told or bool(self._ask("POST", "/reload"))
                why_not = self._why_not(test.version)
            except UnreachableError as error:  # it may be starting
                why_not = error
            if why_not is None:
                self._smoke(test)
                return time.monotonic() - started
            if time.monotonic() - started > seconds:
                raise why_not
            time.sleep(POLL_SECONDS)

    def _why_not(self, version: int) -> PodiumError | None:
        """Return what keeps the server from answering with a version, None when all of it does."""
        state = self._ask("GET", "/model").json()
        failed = state.get("failed")
        if failed and failed["version"] == version:
            raise RefusedError(f"{self.url} cannot load version {version}: {failed['reason']}")
        answering = {worker["version"] for worker in state["workers"]}
        if answering == {version}:
            return None
        if not state["registry"]["reachable"]:
            return UnreachableError(f"{self.url} does not reach the registry: {state['registry']['error']}")
        versions = ", ".join(sorted(map(str, answering)))
        return RefusedError(f"{self.url} goes on answering with version {versions} and not {version}")

    def _smoke(self, test: SmokeTest) -> None:
        found = self._ask("POST", "/invocations", test.question)
        if found.status_code != HTTPStatus.OK:
            raise RefusedError(f"{self.url} answered the input example with {found.status_code}: {found.text[:300]}")
        answering = found.headers.get(VERSION_HEADER)
        if answering != str(test.version):
            raise RefusedError(f"{self.url} answered with version {answering}, not {test.version}")
        if found.json() != test.answer:
            raise RefusedError(f"{self.url} answers the input example otherwise than version {answering} itself does")

    def _ask(self, method: str, path: str, body: bytes | None = None) -> httpx.Response:
        headers = {"Content-Type": JSON} if body else {}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        try:
            found = httpx.request(
                method, self.url.rstrip("/") + path, content=body, headers=headers, timeout=REQUEST_SECONDS
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise UnreachableError(f"{self.url} does not answer: {error}") from error
        if path != "/invocations" and found.is_error:
            raise UnreachableError(f"{self.url}{path} answers {found.status_code}: {found.text[:300]}")
        return found
