"""The papermill engine's own parts; whole runs are in test_runner.py."""

import subprocess
import sys
from types import SimpleNamespace

import nbformat
import pytest
from papermill.engines import papermill_engines

from ons_runbook.headless import engine
from ons_runbook.headless.executed import Limits


def test_papermill_knows_the_engine_by_name():
    assert papermill_engines.get_engine("runbook") is engine._Engine


def test_the_grammar_that_is_left_out_stays_importable_afterwards():
    code = (
        "import sys, ons_runbook.headless.engine as e; assert 'rfc3987_syntax' not in sys.modules; "
        "import importlib.util as u; assert u.find_spec('rfc3987_syntax') is not None"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize(
    ("limits", "least", "most"),
    [
        (Limits(cell=5, run=100), 5, 5),
        (Limits(cell=50, run=10), 9, 10),
        (Limits(cell=0, run=10), 9, 10),
        (Limits(cell=5, run=0), 5, 5),
    ],
)
def test_a_cell_may_take_its_own_time_or_what_is_left_of_the_runs(limits, least, most):
    left = engine._Watch(limits, print).seconds_left(None)
    assert least <= left <= most


def test_no_limit_is_none_and_a_run_that_is_over_leaves_hardly_anything():
    assert engine._Watch(Limits(cell=0, run=0), print).seconds_left(None) is None
    # nbclient reads 0 as no limit at all.
    assert 0 < engine._Watch(Limits(cell=5, run=1e-9), print).seconds_left(None) < 0.1


def test_progress_counts_code_cells_and_leaves_out_the_injected_one():
    kinds = ["markdown", "code", "code", "markdown", "code"]
    cells = [
        {"cell_type": kind, "source": f"## part {n}", "metadata": {"tags": []}}
        for n, kind in enumerate(kinds)
    ]
    cells[2]["metadata"]["tags"] = ["injected-parameters"]
    heard: list[str] = []
    begun: list[int] = []
    manager = SimpleNamespace(
        nb=SimpleNamespace(cells=cells), cell_start=lambda cell, index: begun.append(index)
    )
    watch = engine._Watch(Limits(), heard.append)
    watch.follow(manager)
    for index, cell in enumerate(cells):
        manager.cell_start(cell, index)
    assert heard == ["cell 1/2  part 0", "cell 2/2  part 3"]
    assert begun == [0, 1, 2, 3, 4]
    assert watch.running == 4


def test_what_a_cell_prints_beyond_the_limit_is_dropped_as_it_arrives():
    cell = nbformat.v4.new_code_cell("print")
    notebook = nbformat.v4.new_notebook(cells=[cell])
    client = engine._Client(SimpleNamespace(nb=notebook, autosave_cell=lambda: None))
    client.clear_before_next_output = False  # nbclient sets it as a cell begins
    megabyte = "x" * 1_000_000

    def arrives(text: str, cell_index: int) -> None:
        content = {"name": "stdout", "text": text}
        message = {"header": {"msg_type": "stream"}, "msg_type": "stream", "content": content}
        client.process_message(message | {"parent_header": {}}, cell, cell_index)

    for _ in range(6):
        arrives(megabyte, 0)
    kept = "".join(output["text"] for output in cell.outputs)
    assert engine.STREAM_LIMIT - engine.EDGE <= len(kept) < engine.STREAM_LIMIT + 100
    assert kept.count("the rest was dropped") == 1
    arrives("another cell may print again", 1)
    assert cell.outputs[-1]["text"] == "another cell may print again"
