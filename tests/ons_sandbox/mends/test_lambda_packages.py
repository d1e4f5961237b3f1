"""Each version's own package behind Code.Location.

https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html ("The deployment package of the function or
version"), https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html (CodeSha256)
"""

import base64
import hashlib
import urllib.request
from typing import Any

import pytest
from lambda_functions import deploy, publish


@pytest.fixture(scope="module")
def function(emulator: Any) -> str:
    name = deploy(emulator, "def handler(e, c): return 0")
    for number in (1, 2):
        version = publish(emulator, name, f"def handler(e, c): return {number}")
    emulator.client("lambda").create_alias(
        FunctionName=name, Name="LIVE", FunctionVersion=str(int(version) - 1)
    )
    return name


@pytest.mark.parametrize("qualifier", ["$LATEST", "1", "2", "LIVE", None])
def test_what_is_behind_the_address_has_the_hash_of_that_version(
    emulator: Any, function: str, qualifier: str | None
) -> None:
    which = {"Qualifier": qualifier} if qualifier else {}
    found = emulator.client("lambda").get_function(FunctionName=function, **which)
    package = urllib.request.urlopen(found["Code"]["Location"]).read()
    digest = base64.b64encode(hashlib.sha256(package).digest()).decode()
    assert digest == found["Configuration"]["CodeSha256"]
