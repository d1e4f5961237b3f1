"""Each kind of weather, on an operation of each protocol, between boto3 and a real sandbox.

How errors reach a client is held to what botocore makes of them: what it takes for throttling is what AWS's
services answer (https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html).
"""

import http.client
import io
import os
import random
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.parsers
import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError
from botocore.retries.standard import ExponentialBackoff, ThrottledRetryableChecker

from ons_runbook.platform import load_platform
from ons_runbook.session import Session
from ons_sandbox import Sandbox
from ons_sandbox.environment import ACCESS_KEY, SECRET_KEY
from ons_sandbox.platform import names
from platform_state import differences, read_state
from sandboxes import Clients, clients_of, wait_until
from weather import Call, Weather, error, recognise

Making = Callable[..., Any]


@pytest.fixture(scope="module")
def own_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A seeded platform that these tests may change."""
    with Sandbox(tmp_path_factory.mktemp("weather"), traffic=False) as running:
        yield running


@pytest.fixture(scope="module")
def env(own_sandbox: Sandbox) -> dict[str, str]:
    return own_sandbox.env()


@pytest.fixture(scope="module")
def aws(own_sandbox: Sandbox) -> Clients:
    """Clients that go past the weather."""
    return clients_of(own_sandbox)


@pytest.fixture
def weather(env: dict[str, str]) -> Iterator[Weather]:
    with Weather(env["AWS_ENDPOINT_URL"]) as running:
        yield running


@pytest.fixture(scope="module")
def botocores() -> boto3.Session:
    """One boto3 session: service models are read only once."""
    no_profile = {"profile": (None, None, None, None), "config_file": (None, None, os.devnull, None)}
    return boto3.Session(
        ACCESS_KEY,
        SECRET_KEY,
        region_name=names.REGION,
        botocore_session=botocore.session.Session(session_vars=no_profile),
    )


@pytest.fixture
def through(weather: Weather, botocores: boto3.Session) -> Making:
    """`through("lambda")`: a client in the weather, that tries once, or as often as it is told."""

    def make(service: str, attempts: int = 1) -> Any:
        config = Config(
            retries={"mode": "standard", "total_max_attempts": attempts},
            proxies={},
            read_timeout=30,
            s3={"addressing_style": "path"},
        )
        return botocores.client(service, endpoint_url=weather.url, config=config)

    return make


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries at once."""
    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0)


@dataclass(frozen=True)
class Case:
    """A changing operation: how it is called (with a client in the weather), and what it changes."""

    operation: str
    call: Callable[[Any, Clients], object]
    observe: Callable[[Clients], object]

    @property
    def service(self) -> str:
        return self.operation.partition(":")[0]


LIVE = {"FunctionName": names.ROUTER.name, "Name": names.ALIAS}
PARAMETER = f"/{names.PROJECT}/prod/api_stage"
USER = {"UserName": "ci-deployer"}
SSH = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
BUCKET = {"Bucket": names.RAW_BUCKET}
DEPLOYED = {
    "applicationName": f"{names.PROJECT}-lambda-app",
    "deploymentGroupName": f"{names.LOADER.name}-deployment-group",
}
ALARM = {"AlarmName": names.API_5XX_ALARM}


def _key(aws: Clients) -> dict[str, str]:
    (key,) = aws("iam").list_access_keys(**USER)["AccessKeyMetadata"]
    return {"AccessKeyId": key["AccessKeyId"], "Status": key["Status"]}


def _toggle_key(client: Any, aws: Clients) -> None:
    key = _key(aws)
    other = {"Active": "Inactive", "Inactive": "Active"}[key["Status"]]
    client.update_access_key(**USER, AccessKeyId=key["AccessKeyId"], Status=other)


def _bastion(aws: Clients) -> dict[str, Any]:
    wanted = [{"Name": "group-name", "Values": [f"{names.PROJECT}-bastion"]}]
    group: dict[str, Any] = aws("ec2").describe_security_groups(Filters=wanted)["SecurityGroups"][0]
    return group


