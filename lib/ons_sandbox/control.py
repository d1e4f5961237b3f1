"""The control endpoints of a sandbox: `/_sandbox/…` on the AWS port, in front of MiniStack.

GET  /_sandbox/status         what is running, how far seeding is, what went wrong (JSON)
POST /_sandbox/reset          drop everything and seed again; 202, then follow the status
POST /_sandbox/clock          {"factor": 60}: how much faster than on AWS goes what takes minutes there
POST /_sandbox/influx/stop    InfluxDB refuses connections from now on
POST /_sandbox/influx/start   and answers again
"""

import ipaddress
import json
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from ons_sandbox.listener import Asgi, Listener

PREFIX = "/_sandbox/"


class Controlled(Protocol):
    """What the control endpoints can ask of the server."""

    influx: Listener

    def status(self) -> dict[str, Any]: ...
    def begin_reset(self) -> bool: ...
    def set_clock(self, factor: float) -> None: ...


class Control:
    """An ASGI application: answers `/_sandbox/…` itself and passes everything else on to `app`."""

    def __init__(self, app: Asgi, server: Controlled) -> None:
        self._app = app
        self._server = server
        self._routes: dict[tuple[str, str], Callable[[bytes], Awaitable[tuple[int, dict[str, Any]]]]] = {
            ("GET", "status"): self._status,
            ("POST", "reset"): self._reset,
            ("POST", "clock"): self._clock,
            ("POST", "influx/stop"): self._stop_influx,
            ("POST", "influx/start"): self._start_influx,
        }

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._app(scope, receive, send)
            return
        route = self._routes.get((scope["method"], scope["path"].removeprefix(PREFIX)))
        if not _from_this_machine(scope):
            status, document = 403, {"error": "only programs on this machine may control the sandbox"}
        elif route is None:
            known = ", ".join(f"{method} {PREFIX}{name}" for method, name in self._routes)
            status, document = 404, {"error": f"no such endpoint; there are {known}"}
        else:
            status, document = await route(await _body(receive))
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(document).encode()})

    async def _status(self, _: bytes) -> tuple[int, dict[str, Any]]:
        return 200, self._server.status()

    async def _reset(self, _: bytes) -> tuple[int, dict[str, Any]]:
        if not self._server.begin_reset():
            return 409, {"error": "the sandbox is being seeded just now; wait until it is ready"}
        return 202, self._server.status()

    async def _clock(self, body: bytes) -> tuple[int, dict[str, Any]]:
        try:
            self._server.set_clock(float(json.loads(body)["factor"]))
        except (ValueError, KeyError, TypeError) as error:
            return 400, {"error": f'the clock takes a body like {{"factor": 60}}: {error}'}
        return 200, self._server.status()

    async def _stop_influx(self, _: bytes) -> tuple[int, dict[str, Any]]:
        await self._server.influx.stop()
        return 200, self._server.status()

    async def _start_influx(self, _: bytes) -> tuple[int, dict[str, Any]]:
        try:
            await self._server.influx.start()
        except OSError as error:
            return 409, {"error": f"port {self._server.influx.port} was taken meanwhile: {error}"}
        return 200, self._server.status()


async def _body(receive: Any) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def _from_this_machine(scope: Any) -> bool:
    """Whether the call comes over loopback, and not from a web page that a browser on this machine shows.

    A page elsewhere can make a browser send requests here; they carry an Origin, or (with DNS rebinding) a
    Host that is not an address of this machine.
    """
    headers = dict(scope["headers"])
    host = headers.get(b"host", b"").decode("latin-1").rsplit(":", 1)[0].strip("[]")
    client = scope.get("client") or ("",)
    return _loopback(client[0]) and _loopback(host) and b"origin" not in headers


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
