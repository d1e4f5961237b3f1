"""What the README says is held to what there is: procedures, commands, files, make targets."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from ons_runbook.headless import catalogue, terminal

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
RUNBOOK = str(Path(sys.executable).parent / "runbook")


def symptoms() -> dict[str, str]:
    table = README.split("| you see | run |")[1].split("\n\n")[0]
    return dict(re.findall(r"^\| ([^|-][^|]*?) \| `([^`]+)` \|$", table, re.M))


def test_every_procedure_has_a_symptom_and_every_symptom_a_procedure():
    known = {procedure.name for procedure in catalogue.procedures(ROOT)}
    assert set(symptoms().values()) == known


def test_every_command_it_shows_exists():
    shown = set(re.findall(r"^runbook (\w+)", README, re.M))
    usage = subprocess.run([RUNBOOK, "--help"], capture_output=True, text=True, check=True).stdout
    assert shown >= {"list", "help", "run", "sandbox", "doctor", "lab"}
    assert [name for name in shown if not re.search(rf"\b{name}\b", usage)] == []


@pytest.mark.parametrize("target", re.findall(r"\]\((?!http)([^)#]+)\)", README))
def test_every_file_it_links_to_is_there(target):
    assert (ROOT / target).exists()


def test_every_make_target_it_names_is_there():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"\bmake ([a-z]+)\b", README)) - {"it"} <= targets


def test_exit_codes_are_those_of_the_command():
    assert "Exit codes: 0 pass or warn · 1 fail · 2 unknown or error · 64 usage" in README
    assert terminal.EXIT_CODES == {"pass": 0, "warn": 0, "fail": 1, "unknown": 2, "error": 2}
