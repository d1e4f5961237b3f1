"""Counting and grouping ERROR lines, against the AWS CLI's filter-log-events piped into a counter.

    .venv/bin/python benchmarks/run.py logs
    .venv/bin/python benchmarks/log_counting.py --events 100000

An emulator of its own is filled with events inside its process, which no API would do in reasonable time.
The CLI is given the least that counts: event ids as text, which it streams page by page, and `grep -c`; and
once messages, with `sed` and `awk` that group them. Ours groups by function, day and signature. Memory is
measured for a tenth of the events as well.
"""

import argparse
import asyncio
import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LIBRARY = Path(__file__).parents[1] / "lib"
FUNCTIONS = ("lambda_router", "structured_data_processor", "rag_query_processor", "timestream_loader")
GROUPS = {f"{name}{tail}": f"/aws/lambda/{name}{tail}" for tail in ("", "_few") for name in FUNCTIONS}
PATTERN = "ERROR"
WEEK_MS = 7 * 86_400_000
START_SECONDS = 300.0

_GROUPING = "sed -E 's/[0-9a-f-]{36}|[0-9]+/N/g' | awk '{n[$0]++} END {for (k in n) print n[k], k}'"
_KINDS = (
    "[ERROR]\t2026-11-23T03:04:05.{n3:03d}Z\t{uuid}\tERROR could not write "
    "key=generation/2026/11/16/generation_20261116T0530Z_{n}.csv after {n1} attempts",
    "[ERROR]\t2026-11-23T03:04:05.{n3:03d}Z\t{uuid}\tERROR request {other} from 203.0.113.{n2} refused: "
    "quota '{n}' of key 0x{n:x} used up",
    "[ERROR] InfluxUnavailable: no success after {n1} attempts, last: ReadTimeoutError: "
    "HTTPConnectionPool(host='ons-influxdb-prod', port=8086): Read timed out.\n"
    "Traceback (most recent call last):\n"
    '\xa0\xa0File "/var/task/rag_query_processor.py", line 42, in handler\n'
    "\xa0\xa0\xa0\xa0status, body = ROUTES[route](event)\n"
    '\xa0\xa0File "/var/task/shared_utils/influxdb.py", line 102, in _post\n'
    '\xa0\xa0\xa0\xa0raise InfluxUnavailable(f"no success")',
)


def _lines(count: int, end: int, seed: str) -> Iterator[tuple[int, str]]:
    draw = random.Random(seed)
    for n in range(count):
        ids = [f"{draw.getrandbits(128):032x}" for _ in range(2)]
        first, other = (f"{x[:8]}-{x[8:12]}-{x[12:16]}-{x[16:20]}-{x[20:]}" for x in ids)
        kind = _KINDS[n % len(_KINDS)]
        said = kind.format(uuid=first, other=other, n=n, n1=n % 7, n2=n % 255, n3=n % 1000)
        yield end - WEEK_MS + WEEK_MS * n // count, said


