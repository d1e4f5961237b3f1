"""Provisioned and reserved concurrency.

https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html
https://docs.aws.amazon.com/lambda/latest/api/API_PutProvisionedConcurrencyConfig.html
https://docs.aws.amazon.com/lambda/latest/api/API_ListProvisionedConcurrencyConfigs.html
https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionConcurrency.html
"""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from lambda_functions import deploy, publish


@pytest.fixture
def function(emulator: Any) -> str:
    """A function with two versions, and the alias LIVE on the second."""
    client = emulator.client("lambda")
    name = deploy(emulator, "def handler(e, c): return 1")
    client.publish_version(FunctionName=name)
    publish(emulator, name, "def handler(e, c): return 2")
    client.create_alias(FunctionName=name, Name="LIVE", FunctionVersion="2")
    return name


def put(emulator: Any, name: str, qualifier: str, wanted: int) -> Any:
    return emulator.client("lambda").put_provisioned_concurrency_config(
        FunctionName=name, Qualifier=qualifier, ProvisionedConcurrentExecutions=wanted
    )


def refused(call: Any, *arguments: Any, **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        call(*arguments, **parameters)
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


def test_environments_are_there_after_a_while(emulator: Any, function: str) -> None:
    client = emulator.client("lambda")
    made = put(emulator, function, "LIVE", 5)
    assert (made["Status"], made["AllocatedProvisionedConcurrentExecutions"]) == ("IN_PROGRESS", 0)
    assert made["RequestedProvisionedConcurrentExecutions"] == 5

    def ready() -> Any:
        found = client.get_provisioned_concurrency_config(FunctionName=function, Qualifier="LIVE")
        return found if found["Status"] == "READY" else None

    assert emulator.eventually(ready)["AvailableProvisionedConcurrentExecutions"] == 5
    (listed,) = client.list_provisioned_concurrency_configs(FunctionName=function)[
        "ProvisionedConcurrencyConfigs"
    ]
    assert listed["FunctionArn"].endswith(f":{function}:LIVE")
    more = put(emulator, function, "LIVE", 8)
    assert (more["Status"], more["AvailableProvisionedConcurrentExecutions"]) == ("IN_PROGRESS", 5)
    client.delete_provisioned_concurrency_config(FunctionName=function, Qualifier="LIVE")
    code, _ = refused(client.get_provisioned_concurrency_config, FunctionName=function, Qualifier="LIVE")
    assert code == "ProvisionedConcurrencyConfigNotFoundException"
    empty = client.list_provisioned_concurrency_configs(FunctionName=function)
    assert empty["ProvisionedConcurrencyConfigs"] == []


@pytest.mark.parametrize(
    ("qualifier", "code"),
    [
        ("$LATEST", "InvalidParameterValueException"),
        ("99", "ResourceNotFoundException"),
        ("NOPE", "ResourceNotFoundException"),
    ],
)
def test_only_a_version_or_an_alias_takes_it(emulator: Any, function: str, qualifier: str, code: str) -> None:
    assert refused(put, emulator, function, qualifier, 1)[0] == code


def test_an_alias_with_weights_does_not_take_it(emulator: Any, function: str) -> None:
    emulator.client("lambda").update_alias(
        FunctionName=function, Name="LIVE", RoutingConfig={"AdditionalVersionWeights": {"1": 0.1}}
    )
    assert refused(put, emulator, function, "LIVE", 1)[0] == "InvalidParameterValueException"


def test_a_version_has_it_by_itself_or_by_one_alias(emulator: Any, function: str) -> None:
    put(emulator, function, "LIVE", 1)
    assert refused(put, emulator, function, "2", 1) == (
        "InvalidParameterValueException",
        "Version is pointed by a Provisioned Concurrency alias",
    )
    put(emulator, function, "1", 1)
    emulator.client("lambda").create_alias(FunctionName=function, Name="OLD", FunctionVersion="1")
    assert refused(put, emulator, function, "OLD", 1)[0] == "InvalidParameterValueException"


def test_a_hundred_stay_for_the_others(emulator: Any, function: str) -> None:
    reserve = emulator.client("lambda").put_function_concurrency
    code, message = refused(put, emulator, function, "LIVE", 901)
    assert code == "InvalidParameterValueException"
    assert "minimum value of [100]" in message
    assert refused(reserve, FunctionName=function, ReservedConcurrentExecutions=901)[0] == code


def test_what_is_provisioned_is_within_what_is_reserved(emulator: Any, function: str) -> None:
    client = emulator.client("lambda")
    client.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=3)
    assert refused(put, emulator, function, "LIVE", 4)[0] == "InvalidParameterValueException"
    put(emulator, function, "LIVE", 3)
    code, _ = refused(client.put_function_concurrency, FunctionName=function, ReservedConcurrentExecutions=2)
    assert code == "InvalidParameterValueException"
    client.delete_function_concurrency(FunctionName=function)
    assert "ReservedConcurrentExecutions" not in client.get_function_concurrency(FunctionName=function)


def test_the_account_tells_what_is_left_for_the_others(emulator: Any, function: str) -> None:
    client = emulator.client("lambda")
    before = client.get_account_settings()["AccountLimit"]
    assert before["ConcurrentExecutions"] == 1000
    client.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=7)
    after = client.get_account_settings()["AccountLimit"]
    assert after["UnreservedConcurrentExecutions"] == before["UnreservedConcurrentExecutions"] - 7
    client.delete_function_concurrency(FunctionName=function)


def test_it_is_gone_with_its_alias(emulator: Any, function: str) -> None:
    client = emulator.client("lambda")
    put(emulator, function, "LIVE", 1)
    client.delete_alias(FunctionName=function, Name="LIVE")
    listed = client.list_provisioned_concurrency_configs(FunctionName=function)
    assert listed["ProvisionedConcurrencyConfigs"] == []


def test_they_are_listed_in_pages(emulator: Any, function: str) -> None:
    put(emulator, function, "LIVE", 1)
    put(emulator, function, "1", 1)
    paginator = emulator.client("lambda").get_paginator("list_provisioned_concurrency_configs")
    pages = list(paginator.paginate(FunctionName=function, PaginationConfig={"PageSize": 1}))
    arns = [one["FunctionArn"] for page in pages for one in page["ProvisionedConcurrencyConfigs"]]
    assert [arn.rsplit(":", 1)[1] for arn in arns] == ["1", "LIVE"]
