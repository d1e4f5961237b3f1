"""Every notebook, found by glob, keeps the cell contract of CONTRIBUTING.md."""

import ast
import re
from pathlib import Path

import nbformat
import pytest

from ons_runbook.headless import parameters

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "notebooks"
PROCEDURES = sorted(
    path
    for path in NOTEBOOKS.rglob("*.ipynb")
    if path.name != "index.ipynb" and ".ipynb_checkpoints" not in path.parts
)
HEAD_ROWS = {"When", "When not", "Reads or changes", "Minutes", "Permissions", "Whom to tell"}


def name(path: Path) -> str:
    return path.relative_to(NOTEBOOKS).with_suffix("").as_posix()


@pytest.fixture(params=PROCEDURES, ids=name)
def path(request):
    return request.param


@pytest.fixture
def notebook(path):
    return nbformat.read(path, as_version=4)


@pytest.fixture
def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def lines(cell) -> list[str]:
    return [line for line in cell.source.splitlines() if line.strip() and not line.strip().startswith("#")]


def calls_of(source: str, function: str) -> list[ast.Call]:
    nodes = ast.walk(ast.parse(source))
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    return [c for c in calls if getattr(c.func, "attr", getattr(c.func, "id", None)) == function]


def test_there_are_notebooks_to_hold_to_the_contract():
    assert "health/daily_health_check" in map(name, PROCEDURES)


def test_the_first_cell_says_when_what_it_may_do_and_whom_to_tell(notebook):
    head = notebook.cells[0]
    assert head.cell_type == "markdown"
    assert head.source.startswith("# ")
    rows = dict(re.findall(r"^\|\s*([^|]+?)\s*\|\s*(.+?)\s*\|$", head.source, re.M))
    assert rows.keys() >= HEAD_ROWS
    assert rows["Reads or changes"].split()[0].strip("*.,") in {"reads", "changes"}
    assert rows["Minutes"].split()[0].isdigit()


def test_parameters_are_three_to_eight_annotated_literals_with_help(code):
    tagged = [cell for cell in code if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1
    found = parameters.parse(tagged[0].source)
    assert 3 <= len(found) <= 8
    assert [p.name for p in found if not p.help] == []


def test_begin_names_the_notebook_and_is_given_every_parameter(path, code):
    begins = [call for cell in code for call in calls_of(cell.source, "begin")]
    assert len(begins) == 1
    assert ast.literal_eval(begins[0].args[0]) == name(path)
    declared = {
        p.name
        for cell in code
        if "parameters" in cell.metadata.get("tags", [])
        for p in parameters.parse(cell.source)
    }
    assert {keyword.arg for keyword in begins[0].keywords} == declared


def test_it_ends_with_finish(code):
    assert code[-1].source.strip() == "rb.finish()"


def test_the_work_is_in_the_library_not_in_the_cells(code):
    forbidden = (ast.FunctionDef, ast.ClassDef, ast.For, ast.While, ast.Try, ast.With)
    for cell in code:
        assert len(lines(cell)) <= 10, cell.source
        assert [node for node in ast.parse(cell.source).body if isinstance(node, forbidden)] == []
    assert sum(len(lines(cell)) for cell in code) <= 60


def test_prose_explains_each_answer(notebook, code):
    words = sum(len(cell.source.split()) for cell in notebook.cells if cell.cell_type == "markdown")
    assert words >= 4 * sum(len(lines(cell)) for cell in code)
    for before, cell in zip(notebook.cells, notebook.cells[1:], strict=False):
        if cell.cell_type == "code" and "rb.check(" in cell.source:
            assert before.cell_type == "markdown", f"nothing says how to read: {cell.source}"


def test_numbers_stand_in_outputs_not_in_prose(notebook):
    prose = [cell.source for cell in notebook.cells[1:] if cell.cell_type == "markdown"]
    text = re.sub(r"`[^`]*`|\(http[^)]*\)", "", "\n".join(prose))
    assert re.findall(r"\b\d+(?:\.\d+)?\s?(?:%|ms|s|min|minutes|hours|GB|MW)\b", text) == []


def test_it_is_committed_executed_in_order_and_without_errors(code):
    counts = [cell.execution_count for cell in code]
    assert counts == list(range(1, len(code) + 1))
    assert [o for cell in code for o in cell.outputs if o.output_type == "error"] == []
    assert any("nbval-check-output" in cell.metadata.get("tags", []) for cell in code)


def test_no_trace_of_the_machine_it_was_run_on(path):
    text = path.read_text()
    assert "/work/" not in text
    assert "/home/" not in text
    assert '"papermill"' not in text
