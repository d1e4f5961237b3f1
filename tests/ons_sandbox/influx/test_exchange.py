"""Between ASGI and the functions that answer: threads, compression, and what nobody expected."""

import asyncio
import gzip
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from ons_sandbox.influx.errors import InfluxError
from ons_sandbox.influx.exchange import Request, Response, asgi_app, json_response


def ask(
    answer: Callable[[Request], Response], body: list[bytes] | None = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of one POST, without a server between."""
    pieces = body or [b""]
    incoming = [
        {"type": "http.request", "body": piece, "more_body": number < len(pieces) - 1}
        for number, piece in enumerate(pieces)
    ]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return incoming.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    encoded = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/x",
        "query_string": b"a=b%20c&d=",
        "headers": encoded,
    }
    asyncio.run(asgi_app(answer)(scope, receive, send))
    start, *rest = sent
    found = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], found, b"".join(piece["body"] for piece in rest)


def test_a_request_arrives_whole() -> None:
    seen: list[Request] = []

    def answer(request: Request) -> Response:
        seen.append(request)
        return json_response({"ok": True}, 201)

    status, headers, body = ask(answer, [b"one ", b"two"], X_Name="value")
    assert (status, json.loads(body), headers["content-type"]) == (
        201,
        {"ok": True},
        "application/json; charset=utf-8",
    )
    assert (seen[0].body, dict(seen[0].query), seen[0].headers["x-name"]) == (
        b"one two",
        {"a": "b c", "d": ""},
        "value",
    )


def test_answering_may_block_without_holding_up_the_loop() -> None:
    threads: list[str] = []

    def answer(request: Request) -> Response:
        threads.append(threading.current_thread().name)
        return Response(204)

    assert ask(answer)[0] == 204
    assert threads[0].startswith("influx")


def test_a_body_that_is_not_the_gzip_it_says_is_refused() -> None:
    for body in (b"plain", gzip.compress(b"m f=1")[:-4]):
        status, _, answer = ask(lambda request: Response(204), [body], Content_Encoding="gzip")
        assert status == 400
        assert json.loads(answer)["message"].startswith("unable to read data")


def test_an_error_has_influxdbs_shape() -> None:
    def answer(request: Request) -> Response:
        raise InfluxError("not found", "bucket not found")

    status, headers, body = ask(answer)
    assert (status, headers["x-platform-error-code"]) == (404, "not found")
    assert json.loads(body) == {"code": "not found", "message": "bucket not found"}


def test_what_nobody_expected_is_an_internal_error_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    def answer(request: Request) -> Response:
        raise ZeroDivisionError("never thought of that")

    status, _, body = ask(answer)
    assert (status, json.loads(body)["code"]) == (500, "internal error")
    assert "POST /x" in caplog.text
    assert "never thought of that" in caplog.text


def test_a_body_that_is_no_json_object_is_refused() -> None:
    for body in (b"{", b"[]", b"\xff"):
        with pytest.raises(InfluxError, match="failed to unmarshal json"):
            Request("POST", "/", {}, {}, body).json()
