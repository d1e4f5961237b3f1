"""`runbook report`: what it prints, what it deletes and what it never does, and its exit codes."""

import json
import webbrowser
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ons_runbook import cli
from ons_runbook.headless import archive, index
from ons_runbook.result import Result

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
TODAY = datetime.now(UTC).replace(microsecond=0)


def keep(reports: Path, started: datetime, procedure: str, verdict: str, platform: str = "sandbox") -> str:
    tail = procedure.rpartition("/")[2]
    check = {"name": "a.b", "verdict": verdict, "observed": f"it is {verdict}", "expected": "e"}
    one = Result(
        procedure=procedure,
        title=tail,
        platform=platform,
        run_id=f"{started:%Y%m%dT%H%M%SZ}-{tail}-1a2b",
        started=started,
        finished=started,
        verdict=verdict,
        checks=[check],
    )
    with archive.locked(reports):
        archive.keep(reports, started, tail, {".html": verdict, ".ipynb": "{}", ".json": one.to_json()})
        index.rebuild(reports)
    return one.run_id


@pytest.fixture
def reports(tmp_path, clean_environment):
    """Reports of a project: runs of a procedure on two platforms, and one of another, which is the newest."""
    (tmp_path / "notebooks").mkdir()
    clean_environment.setenv("RUNBOOK_HOME", str(tmp_path))
    clean_environment.chdir(tmp_path)
    clean_environment.delenv("DISPLAY", raising=False)
    clean_environment.delenv("WAYLAND_DISPLAY", raising=False)
    clean_environment.setattr(webbrowser, "open", lambda url: pytest.fail(f"opened {url}"))
    folder = tmp_path / "reports"
    for hour, verdict in enumerate(("pass", "warn", "fail")):
        keep(folder, NOON + timedelta(hours=hour), "health/daily", verdict)
    keep(folder, NOON + timedelta(hours=3), "health/daily", "pass", "prod")
    keep(folder, NOON + timedelta(hours=4), "cost/other", "pass")
    return folder


@pytest.fixture
def run(reports, capfd):
    """Runs the command in this process: exit code, stdout, stderr."""

    def runs(*arguments: str) -> tuple[int, str, str]:
        code = cli.run_command(["report", *arguments])
        out, err = capfd.readouterr()
        return code, out, err

    return runs


RUN_ID = "20261120T130000Z-daily-1a2b"


@pytest.mark.parametrize(
    ("which", "path"),
    [
        ((), "index.html"),
        (("daily",), "latest/daily.html"),
        (("health/daily",), "latest/daily.html"),
        (("latest",), "2026-11-20/160000Z-other.html"),
        ((RUN_ID,), "2026-11-20/130000Z-daily.html"),
        (("2026-11-20/130000Z-daily",), "2026-11-20/130000Z-daily.html"),
        (("130000Z-daily",), "2026-11-20/130000Z-daily.html"),
        (("reports/2026-11-20/130000Z-daily.json",), "2026-11-20/130000Z-daily.html"),
    ],
)
def test_open_prints_the_path_and_without_a_display_opens_nothing(run, reports, which, path):
    assert run("open", *which) == (0, f"{reports / path}\n", "")
    code, out, _ = run("open", *which, "--json")
    assert (code, json.loads(out)) == (0, {"path": str(reports / path)})


def test_open_shows_the_page_where_there_is_a_display_unless_it_is_only_to_be_printed(
    run, reports, monkeypatch
):
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda url: opened.append(url) or len(opened) > 1)
    monkeypatch.setenv("DISPLAY", ":0")
    assert run("open", "daily", "--print")[0] == 0
    assert run("open", "--json")[0] == 0
    assert opened == []
    code, out, err = run("open")
    assert (code, out) == (0, f"{reports / 'index.html'}\n")
    assert "No browser" in err
    assert run("open")[2] == ""
    assert opened == [(reports / "index.html").as_uri()] * 2


