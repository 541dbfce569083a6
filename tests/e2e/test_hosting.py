"""The model in Production answers requests, and changes without a dropped one: as a client of the server sees it."""

import http.client
import itertools
import json
import shutil
import threading
import time
from urllib.parse import urlsplit

import pytest

from tests.support.checkout import copy_project, up, wait_until
from tests.support.patience import PATIENCE

pytestmark = pytest.mark.slow

CONFIGS = ("decision_tree.json", "knn.json")
BETTER = "estimator: LinearDiscriminantAnalysis\n"
BODY = json.dumps(
    {
        "dataframe_split": {
            "columns": [f"{part} {size} (cm)" for part in ("sepal", "petal") for size in ("length", "width")],
            "data": [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]],
        }
    }
)
CONNECTIONS = 4


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """``podium up`` with two configs trained, and something in Production that is served."""
    checkout = copy_project(tmp_path_factory.mktemp("hosting"))
    for config in (checkout.root / "config" / "iris").iterdir():
        if config.name not in CONFIGS:
            config.unlink()
    for other in ("churn", "wine"):
        shutil.rmtree(checkout.root / "config" / other)
        (checkout.root / "dag_specs" / f"{other}_train.yaml").unlink()
    with up(checkout) as printed:
        assert any(line.split() == ["Serve", checkout.status["serve"]["url"]] for line in printed)
        assert checkout.finished_run("iris_train", after=0)["state"] == "success"
        assert checkout.finished_run("iris_host", after=0)["state"] == "success"
        yield checkout


class Load:
    """Requests one after the other on some connections, until told to stop."""

    def __init__(self, url: str) -> None:
        self._url, self._ended = urlsplit(url), threading.Event()
        self.answers: list[list[tuple[int, str, list]]] = [[] for _ in range(CONNECTIONS)]
        self._threads = [threading.Thread(target=self._ask, args=(answers,)) for answers in self.answers]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, answers):
        connection = http.client.HTTPConnection(self._url.netloc, timeout=PATIENCE)
        deadline = time.monotonic() + PATIENCE
        while not self._ended.wait(0.01) and time.monotonic() < deadline:
            connection.request("POST", "/invocations", BODY, {"Content-Type": "application/json"})
            response = connection.getresponse()
            found = json.loads(response.read())
            answers.append((response.status, response.headers["X-Podium-Model-Version"], found.get("predictions")))
        connection.close()

    def wait_for(self, version: int) -> None:
        """Wait until the last answer on each connection is that of a version."""
        last = str(version)
        wait_until(lambda: all(part and part[-1][1] == last for part in self.answers), f"version {version} answers")

    def versions(self) -> set[tuple[str, ...]]:
        """Return, for each connection, the versions that answered, in their order."""
        return {tuple(version for version, _ in itertools.groupby(one[1] for one in part)) for part in self.answers}


def answers_with(served, version: int):
    """Wait until the server answers with a version."""
    url = urlsplit(served.status["serve"]["url"])

    def model():
        connection = http.client.HTTPConnection(url.netloc, timeout=PATIENCE)
        connection.request("GET", "/model")
        found = json.loads(connection.getresponse().read())
        connection.close()
        return found["version"] == version

    wait_until(model, f"the server answers with version {version}")


def test_a_promotion_and_a_rollback_drop_no_request(served):
    before = int(served.production()[0].version)
    trained, hosted = len(served.runs("iris_train")), len(served.runs("iris_host"))
    with Load(served.status["serve"]["url"]) as load:
        served.drop("better.yaml", BETTER)
        assert served.finished_run("iris_train", after=trained)["state"] == "success"
        assert served.champion() == "better"
        after = int(served.production()[0].version)
        host = served.finished_run("iris_host", after=hosted)
        answers_with(served, after)
        load.wait_for(after)
    assert host["state"] == "success"
    assert {answer[0] for part in load.answers for answer in part} == {200}
    assert load.versions() == {(str(before), str(after))}

    with Load(served.status["serve"]["url"]) as load:
        done = served.podium("rollback", "iris", "--reason", "it answers too slowly")
        assert done.returncode == 0, done.stderr
        answers_with(served, before)
        load.wait_for(before)
    assert {answer[0] for part in load.answers for answer in part} == {200}
    assert load.versions() == {(str(after), str(before))}


def test_the_deploy_step_says_what_answers(served):
    run = served.runs("iris_host")[0]["dag_run_id"]
    path = f"/dags/iris_host/dagRuns/{run}/taskInstances/deploy/logs/1"
    events = served.airflow.get(path, full_content=True)["content"]
    assert any(f"{served.status['serve']['url']} serves version" in event["event"] for event in events)


def test_podium_down_ends_the_server_too(served):
    url = urlsplit(served.status["serve"]["url"])
    assert served.podium("down").returncode == 0
    with pytest.raises(ConnectionRefusedError):
        http.client.HTTPConnection(url.netloc).request("GET", "/ping")
