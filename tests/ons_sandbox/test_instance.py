"""The handle of a sandbox: what `runbook sandbox start|stop|status|reset|env` stand on."""

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ons_sandbox import Sandbox, SandboxError, process
from ons_sandbox.home import Home, Record
from sandboxes import wait_until


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A folder in which a test may start a sandbox; whatever it leaves is ended."""
    yield tmp_path / "home"
    Sandbox(tmp_path / "home").stop()


def empty(home: Path) -> Sandbox:
    return Sandbox(home, platform=False)


def servers_of(home: Path) -> set[int | None]:
    """The server processes that live for one home, whoever knows of them."""
    table = subprocess.run(["ps", "-ewwo", "pid=,args="], capture_output=True, text=True, check=True)
    lines = [line.split() for line in table.stdout.splitlines()]
    return {int(pid) for pid, *command in lines if {"ons_sandbox", str(home)} <= set(command)}


def test_a_started_sandbox_says_where_it_is(empty_sandbox: Sandbox) -> None:
    status = empty_sandbox.status()
    assert (status.running, status.ready, status.error) == (True, True, None)
    assert status.account == "123456789012"
    assert status.services == {"aws": "running", "influxdb": "running", "traffic": "off"}
    assert status.started is not None
    assert status.started <= datetime.now(UTC)
    told = json.loads(json.dumps(status.as_dict()))
    assert (told["pid"], told["home"]) == (status.pid, str(empty_sandbox.home))


def test_the_clock_can_be_set_at_the_start_and_while_it_runs(home: Path) -> None:
    sandbox = empty(home)
    assert sandbox.start(port=0, clock=7.5).clock == 7.5
    assert sandbox.set_clock(120).clock == 120
    assert json.loads(json.dumps(sandbox.status().as_dict()))["clock"] == 120
    for factor in (0, -1, float("inf"), float("nan")):
        with pytest.raises(SandboxError, match="kept its clock"):
            sandbox.set_clock(factor)
    assert sandbox.status().clock == 120


def test_the_clock_of_a_sandbox_that_does_not_run_cannot_be_set(home: Path) -> None:
    with pytest.raises(SandboxError, match="No sandbox is running"):
        empty(home).set_clock(60)


def test_the_env_file_holds_the_variables_and_only_its_owner_may_read_it(empty_sandbox: Sandbox) -> None:
    file = empty_sandbox.home / "env"
    lines = dict(line.split("=", 1) for line in file.read_text().splitlines())
    assert lines == empty_sandbox.env()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert lines["RUNBOOK_API_ENDPOINT"].endswith("/_aws/execute-api/{api_id}/{stage}")


def test_starting_a_running_sandbox_leaves_it_alone(empty_sandbox: Sandbox) -> None:
    assert empty(empty_sandbox.home).start().pid == empty_sandbox.status().pid


def test_two_starts_at_once_in_one_home_make_one_server(home: Path) -> None:
    pids: list[int | None] = []
    starts = [threading.Thread(target=lambda: pids.append(empty(home).start(port=0).pid)) for _ in range(3)]
    for start in starts:
        start.start()
    for start in starts:
        start.join()
    assert len(pids) == 3
    assert servers_of(home) == set(pids)
    assert len(set(pids)) == 1


def test_a_taken_port_is_told_and_another_is_chosen(home: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        told: list[str] = []
        status = empty(home).start(port=taken, progress=told.append)
    assert status.ready
    assert status.aws_url != f"http://127.0.0.1:{taken}"
    assert any(f"Port {taken} is not free" in line for line in told)
    assert any(str(status.aws_url) in line for line in told)


def test_after_a_stop_nothing_is_left_of_it(home: Path) -> None:
    sandbox = empty(home)
    pid = sandbox.start(port=0).pid
    assert pid is not None
    assert sandbox.stop()
    assert process.birth(pid) is None
    assert not sandbox.status().running
    assert not (home / "state.json").exists()
    assert not (home / "env").exists()
    assert not sandbox.stop()


def test_a_killed_sandbox_is_known_to_be_gone_and_starts_again(home: Path) -> None:
    sandbox = empty(home)
    first = sandbox.start(port=0).pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: not sandbox.status().running, "the killed server is gone")
    with pytest.raises(SandboxError, match="No sandbox is running"):
        sandbox.env()
    again = sandbox.start(port=0)
    assert again.ready
    assert again.pid != first


def test_a_stranger_with_the_recorded_pid_is_never_signalled(home: Path) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        home.mkdir()
        started = datetime.now(UTC).isoformat()
        Home(home).write(Record(stranger.pid, "born at another time", 1, 2, 7, started, "0"))
        assert not empty(home).status().running
        assert not empty(home).stop()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_start_that_fails_shows_the_last_lines_of_the_log_and_leaves_nothing_running(home: Path) -> None:
    without_zone = datetime(2026, 11, 23)  # noqa: DTZ001
    with pytest.raises(SandboxError, match=r"server\.log:[\s\S]*--now needs a zone"):
        empty(home).start(port=0, now=without_zone)
    assert not empty(home).status().running


def test_a_platform_that_cannot_be_seeded_fails_the_start_with_the_reason(home: Path) -> None:
    with pytest.raises(SandboxError, match=r"did not become ready: \w+Error"):
        Sandbox(home, traffic=False).start(port=0, now=datetime(1, 1, 1, tzinfo=UTC))
    assert not Sandbox(home).status().running
    assert not (home / "state.json").exists()


def test_a_sandbox_ends_with_its_parent_even_when_that_is_killed(home: Path) -> None:
    script = (
        "import os, sys, pathlib; from ons_sandbox import Sandbox\n"
        "Sandbox(pathlib.Path(sys.argv[1]), platform=False).__enter__(); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script, str(home)], check=False, timeout=60)
    wait_until(lambda: not empty(home).status().running, "the orphan ended by itself")
    assert "is gone" in (home / "server.log").read_text()


def test_a_sandbox_outlives_the_program_that_started_it(home: Path) -> None:
    script = (
        "import sys, pathlib; from ons_sandbox import Sandbox\n"
        "print(Sandbox(pathlib.Path(sys.argv[1]), platform=False).start(port=0).pid)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(home)], check=True, capture_output=True, text=True, timeout=60
    )
    status = empty(home).status()
    assert (status.ready, status.pid) == (True, int(done.stdout))
    # Its own session: neither the terminal's Ctrl-C nor its hang-up reaches it.
    assert os.getsid(status.pid or 0) == status.pid
    assert empty(home).stop()


def test_the_aws_cli_works_with_nothing_but_the_variables(empty_sandbox: Sandbox, tmp_path: Path) -> None:
    aws = shutil.which("aws")
    if aws is None:
        pytest.skip("no AWS CLI on this machine")
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **empty_sandbox.env()}
    command = [aws, "sts", "get-caller-identity", "--output", "json"]
    done = subprocess.run(command, env=env, check=True, capture_output=True, text=True)
    assert json.loads(done.stdout)["Account"] == "123456789012"
