"""The functions' InfluxDB client against a server that answers as it is told.

Status codes of the write API: https://docs.influxdata.com/influxdb/v2/api/ (POST /api/v2/write)
"""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import ModuleType
from urllib.parse import parse_qs, urlsplit

import pytest

CSV = "\r\n,result,table,_time,_value\r\n,_result,0,2026-11-23T03:00:00Z,1.5\r\n\r\n"


class Server(ThreadingHTTPServer):
    """Answers with the next of `answers` (the last one again and again), and keeps what it was asked."""

    answers: list[tuple[int, str]]
    asked: list[tuple[str, str, bytes]]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((self.path, self.headers["Authorization"], body))
        answers = self.server.answers
        status, text = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    do_GET = do_POST

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as running:
        running.answers, running.asked = [(204, "")], []
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def influxdb(
    server: Server, load: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> ModuleType:
    module = load("shared_utils.influxdb")
    monkeypatch.setenv("INFLUXDB_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(module.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(module, "_read_token", lambda: "the-token")
    return module


def error(message: str) -> str:
    return json.dumps({"code": "some", "message": message})


def test_points_are_written_in_batches(influxdb: ModuleType, server: Server) -> None:
    lines = [f"load_data value={number} {number}" for number in range(2_500)]
    assert influxdb.write(lines) == 3
    path, authorization, body = server.asked[0]
    assert parse_qs(urlsplit(path).query) == {"org": ["ons"], "bucket": ["energy_data"], "precision": ["s"]}
    assert authorization == "Token the-token"
    assert b"\n".join(body for _, _, body in server.asked).decode().split("\n") == lines
    assert body.count(b"\n") == 999


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_database_is_asked_again(influxdb: ModuleType, server: Server, status: int) -> None:
    server.answers = [(status, error("busy")), (status, error("busy")), (204, "")]
    assert influxdb.write(["load_data value=1 1"]) == 1
    assert len(server.asked) == 3


def test_a_database_that_stays_busy_is_unavailable(influxdb: ModuleType, server: Server) -> None:
    server.answers = [(503, error("overloaded"))]
    with pytest.raises(influxdb.InfluxUnavailable, match=r"4 attempts.*503: overloaded"):
        influxdb.write(["load_data value=1 1"])
    assert len(server.asked) == 4


def test_a_database_that_is_not_there_is_unavailable(
    influxdb: ModuleType, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFLUXDB_URL", "http://127.0.0.1:1")
    with pytest.raises(influxdb.InfluxUnavailable, match="NewConnectionError"):
        influxdb.write(["load_data value=1 1"])


def test_a_refused_token_is_not_tried_again_but_read_again(
    influxdb: ModuleType, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten: list[bool] = []
    monkeypatch.setattr(influxdb, "_forget_token", lambda: forgotten.append(True))
    server.answers = [(401, error("unauthorized access"))]
    with pytest.raises(influxdb.InfluxUnauthorized, match="401: unauthorized access"):
        influxdb.write(["load_data value=1 1"])
    assert len(server.asked) == 1
    assert forgotten == [True]


@pytest.mark.parametrize("status", [400, 404, 422])
def test_refused_points_are_not_sent_again(influxdb: ModuleType, server: Server, status: int) -> None:
    server.answers = [(status, error("points beyond retention policy dropped=1"))]
    with pytest.raises(influxdb.PointsRejected, match="beyond retention policy"):
        influxdb.write(["load_data value=1 1"])
    assert len(server.asked) == 1


def test_a_query_gives_its_rows(influxdb: ModuleType, server: Server) -> None:
    server.answers = [(200, CSV)]
    (row,) = influxdb.query("from(bucket: …)")
    assert (row["_time"], row["_value"]) == ("2026-11-23T03:00:00Z", "1.5")


def test_a_query_without_rows_gives_none(influxdb: ModuleType, server: Server) -> None:
    server.answers = [(200, "\r\n\r\n")]
    assert influxdb.query("from(bucket: …)") == []


def test_a_query_that_is_refused_says_why(influxdb: ModuleType, server: Server) -> None:
    server.answers = [(400, error("undefined identifier fro"))]
    with pytest.raises(influxdb.QueryFailed, match="undefined identifier fro"):
        influxdb.query("fro()")


def test_health_passes_fails_and_never_raises(
    influxdb: ModuleType, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers = [(200, "{}")]
    monkeypatch.setattr(Handler, "do_GET", lambda self: (self.send_response(200), self.end_headers()))
    assert influxdb.health()["status"] == "pass"
    monkeypatch.setenv("INFLUXDB_URL", "http://127.0.0.1:1")
    answer = influxdb.health(timeout=1.0)
    assert answer["status"] == "fail"
    assert answer["detail"]
