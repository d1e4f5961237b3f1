"""The handle of one sandbox in one folder: start, stop, status, reset, and the variables to reach it with.

It talks to the server process over `state.json` and `/_sandbox/…` only, so any program can hold a handle of a
sandbox that another one started. Nothing here imports the emulators.
"""

import contextlib
import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import filelock

from ons_sandbox import process
from ons_sandbox.environment import ACCOUNT, HOST, REGION, server_environment, url
from ons_sandbox.home import Home, Record

AWS_PORT = 4566
INFLUX_PORT = 8086

# Seconds without any progress after which a start is given up.
PATIENCE = 60.0


class SandboxError(Exception):
    """The sandbox could not do what was asked; the message says what happened and what to do next."""


@dataclass(frozen=True)
class SandboxStatus:
    """What there is to know about a sandbox.

    `running`: its process lives. `ready`: it is seeded and answers. `started` is aware and UTC. `services`
    says of `aws`, `influxdb` and `traffic` whether each runs. `error` is why it is not ready, `problems` what
    went wrong in the background since. `clock`: how many seconds of AWS go by in one here.
    """

    home: Path
    running: bool = False
    ready: bool = False
    pid: int | None = None
    aws_url: str | None = None
    influx_url: str | None = None
    account: str = ACCOUNT
    region: str = REGION
    started: datetime | None = None
    seed: int | None = None
    services: dict[str, str] = field(default_factory=dict)
    progress: tuple[str, ...] = ()
    error: str | None = None
    problems: tuple[str, ...] = ()
    clock: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """The status in JSON's types."""
        started = self.started.isoformat() if self.started else None
        return {**asdict(self), "home": str(self.home), "started": started}


def _silent(line: str) -> None:
    """Progress that nobody follows."""


