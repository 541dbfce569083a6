"""A server that answers late answers; one that is not there does not."""

import http.server
import threading
import time

import pytest

from podium.errors import PodiumError
from podium.stack import http_checks, tracking_uri


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
    assert tracking_uri.given() == server.url


def test_an_mlflow_that_is_overloaded_is_tried_again(server, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    server.answers += [(503, 0), (502, 0)]
    assert tracking_uri.given() == server.url


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://no-such-host.invalid"])
def test_an_mlflow_that_does_not_exist_is_one_sentence_at_once(monkeypatch, url):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
    started = time.monotonic()
    with pytest.raises(PodiumError, match=f"MLFLOW_TRACKING_URI: no MLflow answers at {url}"):
        tracking_uri.given()
    assert time.monotonic() - started < 30


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("notaurl", "'notaurl' is a folder"),
        ("./mlruns", "'./mlruns' is a folder"),
        ("file:///tmp/mlruns", "is a folder"),
        ("ftp://host/x", "'ftp://host/x' is not the address of an MLflow"),
        ("http://", "'http://' is not the address of an MLflow"),
        ("http://host:port", "'http://host:port' is not the address of an MLflow"),
        ("127.0.0.1:5000", "'127.0.0.1:5000' is not the address of an MLflow"),
        ("sqlite:mlflow.db", "is not the address of an MLflow"),
        ("postgresql://me:secret@127.0.0.1:1/mlflow", "cannot open postgresql://me:***@127.0.0.1:1/mlflow"),
        ("postgresql+nodriver://me:secret@127.0.0.1:1/mlflow", "cannot open postgresql+nodriver://me:***@127.0"),
        ("sqlite:////dev/null/mlflow.db", "cannot open sqlite:////dev/null/mlflow.db"),
    ],
)
def test_a_uri_that_mlflow_cannot_use_is_one_line_without_its_password(uri, words, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE", raising=False)
    with pytest.raises(PodiumError) as error:
        tracking_uri.given()
    assert words in str(error.value)
    assert "\n" not in str(error.value)
    assert "secret" not in str(error.value)


def test_a_file_that_is_no_database_is_one_line(monkeypatch, tmp_path):
    (tmp_path / "mlflow.db").write_text("not a database, but long enough to be looked at as one" * 50)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    with pytest.raises(PodiumError, match=r"mlflow\.db: file is not a database"):
        tracking_uri.given()


def test_another_server_is_no_mlflow(server):
    server.answers += [(404, 0)]
    assert not http_checks.answers_in_time(server.url, 10)


def test_a_server_that_never_answers_ends_the_wait(server):
    server.answers += [(503, 0)] * 10
    assert not http_checks.answers_in_time(server.url, 1)


def test_a_body_that_is_not_json_is_no_answer(server):
    assert http_checks.get_json(server.url) is None
