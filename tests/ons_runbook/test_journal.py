"""The journal tells the truth, and shows when somebody has changed it."""

import json
import os
import stat

import pytest

from ons_runbook import journal
from ons_runbook.errors import JournalError
from ons_runbook.journal import Journal

PLAN = {"id": "p-1", "procedure": "test/p", "platform": "sandbox", "actions": [], "follows": None}


@pytest.fixture
def where(tmp_path):
    return tmp_path / "journal"


def written(where, run="run-1", lines=3, status="applied", **plan):
    book = Journal(run, where)
    book.begin(plan={**PLAN, **plan}, owner="me@here", procedure="test/p")
    for number in range(lines):
        book.write("done", action=f"action {number}", state={"text": "line\u2028separators\nand more"})
    if status:
        book.write("ended", status=status)
    return book.path


def edit(path, change):
    lines = path.read_text().split("\n")[:-1]
    path.write_text("\n".join(change(lines)) + "\n")


def test_what_was_written_is_read_again(where):
    written(where)
    record = journal.read("run-1", where)
    assert [line["event"] for line in record.lines] == ["begun", "done", "done", "done", "ended"]
    assert record.problems == ()
    assert record.status == "applied"
    assert record.started.tzinfo is not None


def test_nobody_else_may_read_it(where):
    path = written(where)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(where.stat().st_mode) == 0o700


def test_a_journal_is_never_written_over(where):
    written(where)
    with pytest.raises(JournalError, match="already"):
        Journal("run-1", where).begin(plan=PLAN)


@pytest.mark.parametrize("name", ["", "../run", "a/b", ".hidden", "x" * 200])
def test_a_name_that_could_lead_elsewhere_is_refused(where, name):
    with pytest.raises(JournalError):
        Journal(name, where)
    with pytest.raises(JournalError):
        journal.read(name, where)


def changed_word(lines):
    return [lines[0], lines[1].replace("action 0", "action 9"), *lines[2:]]


def rehashed(lines):
    """The work of somebody who knows how it is chained, but not all of it."""
    line = json.loads(lines[1])
    return [lines[0], json.dumps(line | {"action": "other"}, sort_keys=True, ensure_ascii=False), *lines[2:]]


@pytest.mark.parametrize(
    "change",
    [
        changed_word,
        rehashed,
        lambda lines: lines[:-1],
        lambda lines: lines[:2],
        lambda lines: [lines[0], *lines[2:]],
        lambda lines: [lines[0], lines[2], lines[1], *lines[3:]],
        lambda lines: [*lines, lines[-1]],
        lambda lines: [lines[0].replace("me@here", "you@there"), *lines[1:]],
        lambda lines: [*lines[:2], "{", *lines[2:]],
        lambda lines: [*lines[:-1], lines[-1].replace("applied", "failed")],
    ],
)
def test_any_edit_is_found(where, change):
    path = written(where)
    assert journal.verify(where) == {"run-1": []}
    edit(path, change)
    assert journal.verify(where)["run-1"] != []


def test_a_journal_that_is_gone_is_missed(where):
    path = written(where)
    written(where, "run-2")
    path.unlink()
    assert "gone" in journal.verify(where)["run-1"][0]


def test_one_that_was_written_anew_is_not_what_its_follower_saw(where):
    path = written(where)
    written(where, "run-2")
    path.unlink()
    written(where, lines=1)
    assert any("not as it was" in said for said in journal.verify(where)["run-1"])


def test_a_last_line_that_was_not_finished_is_told_and_not_believed(where):
    path = written(where, status=None)
    with path.open("a") as stream:
        stream.write('{"event": "ended", "status": "app')
    record = journal.read("run-1", where)
    assert record.status == "broken off"
    assert len(record.lines) == 4
    assert "was killed while it wrote it" in record.problems[0]


def test_a_run_killed_between_a_line_and_its_head_was_not_edited(where):
    path = written(where, status=None)
    head = path.with_suffix(".head")
    before = head.read_text()
    book = Journal("run-1", where)
    book._lines, book._last = 4, journal.read("run-1", where).last
    book.write("ended", status="applied")
    head.write_text(before)
    assert journal.verify(where) == {"run-1": []}


def test_lines_are_on_disk_when_write_returns(where, monkeypatch):
    synced = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(descriptor) or real(descriptor))
    written(where, lines=2)
    assert len(synced) >= 4


def test_the_summary_says_what_became_of_each_run_and_who_took_it_back(where):
    written(where, "20260101T000000Z-a-1")
    written(where, "20260101T000001Z-b-1", status=None)
    written(where, "20260101T000002Z-undo-1", follows=["20260101T000000Z-a-1", "undo"])
    frame = journal.summary(journal.runs(where)).set_index("run")
    assert frame.loc["20260101T000000Z-a-1", "taken_back_by"] == "20260101T000002Z-undo-1"
    assert frame.loc["20260101T000001Z-b-1", "status"] == "broken off"
    assert frame.loc["20260101T000001Z-b-1", "changes"] == 3
    assert journal.summary([]).attrs["empty"]


def test_lines_are_a_table_with_times_in_utc(where):
    written(where)
    frame = journal.lines(journal.read("run-1", where))
    assert str(frame["time"].dtype) == "datetime64[ns, UTC]"
    assert list(frame["event"])[-1] == "ended"