def _days(aws: Clients) -> int:
    (rule,) = [
        rule
        for rule in aws("s3").get_bucket_lifecycle_configuration(**BUCKET)["Rules"]
        if "NoncurrentVersionExpiration" in rule
    ]
    return int(rule["NoncurrentVersionExpiration"]["NoncurrentDays"])


def _keep_longer(client: Any, aws: Clients) -> None:
    expire = {"NoncurrentVersionExpiration": {"NoncurrentDays": _days(aws) + 1}}
    rule = {"ID": "expire-old-versions", "Status": "Enabled", "Filter": {"Prefix": ""}, **expire}
    client.put_bucket_lifecycle_configuration(**BUCKET, LifecycleConfiguration={"Rules": [rule]})


def _flags(aws: Clients) -> dict[str, str]:
    client = aws("appconfig")
    application = client.list_applications()["Items"][0]["Id"]
    return {
        "ApplicationId": application,
        "EnvironmentId": client.list_environments(ApplicationId=application)["Items"][0]["Id"],
    }


def _deploy_flags(client: Any, aws: Clients) -> None:
    place = _flags(aws)
    profiles = aws("appconfig").list_configuration_profiles(ApplicationId=place["ApplicationId"])["Items"]
    strategies = aws("appconfig").list_deployment_strategies()["Items"]
    client.start_deployment(
        **place,
        ConfigurationProfileId=profiles[0]["Id"],
        ConfigurationVersion="3",
        DeploymentStrategyId=next(one["Id"] for one in strategies if one["Name"] == names.FLAG_STRATEGY),
    )


def _instance(aws: Clients) -> dict[str, Any]:
    instance: dict[str, Any] = aws("timestream-influxdb").list_db_instances()["items"][0]
    return instance


def _deploy(client: Any, aws: Clients) -> None:
    content = (
        "version: 0.0\nResources: [{f: {Type: 'AWS::Lambda::Function', Properties: {Name: "
        f"{names.LOADER.name}, Alias: {names.ALIAS}, CurrentVersion: '7', TargetVersion: '6'}}}}}}]\n"
    )
    client.create_deployment(
        **DEPLOYED,
        revision={"revisionType": "AppSpecContent", "appSpecContent": {"content": content}},
    )


def _stage(aws: Clients) -> dict[str, str]:
    return {"restApiId": aws("apigateway").get_rest_apis()["items"][0]["id"], "stageName": names.STAGE}


def _rate(aws: Clients) -> float:
    return float(aws("apigateway").get_stage(**_stage(aws))["methodSettings"]["*/*"]["throttlingRateLimit"])


def _threshold(aws: Clients) -> float:
    return float(
        aws("cloudwatch").describe_alarms(AlarmNames=[names.API_5XX_ALARM])["MetricAlarms"][0]["Threshold"]
    )


