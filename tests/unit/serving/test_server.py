"""The inference server as a client sees it: predictions, refusals, and how it stops."""

import json
import math
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

from tests.support.served import PATIENCE, Client, Served

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
    "split of strings": {"dataframe_split": {"columns": COLUMNS, "data": [["5.1", "3", "1", "0"]]}},
    "records": {"dataframe_records": RECORDS},
    "records with an extra column": {"dataframe_records": [{**one, "more": 1} for one in RECORDS]},
    "instances": {"instances": RECORDS},
    "inputs by row": {"inputs": RECORDS},
    "inputs by column": {"inputs": {c: [row[i] for row in ROWS] for i, c in enumerate(COLUMNS)}},
    "null for a number": {"dataframe_records": [{**RECORDS[0], COLUMNS[0]: None}]},
    "NaN": {"dataframe_split": {"columns": COLUMNS, "data": [[math.nan, 1, 2, 3]]}},
    "with params": {**SPLIT, "params": {"temperature": 1}},
}
BAD = {
    "no JSON": b"{",
    "no UTF-8": b'{"dataframe_split": "\xff"}',
    "nothing": b"",
    "a list": [1, 2],
    "a number": 3,
    "no format": {"rows": ROWS},
    "two formats": {**SPLIT, "instances": RECORDS},
    "records that are a number": {"dataframe_records": 3},
    "split that is a list": {"dataframe_split": [1]},
    "split without data": {"dataframe_split": {"columns": COLUMNS}},
    "a column is missing": {"dataframe_split": {"columns": COLUMNS[:3], "data": [row[:3] for row in ROWS]}},
    "a row is long": {"dataframe_split": {"columns": COLUMNS, "data": [[*ROWS[0], 1.0]]}},
    "a string for a number": {"dataframe_split": {"columns": COLUMNS, "data": [["a", 1, 2, 3]]}},
    "an object for a number": {"dataframe_split": {"columns": COLUMNS, "data": [[{}, 1, 2, 3]]}},
    "too large a number": {"dataframe_split": {"columns": COLUMNS, "data": [[10**400, 1, 2, 3]]}},
    "too many digits": b'{"inputs": ' + b"9" * 5000 + b"}",
    "no rows": {"dataframe_split": {"columns": COLUMNS, "data": []}},
    "nested too deeply": b"[" * 100_000,
    "inputs nested": {"inputs": [[[[1]]]]},
    "for a language model": {"messages": [{"role": "user", "content": "hello"}]},
}


@pytest.fixture(scope="module", autouse=True)
def _production(hall):
    hall.models.set_production(2)


@pytest.fixture(scope="module")
def served(hall):
    with Served(hall.project, "hall", "--max-bytes", "3000000", "--max-rows", "10000") as server:
        server.line("serving version")
        yield server


@pytest.fixture(scope="module")
def mlflow_server(hall):
    """MLflow's own server with the same model."""
    model = mlflow.pyfunc.load_model(f"models:/{hall.models.model}/2", suppress_warnings=True)
    with TestClient(scoring_server.init(model)) as client:
        yield client


@pytest.mark.parametrize("name", GOOD)
def test_responses_equal_those_of_mlflows_own_server(served, mlflow_server, name):
    body = json.dumps(GOOD[name])
    theirs = mlflow_server.post("/invocations", content=body, headers={"content-type": "application/json"})
    ours = served.predict(body)
    assert (ours.status_code, ours.content, ours.headers["content-type"]) == (
        theirs.status_code,
        theirs.content,
        theirs.headers["content-type"],
    )
    assert ours.status_code == 200


@pytest.mark.parametrize("content_type", ["text/csv", "text/csv; charset=utf-8"])
def test_csv_responses_equal_those_of_mlflows_own_server(served, mlflow_server, content_type):
    theirs = mlflow_server.post("/invocations", content=CSV, headers={"content-type": content_type})
    ours = served.predict(CSV, content_type)
    assert (ours.status_code, ours.content) == (200, theirs.content)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_body_that_mlflow_refuses_is_refused_in_one_sentence(served, mlflow_server, name):
    body = BAD[name] if isinstance(BAD[name], bytes) else json.dumps(BAD[name])
    ours = served.predict(body)
    assert ours.status_code == 400
    message = ours.json()["message"]
    assert "Traceback" not in ours.text
    assert 5 < len(message) < 500
    assert "\n" not in message
    try:
        theirs = mlflow_server.post("/invocations", content=body, headers={"content-type": "application/json"})
    except Exception:  # noqa: BLE001
        return  # MLflow's server responds with 500
    assert theirs.status_code >= 400
    if theirs.status_code == 400:
        assert ours.json().keys() == theirs.json().keys() - {"stack_trace", "sqlstate", "error_class"}
        assert ours.json()["error_code"] in {theirs.json()["error_code"], "BAD_REQUEST"}


