"""An Airflow that answers from a table."""

import contextlib
import http.server
import json
import threading
import time

import pytest

from podium.pipeline import airflow_api


class Airflow:
    """An Airflow that answers from a table; a request in `late` takes that long the first time it is sent."""

    def __init__(self):
        self.pages, self.late, self.seen = {}, {}, []
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                path = self.path.partition("?")[0]
                length = int(self.headers.get("Content-Length", 0))
                fake.seen.append((self.command, path, self.rfile.read(length)))
                time.sleep(fake.late.pop(path, 0))
                status, page = fake.pages.get(path, (404, {}))
                with contextlib.suppress(OSError):
                    self.send_response(status)
                    self.end_headers()
                    self.wfile.write(json.dumps(page).encode())

            do_GET = do_POST = do_PATCH = answer  # noqa: N815 - the names that the base class calls

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.pages["/auth/token"] = (201, {"access_token": "t"})
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def airflow(monkeypatch):
    monkeypatch.setattr(airflow_api, "REQUEST_SECONDS", 0.3)
    made = Airflow()
    yield made
    made.server.shutdown()
    made.server.server_close()
