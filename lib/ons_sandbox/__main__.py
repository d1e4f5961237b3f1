"""`python -m ons_sandbox --home DIR …`: the server process of one sandbox. `Sandbox.start` starts it."""

import argparse
import asyncio
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from ons_sandbox.environment import server_environment
from ons_sandbox.home import Home, Record

logger = logging.getLogger("ons_sandbox")


def main() -> None:
    """Bind the ports, clear the environment, import MiniStack, serve; leave with 0 when all went well."""
    arguments = _arguments()
    home = Home(arguments.home)
    code = 1
    try:
        code = _serve(arguments, home)
    except Exception:
        logger.exception("the sandbox ended")
    finally:
        home.forget(os.getpid())
        logging.shutdown()
        # Threads that wait for a function or a sleeping client must not hold the process up.
        os._exit(code)


def _serve(arguments: argparse.Namespace, home: Home) -> int:
    # In this order: MiniStack reads its port and all else from the environment when it is imported.
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr
    )
    logger.setLevel(logging.INFO)
    notes: list[str] = []
    aws = _socket(arguments.port, "AWS", notes)
    influx = _socket(arguments.influx_port, "InfluxDB", notes)
    aws_port, influx_port = aws.getsockname()[1], influx.getsockname()[1]
    os.environ.clear()
    os.environ.update(server_environment(home.path, aws_port))
    time.tzset()
    home.write(Record.of_this_process(aws_port, influx_port, arguments.seed))

    from ons_sandbox.server import Options, Server, Story

    story = Story(progress=notes)
    logger.addHandler(_Problems(story.problems.append))
    threading.excepthook = _log_thread_error
    options = Options(
        seed=arguments.seed,
        now=arguments.now,
        parent=arguments.parent,
        platform=not arguments.bare,
        traffic=not arguments.no_traffic,
        **({} if arguments.clock is None else {"clock": arguments.clock}),
    )
    # Not asyncio.run: it would wait for every worker thread.
    asyncio.new_event_loop().run_until_complete(Server(options, aws, influx, story).run())
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m ons_sandbox", description="The sandbox's server process")
    parser.add_argument("--home", type=Path, required=True, help="folder of this sandbox")
    parser.add_argument("--port", type=int, default=0, help="AWS; another is taken when it is not free")
    parser.add_argument("--influx-port", type=int, default=0, help="InfluxDB; likewise")
    parser.add_argument("--seed", type=int, default=7, help="the same seed and now give the same platform")
    parser.add_argument("--now", type=datetime.fromisoformat, help="ISO 8601 with zone; default: the time")
    parser.add_argument("--parent", type=int, metavar="PID", help="end when this process ends")
    parser.add_argument("--clock", type=float, metavar="FACTOR", help="seconds of AWS in a second here")
    parser.add_argument("--no-traffic", action="store_true", help="nothing happens by itself")
    parser.add_argument("--bare", action="store_true", help="an empty account, without the platform")
    arguments = parser.parse_args()
    if arguments.now is not None and arguments.now.tzinfo is None:
        parser.error("--now needs a zone: 2026-11-23T03:00:00+00:00")
    return arguments


def _socket(wanted: int, purpose: str, notes: list[str]) -> socket.socket:
    from ons_sandbox.listener import bound_socket

    try:
        sock = bound_socket(wanted)
    except OSError as error:
        sock = bound_socket(0)
        notes.append(f"Port {wanted} is not free ({error.strerror}); {purpose} takes another")
    notes.append(f"{purpose} on http://127.0.0.1:{sock.getsockname()[1]}")
    return sock


class _Problems(logging.Handler):
    """Brings every error that happens in the background into the status."""

    def __init__(self, note: Callable[[str], object]) -> None:
        super().__init__(logging.ERROR)
        self._note = note

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self._note(record.getMessage() + (f" ({type(error).__name__}: {error})" if error else ""))


def _log_thread_error(failure: threading.ExceptHookArgs) -> None:
    name = failure.thread.name if failure.thread else "unknown"
    if failure.exc_value is not None:
        logger.error("in the thread %s", name, exc_info=failure.exc_value)


if __name__ == "__main__":
    main()
