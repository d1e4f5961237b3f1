"""The sandbox's process: MiniStack with moto and the mends inside on one port, InfluxDB on another.

Importing this module imports MiniStack, which reads its settings from the environment then: `__main__` sets
them first (`environment.server_environment`). MiniStack's state is its modules': a process is one sandbox.
"""

import asyncio
import faulthandler
import logging
import os
import signal
import socket
import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import ministack.app
from ministack.core import lambda_runtime

from ons_sandbox import mends, moto_bridge, principal, services
from ons_sandbox.control import Control
from ons_sandbox.environment import ORG, client_environment, influx_token
from ons_sandbox.listener import Asgi, Listener
from ons_sandbox.process import alive, birth
from ons_sandbox.services import clock
from ons_sandbox.services.clock import DEFAULT_FACTOR

logger = logging.getLogger(__name__)

# From SIGTERM to the end of the process, at most.
EXIT_SECONDS = 4.5


@dataclass(frozen=True)
class Options:
    """How a sandbox was asked to be. `now` None: the time when it is seeded; `parent`: a pid to end with.

    `clock`: how many seconds of AWS go by in one here, for what takes its time there.
    """

    seed: int = 7
    now: datetime | None = None
    parent: int | None = None
    platform: bool = True
    traffic: bool = True
    clock: float = DEFAULT_FACTOR


@dataclass
class Story:
    """What the status tells: how far the start is, and what went wrong since."""

    phase: str = "starting"
    progress: list[str] = field(default_factory=list)
    error: str | None = None
    problems: deque[str] = field(default_factory=lambda: deque(maxlen=20))

    def tell(self, line: str) -> None:
        """One more line of progress. May be called from any thread."""
        logger.info("%s", line)
        self.progress.append(line)


class Server:
    """One sandbox, from its two bound sockets to its end."""

    def __init__(self, options: Options, aws: socket.socket, influx: socket.socket, story: Story) -> None:
        self.options = options
        clock.set_factor(options.clock)
        self.story = story
        self.aws = Listener(Control(ministack.app.app, self), aws, lifespan=True)
        self.influx = Listener(_unseeded, influx)
        self._traffic: Any = None
        self._store: Any = None
        self._seeding: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Serve until SIGTERM, SIGINT or the parent's end."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(_log_loop_error)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        logger.info("mends: %s", ", ".join(mends.install_all()) or "none")
        moto_bridge.install(self.aws.url)
        services.install()
        await self.aws.start()
        await self.influx.start()
        self._seeding = asyncio.create_task(self._fill())
        ends = (self._stopping.wait(), self.aws.wait(), self._orphaned())
        await asyncio.wait([asyncio.ensure_future(end) for end in ends], return_when=asyncio.FIRST_COMPLETED)
        await self._stop()

    def status(self) -> dict[str, Any]:
        """What /_sandbox/status answers."""
        return {
            "ready": self.story.phase == "ready",
            "phase": self.story.phase,
            "progress": list(self.story.progress),
            "error": self.story.error,
            "problems": list(self.story.problems),
            "clock": clock.factor(),
            "services": {
                "aws": "running",
                "influxdb": "running" if self.influx.running else "stopped",
                "traffic": "running" if self._traffic else "off",
            },
        }

    def begin_reset(self) -> bool:
        """Drop everything and seed again in the background; False when it is being seeded already."""
        if self._seeding is None or not self._seeding.done():
            return False
        self.story.phase, self.story.error, self.story.progress = "resetting", None, []
        self._seeding = asyncio.create_task(self._fill(after_reset=True))
        return True

    def set_clock(self, factor: float) -> None:
        """Let time go by this factor, in what begins from now on. Raises ValueError."""
        clock.set_factor(factor)

    async def _fill(self, after_reset: bool = False) -> None:
        """From empty to ready. A failure is the status's `error`; the process stays to be looked at."""
        try:
            if after_reset:
                await self._empty()
            self._store, self.influx.app = await asyncio.to_thread(_new_influx, self.options.seed)
            principal.admit()
            if self.options.platform:
                self.story.phase = "seeding"
                self._traffic = await asyncio.to_thread(self._bring_to_life)
        except Exception as error:
            logger.exception("the sandbox could not be filled")
            self.story.phase, self.story.error = "failed", f"{type(error).__name__}: {error}"
        else:
            self.story.tell("Ready")
            self.story.phase = "ready"

    def _bring_to_life(self) -> Any:
        """Seed the platform and give back what keeps it alive, or None. Takes seconds: in a thread."""
        from ons_sandbox import platform
        from ons_sandbox.platform import traffic

        arguments: dict[str, Any] = {
            "aws_url": self.aws.url,
            "env": client_environment(self.aws.port, self.influx.port, self.options.seed),
            "now": self.options.now or datetime.now(UTC),
            "seed": self.options.seed,
        }
        with clock.skipping():
            platform.seed(**arguments, influx_store=self._store, progress=self.story.tell)
        return traffic.start(**arguments, log=logger.error) if self.options.traffic else None

    async def _empty(self) -> None:
        await self._stop_traffic()
        await ministack.app._handle_admin_reset("/_ministack/reset", "POST", {})
        await asyncio.to_thread(services.reset)
        await asyncio.to_thread(moto_bridge.reset)
        await asyncio.to_thread(mends.reset_all)

    async def _stop_traffic(self) -> None:
        traffic, self._traffic = self._traffic, None
        if traffic is not None:
            await asyncio.to_thread(traffic.stop)

    async def _orphaned(self) -> None:
        """Return when the parent is gone; without a parent, never."""
        parent = self.options.parent
        born = birth(parent) if parent else None
        while parent is None or (born and alive(parent, born)):
            await asyncio.sleep(1)
        self.story.tell(f"The parent process {parent} is gone")

    async def _stop(self) -> None:
        """Everything that was started ends here, in the end by force: nothing may hold the process up."""
        self.story.phase = "stopping"
        force = threading.Timer(EXIT_SECONDS, _end_by_force)
        force.daemon = True
        force.start()
        traffic = asyncio.wait_for(self._stop_traffic(), 2)
        workers = asyncio.to_thread(lambda_runtime.reset)
        steps = (self.aws.stop(), self.influx.stop(), traffic, workers)
        for result in await asyncio.gather(*steps, return_exceptions=True):
            if isinstance(result, BaseException):
                logger.error("while stopping: %s", result, exc_info=result)
        # A call that was let in before the listener closed may have started a worker since.
        await asyncio.to_thread(lambda_runtime.reset)


def _new_influx(seed: int) -> tuple[Any, Asgi]:
    """An empty InfluxDB stand-in: its store, and the application that serves it."""
    from ons_sandbox.influx.app import create_app
    from ons_sandbox.influx.store import Store

    store = Store(None)
    return store, create_app(store, org=ORG, token=influx_token(seed))


async def _unseeded(scope: Any, receive: Any, send: Any) -> None:
    """InfluxDB before it is there."""
    await send({"type": "http.response.start", "status": 503, "headers": [(b"retry-after", b"1")]})
    await send({"type": "http.response.body", "body": b""})


def _end_by_force() -> None:
    logger.error("stopping took longer than %s s: ended by force", EXIT_SECONDS)
    faulthandler.dump_traceback()
    os._exit(1)


def _log_loop_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    logger.error("in the event loop: %s", context.get("message"), exc_info=context.get("exception"))
