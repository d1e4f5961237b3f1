"""environment.yml, pyproject.toml and requirements.lock name the same packages: one list is the truth."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]

# The few packages that conda-forge publishes under another name.
CONDA_TO_PYPI = {"python-duckdb": "duckdb", "bleach-with-css": "bleach"}


def declared() -> dict[str, SpecifierSet]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *chain.from_iterable(project["optional-dependencies"].values())]
    return {canonicalize_name(r.name): r.specifier for r in map(Requirement, lines)}


def in_conda() -> dict[str, SpecifierSet]:
    entries = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    pip = next(entry["pip"] for entry in entries if isinstance(entry, dict))
    lines = [e for e in entries if isinstance(e, str)] + [e for e in pip if not e.startswith("--")]
    found = {canonicalize_name(r.name): r.specifier for r in map(Requirement, lines)}
    found = {CONDA_TO_PYPI.get(name, name): specifier for name, specifier in found.items()}
    return {name: specifier for name, specifier in found.items() if name not in {"python", "pip"}}


def locked() -> dict[str, str]:
    pins = re.findall(
        r"^([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?==(\S+)", (ROOT / "requirements.lock").read_text(), re.M
    )
    return {canonicalize_name(name): version for name, version in pins}


def test_conda_and_pip_users_get_the_same_packages_in_the_same_ranges():
    assert in_conda() == declared()


def test_the_lock_holds_a_version_inside_every_declared_range():
    pins = locked()
    outside = {n: pins.get(n) for n, spec in declared().items() if n not in pins or pins[n] not in spec}
    assert not outside


def test_emulators_are_pinned_exactly_because_their_mends_depend_on_it():
    assert {str(declared()[name]) for name in ("ministack", "moto")} == {"==1.5.33", "==5.2.5"}


def test_every_dependency_has_its_reason_on_record():
    record = (ROOT / "docs/decisions/0002-dependencies.md").read_text()
    assert [name for name in declared() if f"`{name}`" not in record] == []


def test_everything_the_library_and_the_sandbox_import_is_declared():
    imported = set()
    for path in (ROOT / "lib").rglob("*.py"):
        # Function sources run in Lambda, where their folder is on the path.
        here = {p.stem for p in (ROOT / "lib/ons_sandbox/platform/functions").rglob("*")}
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            imported |= {name.partition(".")[0] for name in names} - here
    imported -= {"ons_runbook", "ons_sandbox"} | set(sys.stdlib_module_names)
    distributions = packages_distributions()
    missing = {m for m in imported if not {canonicalize_name(d) for d in distributions[m]} & set(declared())}
    assert missing == set()


def test_the_lock_names_no_address_to_download_from():
    assert "://" not in (ROOT / "requirements.lock").read_text()
