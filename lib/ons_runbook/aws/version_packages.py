"""The deployment package of a version of a Lambda function, as Lambda keeps it.

https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html: Code.Location is a presigned URL, good for
ten minutes; CodeSha256 is that of the package ·
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: 50 MB is what can be uploaded again
directly.
"""

import base64
import hashlib
import io
import time
import zipfile
from urllib.parse import urlsplit

import urllib3

from ons_runbook.calls import Call, record
from ons_runbook.endpoints import check_endpoint
from ons_runbook.errors import ReadError, UnexpectedAnswer
from ons_runbook.failures import reading
from ons_runbook.plan import readable
from ons_runbook.session import Session
from ons_runbook.web import CONNECT_SECONDS, READ_SECONDS, proxy_for

#: Bytes of the largest package that is brought here: what Lambda takes in one upload.
LARGEST_PACKAGE = 50 * 1024 * 1024


@readable
def package(session: Session, function: str, version: str) -> bytes:
    """The zip of a version, or of `$LATEST`, exactly as it was uploaded.

    At most 50 MB. Raises NotFound, AccessDenied (it needs lambda:GetFunction), UnexpectedAnswer when the
    bytes are not those that Lambda has the hash of, ReadError for an image or a larger package.
    """
    what = f"Package of {function} version {version}"
    with reading(what, "lambda"):
        found = session.client("lambda").get_function(FunctionName=function, Qualifier=version)
    configuration, location = found["Configuration"], found["Code"].get("Location")
    if configuration.get("PackageType") == "Image" or not location:
        raise ReadError(f"{what}: it is no zip, but {found['Code'].get('RepositoryType', 'something else')}.")
    if configuration["CodeSize"] > LARGEST_PACKAGE:
        raise ReadError(f"{what}: {configuration['CodeSize']:,} bytes, more than {LARGEST_PACKAGE:,}.")
    check_endpoint(location, session.platform.kind, what)
    with reading(what):
        data = _downloaded(location, what, direct=session.platform.is_sandbox)
    digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
    if digest != configuration["CodeSha256"]:
        raise UnexpectedAnswer(
            f"{what}: what was downloaded ({len(data):,} bytes) has the SHA-256 {digest}, and Lambda says "
            f"{configuration['CodeSha256']}.",
            "It cannot be used. Ask again.",
        )
    return data


def hexadecimal(code_sha256: str) -> str:
    """Lambda's base64 of a SHA-256 as the hexadecimal that everything else uses."""
    return base64.b64decode(code_sha256).hex()


def _downloaded(url: str, what: str, *, direct: bool) -> bytes:
    timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)
    proxy = proxy_for(url, direct=direct)
    started = time.monotonic()
    failed = "failed"
    try:
        with urllib3.ProxyManager(proxy) if proxy else urllib3.PoolManager() as pool:
            # Without retries: what urllib3 says after the last of them holds the URL, and that its signature.
            answer = pool.request(
                "GET", url, timeout=timeout, retries=False, redirect=False, preload_content=False
            )
            data: bytes = answer.read(LARGEST_PACKAGE + 1)
            answer.close()
        if answer.status != 200:
            raise UnexpectedAnswer(f"{what}: HTTP {answer.status} at the download.", "Ask again.")
        failed = ""
        return data
    finally:
        host = urlsplit(url).hostname
        record(Call("http", f"GET package from {host}", time.monotonic() - started, error=failed))


def files(data: bytes) -> dict[str, tuple[int, int]]:
    """Size and checksum of each file in a zip, from its directory alone: nothing is unpacked.

    Raises UnexpectedAnswer for what is no zip.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
    except zipfile.BadZipFile as error:
        raise UnexpectedAnswer(f"The package is no zip: {error}.") from error
    return {info.filename: (info.file_size, info.CRC) for info in members}
