"""Whole runs of the notebooks in tests/notebooks_fixture: real kernels, real files, nothing mocked."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ons_runbook.checks import Verdict
from ons_runbook.headless import catalogue, runner
from ons_runbook.headless.executed import Limits
from ons_runbook.result import Result

FIXTURES = Path(__file__).parents[2] / "notebooks_fixture"
KEY_ID = "AKIA" + "Z7Q2" * 4


class Project:
    """The fixture notebooks as a project of their own, and what each of them left behind, run once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.reports = root / "reports"
        (root / "notebooks").mkdir()
        shutil.copytree(FIXTURES, root / "notebooks" / "fixture")
        self.known = catalogue.procedures(root)
        self.progress: list[str] = []
        self._runs: dict[str, runner.Run] = {}

    def run(self, name: str, reports: Path | None = None, **changes: object) -> runner.Run:
        values = changes.pop("values", {})
        settings = {"environment": {}, "limits": Limits(60, 120), "progress": self.progress.append}
        procedure = catalogue.find(f"fixture/{name}", self.known)
        where = {"root": self.root, "reports": reports or self.reports}
        return runner.run(procedure, values, **(where | settings | changes))

    def once(self, name: str) -> runner.Run:
        if name not in self._runs:
            self._runs[name] = self.run(name)
        return self._runs[name]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("project"))


def files(folder: Path) -> list[str]:
    return sorted(
        p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and p.name != ".lock"
    )


def gone(pid: int, within: float = 15) -> bool:
    """Whether the process has ended, or does so in time."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def wait_for(path: Path, process: subprocess.Popen[str], within: float = 60) -> str:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if path.is_file() and (text := path.read_text()):
            return text
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    raise AssertionError(f"{path} was not written")


def test_a_run_leaves_report_notebook_and_result_and_an_index_that_lists_it(project):
    run = project.once("healthy")
    assert run.result.verdict is Verdict.PASS
    assert Result.model_validate_json(run.files.json.read_text()) == run.result
    assert "all 1 pass" in run.files.html.read_text()
    assert json.loads(run.files.notebook.read_text())["nbformat"] == 4
    assert f"{run.files.html.parent.name}/{run.files.html.name}" in run.index.read_text()
    assert (project.reports / "latest" / "healthy.json").read_text() == run.files.json.read_text()
    assert run.files.html.stat().st_size < 300_000


def test_progress_names_each_code_cell_by_its_heading(project):
    project.progress.clear()
    project.run("healthy", values={"answer": 7})
    assert project.progress[0] == "starting the kernel"
    assert "cell 2/3  Is the answer there?" in project.progress


def test_values_reach_the_notebook_with_their_types_and_stand_in_its_record(project):
    text = 'a "quote" \\ back\nslash'
    run = project.run("healthy", values={"answer": 7, "account": text, "verdict": "warn"})
    notebook = json.loads(run.files.notebook.read_text())
    printed = [
        o["text"] for c in notebook["cells"] for o in c.get("outputs", []) if o["output_type"] == "stream"
    ]
    assert printed == [f"answer=7 account={text!r} verdict='warn'\n"]
    assert notebook["metadata"]["papermill"]["parameters"]["answer"] == 7
    assert notebook["metadata"]["papermill"]["input_path"] == "notebooks/fixture/healthy.ipynb"
    assert run.result.verdict is Verdict.WARN


def test_a_failing_notebook_still_leaves_a_report_with_the_error(project):
    run = project.once("raising")
    assert run.result.verdict is Verdict.ERROR
    assert (run.result.error.type, run.result.error.cell) == ("ValueError", 3)
    assert run.result.error.message == "no <b>luck</b> with [redacted key id …Z7Q2]"
    assert run.result.parameters == {"platform": "sandbox"}
    assert run.result.whom_to_tell
    notebook = run.files.notebook.read_text()
    assert "before" in notebook
    assert '"never\\n"' not in notebook


def test_an_error_after_the_result_spoils_its_verdict_and_keeps_its_checks(project):
    result = project.once("late").result
    assert (result.verdict, result.error.type) == (Verdict.ERROR, "ZeroDivisionError")
    assert [check.verdict for check in result.checks] == [Verdict.PASS]


@pytest.mark.parametrize(
    ("name", "kind", "cell"),
    [("dying", "KernelDied", 3), ("silent", "NoResult", None), ("invalid", "InvalidResult", None)],
)
def test_a_run_without_a_good_result_is_an_error_and_never_a_pass(project, name, kind, cell):
    result = project.once(name).result
    assert (result.verdict, result.error.type, result.error.cell) == (Verdict.ERROR, kind, cell)


@pytest.mark.parametrize("limits", [Limits(cell=2, run=0), Limits(cell=0, run=8)])
def test_a_cell_that_hangs_is_ended_and_its_kernel_with_it(project, tmp_path, limits):
    told = tmp_path / "pid"
    run = project.run("hung", values={"pid_file": str(told)}, limits=limits)
    assert (run.result.verdict, run.result.error.type) == (Verdict.ERROR, "CellTimeout")
    assert run.result.error.cell == 3
    assert gone(int(told.read_text()))
    assert "waiting" in run.files.notebook.read_text()


def test_printing_without_end_fills_neither_report_nor_notebook(project):
    run = project.once("printing")
    assert run.result.verdict is Verdict.PASS
    assert run.files.html.stat().st_size < 300_000
    assert run.files.notebook.stat().st_size < 300_000
    assert run.files.json.stat().st_size < 20_000
    text = run.files.notebook.read_text()
    assert "characters cut" in text
    assert "99,001 of 100,001 lines cut" in text
    assert "the rest was dropped" in text


def test_what_is_hostile_is_kept_without_secrets(project):
    run = project.once("hostile")
    assert run.result.verdict is Verdict.FAIL
    for path in (
        run.files.html,
        run.files.notebook,
        run.files.json,
        run.index,
        project.reports / "index.json",
    ):
        assert KEY_ID not in path.read_text(), path.name


def test_secrets_of_the_environment_do_not_come_out(project, tmp_path):
    secret = "only-this-test-knows"
    environment = {"SOME_API_KEY": secret, "SHORT_TOKEN": "sandbox", "OTHER": "4"}
    run = project.run("healthy", values={"account": f"my {secret}"}, environment=environment)
    for path in (run.files.html, run.files.notebook, run.files.json):
        assert secret not in path.read_text()
    assert run.result.platform == "sandbox"


def test_environment_and_working_folder_of_this_process_stay_as_they_are(project):
    before = dict(os.environ), Path.cwd()
    project.run("silent", environment={"ONLY_FOR_THE_KERNEL": "1"})
    assert (dict(os.environ), Path.cwd()) == before


def test_the_kernel_hears_its_run_id_and_its_environment(project, make_cell):
    cells = [
        make_cell("code", 'platform: str = "sandbox"', "parameters"),
        make_cell("code", "import os\nprint(os.environ['RUNBOOK_RUN_ID'], os.environ['EXTRA'], os.getcwd())"),
    ]
    path = project.root / "notebooks" / "asking {braces}.ipynb"
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(notebook))
    procedure = catalogue.find("asking {braces}", catalogue.procedures(project.root))
    reports = project.reports
    run = runner.run(procedure, {}, root=project.root, reports=reports, environment={"EXTRA": "heard"})
    path.unlink()
    text = run.files.notebook.read_text()
    assert f"{run.result.run_id} heard {path.parent}" in text
    assert run.result.run_id.endswith(run.result.run_id[-5:])
    assert run.result.error.type == "NoResult"


SCRIPT = """
import sys
from pathlib import Path
from ons_runbook.headless import catalogue, runner

