"""Deployment packages.

A handler is FILE.FUNCTION and its file lies at the package's root:
https://docs.aws.amazon.com/lambda/latest/dg/python-package.html
"""

import hashlib
import io
import zipfile
from datetime import UTC, datetime, timedelta

import pytest

from ons_sandbox.platform import names, packages, releases

FUNCTIONS = [function.name for function in names.FUNCTIONS]
NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)


def contents(package: packages.Package) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(package.content)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_has_six_or_more_versions_that_differ(function: str) -> None:
    made = packages.packages(function)
    assert len(made) >= 6
    assert len({package.content for package in made}) == len(made)
    assert len({package.number for package in made}) == len(made)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_newest_version_is_the_source_as_it_lies_there(function: str) -> None:
    source = (packages.FUNCTIONS / function / f"{function}.py").read_text(encoding="utf-8")
    assert contents(packages.packages(function)[-1])[f"{function}.py"] == source


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_package_holds_the_handler_its_change_log_and_what_it_shares(function: str) -> None:
    for package in packages.packages(function):
        files = contents(package)
        assert f'VERSION = "{package.number}"' in files[f"{function}.py"]
        assert files["CHANGELOG.md"].splitlines()[-1] == package.description
        shares = "from shared_utils import" in files[f"{function}.py"]
        assert ("shared_utils/__init__.py" in files) == shares
        assert not [name for name in files if "__pycache__" in name or name.endswith(".pyc")]


def test_the_same_files_make_the_same_bytes_at_any_time() -> None:
    first = packages.zipped({"b.py": "2", "a.py": "1"})
    second = packages.zipped({"a.py": "1", "b.py": "2"})
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert hashlib.sha256(first).hexdigest() == hashlib.sha256(second).hexdigest()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_version_has_a_date_and_they_follow_each_other(function: str) -> None:
    moments = releases.published(function, NOW)
    assert len(moments) == len(packages.packages(function))
    assert moments == sorted(set(moments))
    assert moments[-1] < NOW - timedelta(days=1)


def test_the_version_that_is_live_changes_when_one_is_published() -> None:
    moments = releases.published(names.RAG.name, NOW)
    last = len(moments)
    assert releases.live(names.RAG.name, moments[-1], NOW) == str(last)
    assert releases.live(names.RAG.name, moments[-1] - timedelta(seconds=1), NOW) == str(last - 1)