def test_the_newest_report_of_a_procedure_is_found_when_its_runs_are_pruned(run, reports):
    for path in (reports / "2026-11-20").iterdir():
        path.unlink()
    assert run("open", "daily")[:2] == (0, f"{reports / 'latest/daily.html'}\n")


def test_list_shows_the_newest_first_and_can_be_narrowed(run):
    code, out, err = run("list")
    assert (code, err) == (0, "")
    assert out.index("160000Z-other") < out.index("150000Z-daily") < out.index("120000Z-daily")
    listed = json.loads(run("list", "--procedure", "daily", "--platform", "sandbox", "--json")[1])
    assert [each["verdict"] for each in listed] == ["fail", "warn", "pass"]
    assert all(Path(each["file"]).is_file() for each in listed)
    assert [e["run_id"] for e in json.loads(run("list", "--verdict", "warn", "--json")[1])] == [RUN_ID]
    code, out, _ = run("list", "-n", "2")
    assert "120000Z-daily" not in out
    assert "The newest 2 of 5" in out
    assert run("list", "--platform", "nowhere")[:2] == (
        0,
        f"No run is like that in {Path.cwd() / 'reports'}.\n",
    )


def whats(out: str) -> list[tuple[str, str, str]]:
    told = json.loads(out)
    return [(told["before"]["verdict"], told["after"]["verdict"], each["what"]) for each in told["changes"]]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("previous", "20261120T140000Z-daily-1a2b"), [("warn", "fail", "persisting")]),
        (("20261120T120000Z-daily-1a2b", "20261120T140000Z-daily-1a2b"), [("pass", "fail", "new")]),
        (("20261120T140000Z-daily-1a2b", "20261120T120000Z-daily-1a2b"), [("fail", "pass", "resolved")]),
        (("20261120T120000Z-daily-1a2b", "latest"), [("pass", "fail", "new")]),
        (("140000Z-daily", "daily"), [("fail", "pass", "resolved")]),
        (("reports/2026-11-20/120000Z-daily.json", "130000Z-daily"), [("pass", "warn", "new")]),
        (("reports/2026-11-20/120000Z-daily.html", "130000Z-daily"), [("pass", "warn", "new")]),
    ],
)
def test_diff_takes_runs_files_procedures_and_words(run, words, expected):
    code, out, err = run("diff", *words, "--json")
    assert (code, err) == (0, "")
    assert whats(out) == expected


def test_diff_says_since_when_from_the_runs_between(run):
    told = json.loads(run("diff", "120000Z-daily", "140000Z-daily", "--json")[1])
    assert told["changes"][0]["first_seen"] == "2026-11-20T13:00:00Z"
    code, out, _ = run("diff", "130000Z-daily", "140000Z-daily")
    assert code == 0
    for part in (
        "health/daily",
        "worse",
        "persisting",
        "fail (worse)",
        "a.b",
        "it is fail",
        "2026-11-20T13:00:00Z",
    ):
        assert part in out


def test_diff_of_nothing_but_its_name_is_the_newest_run_against_the_one_before(run, reports):
    keep(reports, NOON + timedelta(hours=5), "cost/other", "warn")
    assert whats(run("diff", "--json")[1]) == [("pass", "warn", "new")]
    keep(reports, NOON + timedelta(hours=6), "cost/other", "pass")
    keep(reports, NOON + timedelta(hours=7), "cost/other", "pass")
    assert "all well before and after" in run("diff")[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("open", "dayly"), "Did you mean daily?"),
        (("open", "cost/daily"), "There is no run 'cost/daily'"),
        (("open", "../../etc/passwd"), "There is no run"),
        (("open", "\x1b[31mred"), "There is no run 'red'"),
        (("diff", "daily", "other"), "cannot be compared"),
        (("diff", "previous", "previous"), "needs a run"),
        (("diff", "previous", "120000Z-daily"), "before 20261120T120000Z-daily"),
        (("diff", "a", "b", "c"), "unexpected extra argument"),
        (("list", "--verdict", "good"), "'good' is none of pass"),
        (("list", "-n", "-1"), "--limit"),
        (("prune",), "--keep"),
        (("prune", "--keep", "90"), "'90' is not a duration"),
        (("prune", "--keep", "0d", "--yes"), "'0d' is not a duration"),
        (("prune", "--keep", "999999w", "--yes"), "than there are dates"),
        (("nothing",), "No such command"),
    ],
)
def test_wrong_usage_is_a_line_or_two_exit_64_and_changes_nothing(run, reports, arguments, said):
    before = sorted(reports.rglob("*"))
    code, out, err = run(*arguments)
    assert (code, out) == (64, "")
    assert said in err
    assert err.count("\n") <= 2
    assert sorted(reports.rglob("*")) == before


