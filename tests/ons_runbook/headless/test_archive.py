"""The reports folder: nothing overwritten, nothing half there."""

import json
import multiprocessing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ons_runbook.errors import RunbookError
from ons_runbook.headless import archive

STARTED = datetime(2026, 11, 23, 4, 15, 30, tzinfo=UTC)


def contents(text: str) -> dict[str, str]:
    return {".html": f"<p>{text}", ".ipynb": "{}", ".json": json.dumps(text)}


def keep(reports: Path, text: str) -> archive.Kept:
    with archive.locked(reports):
        return archive.keep(reports, STARTED, "daily", contents(text))


def names(folder: Path) -> list[str]:
    return sorted(
        p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and p.name[0] != "."
    )


def test_a_run_is_named_by_its_utc_start_and_is_the_latest(tmp_path):
    kept = keep(tmp_path, "one")
    assert kept.html == tmp_path / "2026-11-23" / "041530Z-daily.html"
    day = [f"2026-11-23/041530Z-daily{suffix}" for suffix in (".html", ".ipynb", ".json")]
    latest = [f"latest/daily{suffix}" for suffix in (".html", ".ipynb", ".json")]
    assert names(tmp_path) == day + latest


def test_no_report_overwrites_another(tmp_path):
    kept = [keep(tmp_path, text) for text in ("one", "two", "three")]
    assert [k.json.name for k in kept] == [
        "041530Z-daily.json",
        "041530Z-daily-2.json",
        "041530Z-daily-3.json",
    ]
    assert [json.loads(k.json.read_text()) for k in kept] == ["one", "two", "three"]
    assert json.loads((tmp_path / "latest" / "daily.json").read_text()) == "three"


def test_a_name_is_taken_when_any_of_its_files_is_there(tmp_path):
    (tmp_path / "2026-11-23").mkdir()
    stray = tmp_path / "2026-11-23" / "041530Z-daily.html"
    stray.write_text("left by a killed run")
    assert keep(tmp_path, "one").html.name == "041530Z-daily-2.html"
    assert stray.read_text() == "left by a killed run"


def test_a_file_that_cannot_be_written_leaves_the_old_one_and_no_other(tmp_path, monkeypatch):
    keep(tmp_path, "one")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archive.os, "fsync", full)
    before = names(tmp_path)
    with pytest.raises(OSError, match="No space"):
        keep(tmp_path, "two")
    assert names(tmp_path) == before
    assert json.loads((tmp_path / "latest" / "daily.json").read_text()) == "one"
    assert not list(tmp_path.glob(".writing-*"))


def test_what_a_killed_run_was_writing_is_cleared_away_by_the_next(tmp_path):
    half = tmp_path / ".writing-abc"
    half.mkdir()
    (half / "041530Z-daily.html").write_text("<p>half")
    keep(tmp_path, "one")
    assert not half.exists()


def test_text_that_is_no_unicode_is_kept_escaped(tmp_path):
    assert "\\udc80" in keep(tmp_path, "a\udc80").html.read_text()


def test_a_folder_that_cannot_be_made_is_named_with_the_way_out(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunbookError, match=r"file/reports.*--reports"):
        keep(tmp_path / "file" / "reports", "one")


def test_a_lock_that_is_held_too_long_is_an_error_and_not_a_wait_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "LOCK_SECONDS", 0.05)
    with archive.locked(tmp_path), pytest.raises(RunbookError, match="held by another run"):  # noqa: SIM117
        with archive.locked(tmp_path):
            pass


def _keep_many(reports: Path, who: int) -> None:
    for n in range(10):
        keep(reports, f"{who}-{n}")


def test_runs_at_the_same_second_in_several_processes_all_keep_their_own(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=_keep_many, args=(tmp_path, who)) for who in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    texts = sorted(json.loads(path.read_text()) for path in (tmp_path / "2026-11-23").glob("*.json"))
    assert texts == sorted(f"{who}-{n}" for who in range(3) for n in range(10))


def started(moment: str) -> dict[str, str]:
    return {".html": moment, ".ipynb": "{}", ".json": json.dumps({"started": moment})}


def test_an_older_run_that_ends_later_does_not_become_the_latest(tmp_path):
    newer, older = "2026-11-23T04:20:00Z", "2026-11-23T04:15:30Z"
    with archive.locked(tmp_path):
        archive.keep(tmp_path, STARTED.replace(minute=20, second=0), "daily", started(newer))
        archive.keep(tmp_path, STARTED, "daily", started(older))
        assert (tmp_path / "latest" / "daily.html").read_text() == newer
        assert json.loads((tmp_path / "latest" / "daily.json").read_text()) == {"started": newer}
        assert len(list((tmp_path / "2026-11-23").glob("*.html"))) == 2
        newest = "2026-11-23T01:30:00-03:00"  # 04:30 UTC, though it looks smaller
        archive.keep(tmp_path, STARTED.replace(minute=30), "daily", started(newest))
    assert (tmp_path / "latest" / "daily.html").read_text() == newest


