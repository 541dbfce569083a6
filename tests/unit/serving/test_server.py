"""The inference server from outside: what it answers, what it refuses, and how it stops."""

import json
import os
import signal
import socket
import threading
import time

import mlflow
import pytest
from mlflow.pyfunc import scoring_server
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from tests.support.served import PATIENCE, Asker, Served

TOKEN = "open sesame"  # noqa: S105
ROWS = [[5.1, 3.5, 1.4, 0.2], [6.7, 3.1, 4.7, 1.5], [7.2, 3.0, 5.8, 1.6]]
COLUMNS = ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"]
RECORDS = [dict(zip(COLUMNS, row, strict=True)) for row in ROWS]
SPLIT = {"dataframe_split": {"columns": COLUMNS, "data": ROWS}}
CSV = "\n".join([",".join(COLUMNS), *(",".join(map(str, row)) for row in ROWS)])
GOOD = {
    "split": SPLIT,
    "split with index": {"dataframe_split": {"columns": COLUMNS, "index": [5, 6, 7], "data": ROWS}},
    "split in another order": {"dataframe_split": {"columns": COLUMNS[::-1], "data": [row[::-1] for row in ROWS]}},
    "split of whole numbers": {"dataframe_split": {"columns": COLUMNS, "data": [[5, 3, 1, 0]]}},
    "split of texts": {"dataframe_split": {"columns": COLUMNS, "data": [["5.1", "3", "1", "0"]]}},
    "records": {"dataframe_records": RECORDS},
    "records with more": {"dataframe_records": [{**one, "more": 1} for one in RECORDS]},
    "instances": {"instances": RECORDS},
    "inputs by row": {"inputs": RECORDS},
    "inputs by column": {"inputs": {c: [row[i] for row in ROWS] for i, c in enumerate(COLUMNS)}},
    "with params": {**SPLIT, "params": {"temperature": 1}},
}
BAD = {
    "no JSON": b"{",
    "no UTF-8": b'{"dataframe_split": "\xff"}',
    "nothing": b"",
    "a list": [1, 2],
    "a number": 3,
    "no form": {"rows": ROWS},
    "two forms": {**SPLIT, "instances": RECORDS},
    "records that are none": {"dataframe_records": 3},
    "split that is none": {"dataframe_split": [1]},
    "split without data": {"dataframe_split": {"columns": COLUMNS}},
    "a column is missing": {"dataframe_split": {"columns": COLUMNS[:3], "data": [row[:3] for row in ROWS]}},
    "a row is short": {"dataframe_split": {"columns": COLUMNS, "data": [ROWS[0], ROWS[1][:2]]}},
    "a row is long": {"dataframe_split": {"columns": COLUMNS, "data": [[*ROWS[0], 1.0]]}},
    "a text for a number": {"dataframe_split": {"columns": COLUMNS, "data": [["a", 1, 2, 3]]}},
    "an object for a number": {"dataframe_split": {"columns": COLUMNS, "data": [[{}, 1, 2, 3]]}},
    "nothing for a number": {"dataframe_records": [{**RECORDS[0], COLUMNS[0]: None}]},
    "not a number": b'{"dataframe_split": {"columns": %s, "data": [[NaN, 1, 2, 3]]}}' % json.dumps(COLUMNS).encode(),
    "too great a number": {"dataframe_split": {"columns": COLUMNS, "data": [[10**400, 1, 2, 3]]}},
    "digits without end": b'{"inputs": ' + b"9" * 5000 + b"}",
    "no rows": {"dataframe_split": {"columns": COLUMNS, "data": []}},
    "nested without end": b"[" * 100_000,
    "inputs nested": {"inputs": [[[[1]]]]},
    "for a language model": {"messages": [{"role": "user", "content": "hello"}]},
}


@pytest.fixture(scope="module", autouse=True)
def _production(hall):
    hall.models.set_production(2)


@pytest.fixture(scope="module")
def served(hall):
    with Served(hall.project, "hall", "--max-bytes", "3000000", "--max-rows", "10000") as server:
        server.line("answers")
        yield server


@pytest.fixture(scope="module")
def mlflow_server(hall):
    """MLflow's own server of the same model."""
    model = mlflow.pyfunc.load_model(f"models:/{hall.models.model}/2", suppress_warnings=True)
    with TestClient(scoring_server.init(model)) as client:
        yield client


@pytest.mark.parametrize("name", GOOD)
def test_it_answers_as_mlflows_own_server_does(served, mlflow_server, name):
    body = json.dumps(GOOD[name])
    theirs = mlflow_server.post("/invocations", content=body, headers={"content-type": "application/json"})
    ours = served.ask(body)
    assert (ours.status_code, ours.content, ours.headers["content-type"]) == (
        theirs.status_code,
        theirs.content,
        theirs.headers["content-type"],
    )
    assert ours.status_code == 200


