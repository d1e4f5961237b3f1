"""One HTTP listener on 127.0.0.1 that can be stopped and started again while its process runs."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config

from ons_sandbox.environment import HOST, url

Asgi = Callable[[Any, Any, Any], Awaitable[None]]
logger = logging.getLogger(__name__)


def bound_socket(port: int) -> socket.socket:
    """A listening socket on 127.0.0.1; port 0 takes any free one. Raises OSError when the port is taken."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        # A port that a listener has just left (TIME_WAIT) is free; one that is listened on still is not.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.bind((HOST, port))
        # From here on callers queue, so nobody has to guess when the server is up.
        sock.listen(128)
    except OSError:
        sock.close()
        raise
    return sock


class Listener:
    """Serves an ASGI application from a socket that is already bound.

    `app` may be replaced while it runs; `lifespan` says whether it wants ASGI's lifespan events. When it is
    stopped the port refuses connections, as an unreachable server does; `start` binds the same port again.
    """

    def __init__(self, app: Asgi, sock: socket.socket, *, lifespan: bool = False) -> None:
        self.app = app
        self._lifespan = lifespan
        self.port: int = sock.getsockname()[1]
        self._socket: socket.socket | None = sock
        self._task: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()

    @property
    def url(self) -> str:
        """Where it listens."""
        return url(self.port)

    @property
    def running(self) -> bool:
        """Whether it accepts connections."""
        return self._task is not None and not self._task.done()

    async def start(self) -> None:
        """Listen (again). Does nothing when it does. Raises OSError when the port was taken meanwhile."""
        if self.running:
            return
        sock, self._socket = self._socket or bound_socket(self.port), None
        config = Config()
        config.bind = [f"fd://{sock.detach()}"]
        config.graceful_timeout = 1.0
        config.keep_alive_timeout = 75
        config.loglevel = "WARNING"
        self._stop.clear()
        self._task = asyncio.create_task(
            serve(self._dispatch, config, shutdown_trigger=self._stop.wait, mode="asgi")
        )
        self._task.add_done_callback(self._ended)

    async def wait(self) -> None:
        """Return when it has ended, for whatever reason."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def stop(self) -> None:
        """Stop listening and let answers under way finish, for a second. Does nothing when it is stopped."""
        if self._task is None:
            return
        self._stop.set()
        await self.wait()
        self._task = None

    async def _dispatch(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan" or self._lifespan:
            await self.app(scope, receive, send)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            logger.error("the listener on %s ended: %s", self.url, error, exc_info=error)
