"""Execute every notebook in place against the running sandbox, as `make notebooks` does before a commit.

Only what a reader needs is kept: no timings, no paths, no trace of who ran it.
"""

import os
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def refresh(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(path.parent)}}).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    notebook.metadata = METADATA
    nbformat.write(notebook, path)


if __name__ == "__main__":
    # What was changed from this machine is nobody else's business.
    os.environ["RUNBOOK_REPORTS"] = tempfile.mkdtemp()
    chosen = [Path(name) for name in sys.argv[1:]] or sorted((ROOT / "notebooks").rglob("*.ipynb"))
    for found in chosen:
        if ".ipynb_checkpoints" not in found.parts:
            print(found.relative_to(ROOT) if found.is_absolute() else found, flush=True)
            refresh(found)