CASES = [
    Case(
        "lambda:UpdateAlias",
        lambda client, aws: client.update_alias(
            **LIVE, Description=aws("lambda").get_alias(**LIVE)["Description"] + "!"
        ),
        lambda aws: aws("lambda").get_alias(**LIVE)["Description"],
    ),
    Case(
        "ssm:PutParameter",
        lambda client, aws: client.put_parameter(Name=PARAMETER, Value="another", Overwrite=True),
        lambda aws: aws("ssm").get_parameter(Name=PARAMETER)["Parameter"]["Version"],
    ),
    Case("iam:UpdateAccessKey", _toggle_key, lambda aws: _key(aws)["Status"]),
    Case(
        "ec2:RevokeSecurityGroupIngress",
        lambda client, aws: client.revoke_security_group_ingress(
            GroupId=_bastion(aws)["GroupId"], IpPermissions=[SSH]
        ),
        lambda aws: _bastion(aws)["IpPermissions"],
    ),
    Case("s3:PutBucketLifecycleConfiguration", _keep_longer, _days),
    Case(
        "appconfig:StartDeployment",
        _deploy_flags,
        lambda aws: len(aws("appconfig").list_deployments(**_flags(aws))["Items"]),
    ),
    Case(
        "timestream-influxdb:UpdateDbInstance",
        lambda client, aws: client.update_db_instance(
            identifier=_instance(aws)["id"], dbInstanceType="db.influx.large"
        ),
        lambda aws: _instance(aws)["status"],
    ),
    Case(
        "codedeploy:CreateDeployment",
        _deploy,
        lambda aws: aws("codedeploy").list_deployments(**DEPLOYED)["deployments"][0],
    ),
    Case(
        "apigateway:UpdateStage",
        lambda client, aws: client.update_stage(
            **_stage(aws),
            patchOperations=[
                {"op": "replace", "path": "/*/*/throttling/rateLimit", "value": str(_rate(aws) + 1)}
            ],
        ),
        _rate,
    ),
    Case(
        "cloudwatch:PutMetricAlarm",
        lambda client, aws: client.put_metric_alarm(
            **ALARM,
            Namespace="AWS/ApiGateway",
            MetricName="5XXError",
            Statistic="Sum",
            Period=300,
            EvaluationPeriods=1,
            ComparisonOperator="GreaterThanOrEqualToThreshold",
            Threshold=_threshold(aws) + 1,
        ),
        _threshold,
    ),
]
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.operation)


@every_case
def test_throttling_is_what_botocore_takes_for_it_and_retries(case, aws, weather, through, no_pause):
    before = case.observe(aws)
    weather.throttle(share=1, only=case.operation, times=2)
    weather.fail(case.operation, "OtherException")
    with pytest.raises(ClientError) as refused:
        case.call(through(case.service), aws)
    assert refused.value.response["Error"]["Code"] in ThrottledRetryableChecker._THROTTLED_ERROR_CODES
    with pytest.raises(ClientError, match="OtherException"):
        case.call(through(case.service, attempts=3), aws)
    assert [(seen.rule, seen.forwarded) for seen in weather.log] == [
        ("throttle", False),
        ("throttle", False),
        ("fail", False),
    ]
    assert case.observe(aws) == before


@every_case
def test_a_failure_has_the_code_the_message_and_the_status_that_were_asked_for(case, aws, weather, through):
    before = case.observe(aws)
    weather.fail(case.operation, "SomeException", "It <could> not & would not.", status=418)
    with pytest.raises(ClientError) as refused:
        case.call(through(case.service), aws)
    answer = refused.value.response
    assert answer["Error"]["Code"] == "SomeException"
    assert answer["Error"].get("Message") == "It <could> not & would not."
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 418
    assert case.observe(aws) == before


@every_case
def test_a_call_that_was_dropped_was_not_made(case, aws, weather, through):
    before = case.observe(aws)
    weather.drop_before(case.operation)
    with pytest.raises(ConnectionClosedError):
        case.call(through(case.service), aws)
    assert case.observe(aws) == before
    assert [seen[:4] for seen in weather.log] == [(*case.operation.split(":"), None, False)]


@every_case
def test_a_call_whose_answer_was_lost_was_made(case, aws, weather, through):
    before = case.observe(aws)
    weather.lose_answer(case.operation)
    with pytest.raises(ConnectionClosedError):
        case.call(through(case.service), aws)
    assert case.observe(aws) != before
    (seen,) = weather.log
    assert (f"{seen.service}:{seen.operation}", seen.forwarded) == (case.operation, True)
    assert seen.status in range(200, 300)


def test_a_client_that_tries_again_makes_a_call_twice_whose_answer_was_lost(aws, weather, through, no_pause):
    weather.lose_answer("PutParameter", times=1)
    before = aws("ssm").get_parameter(Name=PARAMETER)["Parameter"]["Version"]
    client = through("ssm", attempts=2)
    assert client.put_parameter(Name=PARAMETER, Value="b", Overwrite=True)["Version"] == before + 2
    assert weather.calls("ssm:PutParameter") == 2