root, reports, name, told = sys.argv[1:]
procedure = catalogue.find(name, catalogue.procedures(Path(root)))
values = {"pid_file": told} if told else {}
print("run", flush=True)
try:
    runner.run(procedure, values, root=Path(root), reports=Path(reports), environment={})
except runner.Interrupted as ended:
    sys.exit(100 + ended.number)
"""


def in_process(project: Project, reports: Path, name: str, told: Path | None = None) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SCRIPT, str(project.root), str(reports), name, str(told or "")]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_kernel_and_leaves_nothing_behind(project, tmp_path, number):
    told, reports = tmp_path / "pid", tmp_path / "reports"
    process = in_process(project, reports, "hung", told)
    kernel = int(wait_for(told, process))
    process.send_signal(number)
    assert process.wait(30) == 100 + number, process.communicate()
    assert gone(kernel)
    assert not reports.exists()


def test_a_run_that_is_killed_leaves_no_half_report_and_its_kernel_ends_by_itself(project, tmp_path):
    told, reports = tmp_path / "pid", tmp_path / "reports"
    first = project.run("healthy", reports)
    before = files(reports), first.index.read_text()
    process = in_process(project, reports, "hung", told)
    kernel = int(wait_for(told, process))
    process.kill()
    process.wait(30)
    assert gone(kernel)
    assert (files(reports), first.index.read_text()) == before
    assert (
        len(json.loads((project.run("healthy", reports).index.parent / "index.json").read_text())["runs"])
        == 2
    )


def test_two_runs_at_once_are_both_listed(project, tmp_path):
    processes = [in_process(project, tmp_path, name) for name in ("healthy", "healthy", "silent")]
    assert [process.wait(120) for process in processes] == [0, 0, 0], [p.communicate() for p in processes]
    listed = json.loads((tmp_path / "index.json").read_text())["runs"]
    assert sorted(run["procedure"] for run in listed) == [
        "fixture/healthy",
        "fixture/healthy",
        "fixture/silent",
    ]
    assert len({run["link"] for run in listed}) == 3


def test_it_runs_in_a_thread_as_well_where_signals_cannot_be_caught(project, tmp_path):
    runs = []
    thread = threading.Thread(target=lambda: runs.append(project.run("healthy", tmp_path)))
    thread.start()
    thread.join(60)
    assert [run.result.verdict for run in runs] == [Verdict.PASS]


def test_reports_that_cannot_be_written_are_said_to_be_so(project, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(runner.archive.RunbookError, match="--reports"):
        project.run("silent", tmp_path / "file")


def test_the_report_tells_how_long_the_whole_run_took(project):
    run = project.once("healthy")
    assert run.result.started.strftime("%H%M%S") == run.files.html.name[:6]
    assert run.result.finished > run.result.started
