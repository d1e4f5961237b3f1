"""Updates, publishing and deleting: what AWS documents of them.

https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionCode.html
https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html
https://docs.aws.amazon.com/lambda/latest/api/API_DeleteFunction.html
https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html
"""

import base64
import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from lambda_functions import archive, deploy, publish, settle

ONE, TWO = "def handler(e, c): return 1", "def handler(e, c): return 2"


@pytest.fixture
def slow(emulator: Any) -> Iterator[None]:
    """Time as on AWS: what is under way stays so."""
    emulator.call("ons_sandbox.services.clock:set_factor", factor=1)
    yield
    emulator.call("ons_sandbox.services.clock:set_factor", factor=60)


def refused(call: Any, **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        call(**parameters)
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


def test_an_update_is_under_way_for_a_while_and_the_function_stays_active(emulator: Any, slow: None) -> None:
    client = emulator.client("lambda")
    name = deploy(emulator, ONE)
    answer = client.update_function_code(FunctionName=name, ZipFile=archive(TWO))
    assert (answer["State"], answer["LastUpdateStatus"]) == ("Active", "InProgress")
    for call, parameters in (
        (client.update_function_code, {"ZipFile": archive(ONE)}),
        (client.update_function_configuration, {"Timeout": 20}),
        (client.publish_version, {}),
    ):
        code, message = refused(call, FunctionName=name, **parameters)
        assert code == "ResourceConflictException"
        assert "An update is in progress for resource" in message
    settle(emulator, name)
    found = client.get_function_configuration(FunctionName=name)
    assert (found["State"], found["LastUpdateStatus"], found["Timeout"]) == ("Active", "Successful", 10)


def test_a_dry_run_checks_and_changes_nothing(emulator: Any) -> None:
    client, package = emulator.client("lambda"), archive(TWO)
    name = deploy(emulator, ONE)
    before = client.get_function_configuration(FunctionName=name)
    answer = client.update_function_code(FunctionName=name, ZipFile=package, DryRun=True)
    assert answer["CodeSha256"] == base64.b64encode(hashlib.sha256(package).digest()).decode()
    after = client.get_function_configuration(FunctionName=name)
    assert (after["CodeSha256"], after["RevisionId"]) == (before["CodeSha256"], before["RevisionId"])
    code, _ = refused(client.update_function_code, FunctionName=name, ZipFile=b"no zip", DryRun=True)
    assert code == "InvalidParameterValueException"


@pytest.mark.parametrize("source", [{"ZipFile": b""}, {"ZipFile": b"no zip"}, {}])
def test_code_that_is_none_is_refused(emulator: Any, source: dict[str, bytes]) -> None:
    name = deploy(emulator, ONE)
    code, _ = refused(emulator.client("lambda").update_function_code, FunctionName=name, **source)
    assert code == "InvalidParameterValueException"


def test_an_old_revision_is_refused(emulator: Any) -> None:
    client = emulator.client("lambda")
    name = deploy(emulator, ONE)
    old = client.get_function_configuration(FunctionName=name)["RevisionId"]
    client.update_function_code(FunctionName=name, ZipFile=archive(TWO), RevisionId=old)
    settle(emulator, name)
    for call, parameters in (
        (client.update_function_code, {"ZipFile": archive(ONE)}),
        (client.update_function_configuration, {"Timeout": 20}),
        (client.publish_version, {}),
    ):
        code, _ = refused(call, FunctionName=name, RevisionId=old, **parameters)
        assert code == "PreconditionFailedException"


def test_what_has_not_changed_is_not_published_again(emulator: Any) -> None:
    client = emulator.client("lambda")
    name = deploy(emulator, ONE)
    assert client.publish_version(FunctionName=name, Description="first")["Version"] == "1"
    again = client.publish_version(FunctionName=name, Description="another description")
    assert (again["Version"], again["Description"]) == ("1", "first")
    assert publish(emulator, name, ONE) == "1"
    assert publish(emulator, name, TWO) == "2"
    client.update_function_configuration(FunctionName=name, Timeout=20)
    settle(emulator, name)
    assert client.publish_version(FunctionName=name)["Version"] == "3"
    versions = client.list_versions_by_function(FunctionName=name)["Versions"]
    assert [version["Version"] for version in versions] == ["$LATEST", "1", "2", "3"]


def test_only_the_expected_code_is_published(emulator: Any) -> None:
    client = emulator.client("lambda")
    name = deploy(emulator, ONE)
    code, _ = refused(client.publish_version, FunctionName=name, CodeSha256="another")
    assert code == "InvalidParameterValueException"
    digest = client.get_function_configuration(FunctionName=name)["CodeSha256"]
    assert client.publish_version(FunctionName=name, CodeSha256=digest)["Version"] == "1"


def test_update_and_publish_in_one_call_tell_of_the_version(emulator: Any) -> None:
    client = emulator.client("lambda")
    name = deploy(emulator, ONE)
    answer = client.update_function_code(FunctionName=name, ZipFile=archive(TWO), Publish=True)
    assert answer["Version"] == "1"
    assert answer["FunctionArn"].endswith(f"{name}:1")


def test_a_version_that_an_alias_refers_to_stays(emulator: Any) -> None:
    client = emulator.client("lambda")
    name = deploy(emulator, ONE)
    client.publish_version(FunctionName=name)
    publish(emulator, name, TWO)
    publish(emulator, name, "def handler(e, c): return 3")
    routing = {"AdditionalVersionWeights": {"2": 0.1}}
    client.create_alias(FunctionName=name, Name="LIVE", FunctionVersion="1", RoutingConfig=routing)
    for version in ("1", "2"):
        code, message = refused(client.delete_function, FunctionName=name, Qualifier=version)
        assert code == "ResourceConflictException"
        assert version in message
    client.delete_function(FunctionName=name, Qualifier="3")
    versions = client.list_versions_by_function(FunctionName=name)["Versions"]
    assert [version["Version"] for version in versions] == ["$LATEST", "1", "2"]


def test_latest_cannot_be_deleted_alone(emulator: Any) -> None:
    client = emulator.client("lambda")
    name = deploy(emulator, ONE)
    code, _ = refused(client.delete_function, FunctionName=name, Qualifier="$LATEST")
    assert code == "InvalidParameterValueException"
    assert client.get_function(FunctionName=name)


def test_version_numbers_are_never_used_again(emulator: Any) -> None:
    client = emulator.client("lambda")
    name = deploy(emulator, ONE)
    client.publish_version(FunctionName=name)
    assert publish(emulator, name, TWO) == "2"
    client.delete_function(FunctionName=name, Qualifier="2")
    assert publish(emulator, name, "def handler(e, c): return 3") == "3"
    client.delete_function(FunctionName=name)
    made = client.create_function(
        FunctionName=name,
        Runtime="python3.11",
        Handler="app.handler",
        Role="arn:aws:iam::123456789012:role/function",
        Code={"ZipFile": archive(ONE)},
        Publish=True,
    )
    assert made["Version"] == "4"
