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
