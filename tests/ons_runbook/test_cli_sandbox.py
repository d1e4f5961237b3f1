"""`runbook sandbox …` and `runbook lab`, with a handle that only notes what it is asked to do."""

import json
import os
import shlex
import subprocess
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest

from ons_runbook import cli, cli_sandbox
from ons_runbook.errors import SandboxNotRunning


@dataclass
class Status:
    home: Path
    running: bool
    ready: bool
    pid: int | None = 7
    aws_url: str = "http://127.0.0.1:4566"
    influx_url: str = "http://127.0.0.1:8086"
    account: str = "123456789012"
    region: str = "us-east-1"
    error: str | None = None
    problems: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, object]:
        return {"running": self.running, "ready": self.ready, "home": str(self.home)}


@dataclass
class FakeSandbox:
    home: Path
    running: bool = False
    ready: bool = True
    asked: list[object] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=lambda: {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"})

    def status(self) -> Status:
        return Status(self.home, self.running, self.running and self.ready)

    def start(self, **given: object) -> Status:
        given.pop("progress")("seeding 3 of 9")
        self.asked.append(given)
        self.running = True
        return self.status()

    def stop(self) -> bool:
        was, self.running = self.running, False
        return was

    def set_clock(self, factor: float) -> Status:
        self.asked.append(factor)
        return self.status()

    def reset(self) -> None:
        self.asked.append("reset")

    def env(self) -> dict[str, str]:
        return self.variables


@pytest.fixture
def sandbox(tmp_path, clean_environment):
    (tmp_path / "notebooks").mkdir()
    clean_environment.setenv("RUNBOOK_HOME", str(tmp_path))
    clean_environment.delenv("RUNBOOK_ENV_FILE")
    fake = FakeSandbox(tmp_path / ".sandbox")
    clean_environment.setattr(cli_sandbox, "sandbox_at", lambda home=None: fake)
    return fake


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    code = cli.run_command(["sandbox", *arguments])
    return code, *capsys.readouterr()


def test_start_tells_its_progress_and_how_to_use_and_stop_it(sandbox, capsys):
    code, out, err = run(capsys, "start", "--seed", "3", "--port", "0", "--now", "2026-11-23T03:00:00Z")
    assert code == 0
    moment = datetime.fromisoformat("2026-11-23T03:00:00Z")
    assert sandbox.asked == [{"seed": 3, "port": 0, "now": moment, "clock": None}]
    assert "seeding 3 of 9" in err
    for part in (
        "http://127.0.0.1:4566",
        "http://127.0.0.1:8086",
        "runbook sandbox env",
        "runbook sandbox stop",
    ):
        assert part in out


def test_status_is_0_when_ready_and_1_when_not(sandbox, capsys):
    code, out, _ = run(capsys, "status")
    assert code == 1
    assert "Start it with: runbook sandbox start" in out
    sandbox.running = True
    assert run(capsys, "status")[0] == 0
    code, out, _ = run(capsys, "status", "--json")
    assert json.loads(out) == {"running": True, "ready": True, "home": str(sandbox.home)}


def test_stop_says_whether_there_was_anything_to_stop(sandbox, capsys):
    sandbox.running = True
    assert "is stopped" in run(capsys, "stop")[1]
    code, out, _ = run(capsys, "stop")
    assert code == 0
    assert "was not running" in out


def test_reset_drops_what_happened(sandbox, capsys):
    sandbox.running = True
    assert run(capsys, "reset")[0] == 0
    assert sandbox.asked == ["reset"]


def test_the_clock_can_go_faster_from_the_start_or_later(sandbox, capsys):
    run(capsys, "start", "--clock", "600")
    assert sandbox.asked[0]["clock"] == 600
    assert run(capsys, "clock", "60")[0] == 0
    assert sandbox.asked[1] == 60
    assert run(capsys, "clock", "0.5")[0] == 64


def test_env_is_what_a_shell_can_evaluate_whatever_the_values_hold(sandbox, capsys):
    sandbox.variables = {"A": "plain", "B": "it's; $(touch x) `y`", "C": "{api_id}/{stage}"}
    _, out, _ = run(capsys, "env")
    assert out.splitlines()[0] == "export A='plain'"
    script = f'{out}\nprintf "%s\\n" "$A" "$B" "$C"'
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == list(sandbox.variables.values())
    assert json.loads(run(capsys, "env", "--json")[1]) == sandbox.variables
    assert all(shlex.split(line)[0] == "export" for line in out.splitlines())


def test_a_run_on_the_sandbox_takes_its_endpoints_unless_the_environment_names_some(sandbox, monkeypatch):
    with pytest.raises(SandboxNotRunning, match="runbook sandbox start"):
        cli_sandbox.environment_for("sandbox")
    sandbox.running = True
    assert cli_sandbox.environment_for("sandbox") == sandbox.variables
    assert cli_sandbox.environment_for("prod") == {}
    sandbox.ready = False
    with pytest.raises(SandboxNotRunning, match="not ready"):
        cli_sandbox.environment_for("sandbox")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert cli_sandbox.environment_for("sandbox") == {}


def test_a_sandbox_that_is_not_running_is_exit_2_with_the_command_that_starts_it(sandbox, capsys, tmp_path):
    source = Path(__file__).parents[1] / "notebooks_fixture" / "silent.ipynb"
    (tmp_path / "notebooks" / "silent.ipynb").write_bytes(source.read_bytes())
    code = cli.run_command(["run", "silent"])
    assert code == 2
    assert "Start it with: runbook sandbox start" in capsys.readouterr().err
    assert not (tmp_path / "reports").exists()


def test_errors_of_the_sandbox_are_told_without_a_traceback(sandbox, capsys, monkeypatch):
    from ons_sandbox import SandboxError

    def fails(**_: object) -> None:
        raise SandboxError("did not become ready: no port")

    monkeypatch.setattr(sandbox, "start", fails)
    code, _, err = run(capsys, "start")
    assert code == 2
    assert err == "runbook: did not become ready: no port\n"


def test_without_the_sandboxs_packages_it_says_how_to_get_them(monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "ons_sandbox", None)
    code, _, err = run(capsys, "status")
    assert code == 2
    assert "ons-runbook[sandbox]" in err


def test_lab_starts_the_sandbox_says_so_and_stays_on_this_machine(sandbox, capsys, monkeypatch, tmp_path):
    started = {}

    def execve(program: str, command: list[str], variables: dict[str, str]) -> None:
        started.update(command=command, variables=variables)

    monkeypatch.setattr(os, "execve", execve)
    assert cli.run_command(["lab", "--no-browser", "--port", "9999"]) == 0
    err = capsys.readouterr().err
    assert "starting it" in err
    assert "runbook sandbox stop" in err
    command = started["command"]
    assert "--ServerApp.ip=127.0.0.1" in command
    assert "--no-browser" in command
    assert "--ServerApp.port=9999" in command
    assert not any("token" in word or "password" in word for word in command)
    assert any(word.endswith("/lab/tree/notebooks/index.ipynb") for word in command)
    assert started["variables"]["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
    assert started["variables"]["RUNBOOK_HOME"] == str(tmp_path)
