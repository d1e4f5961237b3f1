"""A kernel of our own: this Python, private sockets, nothing left behind."""

import json
import os
import stat
import sys
from pathlib import Path

import pytest
from jupyter_core.utils import run_sync

from ons_runbook.headless.kernel import Kernel


def ask(kernel: Kernel, code: str) -> str:
    """What the kernel prints for a piece of code."""
    client = kernel.manager.client()
    client.start_channels()
    try:
        run_sync(client.wait_for_ready)(timeout=60)
        printed = []
        run_sync(client.execute_interactive)(code, timeout=60, output_hook=printed.append)
        return "".join(m["content"]["text"] for m in printed if m["header"]["msg_type"] == "stream")
    finally:
        client.stop_channels()


@pytest.fixture
def make(tmp_path):
    made = []

    def start(**changes: object) -> Kernel:
        settings = {"environment": {**os.environ, "HEARD": "yes"}, "cwd": tmp_path}
        kernel = Kernel(**(settings | changes))
        made.append(kernel)
        kernel.start()
        return kernel

    yield start
    for kernel in made:
        kernel.stop()


def test_it_is_this_python_whatever_the_user_calls_python3(make, tmp_path, monkeypatch):
    spec = tmp_path / "jupyter" / "kernels" / "python3"
    spec.mkdir(parents=True)
    foreign = {"argv": ["/bin/false", "{connection_file}"], "display_name": "another", "language": "python"}
    (spec / "kernel.json").write_text(json.dumps(foreign))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    code = "import os, sys; print(sys.executable, os.environ['HEARD'], os.getcwd())"
    assert ask(make(), code).split() == [sys.executable, "yes", str(tmp_path)]


def test_nobody_else_can_reach_it_and_nothing_of_it_stays(make):
    kernel = make()
    ask(kernel, "1")
    folder = Path(kernel.manager.connection_file).parent
    assert stat.S_IMODE(folder.stat().st_mode) & 0o077 == 0
    assert any(path.is_socket() for path in folder.iterdir())
    pid = kernel.pid
    kernel.stop()
    assert kernel.pid is None
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    kernel.stop()


def test_modules_are_there_before_the_first_cell_and_a_missing_one_is_the_notebooks_own_error(make):
    kernel = make(preload=("colorsys", "no_such_module_at_all"))
    assert ask(kernel, "import sys; print('colorsys' in sys.modules)") == "True\n"


def test_a_file_in_its_folder_shadows_nothing_while_it_starts(make, tmp_path):
    (tmp_path / "colorsys.py").write_text("raise SystemExit('shadowed')")
    kernel = make(preload=("colorsys",))
    assert "shadowed" not in ask(kernel, "import colorsys; print(colorsys.__file__)")


def test_a_folder_with_a_very_long_name_does_not_matter(make, tmp_path):
    deep = tmp_path / ("d" * 120) / ("e" * 120)
    deep.mkdir(parents=True)
    assert ask(make(cwd=deep), "print(1)") == "1\n"
