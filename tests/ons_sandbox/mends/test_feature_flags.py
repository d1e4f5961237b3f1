"""AppConfig: hosted versions, and deployments over time.

https://docs.aws.amazon.com/appconfig/2019-10-09/APIReference/API_CreateHostedConfigurationVersion.html
https://docs.aws.amazon.com/appconfig/2019-10-09/APIReference/API_StartDeployment.html
https://docs.aws.amazon.com/appconfig/2019-10-09/APIReference/API_StopDeployment.html
https://docs.aws.amazon.com/appconfig/2019-10-09/APIReference/API_ListDeployments.html
https://docs.aws.amazon.com/appconfig/latest/userguide/appconfig-creating-deployment-strategy-predefined.html
"""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

LINEAR = "AppConfig.Linear50PercentEvery30Seconds"


class Flags:
    """An application with an environment and a profile of flags of its own."""

    def __init__(self, emulator: Any) -> None:
        self.emulator, self.client = emulator, emulator.client("appconfig")
        name = f"app-{uuid.uuid4().hex[:8]}"
        self.application = self.client.create_application(Name=name)["Id"]
        self.environment = self.client.create_environment(ApplicationId=self.application, Name="production")[
            "Id"
        ]
        self.profile = self.client.create_configuration_profile(
            ApplicationId=self.application,
            Name="flags",
            LocationUri="hosted",
            Type="AWS.AppConfig.FeatureFlags",
        )["Id"]

    def version(self, enabled: bool, **more: Any) -> Any:
        document = {
            "version": "1",
            "flags": {"new": {"name": "New"}},
            "values": {"new": {"enabled": enabled}},
        }
        wanted = {"Content": json.dumps(document).encode(), "ContentType": "application/json", **more}
        return self.client.create_hosted_configuration_version(
            ApplicationId=self.application, ConfigurationProfileId=self.profile, **wanted
        )

    def deploy(self, version: str, strategy: str = "AppConfig.AllAtOnce") -> Any:
        return self.client.start_deployment(
            ApplicationId=self.application,
            EnvironmentId=self.environment,
            ConfigurationProfileId=self.profile,
            DeploymentStrategyId=strategy,
            ConfigurationVersion=version,
        )

    def place(self) -> dict[str, str]:
        return {"ApplicationId": self.application, "EnvironmentId": self.environment}

    def deployment(self, number: int) -> Any:
        return self.client.get_deployment(**self.place(), DeploymentNumber=number)

    def served(self) -> Any:
        data = self.emulator.client("appconfigdata")
        token = data.start_configuration_session(
            ApplicationIdentifier=self.application,
            EnvironmentIdentifier=self.environment,
            ConfigurationProfileIdentifier=self.profile,
        )["InitialConfigurationToken"]
        content = data.get_latest_configuration(ConfigurationToken=token)["Configuration"].read()
        return json.loads(content or "null")

    def reach(self, number: int, *states: str) -> Any:
        def there() -> Any:
            found = self.deployment(number)
            return found if found["State"] in states else None

        found = self.emulator.eventually(there)
        assert found, f"never {states}"
        return found


@pytest.fixture
def flags(emulator: Any) -> Flags:
    return Flags(emulator)


@pytest.fixture
def slow(emulator: Any) -> Iterator[None]:
    """Time as on AWS: what is under way stays so."""
    emulator.call("ons_sandbox.services.clock:set_factor", factor=1)
    yield
    emulator.call("ons_sandbox.services.clock:set_factor", factor=60)


