"""Packages of versions: exactly those bytes that Lambda has the hash of, and never too many.

https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html
"""

import io
import zipfile

import pytest

from ons_runbook.aws import version_packages
from ons_runbook.calls import recording
from ons_runbook.errors import NotFound, PlatformError, ReadError, UnexpectedAnswer, Unreachable
from ons_runbook.platform import load_platform
from ons_runbook.session import Session

from .versioning import Account, sha256, zipped

PACKAGE = zipped(app="def handler(event, context): return 1")


@pytest.fixture
def bring(monkeypatch, session, serve):
    """Bring the package of version 3 of `f`, which a web server has."""
    account = Account(monkeypatch)

    def bring(served=PACKAGE, *, status=200, location="/package?X-Amz-Signature=abcdef", **configuration):
        url, _ = serve(lambda method, path, body: (status, served), "application/zip")
        found = {"CodeSha256": sha256(PACKAGE), "CodeSize": len(PACKAGE), "PackageType": "Zip"}
        where = url + location if location.startswith("/") else location
        code = {"RepositoryType": "S3", "Location": where}
        answer = {"Configuration": {**found, **configuration}, "Code": code}
        account._GetFunction = lambda asked: answer if asked["Qualifier"] == "3" else None
        return version_packages.package(session, function="f", version="3")

    return bring


def test_the_bytes_that_were_uploaded(bring):
    with recording() as calls:
        assert bring() == PACKAGE
    assert "http:GET package from 127.0.0.1" in str(calls)


def test_other_bytes_are_refused(bring):
    with pytest.raises(UnexpectedAnswer, match=r"has the SHA-256 .* and Lambda says"):
        bring(served=zipped(app="something else"))


def test_half_the_bytes_are_refused(bring):
    with pytest.raises(UnexpectedAnswer, match="has the SHA-256"):
        bring(served=PACKAGE[:50])


def test_a_package_that_is_too_large_is_not_begun_with(bring):
    size = version_packages.LARGEST_PACKAGE + 1
    with pytest.raises(ReadError, match=r"52,428,801 bytes, more than 52,428,800"):
        bring(CodeSize=size, location="http://127.0.0.1:9/never-asked")


def test_more_than_was_announced_is_not_read_to_its_end(bring, monkeypatch):
    monkeypatch.setattr(version_packages, "LARGEST_PACKAGE", 1000)
    with pytest.raises(UnexpectedAnswer, match=r"downloaded \(1,001 bytes\)"):
        bring(served=b"x" * 100_000, CodeSize=1000)


def test_an_image_has_no_package(bring):
    with pytest.raises(ReadError, match="it is no zip"):
        bring(PackageType="Image")


def test_a_refused_download_does_not_tell_the_signature(bring):
    with pytest.raises(UnexpectedAnswer, match="HTTP 403 at the download") as raised:
        bring(status=403)
    assert "abcdef" not in str(raised.value)


def test_nothing_answers_and_the_signature_is_not_told(bring):
    with pytest.raises(Unreachable) as raised:
        bring(location="http://127.0.0.1:9/package?X-Amz-Signature=abcdef")
    assert "abcdef" not in str(raised.value)


def test_a_sandbox_downloads_from_this_machine_only(bring):
    with pytest.raises(PlatformError, match="a sandbox talks to this machine only"):
        bring(location="https://awslambda-us-east-1-tasks.s3.us-east-1.amazonaws.com/package")


def test_a_version_that_is_not_there(monkeypatch, session):
    Account(monkeypatch)._GetFunction = lambda asked: None
    with pytest.raises(NotFound, match="Package of f version 9"):
        version_packages.package(session, function="f", version="9")


def test_files_by_size_and_checksum():
    found = version_packages.files(zipped(app="a = 1", util="b = 22"))
    assert {name: size for name, (size, _) in found.items()} == {"app.py": 5, "util.py": 6}
    assert found["app.py"] != version_packages.files(zipped(app="a = 2"))["app.py"]


def test_folders_are_no_files_and_what_is_no_zip_is_said():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.mkdir("folder")
    assert version_packages.files(buffer.getvalue()) == {}
    with pytest.raises(UnexpectedAnswer, match="no zip"):
        version_packages.files(b"not a zip")


@pytest.fixture
def live(clean_environment, sandbox):
    for name, value in sandbox.env().items():
        clean_environment.setenv(name, value)
    return Session(load_platform())


@pytest.mark.parametrize("version", ["1", "6", "$LATEST"])
def test_on_the_sandbox_every_version_has_a_package_of_its_own(live, clients, version):
    place = {"FunctionName": "lambda_router", "Qualifier": version}
    found = clients("lambda").get_function_configuration(**place)
    data = version_packages.package(live, function="lambda_router", version=version)
    assert sha256(data) == found["CodeSha256"]
    assert "lambda_router.py" in version_packages.files(data)
