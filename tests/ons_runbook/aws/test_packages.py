"""Deployment packages.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: 50 MB zipped, 250 MB unzipped ·
https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT: times and modes stand in a zip
"""

import hashlib
import io
import os
import zipfile
from pathlib import Path

import pytest

from ons_runbook.aws import packages
from ons_runbook.errors import ChangeRefused

PYTHON = {"Runtime": "python3.11", "Handler": "app.handler"}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    made = tmp_path / "source"
    (made / "lib").mkdir(parents=True)
    (made / "app.py").write_text("def handler(event, context): ...\n")
    (made / "lib" / "a.py").write_text("A = 1\n")
    return made


def members(packed: bytes) -> list[zipfile.ZipInfo]:
    return zipfile.ZipFile(io.BytesIO(packed)).infolist()


def names(packed: bytes) -> list[str]:
    return [info.filename for info in members(packed)]


def test_the_same_files_make_the_same_bytes_on_every_machine(source):
    # Written down: another machine, and another release of a compressor, must come to the same.
    assert hashlib.sha256(packages.pack(source)).hexdigest() == (
        "ff273a4e29fed08917d2d7b7728944e1345a5e5ad717d9d21e393ef7dbae528c"
    )


def test_neither_times_nor_modes_nor_the_order_of_the_folder_matter(source, tmp_path):
    before = packages.pack(source)
    other = tmp_path / "other"
    (other / "lib").mkdir(parents=True)
    for name in ("lib/a.py", "app.py"):
        (other / name).write_bytes((source / name).read_bytes())
        (other / name).chmod(0o600)
        os.utime(other / name, (1, 1))
    assert packages.pack(other) == before
    assert names(before) == ["app.py", "lib/a.py"]
    assert {info.date_time for info in members(before)} == {(1980, 1, 1, 0, 0, 0)}
    # Lambda's user must be able to read each file, and to run a custom runtime's.
    assert {info.external_attr >> 16 for info in members(before)} == {0o100755}


def test_other_content_makes_another_hash(source):
    before = packages.pack(source)
    (source / "lib" / "a.py").write_text("A = 2\n")
    assert packages.pack(source) != before


@pytest.mark.parametrize(
    "name",
    [
        "tests/test_app.py",
        "lib/tests/data.csv",
        "app.pyc",
        "lib/__pycache__/notes.txt",
        ".env",
        ".git/HEAD",
    ],
)
def test_tests_compiled_and_hidden_files_are_left_out(source, name):
    before = packages.pack(source)
    (source / name).parent.mkdir(exist_ok=True)
    (source / name).write_text("x")
    assert packages.pack(source) == before


@pytest.mark.parametrize("name", ["latests/a.py", "test_tools.py", "a.pyc.py", "a.b.py"])
def test_what_is_only_called_like_it_is_kept(source, name):
    (source / name).parent.mkdir(exist_ok=True)
    (source / name).write_text("x")
    assert name in names(packages.pack(source))


def test_a_link_inside_is_followed(source):
    (source / "b.py").symlink_to("lib/a.py")
    (source / "copy").symlink_to("lib")
    packed = packages.pack(source)
    assert names(packed) == ["app.py", "b.py", "copy/a.py", "lib/a.py"]
    found = packages.contents(packed)
    assert found["b.py"] == found["copy/a.py"] == found["lib/a.py"]


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("../secret", r"The link x leads out of the folder, to .*/secret\."),
        ("/etc", r"The link x leads out of the folder, to /etc\."),
        ("../source-2", r"The link x leads out of the folder"),
        ("nowhere", r"The link x leads nowhere\."),
        ("x", r"The link x leads nowhere\."),
        (".", r"The link x leads back to a folder above it\."),
    ],
)
def test_a_link_outside_to_nowhere_or_to_itself_is_refused(source, target, says):
    (source.parent / "secret").write_text("x")
    (source.parent / "source-2").mkdir()
    (source / "x").symlink_to(target)
    with pytest.raises(ChangeRefused, match=says):
        packages.pack(source)


def test_a_link_back_from_further_down_is_refused(source):
    (source / "lib" / "again").symlink_to("..")
    with pytest.raises(ChangeRefused, match="lib/again leads back to a folder above it"):
        packages.pack(source)


def test_what_is_no_file_is_refused(source):
    os.mkfifo(source / "pipe")
    with pytest.raises(ChangeRefused, match="pipe is neither a file nor a folder"):
        packages.pack(source)


def test_a_name_that_no_zip_can_hold_is_refused(source):
    (source / os.fsdecode(b"\xff.py")).write_text("x")
    with pytest.raises(ChangeRefused, match="cannot be packed"):
        packages.pack(source)


def test_an_empty_folder_is_refused(tmp_path):
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").touch()
    with pytest.raises(ChangeRefused, match="There is nothing to package in"):
        packages.pack(tmp_path)


