"""The kernel of a headless run: this environment's Python, over IPC, importing while the runner imports.

Started before papermill is imported, and told which modules the notebook will want, the kernel has them
loaded when its first cell arrives. Run as a module this file is that process. How a kernel comes to be is
decided only here, so that another way (forking a process that has everything loaded) can take its place.

Kernels and their managers: https://jupyter-client.readthedocs.io/en/stable/kernels.html
"""

import contextlib
import importlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Kernel:
    """One kernel process: started by `start`, ended by `stop`, which also removes its sockets."""

    def __init__(self, *, environment: Mapping[str, str], cwd: Path, preload: tuple[str, ...] = ()) -> None:
        from jupyter_client.kernelspec import KernelSpec
        from jupyter_client.manager import AsyncKernelManager

        # Never the kernel spec named `python3`: a user's own spec of that name may lead to another Python.
        argv = [sys.executable, "-m", __name__, *preload, "-f", "{connection_file}"]

        class Manager(AsyncKernelManager):
            @property
            def kernel_spec(self) -> KernelSpec:
                return KernelSpec(argv=argv, display_name="Python 3", language="python")

        # Sockets in a folder that only this user can enter, instead of ports that everyone on the machine
        # can reach.
        self._folder = Path(tempfile.mkdtemp(prefix="runbook-"))
        self.manager: Any = Manager(
            transport="ipc",
            connection_file=str(self._folder / "k.json"),
            ip=str(self._folder / "k"),
            shutdown_wait_time=3.0,
        )
        self._environment = dict(environment)
        self._cwd = cwd

    def start(self) -> None:
        """Start the process and return at once, before it is ready."""
        from jupyter_core.utils import run_sync

        run_sync(self.manager.start_kernel)(env=self._environment, cwd=str(self._cwd))

    @property
    def pid(self) -> int | None:
        """The process id while there is one."""
        return self.manager.provisioner.pid if self.manager.has_kernel else None

    def stop(self, *, patiently: bool = False) -> None:
        """End the process: at once, or `patiently`, with three seconds for the cell to end cleanly."""
        from jupyter_core.utils import run_sync

        pid = self.pid
        try:
            if pid is not None:
                run_sync(self.manager.shutdown_kernel)(now=not patiently)
        finally:
            # Whatever went wrong above: nothing that this run started may outlive it.
            if pid is not None and self.pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)
            shutil.rmtree(self._folder, ignore_errors=True)


def _serve() -> None:
    """Be the kernel: import what the notebook will want, then answer."""
    # `-m` put the working folder first; IPython adds it again, last, so that it shadows nothing while
    # loading.
    if sys.path and sys.path[0] in ("", str(Path.cwd())):
        del sys.path[0]
    marker = sys.argv.index("-f")
    for name in sys.argv[1:marker]:
        # A module that cannot be imported must fail in the notebook's cell, where people see it.
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    sys.argv[1:marker] = []
    from ipykernel import kernelapp

    kernelapp.launch_new_instance()


if __name__ == "__main__":
    _serve()
