"""The folder of one sandbox: who runs it, how to reach it, its log.

state.json   the server process and its ports      env          the client's variables, KEY=VALUE
server.log   what the server says                  server.log.1 what the one before it said
tmp/ state/  the server's own                      lock         held while it is started or stopped
"""

import contextlib
import dataclasses
import json
import os
import shutil
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock

from ons_sandbox import process
from ons_sandbox.environment import client_environment


@dataclass(frozen=True)
class Record:
    """state.json: the server process and where it listens; `born` tells it from a later one with its pid."""

    pid: int
    born: str
    aws_port: int
    influx_port: int
    seed: int
    started: str
    version: str

    @classmethod
    def of_this_process(cls, aws_port: int, influx_port: int, seed: int) -> "Record":
        """The record that a server writes about itself."""
        pid = os.getpid()
        started = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(
            pid, process.birth(pid) or "", aws_port, influx_port, seed, started, version("ons-runbook")
        )

    @property
    def alive(self) -> bool:
        """Whether the process that wrote it still runs."""
        return process.alive(self.pid, self.born)

    def environment(self) -> dict[str, str]:
        """The client's variables for this sandbox."""
        return client_environment(self.aws_port, self.influx_port, self.seed)


class Home:
    """A sandbox's folder; made when it is first written to."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path).absolute()
        self.log = self.path / "server.log"
        self._state = self.path / "state.json"
        self._env = self.path / "env"

    def lock(self, timeout: float) -> FileLock:
        """Held while a server is started or stopped; raises filelock.Timeout after `timeout` seconds."""
        self.path.mkdir(parents=True, exist_ok=True)
        return FileLock(self.path / "lock", timeout=timeout)

    def read(self) -> Record | None:
        """What the last server wrote; None when there is none, or the file is not one of ours."""
        try:
            return Record(**json.loads(self._state.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def write(self, record: Record) -> None:
        """Publish a server: how to reach it, then that it is there. Each file appears whole or not at all."""
        lines = [f"{name}={value}\n" for name, value in record.environment().items()]
        _replace(self._env, "".join(lines))
        _replace(self._state, json.dumps(dataclasses.asdict(record), indent=2) + "\n")

    def forget(self, pid: int) -> None:
        """Take back what the server `pid` published; what another one has published since stays."""
        record = self.read()
        if record is not None and record.pid == pid:
            for file in (self._state, self._env):
                file.unlink(missing_ok=True)

    def prepare(self) -> None:
        """Make the folders, empty, for a new server, and put the old log aside."""
        for name in ("tmp", "state"):
            shutil.rmtree(self.path / name, ignore_errors=True)
            (self.path / name).mkdir(parents=True)
        with contextlib.suppress(FileNotFoundError):
            self.log.replace(self.log.with_suffix(".log.1"))

    def last_words(self, lines: int = 15) -> str:
        """The last `lines` lines of the server's log."""
        try:
            with self.log.open(errors="replace") as log:
                return "".join(deque(log, maxlen=lines)).rstrip()
        except FileNotFoundError:
            return "(no log was written)"


def _replace(file: Path, text: str) -> None:
    """Write a whole file that only its owner may read."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(file)
