"""The guard: every operation is classified, and nothing that changes leaves the machine.

Held to botocore's service models, as
https://boto3.amazonaws.com/v1/documentation/api/latest/guide/events.html describes the events used.
"""

import contextvars
import re
import tomllib
from importlib.resources import files
from pathlib import Path

import botocore.session
import pytest

from ons_runbook import guard
from ons_runbook.calls import side_by_side
from ons_runbook.errors import ChangeNotApproved
from ons_runbook.guard import PLAN_KEY, Gate, changes

LIB = Path(__file__).parents[2] / "lib"
KNOWN = tomllib.loads(files("ons_runbook").joinpath("operations.toml").read_text())
TEXT = files("ons_runbook").joinpath("operations.toml").read_text()

# What the issue of every procedure in the runbook needs; a service that is missing would be refused as a
# whole.
NEEDED = {
    "lambda",
    "apigateway",
    "s3",
    "s3control",
    "logs",
    "cloudwatch",
    "events",
    "stepfunctions",
    "sns",
    "sqs",
    "ssm",
    "secretsmanager",
    "sts",
    "iam",
    "cloudtrail",
    "codedeploy",
    "ce",
    "ec2",
    "appconfig",
    "appconfigdata",
    "timestream-influxdb",
    "timestream-query",
}

_VERBS = """
    Abort Accept Activate Add Allocate Apply Assign Associate Assume Attach Authorize Cancel Change
    Complete Confirm Continue Copy Create Deactivate Delete Deregister Detach Disable Disassociate
    Enable Execute Export Flush Generate Import Invoke Modify Move Publish Purge Put Reboot Receive
    Redrive Register Reject Release Remove Rename Replace Reset Restore Revoke Rotate Run Send Set
    Start Stop Submit Subscribe Tag Terminate Test Unsubscribe Untag Update Upload Validate Write
"""
SOUNDS_LIKE_A_CHANGE = re.compile(rf"(?:{'|'.join(_VERBS.split())})[A-Z]")
# They sound like changes and are not; why not stands beside them in operations.toml.
READS_ALL_THE_SAME = {
    "logs:StartQuery",
    "logs:StopQuery",
    "logs:StartLiveTail",
    "logs:TestMetricFilter",
    "logs:TestTransformer",
    "events:TestEventPattern",
    "stepfunctions:ValidateStateMachineDefinition",
    "secretsmanager:ValidateResourcePolicy",
    "iam:GenerateCredentialReport",
    "iam:GenerateServiceLastAccessedDetails",
    "iam:GenerateOrganizationsAccessReport",
    "appconfigdata:StartConfigurationSession",
}
# They sound like reading and are not: they run code, hand out credentials, take work away or write elsewhere.
CHANGES_ALL_THE_SAME = [
    "lambda:Invoke",
    "lambda:InvokeWithResponseStream",
    "apigateway:TestInvokeMethod",
    "apigateway:TestInvokeAuthorizer",
    "s3:CreateSession",
    "s3control:GetDataAccess",
    "stepfunctions:StartExecution",
    "stepfunctions:GetActivityTask",
    "stepfunctions:TestState",
    "sqs:ReceiveMessage",
    "ssm:GetAccessToken",
    "ssm:StartSession",
    "sts:AssumeRole",
    "sts:GetSessionToken",
    "sts:GetFederationToken",
    "cloudtrail:StartQuery",
    "timestream-query:Query",
]


def reading():
    return {f"{service}:{name}" for service, lists in KNOWN.items() for name in lists["reading"]}


@pytest.fixture(scope="module")
def models():
    core = botocore.session.get_session()
    return {service: core.get_service_model(service) for service in KNOWN}


class TestOperations:
    def test_every_service_that_procedures_need_is_there(self):
        assert KNOWN.keys() == NEEDED

    @pytest.mark.parametrize("service", sorted(NEEDED))
    def test_each_operation_is_in_exactly_one_list_and_no_name_is_stale(self, service, models):
        listed = [*KNOWN[service]["reading"], *KNOWN[service]["changing"]]
        assert sorted(listed) == sorted(models[service].operation_names)

    def test_nothing_that_sounds_like_a_change_is_reading_without_a_reason(self):
        sounding = {name for name in reading() if SOUNDS_LIKE_A_CHANGE.match(name.partition(":")[2])}
        assert sounding == READS_ALL_THE_SAME
        for name in sounding:
            assert re.search(rf'"{name.partition(":")[2]}",  # \w', TEXT), f"{name} has no reason beside it"

    def test_nothing_that_http_puts_patches_or_deletes_is_reading(self, models):
        methods = {
            f"{service}:{name}": model.operation_model(name).http["method"]
            for service, model in models.items()
            for name in KNOWN[service]["reading"]
        }
        assert {name for name, method in methods.items() if method in ("PUT", "PATCH", "DELETE")} == set()

    @pytest.mark.parametrize("name", CHANGES_ALL_THE_SAME)
    def test_what_only_sounds_like_reading_is_changing(self, name):
        assert changes(*name.split(":"))

    @pytest.mark.parametrize(
        ("service", "operation"), [("dynamodb", "GetItem"), ("s3", "GetNothing"), ("", "")]
    )
    def test_what_is_unknown_changes(self, service, operation):
        assert changes(service, operation)

    @pytest.mark.parametrize(
        ("service", "operation"),
        [("secretsmanager", "GetSecretValue"), ("s3", "SelectObjectContent"), ("logs", "FilterLogEvents")],
    )
    def test_what_the_library_reads_with_reads(self, service, operation):
        assert not changes(service, operation)