def test_over_250_mb_unzipped_is_refused_before_it_is_read(source):
    with (source / "large").open("wb") as file:
        file.truncate(packages.LARGEST_UNZIPPED - 1)
    with pytest.raises(
        ChangeRefused, match=r"The 3 files of .*: 250\.0 MB, and Lambda takes 250 MB unzipped"
    ):
        packages.pack(source)


def test_exactly_the_limit_is_taken(source, monkeypatch):
    size = sum(path.stat().st_size for path in packages.files(source).values())
    monkeypatch.setattr(packages, "LARGEST_UNZIPPED", size)
    packages.pack(source)
    monkeypatch.setattr(packages, "LARGEST_UNZIPPED", size - 1)
    with pytest.raises(ChangeRefused):
        packages.pack(source)


def test_over_50_mb_zipped_is_refused_and_what_can_be_compressed_below_is_not(source, monkeypatch):
    assert packages.LARGEST_UPLOAD == 50 * 1024 * 1024
    monkeypatch.setattr(packages, "LARGEST_UPLOAD", 2000)
    (source / "data").write_bytes(b"a" * 4000)
    packed = packages.pack(source)
    assert len(packed) < 2000
    assert packages.contents(packed)["data"][0] == 4000
    (source / "data").write_bytes(os.urandom(4000))
    with pytest.raises(ChangeRefused, match="zipped, for a direct upload"):
        packages.pack(source)


@pytest.mark.parametrize("handler", ["app.handler", "lib.a.handler", "lib/a.handler", "lib.handler"])
def test_the_handlers_module_is_looked_for(handler):
    found = ["app.py", "lib/a.py", "lib/__init__.py"]
    packages.check_handler(dict.fromkeys(found), {**PYTHON, "Handler": handler}, "x")


@pytest.mark.parametrize(
    ("configuration", "wanted"),
    [
        (
            {**PYTHON, "Handler": "api.handler"},
            r"has no api\.py, .* handler is api\.handler\..*It has app\.py",
        ),
        ({"Runtime": "nodejs22.x", "Handler": "app.handler"}, r"has no app\.js"),
    ],
)
def test_a_folder_without_it_is_refused(configuration, wanted):
    with pytest.raises(ChangeRefused, match=wanted):
        packages.check_handler({"app.py": None}, configuration, "src/x")


@pytest.mark.parametrize(
    "configuration",
    [
        {**PYTHON, "Handler": "api.handler", "Layers": [{"Arn": "arn:of:a:layer"}]},
        {"Runtime": "java21", "Handler": "example.Handler::handle"},
        {"Runtime": "provided.al2023", "Handler": "bootstrap"},
    ],
)
def test_where_it_cannot_be_told_nothing_is_refused(configuration):
    packages.check_handler({"app.py": None}, configuration, "src/x")


def test_the_source_is_absolute_or_from_the_projects_folder(source, monkeypatch):
    assert packages.folder(str(source)) == source
    monkeypatch.setattr(packages, "project_root", lambda: source.parent)
    assert packages.folder("source/lib") == source / "lib"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("surce", r"There is no folder surce\. Did you mean source\?"),
        ("nowhere/at/all", r"There is no folder nowhere/at/all\. Nothing was packed"),
        ("source/app.py", r"source/app\.py is a file"),
    ],
)
def test_a_source_that_is_no_folder_is_refused(source, monkeypatch, name, says):
    monkeypatch.setattr(packages, "project_root", lambda: source.parent)
    with pytest.raises(ChangeRefused, match=says):
        packages.folder(name)


def test_two_packages_are_compared_file_by_file(source, monkeypatch, session):
    (source / "lib" / "c.py").write_text("C = 1\n")
    old = packages.pack(source)
    (source / "app.py").write_text("other")
    (source / "lib" / "c.py").write_text("C = 2\n")
    (source / "lib" / "a.py").rename(source / "lib" / "b.py")
    (source / "same.txt").write_text("same")
    (source / "tests").mkdir()
    (source / "tests" / "test_app.py").touch()
    latest = packages.pack(source)
    brought = {"LIVE": old, "$LATEST": latest}
    monkeypatch.setattr(
        packages.version_packages, "package", lambda session, *, function, version: brought[version]
    )
    frame = packages.compared(session, "f", str(source), "LIVE")
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == packages.FILES
    rows = frame.set_index("file")
    assert rows["change"].to_dict() == {
        "lib/b.py": "new",
        "same.txt": "new",
        "app.py": "changed",
        "lib/c.py": "changed",
        "lib/a.py": "removed",
        "tests/": "left out",
    }
    assert list(rows["change"]) == ["new", "new", "changed", "changed", "removed", "left out"]
    assert rows.loc["app.py", ["bytes", "bytes_before"]].tolist() == [5, 33]
    brought["LIVE"] = latest
    assert set(packages.compared(session, "f", "", "LIVE")["change"]) == {"same"}


def test_what_is_no_zip_is_refused():
    with pytest.raises(ChangeRefused, match="no zip"):
        packages.contents(b"PK")


def test_a_journal_can_have_the_package_made_again(source, session):
    reading = packages.package.at(folder=str(source))
    assert reading.read(session) == packages.pack(source)
