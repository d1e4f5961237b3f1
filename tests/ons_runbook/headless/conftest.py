"""A project of its own for each headless test: notebooks and reports in a temporary folder."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

FIXTURES = Path(__file__).parents[2] / "notebooks_fixture"


def cell(kind: str, source: str, *tags: str) -> dict:
    body = {
        "cell_type": kind,
        "id": f"c{abs(hash(source)) % 10**8}",
        "metadata": {"tags": list(tags)},
        "source": source,
    }
    return body | ({"outputs": [], "execution_count": None} if kind == "code" else {})


def notebook(*cells: dict) -> str:
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return json.dumps({"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


class Project:
    """A project folder; `write` adds a notebook cell by cell, `copy` one of tests/notebooks_fixture."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.reports = root / "reports"
        (root / "notebooks").mkdir()
        (root / "notebooks" / "index.ipynb").write_text(notebook(cell("markdown", "# Way in")))

    def write(self, name: str, *cells: dict) -> Path:
        path = self.root / "notebooks" / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(notebook(*cells))
        return path

    def copy(self, *names: str) -> None:
        for name in names or [path.stem for path in FIXTURES.glob("*.ipynb")]:
            target = self.root / "notebooks" / "fixture" / f"{name}.ipynb"
            target.parent.mkdir(exist_ok=True)
            shutil.copy(FIXTURES / f"{name}.ipynb", target)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    made = Project(tmp_path)
    monkeypatch.setenv("RUNBOOK_HOME", str(tmp_path))
    return made


@pytest.fixture
def make_cell() -> Callable[..., dict]:
    return cell