def refused(call: Any, *arguments: Any, **parameters: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as raised:
        call(*arguments, **parameters)
    response: dict[str, Any] = raised.value.response
    return response


def test_a_malformed_document_is_refused_with_its_places(flags: Flags) -> None:
    content = json.dumps({"version": "1", "values": {"new": {"enabled": "yes"}}, "more": 1}).encode()
    answer = refused(flags.version, True, Content=content)
    assert answer["Error"]["Code"] == "BadRequestException"
    assert answer["Reason"] == "InvalidConfiguration"
    places = {detail["Location"] for detail in answer["Details"]["InvalidConfiguration"]}
    assert places == {"/more", "/values/new", "/values/new/enabled"}
    assert flags.version(True)["VersionNumber"] == 1


def test_flags_are_json_of_two_megabytes_at_most(flags: Flags) -> None:
    assert refused(flags.version, True, ContentType="text/plain")["Error"]["Code"] == "BadRequestException"
    large = refused(flags.version, True, Content=b" " * (2 * 1024 * 1024 + 1))
    assert large["Error"]["Code"] == "PayloadTooLargeException"
    assert large["ResponseMetadata"]["HTTPStatusCode"] == 413


def test_a_version_keeps_its_description_and_expects_the_one_before(flags: Flags) -> None:
    assert flags.version(True, LatestVersionNumber=0, Description="first")["VersionNumber"] == 1
    assert refused(flags.version, False, LatestVersionNumber=0)["Error"]["Code"] == "ConflictException"
    assert flags.version(False, LatestVersionNumber=1)["VersionNumber"] == 2
    of = {"ApplicationId": flags.application, "ConfigurationProfileId": flags.profile}
    found = flags.client.get_hosted_configuration_version(**of, VersionNumber=1)
    assert found["Description"] == "first"
    listed = flags.client.list_hosted_configuration_versions(**of)["Items"]
    assert [item.get("Description") or None for item in listed] == ["first", None]


def test_a_deployment_deploys_bakes_and_completes(flags: Flags) -> None:
    flags.version(True)
    started = flags.deploy("1", LINEAR)
    assert (started["State"], started["PercentageComplete"]) == ("DEPLOYING", 0.0)
    assert flags.reach(1, "BAKING", "COMPLETE")["PercentageComplete"] == 100.0
    assert flags.served() == {"new": {"enabled": True}}
    done = flags.reach(1, "COMPLETE")
    assert (done["CompletedAt"] - done["StartedAt"]).total_seconds() == pytest.approx(2.0, abs=0.01)
    assert [event["EventType"] for event in done["EventLog"]] == [
        *("DEPLOYMENT_COMPLETED", "BAKE_TIME_STARTED", "PERCENTAGE_UPDATED", "PERCENTAGE_UPDATED"),
        "DEPLOYMENT_STARTED",
    ]


def test_one_deployment_at_a_time_and_a_stop_rolls_back(flags: Flags, slow: None) -> None:
    flags.version(True)
    flags.deploy("1", LINEAR)
    assert refused(flags.deploy, "1")["Error"]["Code"] == "ConflictException"
    stopped = flags.client.stop_deployment(**flags.place(), DeploymentNumber=1)
    assert stopped["State"] == "ROLLED_BACK"
    assert flags.served() is None
    assert flags.deploy("1", LINEAR)["DeploymentNumber"] == 2


def test_a_deployment_keeps_the_pace_at_which_it_began(flags: Flags, emulator: Any) -> None:
    emulator.call("ons_sandbox.services.clock:set_factor", factor=1)
    flags.version(True)
    flags.deploy("1", LINEAR)
    emulator.call("ons_sandbox.services.clock:set_factor", factor=60_000)
    assert flags.deployment(1)["State"] == "DEPLOYING"
    emulator.call("ons_sandbox.services.clock:set_factor", factor=60)


def test_a_completed_deployment_is_reverted_when_that_is_allowed(flags: Flags) -> None:
    flags.version(False)
    flags.version(True)
    for number in (1, 2):
        flags.deploy(str(number), LINEAR)
        flags.reach(number, "COMPLETE")
    stop = flags.client.stop_deployment
    code = refused(stop, **flags.place(), DeploymentNumber=2)["Error"]["Code"]
    assert code == "BadRequestException"
    assert stop(**flags.place(), DeploymentNumber=2, AllowRevert=True)["State"] == "REVERTED"
    assert flags.served() == {"new": {"enabled": False}}


def test_what_does_not_exist_is_not_deployed(flags: Flags) -> None:
    assert refused(flags.deploy, "7")["Error"]["Code"] == "ResourceNotFoundException"
    flags.version(True)
    code = refused(flags.deploy, "1", "AppConfig.NoSuchStrategy")["Error"]["Code"]
    assert code == "ResourceNotFoundException"


def test_deployments_are_listed_newest_first_in_pages(flags: Flags) -> None:
    flags.version(True)
    strategy = flags.client.create_deployment_strategy(
        Name=flags.application, DeploymentDurationInMinutes=0, GrowthFactor=100, ReplicateTo="NONE"
    )["Id"]
    for number in (1, 2, 3):
        flags.deploy("1", strategy)
        assert flags.deployment(number)["State"] == "COMPLETE"
    pages = list(
        flags.client.get_paginator("list_deployments").paginate(
            **flags.place(), PaginationConfig={"PageSize": 2}
        )
    )
    assert [[one["DeploymentNumber"] for one in page["Items"]] for page in pages] == [[3, 2], [1]]


def test_the_predefined_strategies_are_there(emulator: Any) -> None:
    listed = emulator.client("appconfig").list_deployment_strategies()["Items"]
    told = {
        one["Id"]: (one["DeploymentDurationInMinutes"], one["GrowthFactor"], one["FinalBakeTimeInMinutes"])
        for one in listed
    }
    assert told["AppConfig.AllAtOnce"] == (0, 100.0, 10)
    assert told[LINEAR] == (1, 50.0, 1)
    assert told["AppConfig.Canary10Percent20Minutes"] == (20, 10.0, 10)