# A call that changes, for each kind of protocol that botocore speaks.
CHANGING_CALLS = {
    "rest-json": ("lambda", "invoke", {"FunctionName": "f"}),
    "rest-xml": ("s3", "put_object", {"Bucket": "b", "Key": "k", "Body": b""}),
    "json": ("logs", "put_retention_policy", {"logGroupName": "g", "retentionInDays": 30}),
    "query": ("iam", "update_access_key", {"AccessKeyId": "a" * 20, "Status": "Inactive"}),
    "cbor": ("cloudwatch", "set_alarm_state", {"AlarmName": "a", "StateValue": "OK", "StateReason": "r"}),
    "ec2": ("ec2", "revoke_security_group_ingress", {"GroupId": "sg-1"}),
}


class TestClients:
    @pytest.fixture
    def session_and_server(self, make_session, serve):
        url, seen = serve(lambda *_: (200, "{}"))
        return make_session(endpoint_url=url), seen

    @pytest.mark.parametrize("call", CHANGING_CALLS.values(), ids=CHANGING_CALLS)
    def test_a_changing_call_is_stopped_before_anything_leaves(self, call, session_and_server):
        session, seen = session_and_server
        service, method, parameters = call
        with pytest.raises(ChangeNotApproved, match=f"{service}:"):
            getattr(session.client(service), method)(**parameters)
        assert seen == []

    def test_a_reading_call_passes(self, session_and_server):
        session, seen = session_and_server
        session.client("lambda").get_function_configuration(FunctionName="f")
        assert [method for method, _, _ in seen] == ["GET"]

    def test_helpers_that_boto3_adds_are_stopped_as_well(self, session_and_server, tmp_path):
        session, seen = session_and_server
        (tmp_path / "file").write_text("x")
        with pytest.raises(ChangeNotApproved):
            session.client("s3").upload_file(str(tmp_path / "file"), "b", "k")
        assert seen == []

    def test_no_presigned_url_or_form_for_a_change_is_given_out(self, session):
        client = session.client("s3")
        with pytest.raises(ChangeNotApproved):
            client.generate_presigned_url("put_object", Params={"Bucket": "b", "Key": "k"})
        with pytest.raises(ChangeNotApproved):
            client.generate_presigned_post("b", "k")
        assert "Signature=" in client.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"})

    def test_paginators_and_waiters_go_through_the_same_client(self, session_and_server):
        session, seen = session_and_server
        client = session.client("sqs")
        with pytest.raises(ChangeNotApproved):
            client.receive_message(QueueUrl="http://127.0.0.1/q")
        assert seen == []

    def test_a_session_gives_away_nothing_to_switch_the_guard_off_with(self, session):
        public = {name for name in dir(session) if not name.startswith("_")}
        assert public == {
            "account",
            "cached",
            "changing_client",
            "client",
            "gate",
            "identity",
            "keep_secret",
            "pages",
            "platform",
            "redactor",
            "region",
        }
        assert {name for name in dir(session.gate) if not name.startswith("_")} == {"check", "open"}

    def test_a_client_asked_for_again_is_the_same_guarded_one(self, session):
        assert session.client("s3") is session.client("s3")


class TestGate:
    def test_it_opens_for_the_named_operations_only(self):
        gate = Gate()
        with gate.open(PLAN_KEY, ["lambda:UpdateAlias"]):
            gate.check("lambda", "UpdateAlias")
            with pytest.raises(ChangeNotApproved):
                gate.check("lambda", "DeleteAlias")

    def test_it_is_shut_again_afterwards_even_after_an_error(self):
        gate = Gate()
        with pytest.raises(ZeroDivisionError), gate.open(PLAN_KEY, ["lambda:UpdateAlias"]):
            _ = 1 / 0
        with pytest.raises(ChangeNotApproved):
            gate.check("lambda", "UpdateAlias")

    def test_it_opens_for_its_own_session_only(self):
        with Gate().open(PLAN_KEY, ["lambda:UpdateAlias"]), pytest.raises(ChangeNotApproved):
            Gate().check("lambda", "UpdateAlias")

    def test_it_opens_in_the_context_that_opened_it_only(self):
        gate = Gate()
        outside = contextvars.copy_context()
        with gate.open(PLAN_KEY, ["lambda:UpdateAlias"]):
            with pytest.raises(ChangeNotApproved):
                outside.run(gate.check, "lambda", "UpdateAlias")
            inside = side_by_side({"own": lambda: gate.check("lambda", "UpdateAlias")})
            assert inside["own"].error is None

    @pytest.mark.parametrize("key", [None, True, object(), "PLAN_KEY"])
    def test_only_the_right_key_opens_it(self, key):
        with pytest.raises(ChangeNotApproved), Gate().open(key, ["lambda:UpdateAlias"]):
            pass

    def test_the_key_is_used_by_the_module_that_applies_plans_only(self):
        users = {path.name for path in LIB.rglob("*.py") if "PLAN_KEY" in path.read_text()}
        assert users == {"guard.py", "applying.py"}

    def test_an_open_gate_lets_an_approved_call_out(self, make_session, serve):
        url, seen = serve(lambda *_: (200, "{}"))
        session = make_session(endpoint_url=url)
        with session.gate.open(guard.PLAN_KEY, ["logs:PutRetentionPolicy"]):
            session.client("logs").put_retention_policy(logGroupName="g", retentionInDays=30)
        assert len(seen) == 1
