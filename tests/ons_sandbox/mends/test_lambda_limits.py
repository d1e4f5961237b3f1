"""Lambda's quotas.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html (900 s, 10,240 MB, 4 KB, 50 MB)
https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html (reserved variables)
"""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from lambda_functions import deploy, settle


@pytest.fixture(scope="module")
def function(emulator: Any) -> str:
    return deploy(emulator, "def handler(e, c): return 1")


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"Timeout": 901}, "ValidationException"),
        ({"MemorySize": 10_241}, "ValidationException"),
        ({"Environment": {"Variables": {"AWS_REGION": "x"}}}, "InvalidParameterValueException"),
        ({"Environment": {"Variables": {"TEXT": "x" * 4096}}}, "InvalidParameterValueException"),
    ],
)
def test_a_setting_over_its_quota_is_refused_and_not_kept(
    emulator: Any, function: str, settings: dict[str, Any], code: str
) -> None:
    client = emulator.client("lambda")
    before = client.get_function_configuration(FunctionName=function)
    with pytest.raises(ClientError) as raised:
        client.update_function_configuration(FunctionName=function, **settings)
    assert raised.value.response["Error"]["Code"] == code
    assert client.get_function_configuration(FunctionName=function)["RevisionId"] == before["RevisionId"]


def test_the_highest_values_are_taken(emulator: Any, function: str) -> None:
    client = emulator.client("lambda")
    answer = client.update_function_configuration(FunctionName=function, Timeout=900, MemorySize=10_240)
    assert (answer["Timeout"], answer["MemorySize"]) == (900, 10_240)
    settle(emulator, function)


def test_a_package_of_more_than_fifty_megabytes_cannot_be_uploaded_directly(
    emulator: Any, function: str
) -> None:
    with pytest.raises(ClientError) as raised:
        emulator.client("lambda").update_function_code(FunctionName=function, ZipFile=bytes(53 * 1024 * 1024))
    error = raised.value.response
    assert error["Error"]["Code"] == "RequestEntityTooLargeException"
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert "69905067 bytes for the UpdateFunctionCode operation" in error["Error"]["Message"]
