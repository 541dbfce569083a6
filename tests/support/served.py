"""The inference server as a user runs it: the command in a process of its own, on a free port."""

import http.client
import itertools
import json
import os
import signal
import threading
import time
from urllib.parse import urlsplit

import httpx

from tests.support import forked_command
from tests.support.patience import PATIENCE

COLUMNS = ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"]
# Enough rows for the versions to predict differently for some.
GRID = [list(row) for row in itertools.product((4.5, 6.0, 7.5), (2.0, 3.5), (1.5, 3.0, 5.0), (0.2, 1.3, 2.2))]
BODY = {"dataframe_split": {"columns": COLUMNS, "data": GRID}}


SPEC = """\
{pipeline}_train:
  tasks:
    - task_id: promote
      decorator: airflow.sdk.task
      python_callable: tasks.promote.promote_best
      pipeline: {pipeline}
      dataset: iris
"""


class Served:
    """A running ``podium serve``.

    Parameters
    ----------
    project : Project
        Its folder gets a spec of the pipeline and the local copy.
    pipeline : str
        The pipeline to serve.
    options : str
        Options of the command.
    env : str
        Environment variables; None removes one.
    """

    def __init__(self, project, pipeline, *options, **env):
        (project.dag_specs / f"{pipeline}_train.yaml").write_text(SPEC.format(pipeline=pipeline))
        self.lines = []
        self._news = threading.Condition()
        port = [] if "--port" in options else ["--port", "0"]
        given = {k: v for k, v in {**os.environ, "PODIUM_PROJECT": str(project.root), **env}.items() if v is not None}
        self.process, self._output = forked_command.start(["serve", f"{pipeline}_train", *port, *options], given)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        try:
            self.url = self.line("serving ").rpartition(" ")[2]
        except AssertionError:
            self._end()
            raise
        self.client = httpx.Client(base_url=self.url, timeout=PATIENCE)

    def _read(self):
        for line in self._output:
            with self._news:
                self.lines.append(line.rstrip())
                self._news.notify_all()
        with self._news:
            self.lines.append("(ended)")
            self._news.notify_all()

    def line(self, text, after=0):
        """Wait for a line that contains a string, and return it; ``after`` is the number of lines to skip."""
        found = []

        def is_decided():
            found[:] = [line for line in self.lines[after:] if text in line]
            return found or "(ended)" in self.lines

        with self._news:
            assert self._news.wait_for(is_decided, PATIENCE), self.lines
        assert found, self.lines
        return found[0]

    def predict(self, body, content_type="application/json", **headers):
        content = body if isinstance(body, str | bytes) else json.dumps(body)
        return self.client.post("/invocations", content=content, headers={"content-type": content_type, **headers})

    @property
    def model(self):
        return self.client.get("/model").json()

    def shown(self, condition):
        """Wait until ``/model`` meets a condition and return it: a worker gets the status after the line is printed."""
        deadline = time.monotonic() + PATIENCE
        while not condition(found := self.model):
            assert time.monotonic() < deadline, found
            time.sleep(0.05)
        return found

    def stop(self, number=signal.SIGTERM):
        """Send a signal to stop, and return the exit code."""
        os.kill(self.process.pid, number)
        self.process.join(PATIENCE)
        self._reader.join()
        return self.process.exitcode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()
        self._end()

    def _end(self):
        self.process.terminate()
        self.process.join(PATIENCE)
        self.process.kill()
        self._reader.join()
        self._output.close()


class Client(threading.Thread):
    """Sends the same request over one connection until told to end, and keeps the responses."""

    def __init__(self, url, body):
        super().__init__()
        self._address = urlsplit(url).netloc
        self._body = json.dumps(body)
        self._end = threading.Event()
        self.answers = []
        self.error = None
        self.start()

    def run(self):
        connection = http.client.HTTPConnection(self._address, timeout=PATIENCE)
        try:
            while not self._end.is_set():
                connection.request("POST", "/invocations", self._body, {"content-type": "application/json"})
                answer = connection.getresponse()
                body = answer.read()
                self.answers.append((answer.status, int(answer.headers["x-podium-model-version"]), json.loads(body)))
        except Exception as error:  # noqa: BLE001
            self.error = error
        finally:
            connection.close()

    def finish(self):
        self._end.set()
        self.join()
        return self.answers