@pytest.mark.parametrize(
    ("content_type", "status"),
    [("text/plain", 415), ("application/json; charset=latin-1", 415), ("text/csv; header=no", 415), ("", 415)],
)
def test_an_unsupported_content_type_is_refused(served, content_type, status):
    found = served.predict(SPLIT, content_type)
    assert found.status_code == status
    assert "content type" in found.json()["message"]


@pytest.mark.parametrize("body", [b"a,b\n1,2", b"\xff\xfe", b"", b'"', CSV.replace("5.1", "x").encode()])
def test_a_bad_csv_is_refused_in_one_sentence(served, body):
    found = served.predict(body, "text/csv")
    assert found.status_code == 400
    assert "\n" not in found.json()["message"]


def test_a_refusal_names_the_mistake(served):
    missing = served.predict(BAD["a column is missing"]).json()["message"]
    assert missing == "missing columns: 'petal width (cm)'; a missing value must be null"
    assert "dataframe_split, dataframe_records, instances, inputs" in served.predict(BAD["no format"]).json()["message"]
    short = {"dataframe_split": {"columns": COLUMNS, "data": [ROWS[0], ROWS[1][:2]]}}  # MLflow fills it up with NaN
    assert "data must be a list of rows, each a list of 4 values" in served.predict(short).json()["message"]


@pytest.mark.parametrize("form", ["dataframe_split", "dataframe_records"])
def test_one_row_above_the_limit_is_refused(served, form):
    def body(count):
        rows = {"columns": COLUMNS, "data": [[5, 3, 1, 0]] * count}
        return {form: rows if form == "dataframe_split" else [RECORDS[0]] * count}

    assert len(served.predict(body(10_000)).json()["predictions"]) == 10_000
    refused = served.predict(body(10_001))
    assert refused.status_code == 413
    assert refused.json()["message"] == "the request has 10,001 rows; the limit is 10,000"


def test_the_row_limit_applies_to_csv(served):
    refused = served.predict(CSV + "\n1,1,1,1" * 10_000, "text/csv")
    assert (refused.status_code, refused.json()["error_code"]) == (413, "RESOURCE_EXHAUSTED")


@pytest.mark.parametrize("in_pieces", [False, True])
def test_a_body_above_the_byte_limit_is_refused(served, in_pieces):
    body = b" " * 3_000_001
    pieces = (body[at : at + 100_000] for at in range(0, len(body), 100_000))
    refused = served.client.post(
        "/invocations", content=pieces if in_pieces else body, headers={"content-type": "application/json"}
    )
    assert refused.status_code == 413
    assert "3,000,000 bytes" in refused.json()["message"]


def test_headers_and_model_route_name_the_served_version(served, hall):
    answer = served.predict(SPLIT)
    assert answer.headers["x-podium-model"] == "hall-classifier"
    assert answer.headers["x-podium-model-version"] == "2"
    found = served.model
    assert (found["name"], found["version"], found["config"]) == ("hall-classifier", 2, "lda")
    assert found["metrics"] == hall.models.version(2).metrics
    assert [column["name"] for column in found["signature"]["inputs"]] == COLUMNS
    assert (found["production"], found["failed"], found["registry"]["reachable"]) == (2, None, True)
    assert [worker["version"] for worker in found["workers"]] == [2]
    assert found["since"] < "3"


def test_the_other_routes_equal_mlflows(served, mlflow_server):
    for path in ("/ping", "/health", "/version"):
        ours, theirs = served.client.get(path), mlflow_server.get(path)
        assert (ours.status_code, ours.content) == (theirs.status_code, theirs.content)
    assert served.client.get("/nowhere").status_code == 404
    assert served.client.get("/invocations").status_code == 405
    assert served.client.get("/nowhere").json()["message"] == "GET /nowhere: Not Found"