def test_a_file_that_is_no_result_and_a_folder_without_reports_are_errors(run, reports, tmp_path):
    (tmp_path / "odd.json").write_text("{")
    code, _, err = run("diff", "odd.json", "daily")
    assert (code, "odd.json is not a result" in err) == (2, True)
    code, _, err = run("open", "--reports", str(tmp_path / "nowhere"))
    assert (code, "runbook run NAME" in err) == (2, True)
    code, _, err = run("prune", "--keep", "1d", "--yes", "--reports", str(tmp_path / "nowhere"))
    assert (code, "no reports folder" in err) == (2, True)
    assert not (tmp_path / "nowhere").exists()
    assert run("open", "latest", "--reports", str(tmp_path / "nowhere"))[0] == 64


def test_prune_says_what_it_would_delete_and_deletes_nothing(run, reports):
    keep(reports, TODAY - timedelta(days=100), "health/daily", "pass")
    keep(reports, TODAY - timedelta(days=91), "health/daily", "pass")
    keep(reports, TODAY - timedelta(days=1), "health/daily", "pass")
    for each in (reports / "2026-11-20").iterdir():
        each.unlink()
    before = {path: path.stat().st_mtime_ns for path in reports.rglob("*")}
    code, out, err = run("prune", "--keep", "90d")
    assert (code, err) == (0, "")
    oldest, newest = (f"{TODAY - timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}" for days in (100, 91))
    assert f"Would delete 2 runs (6 files, 0.0 MB), the oldest of {oldest}, the newest of {newest}." in out
    assert "--yes" in out
    told = json.loads(run("prune", "--keep", "90d", "--json")[1])
    assert (told["deleted"], told["runs"], told["files"], told["oldest"]) == (False, 2, 6, oldest)
    assert {path: path.stat().st_mtime_ns for path in reports.rglob("*")} == before


def test_prune_with_yes_deletes_just_that_and_mends_the_index(run, reports):
    old = keep(reports, TODAY - timedelta(days=100), "health/daily", "pass")
    new = keep(reports, TODAY - timedelta(days=1), "health/daily", "pass")
    journal = reports / "journal" / "old.jsonl"
    journal.parent.mkdir()
    journal.write_text("{}")
    for each in (reports / "2026-11-20").iterdir():
        each.unlink()
    code, out, err = run("prune", "--keep", "90d", "--yes")
    assert code == 0
    assert err.startswith("Deleting 1 run (3 files, ")
    assert out.startswith("Deleted 1 run (3 files, ")
    left = [each["run_id"] for each in json.loads(run("list", "--json")[1])]
    assert left == [new]
    assert old not in (reports / "index.json").read_text()
    assert journal.is_file()
    assert (reports / "latest" / "other.html").is_file()
    assert run("prune", "--keep", "90d", "--yes")[1] == "No run is older than 90d.\n"


def test_help_of_each_names_what_it_does(run):
    for command, said in (
        ("open", "--print"),
        ("list", "--verdict"),
        ("diff", "previous"),
        ("prune", "--yes"),
    ):
        code, out, _ = run(command, "--help")
        assert (code, said in out) == (0, True)
