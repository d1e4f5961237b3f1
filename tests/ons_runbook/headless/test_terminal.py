"""Runs as they look in a terminal."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ons_runbook.headless import archive, terminal
from ons_runbook.headless.runner import Run
from ons_runbook.result import Result

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ATTACK = "\x1b]0;owned\x07\x1b[31m[bold red]x[/] \u202egnp"


def made(folder: Path, *verdicts: str, **changes: object) -> Run:
    checks = [
        {"name": f"c{n}", "verdict": v, "observed": "same", "expected": "e"} for n, v in enumerate(verdicts)
    ]
    fields = {"procedure": "a/b", "platform": "p", "run_id": "r", "started": NOON, "finished": NOON}
    contact = [{"role": "Operations", "slack": "#ops"}]
    result = Result(**(fields | {"verdict": "pass", "checks": checks, "whom_to_tell": contact} | changes))
    return Run(
        result, archive.Kept(folder / "r.html", folder / "r.ipynb", folder / "r.json"), folder / "index.html"
    )


def test_all_well_is_a_table_and_a_line(tmp_path, capsys):
    terminal.show_run(made(tmp_path, "pass", "pass"))
    out = capsys.readouterr().out
    assert "✓ pass" in out
    assert "PASS: all 2 pass   (a/b on p)" in out
    assert "tell" not in out
    assert f"report  {tmp_path / 'r.html'}" in out


def test_what_is_bad_says_once_what_to_do_and_whom_to_tell(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = made(tmp_path, "unknown", "pass", "unknown", "fail", verdict="fail")
    run.result.checks[0].hint = "Look at it."
    terminal.show_run(run)
    out = capsys.readouterr().out
    assert "FAIL: 1 of 4 pass" in out
    assert "unknown c0, c2\n    next  Look at it.\n" in out
    assert out.index("fail    c3") < out.index("unknown c0")
    assert "tell  Operations: #ops" in out
    assert "report  r.html\nindex   index.html" in out


@pytest.mark.parametrize("field", ["observed", "name", "hint"])
def test_nothing_that_was_observed_is_obeyed(tmp_path, capsys, field):
    run = made(tmp_path, "fail", verdict="fail", platform=ATTACK)
    setattr(run.result.checks[0], field, ATTACK)
    terminal.show_run(run)
    out = capsys.readouterr().out
    assert not any(sign in out for sign in ("\x1b", "\x07", "\u202e"))
    assert "[bold red]x[/]" in out


def test_every_verdict_has_an_exit_code():
    assert terminal.EXIT_CODES == {"pass": 0, "warn": 0, "fail": 1, "unknown": 2, "error": 2}
