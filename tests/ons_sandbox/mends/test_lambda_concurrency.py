"""Reserved concurrency: https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from lambda_functions import deploy, invoke

WAITS = """
import pathlib, time

def handler(event, context):
    if event:
        pathlib.Path(event["begun"]).touch()
        while not pathlib.Path(event["go_on"]).exists():
            time.sleep(0.02)
"""


@pytest.fixture(scope="module")
def function(emulator: Any) -> str:
    """A function with one version behind the alias LIVE, and no concurrency at all."""
    client = emulator.client("lambda")
    name = deploy(emulator, WAITS)
    client.create_alias(
        FunctionName=name, Name="LIVE", FunctionVersion=client.publish_version(FunctionName=name)["Version"]
    )
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    return name


@pytest.mark.parametrize("qualifier", ["$LATEST", "1", "LIVE"])
def test_a_function_without_concurrency_is_throttled_under_every_name(
    emulator: Any, function: str, qualifier: str
) -> None:
    with pytest.raises(ClientError) as raised:
        invoke(emulator, function, {}, Qualifier=qualifier)

    error = raised.value.response
    assert error["Error"]["Code"] == "TooManyRequestsException"
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert error["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"


def test_the_call_after_the_last_reserved_one_is_throttled_until_one_is_over(
    emulator: Any, tmp_path: Path
) -> None:
    client = emulator.client("lambda")
    name = deploy(emulator, WAITS)
    client.create_alias(
        FunctionName=name, Name="LIVE", FunctionVersion=client.publish_version(FunctionName=name)["Version"]
    )
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    begun, go_on = tmp_path / "begun", tmp_path / "go_on"
    with ThreadPoolExecutor() as pool:
        first = pool.submit(invoke, emulator, name, {"begun": str(begun), "go_on": str(go_on)})
        assert emulator.eventually(begun.exists)

        with pytest.raises(client.exceptions.TooManyRequestsException):
            invoke(emulator, name, {}, Qualifier="LIVE")

        go_on.touch()
        assert first.result()["StatusCode"] == 200
    assert invoke(emulator, name, {}, Qualifier="LIVE")["StatusCode"] == 200
