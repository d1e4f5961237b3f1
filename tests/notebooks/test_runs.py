"""Every notebook, found by glob, really runs on a sandbox: under nbval, headless, and under papermill."""

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from ons_runbook.result import RESULT_MIME, Result

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "notebooks"
BIN = Path(sys.executable).parent
ALL = sorted(p for p in NOTEBOOKS.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)
PROCEDURES = [p for p in ALL if p.name != "index.ipynb"]
CATALOGUED = [p for p in PROCEDURES if not p.name.startswith("_")]


def name(path: Path) -> str:
    return path.relative_to(NOTEBOOKS).with_suffix("").as_posix()


def run(*command: str, sandbox, reports: Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BIN / command[0]), *command[1:]],
        env={**os.environ, **sandbox.env(), "RUNBOOK_REPORTS": str(reports)},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def result_in(path: Path) -> Result:
    cells = nbformat.read(path, as_version=4).cells
    documents = [
        o.data[RESULT_MIME] for c in cells for o in c.get("outputs", []) if RESULT_MIME in o.get("data", {})
    ]
    return Result.model_validate(documents[-1])


@pytest.mark.parametrize("path", ALL, ids=name)
def test_stored_outputs_that_must_not_change_do_not_change(path, sandbox, tmp_path):
    command = ("pytest", "--nbval-lax", "-p", "no:cacheprovider", "-q", "-n", "0", str(path))
    done = run(*command, sandbox=sandbox, reports=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", CATALOGUED, ids=name)
def test_headless_it_passes_on_the_healthy_sandbox_and_leaves_three_files(path, sandbox, tmp_path):
    done = run(
        "runbook", "run", name(path), "--reports", str(tmp_path), "--json", sandbox=sandbox, reports=tmp_path
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = next(tmp_path.glob("20*-*-*/*.html"))
    assert report.with_suffix(".ipynb").exists()
    result = Result.model_validate_json(report.with_suffix(".json").read_text())
    assert result.procedure == name(path)
    # What a procedure would change is there until it is approved: a warning, and no more than that.
    proposed = result.plan is not None and result.plan.status == "proposed"
    assert {c.verdict.value for c in result.checks} <= ({"pass", "warn"} if proposed else {"pass"})
    assert result.checks
    json.loads(done.stdout)


@pytest.mark.parametrize("path", PROCEDURES, ids=name)
def test_plain_papermill_gives_the_same_verdicts(path, sandbox, tmp_path):
    out = tmp_path / "out.ipynb"
    done = run("papermill", str(path), str(out), sandbox=sandbox, reports=tmp_path, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert result_in(out).verdict == result_in(path).verdict
    assert [c.name for c in result_in(out).checks] == [c.name for c in result_in(path).checks]
