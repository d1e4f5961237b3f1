"""Publishing a deleted version's content again.

https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html
https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionConfiguration.html
"""

import json

import botocore.session
import pytest
from botocore.validate import validate_parameters

from ons_runbook.aws import version_restoring
from ons_runbook.plan import Kept
from ons_runbook.plan.action import Action

from .versioning import Account, zipped

OLD, NOW = zipped(app="one = 1"), zipped(app="two = 2")


@pytest.fixture
def account(monkeypatch):
    account = Account(monkeypatch)
    account.publish("f", "1", OLD)
    account.publish("f", "2", NOW)
    account.publish("f", "$LATEST", NOW)
    return account


@pytest.fixture
def again(account, session):
    def again(number="1", leaving=("1",)):
        return version_restoring.Contents.of(session, "f").publish_again(number, leaving)

    return again


def steps(actions):
    return [action.operation for action in actions]


def kept(action):
    return next(value for value in action.parameters.values() if isinstance(value, Kept))


class TestSteps:
    def test_code_publish_and_the_own_code_back(self, account, again):
        actions, note = again()
        assert steps(actions) == ["UpdateFunctionCode", "PublishVersion", "UpdateFunctionCode"]
        assert "new number" in note
        there, publish, back = actions
        code = {name: account.versions["f"][name]["CodeSha256"] for name in ("1", "$LATEST")}
        assert (there.before["code"], there.after["code"]) == (code["$LATEST"], code["1"])
        assert (back.before, back.after) == (there.after, there.before)
        assert publish.parameters == {
            "FunctionName": "f",
            "CodeSha256": code["1"],
            "Description": "release 1",
        }
        assert kept(there).size == len(OLD)
        assert kept(there).source.of == {"function": "f", "version": "1"}
        assert kept(back).source.of == {"function": "f", "version": "$LATEST"}

    def test_each_starts_from_latest_as_it_was_when_the_plan_was_made(self, session, again):
        state = version_restoring.latest(session, function="f")
        first = again()[0][0]
        assert first.before == state
        assert first.before["ready"]

    def test_the_configuration_too_when_it_is_another(self, account, again):
        account.versions["f"]["1"] |= {"Timeout": 99}
        actions, _ = again()
        assert steps(actions) == [
            *("UpdateFunctionCode", "UpdateFunctionConfiguration", "PublishVersion"),
            *("UpdateFunctionCode", "UpdateFunctionConfiguration"),
        ]
        there = actions[1]
        assert there.performer is not None
        assert there.permissions == ("lambda:UpdateFunctionConfiguration",)
        assert kept(there).source.of == {"function": "f", "version": "1", "names": ["Timeout"]}
        assert actions[1].before == actions[0].after
        assert actions[3].before == actions[1].after
        assert actions[4].after == actions[0].before

    def test_the_configuration_alone_when_the_code_is_that_of_latest(self, account, again):
        account.publish("f", "1", NOW, Timeout=99)
        assert steps(again()[0]) == [
            *("UpdateFunctionConfiguration", "PublishVersion", "UpdateFunctionConfiguration")
        ]

    def test_what_latest_is_already_is_only_published(self, account, again):
        account.publish("f", "2", zipped(app="three = 3"))
        account.publish("f", "1", NOW)
        assert steps(again()[0]) == ["PublishVersion"]

    def test_an_undo_that_stops_half_way_can_be_undone(self, account, again):
        account.versions["f"]["1"] |= {"Timeout": 99}
        for action in again()[0]:
            if action.operation == "PublishVersion":
                continue
            (undo,) = action.undo
            assert (undo.before, undo.after) == (action.after, action.before)
            assert undo.operation == action.operation
            other = {"1": "$LATEST", "$LATEST": "1"}[kept(action).source.of["version"]]
            assert kept(undo).source.of["version"] == other

    def test_all_of_it_can_stand_in_a_journal(self, account, again):
        account.versions["f"]["1"]["Environment"] = {"Variables": {"TABLE": "not-for-a-journal"}}
        for action in again()[0]:
            document = json.dumps(action.as_dict())
            assert "not-for-a-journal" not in document
            assert Action.from_dict(json.loads(document)) == action

    def test_a_description_that_looks_like_a_secret_is_not_told(self, account, session, again):
        account.versions["f"]["1"]["Description"] = "with password=hunter2hunter2"
        publish = again()[0][1]
        assert "hunter2" not in json.dumps(publish.as_dict())
        contents = version_restoring.Contents.of(session, "f")
        assert "hunter2" not in contents.said("1")

    def test_the_architecture_is_named_since_it_would_be_another_otherwise(self, account, again):
        for found in account.versions["f"].values():
            found["Architectures"] = ["arm64"]
        assert again()[0][0].parameters["Architectures"] == ["arm64"]

    def test_botocore_takes_the_calls(self, again):
        model = botocore.session.get_session().get_service_model("lambda")
        for action in again()[0]:
            parameters = {
                name: b"" if isinstance(value, Kept) else value for name, value in action.parameters.items()
            }
            validate_parameters(parameters, model.operation_model(action.operation).input_shape)


