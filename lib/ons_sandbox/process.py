"""Processes by identity: a pid alone is not enough, because the system gives it to somebody else one day."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

PROC = Path("/proc")


def birth(pid: int) -> str | None:
    """When the process `pid` was started, as an opaque word; None when no such process lives.

    A zombie (ended, not yet collected by its parent) counts as dead. Reads /proc where there is one, asks
    `ps` elsewhere.
    """
    if (PROC / "self/stat").exists():
        return _birth_from_proc(pid)
    # Absent process: exit code 1 and no output.
    answer = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, started = answer.stdout.strip().partition(" ")
    return None if not started or state.startswith("Z") else " ".join(started.split())


def _birth_from_proc(pid: int) -> str | None:
    try:
        stat = (PROC / f"{pid}/stat").read_text()
        boot = (PROC / "sys/kernel/random/boot_id").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command's name may hold spaces and parentheses; the fields after the last one are fixed (proc(5)).
    fields = stat.rpartition(")")[2].split()
    state, start_ticks = fields[0], fields[19]
    return None if state in "ZX" else f"{boot}/{start_ticks}"


def alive(pid: int, born: str) -> bool:
    """Whether the very process that was started as `born` still lives under `pid`."""
    return birth(pid) == born


def end(pid: int, born: str, patience: float, collect: Callable[[], object] = lambda: None) -> bool:
    """End one process: SIGTERM, and SIGKILL when it still lives after `patience` seconds.

    Nothing is sent unless `pid` is still the process started as `born`. `collect` is called while waiting, so
    that a parent can collect its child. Returns whether there was something to end.
    """
    if not alive(pid, born):
        return False
    for number, wait in ((signal.SIGTERM, patience), (signal.SIGKILL, 5.0)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + wait
        while time.monotonic() < deadline:
            collect()
            if not alive(pid, born):
                return True
            time.sleep(0.02)
    return True
