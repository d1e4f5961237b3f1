"""The `runbook` command: what it prints where, and its exit codes, by real runs in a project of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ons_runbook import cli, cli_sandbox
from ons_runbook.headless import catalogue

FIXTURES = Path(__file__).parents[1] / "notebooks_fixture"
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def project(tmp_path, clean_environment):
    """The fixture notebooks as a project; the sandbox's endpoints are named, so that none is looked for."""
    shutil.copytree(FIXTURES, tmp_path / "notebooks" / "fixture")
    clean_environment.delenv("RUNBOOK_ENV_FILE")
    clean_environment.setenv("RUNBOOK_HOME", str(tmp_path))
    clean_environment.setenv("AWS_ENDPOINT_URL", NOWHERE)
    clean_environment.setenv("INFLUXDB_V2_URL", NOWHERE)
    clean_environment.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(project, capfd):
    """Runs the command in this process: exit code, stdout, stderr."""

    def runs(*arguments: str) -> tuple[int, str, str]:
        code = cli.run_command(arguments)
        out, err = capfd.readouterr()
        return code, out, err

    return runs


def test_list_shows_every_procedure(run, project):
    code, out, err = run("list")
    assert (code, err) == (0, "")
    assert "fixture/healthy" in out
    code, out, _ = run("list", "--json")
    assert [p["name"] for p in json.loads(out)] == [p.name for p in catalogue.procedures(project)]


def test_help_shows_parameters_with_type_default_limits_and_meaning(run):
    code, out, _ = run("help", "healthy")
    assert code == 0
    for part in ("A healthy procedure", "reads (1 min)", "answer", "int", "42", "a number (0 to 100)"):
        assert part in out
    code, out, _ = run("help", "fixture/healthy", "--json")
    assert json.loads(out)["parameters"][2]["default"] == 42


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "helthy"], "Did you mean fixture/healthy"),
        (["run", "healthy", "-p", "answr=1"], "did you mean 'answer'"),
        (["run", "healthy", "-p", "answer=1e3"], "whole number"),
        (["run", "healthy", "-p", "answer=101"], "0 to 100"),
        (["run", "healthy", "-p", "answer"], "name=value"),
        (["run", "healthy", "-f", "nowhere.yaml"], "nowhere.yaml"),
        (["run", "healthy", "--platform", "prd"], "Did you mean 'prod'?"),
        (["run", "healthy", "--platform", "nowhere.toml"], "nowhere.toml cannot be read"),
        (["run", "healthy", "--timeout", "soon"], "--timeout"),
        (["run", "healthy", "--timeout", "-1"], "--timeout"),
        (["run"], "NAME"),
        (["run", "healthy", "--bar"], "No such option"),
        (["walk"], "No such command"),
        (["help", "nothing-like-it"], "runbook list"),
        (["sandbox", "start", "--now", "yesterday"], "ISO 8601"),
        (["sandbox", "start", "--now", "2026-11-23T03:00:00"], "zone"),
        (["sandbox", "start", "--port", "70000"], "--port"),
    ],
)
def test_wrong_usage_is_one_line_exit_64_and_nothing_has_run(run, project, arguments, said):
    code, out, err = run(*arguments)
    assert (code, out) == (64, "")
    assert said in err
    assert err.startswith("runbook: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    assert not (project / "reports").exists()


def test_all_procedures_are_checked_before_the_first_runs(run, project):
    code, _, err = run("run", "healthy", "raising", "-p", "answer=7")
    assert code == 64
    assert "fixture/raising: unknown parameter 'answer'" in err
    assert not (project / "reports").exists()


def test_a_broken_notebook_is_not_run_and_says_why(run, project):
    (project / "notebooks" / "fixture" / "broken.ipynb").write_text("{")
    code, _, err = run("run", "broken")
    assert code == 64
    assert "cannot be run: not readable as a notebook" in err


@pytest.mark.parametrize(("verdict", "code"), [("pass", 0), ("warn", 0), ("fail", 1), ("unknown", 2)])
def test_the_exit_code_is_the_verdicts_and_json_is_all_there_is_on_stdout(run, project, verdict, code):
    got, out, err = run("run", "healthy", "-p", f"verdict={verdict}", "--json")
    told = json.loads(out)
    assert got == code == told["exit_code"]
    assert told["runs"][0]["result"]["verdict"] == verdict
    assert all(Path(path).is_file() for path in told["runs"][0]["files"].values())
    assert "cell 3/3  Result" in err


def test_of_several_the_worst_verdict_counts(run):
    code, out, _ = run("run", "raising", "healthy", "-p", "platform=sandbox", "--json")
    assert code == 2
    assert [r["result"]["verdict"] for r in json.loads(out)["runs"]] == ["error", "pass"]


def test_a_run_prints_verdicts_then_what_to_do_then_where_the_report_is(run, project):
    code, out, _ = run("run", "healthy", "-p", "verdict=fail", "--reports", "elsewhere")
    assert code == 1
    places = [
        out.index(part)
        for part in ("✕ fail", "FAIL: 0 of 1 pass", "Go on with health/other", "tell", "report ", "index ")
    ]
    assert places == sorted(places)
    report = project / out.rpartition("report")[2].split()[0]
    assert report.is_file()
    assert report.is_relative_to(project / "elsewhere")


def test_what_was_observed_cannot_speak_to_the_terminal(run):
    code, out, _ = run("run", "hostile")
    assert code == 1
    assert "\x1b" not in out
    assert "\u202e" not in out


def test_parameters_come_from_a_file_then_from_words_then_from_their_options(run, project):
    (project / "p.yaml").write_text("answer: 7\naccount: 012345671234\nverdict: warn\nplatform: prod\n")
    arguments = ("run", "healthy", "-f", "p.yaml", "-p", "verdict=unknown", "--platform", "sandbox", "--json")
    code, out, _ = run(*arguments)
    (done,) = json.loads(out)["runs"]
    assert code == 2
    notebook = Path(done["files"]["notebook"]).read_text()
    assert "answer=7 account='012345671234' verdict='unknown'" in notebook
    assert done["result"]["platform"] == "sandbox"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-p", "window=1hour"], "'1hour' is not a duration"),
        (["-p", "window=-3h"], "'-3h' is not a duration"),
        (["-p", "until=2999-01-01T00:00:00Z"], "ends in the future"),
        (["-p", "until=yesterday"], "yesterday"),
    ],
)
def test_a_window_that_cannot_be_is_refused_before_a_kernel_starts(run, project, words, said):
    notebook = json.loads((FIXTURES / "healthy.ipynb").read_text())
    notebook["cells"][1]["source"] += [
        "\n",
        'window: str = "1h"  # how far back\n',
        'until: str = "now"  # to when',
    ]
    (project / "notebooks" / "fixture" / "windowed.ipynb").write_text(json.dumps(notebook))
    code, _, err = run("run", "windowed", *words)
    assert (code, said in err) == (64, True), err
    assert not (project / "reports").exists()


