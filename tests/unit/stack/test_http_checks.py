"""A server that answers late answers; one that is not there does not."""

import http.server
import threading
import time

import pytest

from podium.errors import PodiumError
from podium.stack import http_checks, services


@pytest.fixture
def server():
    """A server whose answers a test decides: each is a status and the seconds that it takes."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            status, seconds = answers.pop(0) if answers else (200, 0)
            time.sleep(seconds)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_):
            pass

    answers = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        made.url, made.answers = f"http://127.0.0.1:{made.server_port}", answers
        yield made
        made.shutdown()


def test_an_mlflow_that_answers_after_five_seconds_is_used(server, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    server.answers += [(200, 5)]
    assert services.given_mlflow() == server.url


def test_an_mlflow_that_is_overloaded_is_tried_again(server, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    server.answers += [(503, 0), (502, 0)]
    assert services.given_mlflow() == server.url


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://no-such-host.invalid"])
def test_an_mlflow_that_does_not_exist_is_one_sentence_at_once(monkeypatch, url):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
    started = time.monotonic()
    with pytest.raises(PodiumError, match=f"MLFLOW_TRACKING_URI: no MLflow answers at {url}"):
        services.given_mlflow()
    assert time.monotonic() - started < 30


def test_another_server_is_no_mlflow(server):
    server.answers += [(404, 0)]
    assert not http_checks.answers_in_time(server.url, 10)


def test_a_server_that_never_answers_ends_the_wait(server):
    server.answers += [(503, 0)] * 10
    assert not http_checks.answers_in_time(server.url, 1)


def test_a_body_that_is_not_json_is_no_answer(server):
    assert http_checks.get_json(server.url) is None