@pytest.mark.parametrize("text", ["", "{", "[]", "\xff", '{"started": 7}', '{"started": "2999-01-01"}'])
def test_a_latest_that_says_no_time_gives_way(tmp_path, text):
    (tmp_path / "latest").mkdir()
    (tmp_path / "latest" / "daily.json").write_text(text, encoding="latin-1")
    keep(tmp_path, "one")
    assert (tmp_path / "latest" / "daily.html").read_text() == "<p>one"


def folder_of_runs(reports: Path) -> Path:
    """Two runs of August, one half deleted, one of today, and everything that is none."""
    with archive.locked(reports):
        for started in (STARTED.replace(month=8), STARTED.replace(month=8, day=24), STARTED):
            archive.keep(reports, started, "daily", contents("1234"))
        (reports / "2026-08-24" / "041530Z-daily.json").unlink()
    others = [
        "README.md",
        "index.html",
        "postmortem-2026-08-23.html",
        "journal/2026-08-23/041530Z-daily.json",
        "postmortems/2026-08-23/041530Z-daily.json",
        "2026-08-23/041530Z-postmortem.html",
        "2026-08-23/041530Z-journal-2.json",
        "2026-08-23/notes.html",
        "2026-08-23/041530Z-daily.txt",
        "2026-08-23/996130Z-daily.html",
        "2026-08-23/deeper/041530Z-daily.html",
        "2026-13-45/041530Z-daily.html",
        "2026-08/041530Z-daily.html",
    ]
    for other in others:
        (reports / other).parent.mkdir(parents=True, exist_ok=True)
        (reports / other).write_text("keep me")
    elsewhere = reports / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "041530Z-daily.html").write_text("keep me")
    (reports / "2026-08-20").symlink_to(elsewhere)
    (reports / "2026-08-21").mkdir()
    (reports / "2026-08-21" / "041530Z-daily.html").symlink_to(elsewhere / "041530Z-daily.html")
    return reports


def test_what_may_be_pruned_are_runs_older_than_that_oldest_first_and_nothing_else(tmp_path):
    found = archive.dated(folder_of_runs(tmp_path), STARTED.replace(month=9))
    assert [(f"{run.started:%m-%d %H:%M:%S}", len(run.files)) for run in found] == [
        ("08-23 04:15:30", 3),
        ("08-24 04:15:30", 2),
    ]
    assert found[0].bytes == sum(len(text) for text in contents("1234").values())
    assert found[0].files[0].suffix == ".json"
    assert archive.dated(tmp_path / "nowhere", STARTED) == []


def test_the_moment_itself_is_kept(tmp_path):
    keep(tmp_path, "one")
    assert archive.dated(tmp_path, STARTED) == []
    assert len(archive.dated(tmp_path, STARTED.replace(second=31))) == 1


def test_pruning_deletes_those_files_and_empty_days_only(tmp_path):
    runs = archive.dated(folder_of_runs(tmp_path), STARTED.replace(month=9))
    before, doomed = (
        set(names(tmp_path)),
        {path.relative_to(tmp_path).as_posix() for r in runs for path in r.files},
    )
    with archive.locked(tmp_path):
        archive.prune(runs)
    assert len(doomed) == 5
    assert set(names(tmp_path)) == before - doomed
    assert not (tmp_path / "2026-08-24").exists()
    assert (tmp_path / "latest" / "daily.html").is_file()


def test_what_cannot_be_deleted_is_named(tmp_path, monkeypatch):
    keep(tmp_path, "one")
    runs = archive.dated(tmp_path, STARTED.replace(hour=5))

    def refused(path: Path, **_: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "unlink", refused)
    with pytest.raises(RunbookError, match=r"041530Z-daily.json cannot be deleted: Permission denied"):
        archive.prune(runs)


def test_of_two_runs_that_started_in_one_second_the_one_that_ended_last_is_the_latest(tmp_path):
    same = started("2026-11-23T04:15:30Z")
    with archive.locked(tmp_path):
        archive.keep(tmp_path, STARTED, "daily", same)
        archive.keep(tmp_path, STARTED, "daily", same | {".html": "the second"})
    assert (tmp_path / "latest" / "daily.html").read_text() == "the second"
