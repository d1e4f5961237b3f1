"""Arrows only point downwards, and the sandbox and the library do not know each other."""

import ast
from pathlib import Path

import pytest

LIB = Path(__file__).parents[1] / "lib"

# From the top of the house to its foundation; a room may enter only the rooms on lines below its own.
FLOORS = [
    {"cli", "cli_journal", "cli_report", "cli_run", "cli_sandbox", "settings_page"},
    {"headless"},
    {"context"},
    {"charts", "proposal"},
    {"plan_view"},
    {"show"},
    {"aws", "influx"},
    {"plan"},
    {"journal"},
    {"checks", "result", "tables"},
    {"session", "web", "kernel", "prices"},
    {"guard", "failures", "calls", "pages"},
    {"platform", "window"},
    {"sources", "thresholds", "contacts", "checkout", "endpoints"},
    {"redaction", "errors"},
]


def modules(package: str) -> list[Path]:
    return sorted((LIB / package).rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Absolute dotted names that the module imports, wherever the statement stands."""
    package = path.relative_to(LIB).with_suffix("").parts[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            prefix = ".".join([*base, *([node.module] if node.module else [])])
            found |= {f"{prefix}.{alias.name}" for alias in node.names}
    return found


def room(dotted: str) -> str | None:
    parts = dotted.split(".")
    return parts[1] if parts[0] == "ons_runbook" and len(parts) > 1 else None


def floor(name: str) -> int:
    return next((level for level, rooms in enumerate(FLOORS) if name in rooms), -1)


@pytest.mark.parametrize("path", modules("ons_runbook"), ids=lambda p: str(p.relative_to(LIB)))
def test_a_room_of_the_library_enters_only_rooms_below(path):
    own = path.relative_to(LIB / "ons_runbook").parts[0].removesuffix(".py")
    if own == "__init__":
        return
    assert floor(own) >= 0, f"{own} has no floor: place it in FLOORS and in docs"
    entered = {r for r in map(room, imports(path)) if r and floor(r) >= 0 and r != own}
    above = {r for r in entered if floor(r) < floor(own)}
    assert not above, f"{own} reaches up to {above}"


@pytest.mark.parametrize("path", modules("ons_sandbox"), ids=lambda p: str(p.relative_to(LIB)))
def test_the_sandbox_knows_nothing_of_the_library(path):
    assert not {name for name in imports(path) if name.split(".")[0] == "ons_runbook"}


@pytest.mark.parametrize("path", modules("ons_runbook"), ids=lambda p: str(p.relative_to(LIB)))
def test_only_the_command_knows_the_sandbox(path):
    if path.name not in {"cli.py", "cli_sandbox.py"}:
        assert not {name for name in imports(path) if name.split(".")[0] == "ons_sandbox"}
