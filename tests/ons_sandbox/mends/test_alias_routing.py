"""Weighted aliases.

https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html
https://docs.aws.amazon.com/lambda/latest/api/API_CreateAlias.html
https://docs.aws.amazon.com/lambda/latest/api/API_AliasRoutingConfiguration.html
"""

import json
from collections import Counter
from typing import Any

import pytest
from botocore.exceptions import ClientError
from lambda_functions import arn, deploy, invoke, metric, publish, run_task, settle

from ons_sandbox.mends import alias_routing

SAYS = """
import os
def handler(event, context):
    return {{
        "code": {number}, "version": context.function_version, "arn": context.invoked_function_arn,
        "setting": os.environ["SETTING"], "memory": context.memory_limit_in_mb,
    }}
"""


@pytest.fixture(scope="module")
def function(emulator: Any) -> str:
    """A function with three versions; the second differs from the first in code and configuration."""
    client = emulator.client("lambda")
    name = deploy(
        emulator, SAYS.format(number=1), Environment={"Variables": {"SETTING": "one"}}, MemorySize=200
    )
    client.publish_version(FunctionName=name)
    client.update_function_configuration(
        FunctionName=name, Environment={"Variables": {"SETTING": "two"}}, MemorySize=300
    )
    settle(emulator, name)
    assert publish(emulator, name, SAYS.format(number=2)) == "2"
    assert publish(emulator, name, SAYS.format(number=3)) == "3"
    return name


def create(emulator: Any, function: str, name: str, version: str, weights: dict[str, float] | None) -> Any:
    routing = {} if weights is None else {"RoutingConfig": {"AdditionalVersionWeights": weights}}
    return emulator.client("lambda").create_alias(
        FunctionName=function, Name=name, FunctionVersion=version, **routing
    )


def test_calls_are_shared_by_weight_and_the_answer_says_which_version_ran(
    emulator: Any, function: str
) -> None:
    create(emulator, function, "SHARED", "1", {"2": 0.3})
    emulator.call("ons_sandbox.mends.alias_routing:seed", value=7)

    answers = [invoke(emulator, function, Qualifier="SHARED") for _ in range(60)]

    shares = Counter(answer["ExecutedVersion"] for answer in answers)
    assert 8 <= shares["2"] <= 28
    assert shares["1"] == 60 - shares["2"]
    assert all(answer["Payload"]["version"] == answer["ExecutedVersion"] for answer in answers)


def test_the_version_runs_with_its_own_code_and_configuration_under_the_alias_s_name(
    emulator: Any, function: str
) -> None:
    create(emulator, function, "SECOND", "1", {"2": 1.0})

    answer = invoke(emulator, function, Qualifier="SECOND")

    assert answer["ExecutedVersion"] == "2"
    assert answer["Payload"] == {
        "code": 2,
        "version": "2",
        "arn": arn(f"{function}:SECOND"),
        "setting": "two",
        "memory": "300",
    }


def test_an_alias_without_weights_runs_its_version(emulator: Any, function: str) -> None:
    create(emulator, function, "PLAIN", "1", None)

    answer = invoke(emulator, function, Qualifier="PLAIN")

    assert (answer["ExecutedVersion"], answer["Payload"]["setting"]) == ("1", "one")


def test_a_task_of_a_state_machine_is_routed_and_counted_by_version(emulator: Any, function: str) -> None:
    create(emulator, function, "TASK", "1", {"2": 1.0})

    execution = run_task(emulator, arn(f"{function}:TASK"))

    answer = json.loads(execution["output"])
    assert (answer["version"], answer["arn"]) == ("2", arn(f"{function}:TASK"))
    dimensions = {"FunctionName": function, "Resource": f"{function}:TASK", "ExecutedVersion": "2"}
    assert metric(emulator, "AWS/Lambda", "Invocations", **dimensions) == 1


def test_the_alias_shows_its_weights_and_loses_them_when_asked_to(emulator: Any, function: str) -> None:
    client = emulator.client("lambda")
    create(emulator, function, "SHOWN", "1", {"2": 0.25})

    shown = client.get_alias(FunctionName=function, Name="SHOWN")
    client.update_alias(
        FunctionName=function,
        Name="SHOWN",
        FunctionVersion="2",
        RoutingConfig={"AdditionalVersionWeights": {}},
    )
    after = client.get_alias(FunctionName=function, Name="SHOWN")

    assert shown["RoutingConfig"] == {"AdditionalVersionWeights": {"2": 0.25}}
    assert ("RoutingConfig" in after, after["FunctionVersion"]) == (False, "2")


def test_reading_through_an_alias_shows_its_own_version_however_it_is_weighted(
    emulator: Any, function: str
) -> None:
    create(emulator, function, "READ", "1", {"2": 1.0})

    configuration = emulator.client("lambda").get_function_configuration(
        FunctionName=function, Qualifier="READ"
    )

    assert configuration["Version"] == "1"


@pytest.mark.parametrize(
    ("version", "weights", "code", "message"),
    [
        ("1", {"2": 1.5}, "ValidationException", "less than or equal to 1.0"),
        ("$LATEST", {"2": 0.1}, "InvalidParameterValueException", "$LATEST is not supported"),
        ("1", {"$LATEST": 0.1}, "InvalidParameterValueException", "$LATEST is not supported"),
        ("1", {"1": 0.1}, "InvalidParameterValueException", "already included in routing configuration"),
        ("1", {"2": 0.1, "3": 0.1}, "InvalidParameterValueException", "cannot be greater than 1"),
        ("1", {"9": 0.1}, "ResourceNotFoundException", ":9"),
        ("9", None, "ResourceNotFoundException", ":9"),
    ],
)
def test_what_aws_refuses_is_refused(
    emulator: Any, function: str, version: str, weights: dict[str, float] | None, code: str, message: str
) -> None:
    client = emulator.client("lambda")

    with pytest.raises(ClientError) as raised:
        create(emulator, function, "REFUSED", version, weights)

    assert raised.value.response["Error"]["Code"] == code
    assert message in raised.value.response["Error"]["Message"]
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_alias(FunctionName=function, Name="REFUSED")


def test_a_change_is_checked_together_with_what_the_alias_has(emulator: Any, function: str) -> None:
    client = emulator.client("lambda")
    create(emulator, function, "CHANGED", "1", {"2": 0.5})

    with pytest.raises(client.exceptions.InvalidParameterValueException):
        client.update_alias(FunctionName=function, Name="CHANGED", FunctionVersion="2")

    assert client.get_alias(FunctionName=function, Name="CHANGED")["FunctionVersion"] == "1"


def test_the_same_seed_draws_the_same_versions() -> None:
    alias = {"FunctionVersion": "1", "RoutingConfig": {"AdditionalVersionWeights": {"2": 0.5}}}

    def draw() -> list[str]:
        alias_routing.seed(3)
        return [alias_routing.choose(alias) for _ in range(20)]

    assert draw() == draw()
    assert set(draw()) == {"1", "2"}