def _describe(client: Any, text: str) -> Any:
    return client.update_alias(**LIVE, Description=text)


def _described(aws: Clients) -> str:
    return str(aws("lambda").get_alias(**LIVE)["Description"])


@pytest.fixture
def in_background() -> Iterator[Callable[..., Future[Any]]]:
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit


def test_an_answer_that_is_held_arrives_when_it_is_released(aws, weather, through, in_background):
    rule = weather.hold_after("UpdateAlias")
    answer = in_background(_describe, through("lambda"), "held")
    assert rule.reached.wait(20)
    assert weather.reached.is_set()
    assert _described(aws) == "held"
    assert not answer.done()
    rule.release()
    assert answer.result(20)["Description"] == "held"


def test_a_call_that_hangs_is_never_made(aws, weather, through, in_background):
    before = _described(aws)
    weather.hang("UpdateAlias")
    answer = in_background(_describe, through("lambda"), "hung")
    assert weather.reached.wait(20)
    assert not answer.done()
    weather.release()
    with pytest.raises(ConnectionClosedError):
        answer.result(20)
    assert _described(aws) == before


def test_other_calls_go_through_while_one_is_held(aws, weather, through, in_background):
    weather.hold_after("UpdateAlias")
    answer = in_background(_describe, through("lambda"), "alone")
    assert weather.reached.wait(20)
    assert through("lambda").get_alias(**LIVE)["Description"] == "alone"
    weather.clear()
    assert answer.result(20)["Description"] == "alone"
    assert not weather.reached.is_set()


KILLED = """
import boto3, sys
client = boto3.client("lambda", endpoint_url=sys.argv[1])
client.update_alias(FunctionName=sys.argv[2], Name=sys.argv[3], Description="by the killed")
"""


@pytest.mark.parametrize("made", [True, False], ids=["after the call", "before the call"])
def test_a_program_can_be_killed_in_the_middle_of_a_call(made, env, aws, weather, tmp_path):
    _describe(aws("lambda"), "before")
    rule = weather.hold_after("UpdateAlias") if made else weather.hang("UpdateAlias")
    variables = {**env, "HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    arguments = [weather.url, LIVE["FunctionName"], LIVE["Name"]]
    program = subprocess.Popen([sys.executable, "-c", KILLED, *arguments], env=variables)
    try:
        assert rule.reached.wait(30)
    finally:
        program.kill()
    assert program.wait(20) == -signal.SIGKILL
    assert _described(aws) == ("by the killed" if made else "before")
    weather.release()
    assert weather.calls("UpdateAlias", forwarded=made) == 1


def test_every_service_is_read_through_it_as_it_is_directly(env, weather):
    # The database and the deployments of the tests before are still under way for a while.
    wait_until(
        lambda: not differences(read_state(env, objects=True), read_state(weather.env(env), objects=True)),
        "both readings are equal",
        seconds=60,
    )
    assert not weather.problems
    assert {seen.rule for seen in weather.log} == {""}
    unknown = {seen.operation for seen in weather.log if not seen.service or " " in seen.operation}
    assert unknown == set()


def test_the_platforms_api_answers_through_it(env, aws, weather):
    api = weather.env(env)["RUNBOOK_API_ENDPOINT"].format(api_id=_stage(aws)["restApiId"], stage=names.STAGE)
    with urllib.request.urlopen(f"{api}/health") as answer:
        assert answer.status == 200
    assert weather.log[-1][3:] == (True, "")


def test_objects_of_any_kind_of_body_pass(weather, through):
    client, content = through("s3"), random.Random(1).randbytes(3_000_000)
    place = {**BUCKET, "Key": "probe/a b+c/ü"}
    for body, expected in ((b"", b""), (io.BytesIO(content), content), (content[::-1], content[::-1])):
        client.put_object(**place, Body=body)
        assert client.get_object(**place)["Body"].read() == expected
        assert client.head_object(**place)["ContentLength"] == len(expected)
    assert client.get_object(**place, Range="bytes=10-19")["Body"].read() == content[::-1][10:20]
    client.upload_fileobj(io.BytesIO(content * 4), BUCKET["Bucket"], "probe/parts")
    # A body whose length is not told before, in chunks.
    chunks = (content[first : first + 100_000] for first in range(0, len(content), 100_000))
    url = client.generate_presigned_url("put_object", Params={**place, "ContentType": "text/plain"})
    put = urllib.request.Request(url, chunks, {"Content-Type": "text/plain"}, method="PUT")
    with urllib.request.urlopen(put) as answer:
        assert answer.status == 200
    with urllib.request.urlopen(client.generate_presigned_url("get_object", Params=place)) as answer:
        assert answer.read() == content
    client.delete_object(**place)
    operations = {seen.operation for seen in weather.log}
    assert operations == {
        *("PutObject", "GetObject", "HeadObject", "DeleteObject"),
        *("CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"),
    }


def test_many_calls_at_once_pass_and_are_logged(weather, through):
    client = through("ssm")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.get_parameter(Name=PARAMETER), range(100)))
    assert len(answers) == 100
    assert [seen[:4] for seen in weather.log] == [("ssm", "GetParameter", 200, True)] * 100