def serve(descriptor: int, events: int) -> None:
    """Be the emulator: fill it, then serve on the listening socket that is handed over."""
    from hypercorn.asyncio import serve as run
    from hypercorn.config import Config
    from ministack.app import app

    from ons_sandbox import mends
    from ons_sandbox.mends.log_store import bulk_put

    mends.install_all()
    end = int(time.time() * 1000) - 1000
    for name, group in GROUPS.items():
        few = name.endswith("_few")
        lines = _lines(events // len(FUNCTIONS) // (10 if few else 1), end, name)
        bulk_put(group, "2026/11/23/[6]0f3a", lines)
    config = Config()
    config.bind, config.accesslog = [f"fd://{descriptor}"], None

    async def until_told() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        await run(app, config, shutdown_trigger=stop.wait)

    asyncio.run(until_told())


@contextlib.contextmanager
def emulator(home: Path, events: int) -> Iterator[str]:
    """A filled emulator's URL, as long as the block lasts."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        (home / "tmp").mkdir()
        env = {
            "PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home / "tmp"),
            "STATE_DIR": str(home / "state"), "PYTHONPATH": str(LIBRARY), "BIND_HOST": "127.0.0.1",
            "LAMBDA_EXECUTOR": "local", "DOCKER_HOST": "unix:///nonexistent/docker.sock",
            "IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0", "LOG_LEVEL": "WARNING",
            "MINISTACK_REGION": "us-east-1", "MINISTACK_ACCOUNT_ID": "123456789012",
        }  # fmt: skip
        port = listener.getsockname()[1]
        command = [sys.executable, __file__, "--serve", str(listener.fileno()), "--events", str(events)]
        process = subprocess.Popen(command, env=env, cwd=home, pass_fds=[listener.fileno()])
    url = f"http://127.0.0.1:{port}"
    try:
        # The socket listens before anything answers: the first answer is when the filling is done.
        with urllib.request.urlopen(f"{url}/_ministack/health", timeout=START_SECONDS):
            yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


def count(few: bool) -> None:
    """Be the contestant: count as the weekly review does, and print what came of it."""
    from ons_runbook.aws import log_signatures
    from ons_runbook.platform import load_platform
    from ons_runbook.session import Session
    from ons_runbook.window import Window

    groups = {name: group for name, group in GROUPS.items() if name.endswith("_few") is few}
    session = Session(load_platform("sandbox"))
    frame = log_signatures.count(session, groups, Window.parse("8d"), PATTERN)
    kinds, days = frame["signature"].nunique(), frame["day"].nunique()
    print(f"{frame['lines'].sum()} lines, {kinds} signatures, {days} days, {len(frame)} rows")


def _by_cli(query: str, counter: str) -> list[str]:
    since = int(time.time() * 1000) - 8 * 86_400_000
    ask = (
        f"aws logs filter-log-events --log-group-name /aws/lambda/$f --filter-pattern {PATTERN} "
        f"--start-time {since} --query '{query}' --output text"
    )
    return ["sh", "-c", f"for f in {' '.join(FUNCTIONS)}; do {ask}; done | {counter}"]


def contestants() -> dict[str, list[str]]:
    """The commands to be timed, ours first."""
    ours = [sys.executable, __file__, "--count"]
    found = {"counted and grouped": ours, "the same, a tenth of the events": [*ours, "--few"]}
    if shutil.which("aws"):
        found["aws logs filter-log-events | counted only"] = _by_cli(
            "events[].[eventId]", "grep -vc '^None$'"
        )
        found["aws logs filter-log-events | grouped"] = _by_cli("events[].[message]", _GROUPING)
    else:
        print("no AWS CLI on this machine: that contestant is left out")
    return found


def environment(url: str) -> dict[str, str]:
    """The variables with which both find the emulator and nothing else."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RUNBOOK_"))}
    return ours | {
        "AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true", "INFLUXDB_V2_URL": url,
        "RUNBOOK_API_ENDPOINT": url,
    }  # fmt: skip


def bench(rounds: int, events: int = 1_000_000) -> None:
    """Counting and grouping the ERROR lines of a million log events, against the AWS CLI."""
    # Not at the top: run.py imports this module, and the contestant must not pay for what it imports.
    import run

    with tempfile.TemporaryDirectory() as scratch, emulator(Path(scratch), events) as url:
        title = f"{events:,} ERROR lines of {len(FUNCTIONS)} functions"
        run.side_by_side(title, contestants(), environment(url), Path(scratch), rounds)


def main() -> None:
    parser: Any = argparse.ArgumentParser(description="Counting ERROR lines, against the AWS CLI.")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--serve", type=int, metavar="FD", help=argparse.SUPPRESS)
    parser.add_argument("--count", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--few", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve is not None:
        serve(chosen.serve, chosen.events)
    elif chosen.count:
        count(chosen.few)
    else:
        bench(chosen.rounds, chosen.events)


if __name__ == "__main__":
    main()