def test_the_example_in_the_openapi_document_works(served):
    document = served.client.get("/openapi.json").json()
    content = document["paths"]["/invocations"]["post"]["requestBody"]["content"]
    for kind, one in content.items():
        found = served.predict(one["example"], kind)
        assert found.status_code == 200, found.text
        assert len(found.json()["predictions"]) == 3
    assert "version 2 (lda)" in document["paths"]["/invocations"]["post"]["description"]


def test_metrics_cover_all_workers(hall):
    with Served(hall.project, "hall", "--workers", "2") as server:
        server.line("serving version")
        for _ in range(8):
            server.client.close()
            server.client = type(server.client)(base_url=server.url, timeout=PATIENCE)
            server.predict(SPLIT)
        server.predict(BAD["no format"])
        families = text_string_to_metric_families(server.client.get("/metrics").text)
        found = {(sample.name, *sorted(sample.labels.items())): sample.value for f in families for sample in f.samples}
    assert found["podium_invocations_total", ("status", "200")] == 8
    assert found["podium_invocations_total", ("status", "400")] == 1
    assert found["podium_rows_total",] == 24
    assert found["podium_invocation_seconds_count",] == 9
    assert [value for (name, *_), value in found.items() if name == "podium_model_version"] == [2, 2]


def test_all_routes_except_health_require_the_token(hall):
    with Served(hall.project, "hall", PODIUM_SERVE_TOKEN=TOKEN) as server:
        server.line("serving version")
        for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": TOKEN}):
            refused = server.predict(SPLIT, **headers)
            assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
            assert refused.json()["error_code"] == "UNAUTHENTICATED"
            for path in ("/model", "/metrics", "/version", "/openapi.json", "/nowhere"):
                assert server.client.get(path, headers=headers).status_code == 401
            for path in ("/ping", "/health"):
                assert server.client.get(path, headers=headers).status_code == 200
        assert server.predict(SPLIT, authorization=f"Bearer {TOKEN}").status_code == 200
        assert server.client.get("/model", headers={"authorization": f"Bearer {TOKEN}"}).json()["version"] == 2


def test_a_prediction_that_takes_too_long_gets_504(hall):
    rows = {"dataframe_split": {"columns": COLUMNS, "data": [[5.0, 3.0, 1.0, 0.5]] * 50_000}}
    with Served(hall.project, "hall", "--timeout", "0.02") as server:
        server.line("serving version")
        late = server.predict(rows)
        assert (late.status_code, late.json()["message"]) in {
            (504, "the prediction took longer than 0.02 s"),
            (408, "the body did not arrive in time"),
        }
        assert server.predict(SPLIT).status_code == 200


def test_a_body_that_does_not_arrive_gets_408(hall):
    with Served(hall.project, "hall", "--timeout", "0.2") as server, socket.socket() as connection:
        server.line("serving version")
        connection.connect(("127.0.0.1", int(server.url.rpartition(":")[2])))
        connection.sendall(b"POST /invocations HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n{")
        assert b" 408 " in connection.recv(1000)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_server_finishes_requests_in_progress(hall, number):
    with Served(hall.project, "hall", "--workers", "2") as server, socket.socket() as connection:
        server.line("serving version")
        body = json.dumps(SPLIT).encode()
        head = f"POST /invocations HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        connection.connect(("127.0.0.1", int(server.url.rpartition(":")[2])))
        # "100 Continue" shows that the server has read the header: the request is in progress.
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
    """Wait until the server refuses new connections; no event reports that."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))).close()
        except ConnectionRefusedError:
            return
        time.sleep(0.01)
    raise AssertionError("the server still accepts connections")


def test_a_taken_port_is_reported_in_one_line(hall, served):
    port = served.url.rpartition(":")[2]
    with pytest.raises(AssertionError, match=f"cannot listen on 127.0.0.1:{port}: Address already in use"):
        Served(hall.project, "hall", "--port", port)


def test_a_killed_worker_is_replaced(hall):
    with Served(hall.project, "hall") as server:
        server.line("serving version")
        os.kill(server.model["workers"][0]["pid"], signal.SIGKILL)
        server.line("was killed by SIGKILL; starting another")
        server.client.close()
        server.client = type(server.client)(base_url=server.url, timeout=PATIENCE)
        client = Client(server.url, SPLIT)
        deadline = time.monotonic() + PATIENCE
        while not client.answers and not client.error and time.monotonic() < deadline:
            time.sleep(0.01)
        assert {status for status, *_ in client.finish()} == {200}, client.error
