"""Parameters are held to the service's model.

https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionConfiguration.html (Description of 256)
https://docs.aws.amazon.com/lambda/latest/api/API_UpdateAlias.html (FunctionVersion is a number or $LATEST)
https://docs.aws.amazon.com/appconfig/2019-10-09/APIReference/API_CreateDeploymentStrategy.html
"""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from lambda_functions import deploy


def refused(call: Any, **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        call(**parameters)
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_text_that_is_too_long_is_refused_in_aws_words(emulator: Any) -> None:
    name = deploy(emulator, "def handler(e, c): return 1")
    client = emulator.client("lambda")
    code, message = refused(client.update_function_configuration, FunctionName=name, Description="x" * 257)
    assert code == "ValidationException"
    assert message.startswith("1 validation error detected: Value 'xxx")
    assert message.endswith(
        "at 'description' failed to satisfy constraint: Member must have length less than or equal to 256"
    )
    code, message = refused(client.create_alias, FunctionName=name, Name="LIVE", FunctionVersion="one")
    assert (code, "'functionVersion'" in message) == ("ValidationException", True)


def test_appconfig_calls_it_a_bad_request(emulator: Any) -> None:
    code, message = refused(
        emulator.client("appconfig").create_deployment_strategy,
        Name="too long",
        DeploymentDurationInMinutes=1441,
        GrowthFactor=100,
        ReplicateTo="NONE",
    )
    assert code == "BadRequestException"
    assert "'deploymentDurationInMinutes'" in message
