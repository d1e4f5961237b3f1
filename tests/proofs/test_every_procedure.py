"""Every notebook that changes something is held to the seven proofs: none is forgotten."""

from pathlib import Path

from ons_runbook.headless import catalogue

ROOT = Path(__file__).parents[2]
# Proven with every other procedure: each of their undos and resumes goes through it.
OF_ALL = {"maintenance/undo"}


def test_every_changing_procedure_has_its_proofs():
    changing = {p.name for p in catalogue.procedures(ROOT) if p.kind == "changes"}
    files = {path.stem.removeprefix("test_") for path in Path(__file__).parent.glob("test_*.py")}
    assert {name for name in changing - OF_ALL if name.rpartition("/")[2] not in files} == set()