def test_the_same_seed_throttles_the_same_calls(env):
    def drawn(seed: int) -> list[bool]:
        weather = Weather(env["AWS_ENDPOINT_URL"])
        weather.throttle(share=0.3, seed=seed, only=lambda call: call.service == "lambda")
        calls = [Call(service, "GetAlias", "rest-json") for service in ("lambda", "s3") * 200]
        return [weather.rule_for(call) is not None for call in calls]

    once = drawn(1)
    assert once == drawn(1)
    assert once != drawn(2)
    assert not any(once[1::2])
    assert 0.2 < sum(once[::2]) / 200 < 0.4


def test_the_first_rule_counts_and_ends_after_its_times(weather, through):
    weather.fail("GetAlias", "FirstException", times=2)
    weather.fail("lambda:GetAlias", "SecondException")
    codes = []
    for _ in range(3):
        with pytest.raises(ClientError) as refused:
            through("lambda").get_alias(**LIVE)
        codes.append(refused.value.response["Error"]["Code"])
    assert codes == ["FirstException", "FirstException", "SecondException"]
    assert through("lambda").get_alias(**LIVE)["Name"] == names.ALIAS
    assert weather.calls("GetAlias", forwarded=False) == 3


def test_a_sandbox_that_is_not_there_closes_the_connection(botocores):
    with Weather("http://127.0.0.1:9") as weather:
        config = Config(retries={"total_max_attempts": 1}, proxies={})
        client = botocores.client("lambda", endpoint_url=weather.url, config=config)
        with pytest.raises(ConnectionClosedError):
            client.get_alias(**LIVE)
        assert [seen.status for seen in weather.log] == [None]


def test_influxdb_can_be_in_the_weather_too(env):
    with Weather(env["INFLUXDB_V2_URL"]) as weather:
        weather.fail("GET /health", "unavailable", status=503)
        with pytest.raises(urllib.error.HTTPError, match="503"):
            urllib.request.urlopen(f"{weather.url}/health")
        with urllib.request.urlopen(f"{weather.url}/health") as answer:
            assert answer.status == 200


def test_the_library_takes_it_for_its_sandbox_and_gets_through_bad_weather(
    env, weather, monkeypatch, tmp_path
):
    for name in [name for name in os.environ if name.startswith(("AWS_", "RUNBOOK_", "INFLUXDB_"))]:
        monkeypatch.delenv(name)
    empty = tmp_path / "empty"
    empty.touch()
    for name, value in {**weather.env(env), "RUNBOOK_ENV_FILE": str(empty)}.items():
        monkeypatch.setenv(name, value)
    session = Session(load_platform("sandbox"))
    weather.throttle(share=1, only="lambda:GetAlias", times=1)
    weather.drop_before("lambda:GetAlias")
    assert session.client("lambda").get_alias(**LIVE)["Name"] == names.ALIAS
    assert [seen.rule for seen in weather.log if seen.operation == "GetAlias"] == [
        "throttle",
        "drop_before",
        "",
    ]


