"""The folder of a sandbox: what a server publishes there, and what is made of what lies in it."""

import os
import stat
from pathlib import Path

import pytest

from ons_sandbox.home import Home, Record


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_what_a_server_publishes_can_be_read_again(home: Home) -> None:
    record = Record.of_this_process(4566, 8086, 7)
    home.write(record)
    assert home.read() == record
    assert record.alive
    for name in ("state.json", "env"):
        assert stat.S_IMODE((home.path / name).stat().st_mode) == 0o600
    assert sorted(file.name for file in home.path.iterdir()) == ["env", "state.json"]


@pytest.mark.parametrize("text", ["", "[]", "3", '{"pid": 1}', '{"pid": 1, "bor'])
def test_a_state_file_of_something_else_reads_as_none(home: Home, text: str) -> None:
    (home.path / "state.json").write_text(text)
    assert home.read() is None


def test_a_server_takes_back_only_what_it_published_itself(home: Home) -> None:
    home.write(Record.of_this_process(4566, 8086, 7))
    home.forget(os.getpid() + 1)
    assert home.read() is not None
    home.forget(os.getpid())
    assert list(home.path.iterdir()) == []


def test_a_new_server_finds_empty_folders_and_the_old_log_is_kept(home: Home) -> None:
    home.log.write_text("famous last words\n")
    (home.path / "state").mkdir()
    (home.path / "state" / "leftover").touch()
    home.prepare()
    assert list((home.path / "state").iterdir()) == list((home.path / "tmp").iterdir()) == []
    assert (home.path / "server.log.1").read_text() == "famous last words\n"
    assert home.last_words() == "(no log was written)"


def test_the_last_words_are_the_end_of_the_log(home: Home) -> None:
    home.log.write_text("".join(f"line {number}\n" for number in range(100)))
    assert home.last_words(2) == "line 98\nline 99"
