"""Processes by identity. The states of a process: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from ons_sandbox import process
from sandboxes import wait_until

OBEDIENT = "input()"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); input()"


def program(source: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", source]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def child() -> Iterator[subprocess.Popen[str]]:
    running = program(OBEDIENT)
    yield running
    running.kill()
    running.wait()


def born(pid: int) -> str:
    return process.birth(pid) or "nothing lives here"


def test_a_process_keeps_its_birth_and_shares_it_with_nobody(child: subprocess.Popen[str]) -> None:
    assert born(child.pid) == born(child.pid)
    assert process.alive(child.pid, born(child.pid))
    assert not process.alive(child.pid, "another time")
    assert process.birth(2**22 + 1) is None


def test_a_zombie_is_dead(child: subprocess.Popen[str]) -> None:
    child.kill()
    wait_until(lambda: process.birth(child.pid) is None, "the zombie counts as dead")
    assert child.returncode is None  # nobody has collected it


def test_without_proc_ps_is_asked(child: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "PROC", process.PROC / "not-on-this-system")
    assert process.alive(child.pid, born(child.pid))
    child.kill()
    wait_until(lambda: process.birth(child.pid) is None, "the zombie counts as dead")


def test_a_process_is_ended_gently_first(child: subprocess.Popen[str]) -> None:
    assert process.end(child.pid, born(child.pid), 10, child.poll)
    assert child.returncode == -signal.SIGTERM
    assert not process.end(child.pid, "whenever", 10)


def test_one_that_does_not_listen_is_killed() -> None:
    stubborn = program(STUBBORN)
    assert stubborn.stdout is not None
    assert stubborn.stdout.readline() == "ready\n"
    assert process.end(stubborn.pid, born(stubborn.pid), 0.2, stubborn.poll)
    assert stubborn.wait(5) == -signal.SIGKILL


def test_nothing_is_sent_to_a_process_of_another_birth(child: subprocess.Popen[str]) -> None:
    assert not process.end(child.pid, born(os.getpid()), 1)
    assert child.poll() is None