class TestNoUndo:
    def test_the_same_stays_in_another_version(self, account, again):
        account.publish("f", "3", OLD)
        assert again() == ((), "Version 3, which stays, has the same code and configuration.")

    def test_of_two_that_go_the_newer_is_published(self, account, again):
        account.publish("f", "3", OLD)
        assert again("1", ("1", "3"))[0] == ()
        assert "PublishVersion" in steps(again("3", ("1", "3"))[0])

    def test_the_same_code_with_another_configuration_is_not_the_same(self, account, again):
        account.publish("f", "3", OLD, Timeout=99)
        assert again()[0]

    @pytest.mark.parametrize("version", ["1", "$LATEST"])
    @pytest.mark.parametrize(
        ("change", "says"),
        [
            ({"PackageType": "Image"}, "container image"),
            ({"CodeSize": 52_428_801}, "too large for a direct upload"),
            ({"Environment": {"Error": {"ErrorCode": "AccessDenied"}}}, "variables in the environment"),
            ({"Architectures": ["arm64"]}, "its Architectures is another than that of"),
        ],
    )
    def test_what_cannot_be_published_from_here(self, account, again, version, change, says):
        account.versions["f"][version] |= change
        actions, note = again()
        assert actions == ()
        assert says in note


class TestStates:
    def test_an_update_under_way_is_not_ready(self, account, session):
        account.versions["f"]["$LATEST"]["LastUpdateStatus"] = "InProgress"
        assert not version_restoring.latest(session, function="f")["ready"]

    def test_published_above_a_number_with_this_content(self, account, session):
        account.publish("f", "3", OLD, Timeout=99)
        account.publish("f", "10", OLD)
        account.publish("f", "9", OLD)
        contents = version_restoring.Contents.of(session, "f")
        of = contents.state("1").of | {"above": 2}
        of.pop("version")
        assert version_restoring.published(session, **of) == {"published": True, "version": "10"}
        assert version_restoring.published(session, **of | {"above": 10}) == {
            "published": False,
            "version": None,
        }

    def test_a_deleted_version_tells_where_its_content_is_again(self, account, session):
        reading = version_restoring.Contents.of(session, "f").state("1")
        assert reading.read(session)["again"] is None
        account.publish("f", "3", OLD)
        assert reading.read(session)["again"] is None, "it is there itself"
        del account.versions["f"]["1"]
        gone = {"published": False, "code": None, "aliases": [], "provisioned": 0, "again": "3"}
        assert reading.read(session) == gone
        del account.versions["f"]["3"]
        assert reading.read(session)["again"] is None


class TestSettings:
    ANSWERED = {  # noqa: RUF012
        "VpcConfig": {"SubnetIds": ["s"], "SecurityGroupIds": ["g"], "VpcId": "vpc-1"},
        "SnapStart": {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"},
        "Layers": [{"Arn": "arn:aws:lambda:us-east-1:123456789012:layer:a:1", "CodeSize": 5}],
        "TracingConfig": {"Mode": "Active"},
        "EphemeralStorage": {"Size": 1024},
        "LoggingConfig": {"LogFormat": "JSON", "LogGroup": "/aws/lambda/f"},
    }

    def test_an_answer_becomes_what_can_be_asked_for(self, account):
        account.publish("f", "1", OLD, **self.ANSWERED)
        made = version_restoring.settings(account.versions["f"]["1"])
        assert made["VpcConfig"] == {"SubnetIds": ["s"], "SecurityGroupIds": ["g"]}
        assert made["SnapStart"] == {"ApplyOn": "PublishedVersions"}
        assert made["Layers"] == ["arn:aws:lambda:us-east-1:123456789012:layer:a:1"]
        operation = (
            botocore.session.get_session()
            .get_service_model("lambda")
            .operation_model("UpdateFunctionConfiguration")
        )
        validate_parameters({"FunctionName": "f", **made}, operation.input_shape)

    def test_what_was_never_set_is_the_default_so_that_it_can_be_taken_away(self, account):
        account.publish("f", "1", OLD)
        account.publish("f", "2", OLD, VpcConfig={"SubnetIds": [], "SecurityGroupIds": [], "VpcId": ""})
        account.versions["f"]["1"].pop("Environment")
        made = version_restoring.settings(account.versions["f"]["1"])
        assert made["Environment"] == {"Variables": {}}
        assert made["VpcConfig"] == version_restoring.settings(account.versions["f"]["2"])["VpcConfig"]
        assert made["EphemeralStorage"] == {"Size": 512}

    def test_the_fingerprint_is_of_all_that_can_be_set_and_nothing_else(self, account):
        account.publish("f", "1", OLD)
        account.publish("f", "2", NOW, Description="other", State="Inactive", LastModified="2020")
        one, two = (account.versions["f"][number] for number in ("1", "2"))
        assert version_restoring.fingerprint(one) == version_restoring.fingerprint(two)
        for name, value in self.ANSWERED.items():
            assert version_restoring.fingerprint({**one, name: value}) != version_restoring.fingerprint(one)

    def test_the_bytes_that_are_kept_are_those_that_are_planned(self, account, session, again):
        account.versions["f"]["1"]["Environment"] = {"Variables": {"B": "é", "A": "x"}}
        action = again()[0][1]
        data = kept(action).source.read(session)
        assert json.loads(data) == {"Environment": {"Variables": {"A": "x", "B": "é"}}}
        assert len(data) == kept(action).size