@pytest.mark.parametrize("content_type", ["text/csv", "text/csv; charset=utf-8"])
def test_it_answers_csv_as_mlflows_own_server_does(served, mlflow_server, content_type):
    theirs = mlflow_server.post("/invocations", content=CSV, headers={"content-type": content_type})
    ours = served.ask(CSV, content_type)
    assert (ours.status_code, ours.content) == (200, theirs.content)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_body_is_refused_in_one_sentence_where_mlflow_refuses_it(served, mlflow_server, name):
    body = BAD[name] if isinstance(BAD[name], bytes) else json.dumps(BAD[name])
    ours = served.ask(body)
    assert ours.status_code == 400
    message = ours.json()["message"]
    assert "Traceback" not in ours.text
    assert 5 < len(message) < 500
    assert "\n" not in message
    try:
        theirs = mlflow_server.post("/invocations", content=body, headers={"content-type": "application/json"})
    except Exception:  # noqa: BLE001
        return  # MLflow's answer is a 500
    assert theirs.status_code >= 400
    if theirs.status_code == 400:
        assert ours.json().keys() == theirs.json().keys() - {"stack_trace"}
        assert ours.json()["error_code"] in {theirs.json()["error_code"], "BAD_REQUEST"}


@pytest.mark.parametrize(
    ("content_type", "status"),
    [("text/plain", 415), ("application/json; charset=latin-1", 415), ("text/csv; header=no", 415), ("", 415)],
)
def test_another_content_type_is_refused(served, content_type, status):
    found = served.ask(SPLIT, content_type)
    assert found.status_code == status
    assert "content type" in found.json()["message"]


@pytest.mark.parametrize("body", [b"a,b\n1,2", b"\xff\xfe", b"", b'"', CSV.replace("5.1", "x").encode()])
def test_a_bad_csv_is_refused_in_one_sentence(served, body):
    found = served.ask(body, "text/csv")
    assert found.status_code == 400
    assert "\n" not in found.json()["message"]


def test_what_is_refused_says_what_would_be_right(served):
    missing = served.ask(BAD["a column is missing"]).json()["message"]
    assert "missing inputs ['petal width (cm)']" in missing
    assert "dataframe_split, dataframe_records, instances, inputs" in served.ask(BAD["no form"]).json()["message"]
    assert "NaN" in served.ask(BAD["not a number"]).json()["message"]


@pytest.mark.parametrize("form", ["dataframe_split", "dataframe_records"])
def test_ten_thousand_rows_pass_and_one_more_is_refused(served, form):
    def body(count):
        rows = {"columns": COLUMNS, "data": [[5, 3, 1, 0]] * count}
        return {form: rows if form == "dataframe_split" else [RECORDS[0]] * count}

    assert len(served.ask(body(10_000)).json()["predictions"]) == 10_000
    refused = served.ask(body(10_001))
    assert refused.status_code == 413
    assert refused.json()["message"] == "the request has 10,001 rows, and at most 10,000 are taken"


def test_a_csv_has_no_more_rows_either(served):
    refused = served.ask(CSV + "\n1,1,1,1" * 10_000, "text/csv")
    assert (refused.status_code, refused.json()["error_code"]) == (413, "RESOURCE_EXHAUSTED")


@pytest.mark.parametrize("in_pieces", [False, True])
def test_a_body_has_no_more_bytes_than_are_taken(served, in_pieces):
    body = b" " * 3_000_001
    pieces = (body[at : at + 100_000] for at in range(0, len(body), 100_000))
    refused = served.client.post(
        "/invocations", content=pieces if in_pieces else body, headers={"content-type": "application/json"}
    )
    assert refused.status_code == 413
    assert "3,000,000 bytes" in refused.json()["message"]


def test_it_says_which_version_answers(served, hall):
    answer = served.ask(SPLIT)
    assert answer.headers["x-podium-model"] == "hall-classifier"
    assert answer.headers["x-podium-model-version"] == "2"
    found = served.model
    assert (found["name"], found["version"], found["config"]) == ("hall-classifier", 2, "lda")
    assert found["metrics"] == hall.models.version(2).metrics
    assert [column["name"] for column in found["signature"]["inputs"]] == COLUMNS
    assert (found["production"], found["failed"], found["registry"]["reachable"]) == (2, None, True)
    assert [worker["version"] for worker in found["workers"]] == [2]
    assert found["since"] < "3"


def test_the_other_routes_are_mlflows(served, mlflow_server):
    for path in ("/ping", "/health", "/version"):
        ours, theirs = served.client.get(path), mlflow_server.get(path)
        assert (ours.status_code, ours.content) == (theirs.status_code, theirs.content)
    assert served.client.get("/nowhere").status_code == 404
    assert served.client.get("/invocations").status_code == 405
    assert served.client.get("/nowhere").json()["message"] == "GET /nowhere: Not Found"


def test_the_example_in_its_own_documentation_works_as_it_stands(served):
    document = served.client.get("/openapi.json").json()
    content = document["paths"]["/invocations"]["post"]["requestBody"]["content"]
    for kind, one in content.items():
        found = served.ask(one["example"], kind)
        assert found.status_code == 200, found.text
        assert len(found.json()["predictions"]) == 3
    assert "version 2 (lda)" in document["paths"]["/invocations"]["post"]["description"]


