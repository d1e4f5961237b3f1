"""Operators: processes that run a notebook's cells as a kernel would, quick to start and real to kill.

One process has the library imported, and each run is a fork of it
(https://docs.python.org/3.11/library/os.html#os.fork): quick enough for every procedure to be run and killed
dozens of times. The same notebooks run through papermill and nbval in tests/notebooks.

`python operators.py` is that process; orders come as JSON lines.
"""

import importlib
import json
import os
import pkgutil
import select
import signal
import subprocess
import sys
import traceback
import types
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parents[2]
SECONDS = 120


class Running:
    """A run of a notebook that was begun."""

    def __init__(self, pid: int, out: Path) -> None:
        self.pid = pid
        self._out = out
        try:
            self._handle: int | None = os.pidfd_open(pid)
        except ProcessLookupError:
            self._handle = None

    def kill(self) -> None:
        """End it as a power cut would."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self._gone(SECONDS)

    def wait(self, seconds: float = SECONDS) -> dict[str, Any]:
        """Its result document; fails the test when it takes longer, or ended without one."""
        if not self._gone(seconds):
            self.kill()
            raise AssertionError(f"not ended within {seconds} s:\n{self.printed()}")
        if not self._out.exists():
            raise AssertionError(f"no result:\n{self.printed()}")
        document: dict[str, Any] = json.loads(self._out.read_text())
        return document

    def printed(self) -> str:
        """What it printed and showed."""
        log = self._out.with_suffix(".log")
        return log.read_text() if log.exists() else ""

    def _gone(self, seconds: float) -> bool:
        if self._handle is None:
            return True
        poll = select.poll()
        poll.register(self._handle, select.POLLIN)
        if not poll.poll(seconds * 1000):
            return False
        os.close(self._handle)
        self._handle = None
        return True


class Operators:
    """Where runs are started from."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count(1)
        clean = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=clean,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(10)

    def start(self, procedure: str, parameters: Mapping[str, Any], env: Mapping[str, str]) -> Running:
        """Begin to run a notebook with these parameters and environment variables."""
        assert self._process.stdin
        assert self._process.stdout
        out = self._folder / f"run-{next(self._numbers)}.json"
        order = {"procedure": procedure, "parameters": dict(parameters), "env": dict(env), "out": str(out)}
        print(json.dumps(order), file=self._process.stdin, flush=True)
        return Running(int(self._process.stdout.readline()), out)

    def run(self, procedure: str, parameters: Mapping[str, Any], env: Mapping[str, str]) -> dict[str, Any]:
        """Run a notebook to its end; the result document."""
        return self.start(procedure, parameters, env).wait()


def serve() -> None:
    """Take orders from stdin; answer each with the pid of the fork that carries it out."""
    from ons_runbook import aws, charts, context, guard, influx, session

    for package in (aws, influx):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    assert charts
    assert context
    session.preload()
    guard.reading_operations()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them: the kernel collects them
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _carry_out(order)
        print(pid, flush=True)


def _carry_out(order: dict[str, Any]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    out = Path(order["out"])
    log = os.open(out.with_suffix(".log"), os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    for descriptor, target in ((os.open(os.devnull, os.O_RDONLY), 0), (log, 1), (log, 2)):
        os.dup2(descriptor, target)
    os.environ.update(order["env"])
    code = 1
    try:
        path = ROOT / "notebooks" / f"{order['procedure']}.ipynb"
        os.chdir(path.parent)
        result = _execute(path, order["parameters"])
        unfinished = out.with_suffix(".part")
        unfinished.write_text(json.dumps(result))
        unfinished.replace(out)
        code = 0
    except BaseException:  # noqa: BLE001 - a fork must not go on as the process that it is a copy of
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _execute(path: Path, parameters: Mapping[str, Any]) -> Any:
    module = sys.modules["__main__"] = types.ModuleType("__main__")
    for cell in json.loads(path.read_text())["cells"]:
        if cell["cell_type"] != "code":
            continue
        exec(compile("".join(cell["source"]), str(path.name), "exec"), module.__dict__)  # noqa: S102 - a kernel does it
        if "parameters" in cell["metadata"].get("tags", ()):
            assert parameters.keys() <= module.__dict__.keys(), f"unknown: {parameters.keys()}"
            module.__dict__.update(parameters)
    return module.__dict__["rb"].result.to_dict()


if __name__ == "__main__":
    serve()
