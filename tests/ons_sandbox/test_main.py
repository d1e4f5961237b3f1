"""The server's entry: errors in the background are never silent, and arguments are checked."""

import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ons_sandbox import __main__ as entry


@pytest.fixture
def noted() -> Iterator[list[str]]:
    """What the status would show as problems."""
    notes: list[str] = []
    handler = entry._Problems(notes.append)
    entry.logger.addHandler(handler)
    yield notes
    entry.logger.removeHandler(handler)


def test_an_error_in_a_thread_is_noted_with_its_reason(
    noted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading, "excepthook", entry._log_thread_error)
    thread = threading.Thread(target=lambda: [][1], name="traffic")
    thread.start()
    thread.join()
    assert noted == ["in the thread traffic (IndexError: list index out of range)"]


def test_errors_of_every_module_are_noted_and_mere_news_are_not(noted: list[str]) -> None:
    logging.getLogger("ons_sandbox.platform.traffic").error("GET /health answered %s", 500)
    logging.getLogger("ons_sandbox.server").warning("it rains")
    assert noted == ["GET /health answered 500"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--now", "2026-11-23T03:00:00"], "--now needs a zone"),
        (["--now", "yesterday"], "invalid fromisoformat value"),
        (["--port", "http"], "invalid int value"),
    ],
)
def test_a_wrong_argument_is_named(tmp_path: Path, arguments: list[str], reason: str) -> None:
    command = [sys.executable, "-m", "ons_sandbox", "--home", str(tmp_path), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert reason in done.stderr
