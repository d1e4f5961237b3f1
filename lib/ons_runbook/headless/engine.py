"""A papermill engine that runs a notebook in a kernel of ours, with deadlines, progress and bounded output.

https://papermill.readthedocs.io/en/latest/extending-entry-points.html (engines) and
https://nbclient.readthedocs.io/en/latest/client.html (timeouts, the client's traits)
"""

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ons_runbook.headless.executed import Failure, Limits, code_cell_number, is_injected, is_marker
from ons_runbook.headless.kernel import Kernel


@contextmanager
def _without_iri_grammar() -> Iterator[None]:
    # nbformat imports jsonschema, which builds a 1.3 s grammar for IRIs when this optional package is
    # there. No notebook schema has IRIs. jsonschema itself is made to do without.
    name = "rfc3987_syntax"
    hide = name not in sys.modules and "jsonschema" not in sys.modules
    if hide:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if hide:
            del sys.modules[name]


with _without_iri_grammar():
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from nbformat import NotebookNode
    from papermill.clientwrap import PapermillNotebookClient
    from papermill.engines import NBClientEngine, papermill_engines
    from papermill.exceptions import PapermillExecutionError

# What nbclient says about deadlines and dead kernels stands in the result; without a handler it goes
# nowhere else.
LOG = logging.getLogger(__name__)
LOG.addHandler(logging.NullHandler())

# What one cell may print before the rest is dropped: memory must not follow a loop that prints.
STREAM_LIMIT = 2_000_000
# A secret that lies across the edge would no longer look like one: this much before the edge goes as well.
EDGE = 1_000


class _Client(PapermillNotebookClient):
    """Drops what a cell prints beyond `STREAM_LIMIT`."""

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
        if msg["header"]["msg_type"] == "stream":
            printed: dict[int, int] = self.__dict__.setdefault("printed", {})
            before = printed.get(cell_index, 0)
            printed[cell_index] = before + len(msg["content"]["text"])
            if before > STREAM_LIMIT:
                return None
            if printed[cell_index] > STREAM_LIMIT:
                kept = msg["content"]["text"][: max(0, STREAM_LIMIT - before - EDGE)]
                msg["content"]["text"] = f"{kept}\n… [this cell printed more; the rest was dropped]\n"
        return super().process_message(msg, cell, cell_index)


class _Engine(NBClientEngine):
    """Runs in the kernel it is given instead of starting one, and leaves the notebook with the `Watch`."""

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: Any, kernel_name: str, *, kernel: Kernel, watch: "_Watch", **_: Any
    ) -> None:
        watch.follow(nb_man)
        client = _Client(
            nb_man,
            km=kernel.manager,
            kernel_name=kernel_name,
            timeout_func=watch.seconds_left,
            startup_timeout=60,
            iopub_timeout=30,
            log=LOG,
        )
        try:
            client.execute()
        finally:
            if client.kc is not None:
                client.kc.stop_channels()


papermill_engines.register("runbook", _Engine)


class _Watch:
    """Follows one execution: holds the notebook as far as it came, counts the time, says how far it is."""

    def __init__(self, limits: Limits, progress: Callable[[str], None]) -> None:
        self.notebook: NotebookNode | None = None
        self.running: int | None = None
        self._limits = limits
        self._progress = progress
        self._started = time.monotonic()

    def follow(self, nb_man: Any) -> None:
        """Hear when cells begin."""
        self.notebook = nb_man.nb
        begin = nb_man.cell_start

        def cell_start(cell: Any, cell_index: int | None = None, **kwargs: Any) -> None:
            self._begins(cell, cell_index)
            begin(cell, cell_index, **kwargs)

        nb_man.cell_start = cell_start

    def _begins(self, cell: Any, index: int | None) -> None:
        if self.notebook is None or index is None or cell["cell_type"] != "code":
            return
        self.running = index
        if is_injected(cell):
            return
        cells = self.notebook.cells
        total = code_cell_number(cells, len(cells) - 1)
        self._progress(f"cell {code_cell_number(cells, index)}/{total}  {_heading(cells, index)}".rstrip())

    def seconds_left(self, _: Any) -> float | None:
        """What the cell that begins now may take: nbclient's `timeout_func`; None is no limit."""
        limits = [self._limits.cell] if self._limits.cell else []
        if self._limits.run:
            # Never 0, which nbclient reads as no limit.
            limits.append(max(0.01, self._limits.run - (time.monotonic() - self._started)))
        return min(limits, default=None)


def _heading(cells: list[Any], index: int) -> str:
    for cell in reversed(cells[:index]):
        lines = cell["source"].splitlines() if cell["cell_type"] == "markdown" else []
        headings = [line.lstrip("# ").strip() for line in lines if line.startswith("#")]
        if headings:
            return headings[-1]
    return ""


def execute(
    path: Path,
    values: dict[str, Any],
    kernel: Kernel,
    limits: Limits,
    progress: Callable[[str], None],
) -> tuple[NotebookNode | None, Failure | None]:
    """Run every cell; the notebook as far as it came, and why it ended early if it did. Nothing is written.

    Args:
        path: the notebook's file.
        values: parameters to inject, already of their types.
        kernel: started; it is not stopped here.
        limits: seconds for a cell and for all.
        progress: called with one line as each code cell begins.
    """
    watch = _Watch(limits, progress)
    failure = None
    try:
        papermill.execute_notebook(
            # Papermill fills in braces in paths.
            str(path).replace("{", "{{").replace("}", "}}"),
            None,
            parameters=values,
            engine_name="runbook",
            kernel_name="python3",
            language="python",
            progress_bar=False,
            autosave_cell_every=0,
            kernel=kernel,
            watch=watch,
        )
    except PapermillExecutionError as error:
        failure = Failure(error.ename, error.evalue, _number(watch, error.cell_index))
    except CellTimeoutError:
        what = f"The cell did not end within {limits.cell:g} s, or the whole run not within {limits.run:g} s."
        failure = Failure("CellTimeout", what, _number(watch, watch.running))
    except DeadKernelError:
        failure = Failure("KernelDied", "The kernel died while this cell ran.", _number(watch, watch.running))
    except RuntimeError as error:
        # nbclient has no better name for a kernel that never answers.
        failure = Failure("KernelDied", f"The kernel did not start: {error}", None)
    return watch.notebook, failure


def _number(watch: _Watch, index: int | None) -> int | None:
    if watch.notebook is None or index is None:
        return None
    # The index is from before papermill put in its markers.
    cells = [c for c in watch.notebook.cells if not is_marker(c)]
    return code_cell_number(cells, index)
