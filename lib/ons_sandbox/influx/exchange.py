"""Requests and responses, between ASGI and the functions that answer.

Answering may block (DuckDB, a long query), so it happens in threads. Gzip goes both ways, as the InfluxDB
v2 API has it: a body may come compressed, and an answer is compressed when the client accepts that.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import zlib
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from .errors import InfluxError

VERSION = "v2.7.12-sandbox"
LOGGER = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks: header names in lower case, the body unpacked, each query parameter once."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body as a JSON object. Raises InfluxError when it is none."""
        try:
            document = json.loads(self.body)
        except ValueError as error:
            raise InfluxError("invalid", f"failed to unmarshal json: {error}") from error
        if not isinstance(document, dict):
            raise InfluxError("invalid", "failed to unmarshal json: it is not an object")
        return document


@dataclass(frozen=True, slots=True)
class Response:
    """What it gets; ``body`` is in pieces, so that a long answer need not be copied together."""

    status: int
    body: Sequence[bytes] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


def json_response(document: Any, status: int = 200) -> Response:
    """A JSON document."""
    content_type = {"Content-Type": "application/json; charset=utf-8"}
    return Response(status, [json.dumps(document).encode()], content_type)


def error_response(error: InfluxError) -> Response:
    """An error in the shape in which InfluxDB gives it."""
    response = json_response({"code": error.code, "message": error.message}, error.status)
    return Response(error.status, response.body, {**response.headers, "X-Platform-Error-Code": error.code})


def asgi_app(answer: Callable[[Request], Response], threads: int = 4) -> AsgiApp:
    """An ASGI app that answers each request in a thread; an InfluxError becomes its error response."""
    executor = ThreadPoolExecutor(threads, thread_name_prefix="influx")

    def answer_or_error(request: Request) -> Response:
        try:
            return answer(_unpacked(request))
        except InfluxError as error:
            return error_response(error)
        except Exception as error:
            LOGGER.exception("%s %s", request.method, request.path)
            return error_response(InfluxError("internal error", f"panic: {error}"))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            executor.shutdown(wait=False)
            return
        request = await _request(scope, receive)
        response = await asyncio.get_running_loop().run_in_executor(executor, answer_or_error, request)
        await _send(response, request, send)

    return app


async def _lifespan(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def _request(scope: Scope, receive: Receive) -> Request:
    body = bytearray()
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return Request(
        scope["method"],
        scope["path"],
        dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
        {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]},
        bytes(body),
    )


def _unpacked(request: Request) -> Request:
    if request.headers.get("content-encoding") != "gzip":
        return request
    try:
        body = gzip.decompress(request.body)
    except (OSError, EOFError, zlib.error) as error:
        raise InfluxError("invalid", f"unable to read data: {error}") from error
    return Request(request.method, request.path, request.query, request.headers, body)


async def _send(response: Response, request: Request, send: Send) -> None:
    headers = {"X-Influxdb-Build": "OSS", "X-Influxdb-Version": VERSION, **response.headers}
    pieces = response.body
    if response.status == 200 and "gzip" in request.headers.get("accept-encoding", ""):
        headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        pieces = [gzip.compress(b"".join(pieces), compresslevel=1)]
    encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": encoded})
    if request.method != "HEAD":
        for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