def test_a_platform_files_path_means_what_it_means_here(run, project):
    (project / "mine.toml").write_text('kind = "aws"\nexpected_account = "123456789012"\n')
    os.environ.pop("AWS_ENDPOINT_URL")
    os.environ.pop("INFLUXDB_V2_URL")
    code, out, err = run("run", "healthy", "--platform", "mine.toml", "--json")
    assert code == 0, err
    assert json.loads(out)["runs"][0]["result"]["platform"] == str(project / "mine.toml")


def test_reports_that_cannot_be_written_are_exit_2_with_the_way_out(run, project):
    (project / "reports").write_text("a file")
    code, _, err = run("run", "silent")
    assert code == 2
    assert "--reports" in err


def test_what_nobody_foresaw_is_a_line_and_a_log_without_secrets(run, monkeypatch):
    key = "AKIA" + "Z7Q2" * 4

    def broken() -> Path:
        raise ZeroDivisionError(f"odd {key}")

    monkeypatch.setattr(catalogue, "project_root", broken)
    code, out, err = run("list")
    assert (code, out) == (2, "")
    assert err.startswith("runbook: ZeroDivisionError: odd")
    assert err.count("\n") == 1
    log = Path(err.split()[-1])
    assert "Traceback" in log.read_text()
    assert key not in log.read_text()
    log.unlink()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_run_that_is_interrupted_says_so_and_leaves_no_report(project, number, code):
    command = [sys.executable, "-m", "ons_runbook.cli", "run", "hung", "-p", f"pid_file={project / 'pid'}"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    while "cell 3/3" not in (heard := process.stderr.readline()):
        assert heard, process.wait(10)
    process.send_signal(number)
    assert process.wait(30) == code
    assert "this run left no report" in process.stderr.read()
    process.stderr.close()
    assert not (project / "reports").exists()


def test_doctor_ends_with_1_when_something_is_broken(run, project, monkeypatch):
    monkeypatch.setattr(
        cli_sandbox, "sandbox_at", lambda: (_ for _ in ()).throw(cli.RunbookError("no sandbox"))
    )
    code, out, _ = run("doctor", "--json")
    assert code == 1
    assert {"state": "fail", "what": "no sandbox", "mend": ""} in json.loads(out)
    code, out, _ = run("doctor")
    assert "no sandbox" in out


def test_a_reader_that_has_had_enough_is_no_error(project):
    pipe = f"{sys.executable} -m ons_runbook.cli list --json | head -c 1"
    done = subprocess.run(pipe, shell=True, capture_output=True, text=True, timeout=60, check=False)  # noqa: S602
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_version_and_help_and_no_command(run):
    assert run("--version")[:2] == (0, "runbook 0.1.0\n")
    assert run("--help")[0] == 0
    code, out, err = run()
    assert code == 64
    assert "Usage" in out + err


def test_the_command_starts_without_what_only_runs_need(project):
    code = (
        "import sys; from ons_runbook import cli; cli.run_command(['list', '--json']); "
        "slow = {'pandas', 'plotly', 'papermill', 'boto3', 'nbformat', 'jupyter_client', 'rich.table'}; "
        "assert not slow & set(sys.modules), slow & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60)
