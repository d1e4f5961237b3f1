"""What the doctor finds, in folders and environments made to be ill."""

import json
import os
import shutil
import socket
from types import SimpleNamespace

import pytest

from ons_runbook.errors import RunbookError
from ons_runbook.headless import archive, doctor


class FakeSandbox:
    """A handle as ons_sandbox.Sandbox is one: a home and a status."""

    def __init__(self, home, **status: object) -> None:
        self.home = home
        fields = {
            "running": False,
            "ready": False,
            "pid": None,
            "aws_url": "a",
            "influx_url": "b",
            "error": None,
        }
        self._status = SimpleNamespace(**(fields | {"problems": ()} | status))

    def status(self) -> SimpleNamespace:
        return self._status


@pytest.fixture
def healthy(project, make_cell, monkeypatch):
    """A project with nothing wrong, to be made ill by the test; gives the function that examines it."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "INFLUXDB_")):
            monkeypatch.delenv(name)
    project.write("health/daily", make_cell("markdown", "# Daily"), make_cell("code", "", "parameters"))
    (project.root / "requirements.lock").write_text(
        "\n".join(f"{name}=={doctor.version(name)}" for name in doctor._required())
    )

    def examine(platform: str = "sandbox", **status: object) -> list[doctor.Finding]:
        fields = {"running": True, "ready": True, "pid": 7} | status
        return doctor.examine(
            project.root, platform, lambda: FakeSandbox(project.root / ".sandbox", **fields)
        )

    return examine


def bad(findings: list[doctor.Finding]) -> dict[str, doctor.Finding]:
    return {
        f.what: f for f in findings if f.state != "ok" and "Chromium" not in f.what and "git" not in f.what
    }


def test_a_healthy_project_has_nothing_to_mend(healthy):
    findings = healthy()
    assert bad(findings) == {}
    text = json.dumps([finding.as_dict() for finding in findings])
    assert "procedures that can be run: 1" in text
    assert "the sandbox answers at a and b" in text


def test_everything_that_is_not_well_says_how_to_mend_it(healthy, project, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    (project.root / "requirements.lock").write_text("pandas==0.0.1\n")
    (project.root / "notebooks" / "health" / "broken.ipynb").write_text("{")
    found = bad(healthy(running=False, ready=False))
    assert len(found) >= 4
    assert all(finding.mend for finding in found.values())


def test_versions_that_differ_from_the_lock_are_named(healthy, project):
    (project.root / "requirements.lock").write_text("Pandas==0.0.1 \\\n    --hash=sha256:00\n")
    (what,) = bad(healthy())
    assert "pandas" in what
    assert "(lock: 0.0.1)" in what


def test_a_package_that_is_missing_is_a_failure(healthy, monkeypatch):
    monkeypatch.setattr(doctor, "_required", lambda: ["no-such-package-anywhere"])
    assert bad(healthy())["packages missing: no-such-package-anywhere"].state == "fail"


def test_another_python_as_jupyters_kernel_is_warned_of(healthy, tmp_path, monkeypatch):
    spec = tmp_path / "jupyter" / "kernels" / "python3"
    spec.mkdir(parents=True)
    foreign = {
        "argv": ["/opt/other/bin/python", "{connection_file}"],
        "display_name": "x",
        "language": "python",
    }
    (spec / "kernel.json").write_text(json.dumps(foreign))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    assert "another Python: /opt/other/bin/python" in "".join(bad(healthy()))


@pytest.mark.parametrize(("given", "missing"), [doctor.ENDPOINTS, doctor.ENDPOINTS[::-1]])
def test_one_endpoint_without_the_other_is_a_contradiction(healthy, monkeypatch, given, missing):
    monkeypatch.setenv(given, "http://127.0.0.1:9")
    assert bad(healthy())[f"{given} is set and {missing} is not"].state == "fail"


def test_an_endpoint_of_a_single_service_is_warned_of(healthy, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    assert "AWS_ENDPOINT_URL_S3" in "".join(bad(healthy()))


def test_the_sandbox_is_told_from_one_that_died_or_hangs(healthy, project):
    assert "the sandbox is not running" in bad(healthy(running=False, ready=False))
    hanging = bad(healthy(ready=False, error="no answer"))
    assert any("is not ready: no answer" in what for what in hanging)
    (project.root / ".sandbox").mkdir()
    (project.root / ".sandbox" / "state.json").write_text("{}")
    assert any("left behind" in what for what in bad(healthy(running=False, ready=False)))
    assert any("the sandbox says: ill" in what for what in bad(healthy(problems=("ill",))))


def test_a_port_that_another_program_has_is_no_reason_to_worry(healthy):
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        doctor_ports = doctor._ports(((taken.getsockname()[1], "AWS"),))
        (finding,) = doctor_ports
    assert finding.state == "ok"
    assert "is taken" in finding.what


def test_a_sandbox_that_is_not_installed_says_how_to_install_it(healthy, project):
    def none() -> None:
        raise RunbookError("The sandbox needs a package.", "pip install it")

    findings = doctor.examine(project.root, "sandbox", none)
    assert doctor.Finding("fail", "The sandbox needs a package.", "pip install it") in findings


def test_a_reports_folder_that_cannot_be_written_is_a_failure(healthy, project):
    (project.root / "reports").write_text("a file")
    assert any("reports cannot be written" in what for what in bad(healthy()))


def test_a_lock_that_is_held_is_told(healthy, project):
    with archive.locked(project.root / "reports"):
        assert any("another process holds" in what for what in bad(healthy()))
    assert bad(healthy()) == {}


def test_a_full_disk_is_warned_of(healthy, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=20_000_000))
    assert any("only 20 MB" in what for what in bad(healthy()))


def test_a_project_without_procedures_and_one_with_a_broken_one(healthy, project):
    (project.root / "notebooks" / "health" / "broken.ipynb").write_text("{")
    assert any("broken.ipynb: not readable" in what for what in bad(healthy()))
    shutil.rmtree(project.root / "notebooks" / "health")
    assert any("there is no procedure" in what for what in bad(healthy()))


def test_a_platform_file_is_checked_and_credentials_looked_for(healthy, tmp_path, monkeypatch):
    empty = tmp_path / "empty"
    empty.touch()
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(empty))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert any("no platform 'nowhere'" in what for what in bad(healthy("nowhere")))
    file = tmp_path / "mine.toml"
    file.write_text('kind = "aws"\nexpected_account = "123456789012"\n')
    assert bad(healthy(str(file))).keys() == {"boto3 finds no AWS credentials"}
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "y")
    assert bad(healthy(str(file))) == {}