def test_nothing_is_left_when_it_is_over(env):
    before = set(threading.enumerate())
    with Weather(env["AWS_ENDPOINT_URL"]) as weather:
        kept = http.client.HTTPConnection("127.0.0.1", urlsplit(weather.url).port)
        kept.request("GET", "/_sandbox/status")
        assert kept.getresponse().read()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(weather.url)
    wait_until(lambda: set(threading.enumerate()) <= before, "its threads have ended")
    kept.close()


def test_throttling_in_cbor_is_read_by_botocore():
    answer = error(Call("cloudwatch", "PutMetricAlarm", "cbor"), "ThrottlingException", "Rate exceeded", 400)
    parser = botocore.parsers.create_parser("smithy-rpc-v2-cbor")
    headers = {name.lower(): value for name, value in answer.headers}
    parsed = parser.parse({"status_code": 400, "headers": headers, "body": answer.body}, None)
    assert parsed["Error"] == {"Code": "ThrottlingException", "Message": "Rate exceeded"}
    path = "/service/GraniteServiceVersion20100801/operation/PutMetricAlarm"
    authorization = "AWS4-HMAC-SHA256 Credential=key/20261123/us-east-1/monitoring/aws4_request, Signature=0"
    assert recognise("POST", path, {"Authorization": authorization}, b"") == Call(
        "cloudwatch", "PutMetricAlarm", "cbor"
    )


class Caught(Exception):
    """A request that was about to leave."""

    def __init__(self, request: Any) -> None:
        super().__init__(request.url)
        self.request = request


def _catch(request: Any, **_: Any) -> None:
    raise Caught(request)


def _least(shape: Any) -> Any:
    """The least value that can be sent for a shape: what is required, and nothing else."""
    if shape is None:
        return {}
    if shape.type_name == "structure":
        return {name: _least(shape.members[name]) for name in shape.required_members}
    if shape.type_name == "list":
        return [_least(shape.member)]
    values = {
        **{"map": {}, "boolean": True, "integer": 1, "long": 1, "float": 1.0, "double": 1.0},
        **{"timestamp": 0, "blob": b"x"},
    }
    return values.get(shape.type_name, "bucket")


SERVICES = [
    *("apigateway", "appconfig", "appconfigdata", "cloudtrail", "cloudwatch", "codedeploy", "ec2", "events"),
    *("iam", "lambda", "logs", "s3", "secretsmanager", "sns", "sqs", "ssm", "stepfunctions", "sts"),
    "timestream-influxdb",
]


@pytest.mark.parametrize("service", SERVICES)
def test_each_operation_of_a_service_is_recognised(service, botocores):
    config = Config(parameter_validation=False, inject_host_prefix=False, s3={"addressing_style": "path"})
    client = botocores.client(service, endpoint_url="http://127.0.0.1:9", config=config)
    client.meta.events.register("before-send", _catch)
    model = client.meta.service_model
    mistaken = {}
    for name in model.operation_names:
        # They share their address with what took their place, or with the same of another host.
        if model.operation_model(name).deprecated or name == "ListDirectoryBuckets":
            continue
        with pytest.raises(Caught) as caught:
            client._make_api_call(name, _least(model.operation_model(name).input_shape))
        sent = caught.value.request
        body = sent.body.encode() if isinstance(sent.body, str) else sent.body
        headers = {
            key: value.decode() if isinstance(value, bytes) else value for key, value in sent.headers.items()
        }
        if "Authorization" not in headers:
            assert service == "sts", name
            continue
        target = sent.url.removeprefix("http://127.0.0.1:9")
        found = recognise(sent.method, target, headers, body if isinstance(body, bytes) else b"")
        if (found.service, found.operation) != (service, name):
            mistaken[name] = found
    assert mistaken == {}