class Sandbox:
    """One sandbox in the folder `home`.

    `platform=False` leaves the account empty, `traffic=False` leaves out the life of its own. As a context
    manager it takes any free ports and ends with this process, whatever happens to it:

        with Sandbox(tmp_path) as sandbox:
            s3 = boto3.client("s3", endpoint_url=sandbox.env()["AWS_ENDPOINT_URL"], …)
    """

    def __init__(self, home: Path, *, platform: bool = True, traffic: bool = True) -> None:
        self._home = Home(home)
        self._platform = platform
        self._traffic = traffic
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def home(self) -> Path:
        """The sandbox's folder."""
        return self._home.path

    def __enter__(self) -> "Sandbox":
        self.start(port=0, parent=os.getpid())
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(
        self,
        seed: int = 7,
        port: int | None = None,
        now: datetime | None = None,
        progress: Callable[[str], None] = _silent,
        *,
        parent: int | None = None,
        clock: float | None = None,
    ) -> SandboxStatus:
        """Start it and wait until it is ready; one that is running already is left as it is.

        `port` is AWS's (default 4566; 0: any free one); when it is taken, another is chosen and told.
        InfluxDB takes 8086 or any. `now` is aware; the platform's history ends there. `progress` gets lines
        for people. With `parent`, the sandbox ends when that process does. `clock`: how many seconds of AWS
        go by in one here (60 when None), for what takes its time there: see `set_clock`. Raises SandboxError
        with the server's last words when it does not become ready; nothing is left running then.
        """
        with self._locked():
            status = self.status()
            if status.running:
                return status if status.ready else self._follow(progress)
            self._spawn(seed, port, now, parent, clock)
            try:
                return self._follow(progress)
            except BaseException:
                self._end()
                raise

    def stop(self) -> bool:
        """Stop it; False when it was not running. Only the recorded process is ever signalled."""
        if self._home.read() is None:
            return False
        with self._locked():
            return self._end()

    def reset(self, progress: Callable[[str], None] = _silent) -> SandboxStatus:
        """Drop everything in it and seed it again; returns when it is ready. Raises SandboxError."""
        record = self._running()
        code, answer = _call(record, "POST", "reset")
        if code != 202:
            raise SandboxError(f"the sandbox in {self.home} refused to reset: {answer.get('error', code)}")
        return self._follow(progress)

    def set_clock(self, factor: float) -> SandboxStatus:
        """Let what takes minutes on AWS go `factor` times as fast here, from what begins now on.

        60: a minute a second; 1: as long as on AWS. Raises SandboxError when it is no positive number, or the
        sandbox is not running.
        """
        code, answer = _call(self._running(), "POST", "clock", {"factor": factor})
        if code != 200:
            raise SandboxError(f"the sandbox in {self.home} kept its clock: {answer.get('error', code)}")
        return self.status()

    def env(self) -> dict[str, str]:
        """The variables for SDKs, CLI and influxdb-client. Raises SandboxError when it is not running."""
        return self._running().environment()

    def status(self) -> SandboxStatus:
        """What it is doing now. Never raises for a sandbox that is stopped, dead or stuck."""
        record = self._home.read()
        if self._child is not None:
            self._child.poll()
        if record is None or not record.alive:
            return SandboxStatus(home=self.home)
        told: dict[str, Any] = {}
        error: str | None = None
        try:
            _, told = _call(record, "GET", "status")
        except (OSError, http.client.HTTPException, ValueError) as failure:
            error = f"the process {record.pid} does not answer on port {record.aws_port}: {failure!r}"
        return SandboxStatus(
            home=self.home,
            running=True,
            ready=told.get("ready", False),
            pid=record.pid,
            aws_url=url(record.aws_port),
            influx_url=url(record.influx_port),
            started=datetime.fromisoformat(record.started),
            seed=record.seed,
            services=told.get("services", {}),
            progress=tuple(told.get("progress", ())),
            error=told.get("error", error),
            problems=tuple(told.get("problems", ())),
            clock=told.get("clock"),
        )

    def _spawn(
        self, seed: int, port: int | None, now: datetime | None, parent: int | None, clock: float | None
    ) -> None:
        self._home.prepare()
        aws = AWS_PORT if port is None else port
        influx = 0 if port == 0 else INFLUX_PORT
        # -P: a module that lies in the current folder must not be taken for one of ours.
        command = [sys.executable, "-P", "-m", "ons_sandbox", "--home", str(self.home), "--seed", str(seed)]
        command += ["--port", str(aws), "--influx-port", str(influx)]
        command += ["--now", now.isoformat()] if now else []
        command += ["--parent", str(parent)] if parent else []
        command += ["--clock", str(clock)] if clock is not None else []
        command += [] if self._platform else ["--bare"]
        command += [] if self._traffic else ["--no-traffic"]
        with self._home.log.open("ab") as log:
            self._child = subprocess.Popen(
                command,
                cwd=self.home,
                env=server_environment(self.home, aws),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A server outlives the terminal and the Ctrl-C of the command that started it.
                start_new_session=True,
            )

    def _follow(self, progress: Callable[[str], None]) -> SandboxStatus:
        """Pass progress on until it is ready. Raises SandboxError when it fails, ends or falls silent."""
        seen = 0
        deadline = time.monotonic() + PATIENCE
        while True:
            status = self.status()
            for line in status.progress[seen:]:
                progress(line)
            if len(status.progress) > seen:
                seen, deadline = len(status.progress), time.monotonic() + PATIENCE
            if status.ready:
                return status
            if status.running and status.progress and status.error:
                raise self._failure(status.error)
            if not status.running and (self._child is None or self._child.poll() is not None):
                raise self._failure("the server process ended")
            if time.monotonic() > deadline:
                raise self._failure(f"no progress for {PATIENCE:.0f} s: {status.error or 'no answer'}")
            time.sleep(0.05)

    def _failure(self, reason: str) -> SandboxError:
        return SandboxError(
            f"The sandbox in {self.home} did not become ready: {reason}\n"
            f"The last lines of {self._home.log}:\n{self._home.last_words()}"
        )

    def _end(self) -> bool:
        record, child, self._child = self._home.read(), self._child, None
        ended = False
        if child is not None and child.poll() is None and (record is None or record.pid != child.pid):
            # It had not yet come far enough to say where it is.
            child.kill()
            child.wait()
            ended = True
        if record is not None:
            ended = process.end(record.pid, record.born, 6.0, child.poll if child else _nothing) or ended
            self._home.forget(record.pid)
        return ended

    def _running(self) -> Record:
        record = self._home.read()
        if record is None or not record.alive:
            raise SandboxError(f"No sandbox is running in {self.home}. Start it: runbook sandbox start")
        return record

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            with self._home.lock(2 * PATIENCE):
                yield
        except filelock.Timeout as error:
            raise SandboxError(
                f"another process has been starting the sandbox in {self.home}: {error}"
            ) from error


def _nothing() -> None:
    """Nobody to collect: the server is another process's child."""


def _call(
    record: Record, method: str, name: str, document: dict[str, Any] | None = None
) -> tuple[int, dict[str, Any]]:
    """One control call. Raises OSError or HTTPException when the server does not answer."""
    connection = http.client.HTTPConnection(HOST, record.aws_port, timeout=10)
    try:
        connection.request(method, f"/_sandbox/{name}", json.dumps(document) if document else None)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()
