"""Parameter Store.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameterHistory.html
"""

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandboxes import Clients


@pytest.fixture
def name() -> str:
    return f"/runbook/{uuid.uuid4().hex[:8]}"


def test_of_those_who_write_at_once_without_overwrite_exactly_one_wins(
    empty_clients: Clients, name: str
) -> None:
    ssm = empty_clients("ssm")

    def write(owner: int) -> str:
        try:
            ssm.put_parameter(Name=name, Value=str(owner), Type="String")
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return str(owner)

    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(write, range(8)))
    (winner,) = [one for one in told if one.isdecimal()]
    assert told.count("ParameterAlreadyExists") == 7
    assert ssm.get_parameter(Name=name)["Parameter"]["Value"] == winner


def test_an_overwrite_is_a_new_version_and_the_history_names_the_writer(
    empty_clients: Clients, name: str
) -> None:
    ssm = empty_clients("ssm")
    ssm.put_parameter(Name=name, Value="a", Type="String")
    assert ssm.put_parameter(Name=name, Value="b", Overwrite=True)["Version"] == 2
    history = ssm.get_parameter_history(Name=name)["Parameters"]
    assert [(one["Version"], one["Value"]) for one in history] == [(1, "a"), (2, "b")]
    assert {one["LastModifiedUser"].rsplit("/", 1)[1] for one in history} == {"runbook-operator"}
    ssm.delete_parameter(Name=name)
    with pytest.raises(ssm.exceptions.ParameterNotFound):
        ssm.get_parameter(Name=name)


def test_a_standard_parameter_holds_four_kilobytes(empty_clients: Clients, name: str) -> None:
    ssm: Any = empty_clients("ssm")
    ssm.put_parameter(Name=name, Value="x" * 4096, Type="String")
    with pytest.raises(ClientError) as raised:
        ssm.put_parameter(Name=name, Value="x" * 4097, Type="String", Overwrite=True)
    assert raised.value.response["Error"]["Code"] == "ValidationException"
    assert ssm.get_parameter(Name=name)["Parameter"]["Version"] == 1