def test_prometheus_can_read_what_all_workers_have_counted(hall):
    with Served(hall.project, "hall", "--workers", "2") as server:
        server.line("answers")
        for _ in range(8):
            server.client.close()
            server.client = type(server.client)(base_url=server.url, timeout=PATIENCE)
            server.ask(SPLIT)
        server.ask(BAD["no form"])
        families = text_string_to_metric_families(server.client.get("/metrics").text)
        found = {(sample.name, *sorted(sample.labels.items())): sample.value for f in families for sample in f.samples}
    assert found["podium_invocations_total", ("status", "200")] == 8
    assert found["podium_invocations_total", ("status", "400")] == 1
    assert found["podium_rows_total",] == 24
    assert found["podium_invocation_seconds_count",] == 9
    assert [value for (name, *_), value in found.items() if name == "podium_model_version"] == [2, 2]


def test_a_token_is_asked_for_everywhere_but_where_health_is_asked(hall):
    with Served(hall.project, "hall", PODIUM_SERVE_TOKEN=TOKEN) as server:
        server.line("answers")
        for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": TOKEN}):
            refused = server.ask(SPLIT, **headers)
            assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
            assert refused.json()["error_code"] == "UNAUTHENTICATED"
            for path in ("/model", "/metrics", "/version", "/openapi.json", "/nowhere"):
                assert server.client.get(path, headers=headers).status_code == 401
            for path in ("/ping", "/health"):
                assert server.client.get(path, headers=headers).status_code == 200
        assert server.ask(SPLIT, authorization=f"Bearer {TOKEN}").status_code == 200
        assert server.client.get("/model", headers={"authorization": f"Bearer {TOKEN}"}).json()["version"] == 2


def test_an_answer_that_takes_too_long_is_given_up(hall):
    rows = {"dataframe_split": {"columns": COLUMNS, "data": [[5.0, 3.0, 1.0, 0.5]] * 50_000}}
    with Served(hall.project, "hall", "--timeout", "0.02") as server:
        server.line("answers")
        late = server.ask(rows)
        assert (late.status_code, late.json()["message"]) in {
            (504, "the answer took longer than 0.02 s"),
            (408, "the body did not arrive in time"),
        }
        assert server.ask(SPLIT).status_code == 200


def test_a_body_that_does_not_arrive_is_given_up(hall):
    with Served(hall.project, "hall", "--timeout", "0.2") as server, socket.socket() as connection:
        server.line("answers")
        connection.connect(("127.0.0.1", int(server.url.rpartition(":")[2])))
        connection.sendall(b"POST /invocations HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n{")
        assert b" 408 " in connection.recv(1000)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_finishes_what_it_has_begun_when_it_is_stopped(hall, number):
    with Served(hall.project, "hall", "--workers", "2") as server, socket.socket() as connection:
        server.line("answers")
        body = json.dumps(SPLIT).encode()
        head = f"POST /invocations HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        connection.connect(("127.0.0.1", int(server.url.rpartition(":")[2])))
        # It says "continue" when it has read the header, and so has begun.
        connection.sendall(f"{head}\r\nExpect: 100-continue\r\n\r\n".encode())
        assert b"100 Continue" in connection.recv(1000)
        ended = []
        stopping = threading.Thread(target=lambda: ended.append(server.stop(number)))
        stopping.start()
        _until_refused(server.url)
        connection.sendall(body)
        answer = b"".join(iter(lambda: connection.recv(10_000), b""))
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert b'{"predictions": ["setosa", "versicolor", "virginica"]}' in answer
        stopping.join()
        assert ended == [0]
        assert server.lines[-2:] == ["stopped", "(ended)"]


def _until_refused(url):
    """Wait until no new connection is taken; there is nothing that would say so."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))).close()
        except ConnectionRefusedError:
            return
        time.sleep(0.01)
    raise AssertionError("it still takes connections")


def test_a_port_that_is_taken_is_one_clear_line(hall, served):
    port = served.url.rpartition(":")[2]
    with pytest.raises(AssertionError, match=f"cannot listen on 127.0.0.1:{port}: Address already in use"):
        Served(hall.project, "hall", "--port", port)


def test_a_worker_that_dies_is_replaced(hall):
    with Served(hall.project, "hall") as server:
        server.line("answers")
        os.kill(server.model["workers"][0]["pid"], signal.SIGKILL)
        server.line("was ended by SIGKILL; starting another")
        server.client.close()
        server.client = type(server.client)(base_url=server.url, timeout=PATIENCE)
        asker = Asker(server.url, SPLIT)
        deadline = time.monotonic() + PATIENCE
        while not asker.answers and not asker.error and time.monotonic() < deadline:
            time.sleep(0.01)
        assert {status for status, *_ in asker.finish()} == {200}, asker.error
