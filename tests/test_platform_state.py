"""The reading of a sandbox's state: the same twice, and no change of any kind escapes it.

Each kind of change is made with boto3 and put back; what the reading should have shown stands beside it.
"""

import contextlib
import io
import json
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ons_sandbox import Sandbox
from ons_sandbox.platform import files, names
from ons_sandbox.platform.traffic import drop_file
from platform_state import changing_calls, differences, read_state, without
from sandboxes import Clients, clients_of, wait_until

Undo = Callable[[], object]
Change = Callable[[Clients, dict[str, str]], Undo]

FUNCTION = names.ROUTER.name
BUCKET = names.RAW_BUCKET
GROUP = names.ROUTER.log_group
RULE = names.LOADER_RULE
USER = "ci-deployer"
APPLICATION = f"{names.PROJECT}-lambda-app"


@dataclass(frozen=True)
class Kind:
    """One kind of change: how to make it; the beginnings of what it shows, and of what it leaves changed."""

    make: Change
    shows: tuple[str, ...]
    leaves: tuple[str, ...]

    def of(self, lines: list[str]) -> list[str]:
        """The differences that are this change's."""
        return [line for line in lines if line.startswith(self.shows)]


@dataclass
class Seen:
    """What the readings showed: by change, while it was in place and after it was undone; and the rest."""

    during: dict[str, list[str]] = field(default_factory=dict)
    afterwards: dict[str, list[str]] = field(default_factory=dict)
    nobodys: list[str] = field(default_factory=list)


CHANGES: dict[str, Kind] = {}


@pytest.fixture(scope="module")
def own_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A seeded platform that these tests may change."""
    with Sandbox(tmp_path_factory.mktemp("state"), traffic=False) as running:
        yield running


@pytest.fixture(scope="module")
def env(own_sandbox: Sandbox) -> dict[str, str]:
    return own_sandbox.env()


@pytest.fixture(scope="module")
def aws(own_sandbox: Sandbox) -> Clients:
    return clients_of(own_sandbox)


def change(*shows: str, leaves: tuple[str, ...] = ()) -> Callable[[Change], Change]:
    """Mark a function that changes something and gives back what undoes it.

    shows: beginnings of the names that must differ meanwhile; nothing else may. leaves: those that cannot be
    put back.
    """

    def mark(function: Change) -> Change:
        CHANGES[function.__name__] = Kind(function, shows, leaves)
        return function

    return mark


def call(
    name: str,
    service: str,
    do: tuple[str, dict[str, Any]],
    undo: tuple[str, dict[str, Any]],
    leaves: tuple[str, ...] = (),
) -> None:
    """Register a change and its undoing that are one call each, with what it `shows` as the name's tail."""
    identifier, _, shows = name.partition(" ")

    def changed(aws: Clients, _: dict[str, str]) -> Undo:
        def write(operation: str, parameters: dict[str, Any]) -> None:
            if service == "lambda":
                _updated(aws)
            getattr(aws(service), operation)(**parameters)

        write(*do)
        return lambda: write(*undo)

    changed.__name__ = identifier
    change(*shows.split(), leaves=leaves)(changed)


def _updated(aws: Clients) -> None:
    """Wait until Lambda has done what it was asked for before: it does one thing at a time."""
    wait_until(
        lambda: aws("lambda").get_function_configuration(**ON_FUNCTION)["LastUpdateStatus"] == "Successful",
        "the function is updated",
    )


def _zip(text: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(f"{FUNCTION}.py", text)
    return packed.getvalue()


def _arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{names.REGION}:{names.ACCOUNT}:{resource}"


ON_FUNCTION = {"FunctionName": FUNCTION}
call(
    "function_timeout lambda/function/",
    "lambda",
    ("update_function_configuration", {**ON_FUNCTION, "Timeout": 31}),
    ("update_function_configuration", {**ON_FUNCTION, "Timeout": names.ROUTER.timeout}),
)
call(
    "function_environment lambda/function/",
    "lambda",
    ("update_function_configuration", {**ON_FUNCTION, "Environment": {"Variables": {"LOG_LEVEL": "DEBUG"}}}),
    ("update_function_configuration", {**ON_FUNCTION, "Environment": {"Variables": {"LOG_LEVEL": "INFO"}}}),
)
call(
    "function_tags lambda/function/",
    "lambda",
    ("tag_resource", {"Resource": names.ROUTER.arn, "Tags": {"New": "tag"}}),
    ("untag_resource", {"Resource": names.ROUTER.arn, "TagKeys": ["New"]}),
)
LIVE = {**ON_FUNCTION, "Name": names.ALIAS}
call(
    "alias_routing lambda/alias/",
    "lambda",
    ("update_alias", {**LIVE, "RoutingConfig": {"AdditionalVersionWeights": {"5": 0.1}}}),
    ("update_alias", {**LIVE, "RoutingConfig": {}}),
)
call(
    "reserved_concurrency lambda/reserved-concurrency/",
    "lambda",
    # Not of the function that others of these changes run or keep ready.
    ("put_function_concurrency", {"FunctionName": names.RAG.name, "ReservedConcurrentExecutions": 0}),
    ("delete_function_concurrency", {"FunctionName": names.RAG.name}),
)
# Not of the alias: while it has weights, it can have none.
VERSION = {**ON_FUNCTION, "Qualifier": "5"}
call(
    "provisioned_concurrency lambda/provisioned-concurrency/",
    "lambda",
    ("put_provisioned_concurrency_config", {**VERSION, "ProvisionedConcurrentExecutions": 1}),
    ("delete_provisioned_concurrency_config", VERSION),
)
QUALIFIED = {**ON_FUNCTION, "Qualifier": names.ALIAS}
ALLOWED = {"StatementId": "more", "Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com"}
call(
    "permission lambda/policy/",
    "lambda",
    ("add_permission", {**QUALIFIED, **ALLOWED}),
    ("remove_permission", {**QUALIFIED, "StatementId": "more"}),
)
call(
    "event_invoke lambda/event-invoke/",
    "lambda",
    ("put_function_event_invoke_config", {**ON_FUNCTION, "MaximumRetryAttempts": 1}),
    ("delete_function_event_invoke_config", ON_FUNCTION),
)


@change("lambda/alias/")
def alias_version(aws: Clients, _: dict[str, str]) -> Undo:
    before = aws("lambda").get_alias(**LIVE)["FunctionVersion"]
    aws("lambda").update_alias(**LIVE, FunctionVersion="5")
    return lambda: aws("lambda").update_alias(**LIVE, FunctionVersion=before)


@change("lambda/function/", "lambda/version/")
def code_and_version(aws: Clients, _: dict[str, str]) -> Undo:
    client = aws("lambda")
    with urllib.request.urlopen(client.get_function(**ON_FUNCTION)["Code"]["Location"]) as answer:
        before = answer.read()
    _updated(aws)
    client.update_function_code(**ON_FUNCTION, ZipFile=_zip("def handler(event, context): ..."))
    _updated(aws)
    version = client.publish_version(**ON_FUNCTION)["Version"]

    def undo() -> None:
        client.delete_function(**ON_FUNCTION, Qualifier=version)
        _updated(aws)
        client.update_function_code(**ON_FUNCTION, ZipFile=before)

    return undo


@change("lambda/event-source/")
def event_source(aws: Clients, _: dict[str, str]) -> Undo:
    queue = _arn("sqs", names.NOTICES_QUEUE)
    made = aws("lambda").create_event_source_mapping(**ON_FUNCTION, EventSourceArn=queue, Enabled=False)
    return lambda: aws("lambda").delete_event_source_mapping(UUID=made["UUID"])


call(
    "codedeploy_application codedeploy/application/",
    "codedeploy",
    ("create_application", {"applicationName": "another", "computePlatform": "Lambda"}),
    ("delete_application", {"applicationName": "another"}),
)
DEPLOYED = {"applicationName": APPLICATION, "currentDeploymentGroupName": f"{FUNCTION}-deployment-group"}
call(
    "codedeploy_group codedeploy/group/",
    "codedeploy",
    ("update_deployment_group", {**DEPLOYED, "autoRollbackConfiguration": {"enabled": False, "events": []}}),
    (
        "update_deployment_group",
        {
            **DEPLOYED,
            "autoRollbackConfiguration": {
                "enabled": True,
                "events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"],
            },
        },
    ),
)


@change("codedeploy/deployment/", "lambda/alias/", leaves=("codedeploy/deployment/",))
def codedeploy_deployment(aws: Clients, _: dict[str, str]) -> Undo:
    before = aws("lambda").get_alias(**LIVE)["FunctionVersion"]
    properties = {"Name": FUNCTION, "Alias": names.ALIAS, "CurrentVersion": before, "TargetVersion": "5"}
    resource = {FUNCTION: {"Type": "AWS::Lambda::Function", "Properties": properties}}
    content = json.dumps({"version": 0.0, "Resources": [resource]})
    client = aws("codedeploy")
    deployment = client.create_deployment(
        applicationName=APPLICATION,
        deploymentGroupName=f"{FUNCTION}-deployment-group",
        deploymentConfigName="CodeDeployDefault.LambdaAllAtOnce",
        revision={"revisionType": "AppSpecContent", "appSpecContent": {"content": content}},
    )
    wait_until(
        lambda: (
            client.get_deployment(**{"deploymentId": deployment["deploymentId"]})["deploymentInfo"]["status"]
            == "Succeeded"
        ),
        "the deployment succeeded",
    )
    return lambda: aws("lambda").update_alias(**LIVE, FunctionVersion=before)


def _flags(aws: Clients) -> dict[str, str]:
    """The ids of application, environment and profile."""
    client = aws("appconfig")
    application = client.list_applications()["Items"][0]["Id"]
    return {
        "ApplicationId": application,
        "EnvironmentId": client.list_environments(ApplicationId=application)["Items"][0]["Id"],
        "ConfigurationProfileId": client.list_configuration_profiles(ApplicationId=application)["Items"][0][
            "Id"
        ],
    }


def _described(kind: str, operation: str, *identifiers: str) -> None:
    def changed(aws: Clients, _: dict[str, str]) -> Undo:
        place = {name: value for name, value in _flags(aws).items() if name in identifiers}
        getattr(aws("appconfig"), operation)(**place, Description="another")
        return lambda: getattr(aws("appconfig"), operation)(**place, Description="")

    changed.__name__ = f"appconfig_{kind}"
    change(f"appconfig/{kind}/")(changed)


_described("application", "update_application", "ApplicationId")
_described("environment", "update_environment", "ApplicationId", "EnvironmentId")
_described("profile", "update_configuration_profile", "ApplicationId", "ConfigurationProfileId")


@change("appconfig/strategy/")
def appconfig_strategy(aws: Clients, _: dict[str, str]) -> Undo:
    made = aws("appconfig").create_deployment_strategy(
        Name="slow", DeploymentDurationInMinutes=10, GrowthFactor=10, ReplicateTo="NONE"
    )
    return lambda: aws("appconfig").delete_deployment_strategy(DeploymentStrategyId=made["Id"])


@change("appconfig/version/")
def appconfig_version(aws: Clients, _: dict[str, str]) -> Undo:
    place = {name: value for name, value in _flags(aws).items() if name != "EnvironmentId"}
    content = json.dumps({"version": "1", "flags": {}, "values": {}}).encode()
    made = aws("appconfig").create_hosted_configuration_version(
        **place, Content=content, ContentType="application/json"
    )
    number = made["VersionNumber"]
    return lambda: aws("appconfig").delete_hosted_configuration_version(**place, VersionNumber=number)


@change("appconfig/deployment/", "appconfig/effective/", leaves=("appconfig/deployment/",))
def flags(aws: Clients, _: dict[str, str]) -> Undo:
    strategies = aws("appconfig").list_deployment_strategies()["Items"]
    own = next(item["Id"] for item in strategies if item["Name"] == names.FLAG_STRATEGY)

    def deploy(version: str) -> None:
        aws("appconfig").start_deployment(
            **_flags(aws), DeploymentStrategyId=own, ConfigurationVersion=version
        )

    deploy("1")
    return lambda: deploy("3")


def aspect(kind: str, do: tuple[str, dict[str, Any]], undo: tuple[str, dict[str, Any]]) -> None:
    """A change of a bucket's settings."""
    bucket = {"Bucket": BUCKET}
    name = f"bucket_{kind.replace('-', '_')} s3/{kind}/{BUCKET}"
    call(name, "s3", (do[0], {**bucket, **do[1]}), (undo[0], {**bucket, **undo[1]}))


def _rules(days: int) -> dict[str, Any]:
    expire = {"ID": "expire-old-versions", "Status": "Enabled", "Filter": {"Prefix": ""}}
    abort = {"ID": "abort-incomplete-uploads", "Status": "Enabled", "Filter": {"Prefix": ""}}
    rules = [
        {**expire, "NoncurrentVersionExpiration": {"NoncurrentDays": days}},
        {**abort, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}},
    ]
    return {"LifecycleConfiguration": {"Rules": rules}}


def _block(public: bool) -> dict[str, Any]:
    settings = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    return {"PublicAccessBlockConfiguration": dict.fromkeys(settings, not public)}


def _encryption(algorithm: str) -> dict[str, Any]:
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm}}
    return {"ServerSideEncryptionConfiguration": {"Rules": [rule]}}


def _tags(environment: str) -> dict[str, Any]:
    tags = {"Project": names.PROJECT, "Environment": environment}
    return {"Tagging": {"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]}}


READ_BY_ALL = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": _arn("iam", "root").replace(names.REGION, "")},
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{BUCKET}/*",
        }
    ],
}
CORS = {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["https://example.org"]}]}
aspect(
    "lifecycle",
    ("put_bucket_lifecycle_configuration", _rules(31)),
    ("put_bucket_lifecycle_configuration", _rules(30)),
)
aspect(
    "notification",
    ("put_bucket_notification_configuration", {"NotificationConfiguration": {}}),
    (
        "put_bucket_notification_configuration",
        {"NotificationConfiguration": {"EventBridgeConfiguration": {}}},
    ),
)
aspect(
    "versioning",
    ("put_bucket_versioning", {"VersioningConfiguration": {"Status": "Suspended"}}),
    ("put_bucket_versioning", {"VersioningConfiguration": {"Status": "Enabled"}}),
)
aspect("policy", ("put_bucket_policy", {"Policy": json.dumps(READ_BY_ALL)}), ("delete_bucket_policy", {}))
aspect(
    "public-access-block",
    ("put_public_access_block", _block(public=True)),
    ("put_public_access_block", _block(public=False)),
)
aspect(
    "encryption",
    ("put_bucket_encryption", _encryption("aws:kms")),
    ("put_bucket_encryption", _encryption("AES256")),
)
aspect("tags", ("put_bucket_tagging", _tags("test")), ("put_bucket_tagging", _tags("prod")))
aspect("cors", ("put_bucket_cors", {"CORSConfiguration": CORS}), ("delete_bucket_cors", {}))


ASPECTS_OF_NEW = ("bucket", "object", "acl", "encryption", "ownership", "public-access-block")


@change(*(f"s3/{kind}/another-bucket" for kind in ASPECTS_OF_NEW))
def bucket_with_object(aws: Clients, _: dict[str, str]) -> Undo:
    client, place = aws("s3"), {"Bucket": "another-bucket"}
    client.create_bucket(**place)
    client.put_object(**place, Key="a/key", Body=b"content")

    def undo() -> None:
        client.delete_object(**place, Key="a/key")
        client.delete_bucket(**place)

    return undo


call("rule_state events/rule/", "events", ("disable_rule", {"Name": RULE}), ("enable_rule", {"Name": RULE}))
call(
    "event_bus events/bus/",
    "events",
    ("create_event_bus", {"Name": "another"}),
    ("delete_event_bus", {"Name": "another"}),
)


@change("events/rule/")
def rule_pattern(aws: Clients, _: dict[str, str]) -> Undo:
    before = aws("events").describe_rule(Name=RULE)
    kept = {key: before[key] for key in ("Name", "EventPattern", "State", "Description")}
    aws("events").put_rule(**{**kept, "EventPattern": json.dumps({"source": ["nobody"]})})
    return lambda: aws("events").put_rule(**kept)


@change("events/target/")
def target(aws: Clients, _: dict[str, str]) -> Undo:
    (before,) = aws("events").list_targets_by_rule(Rule=RULE)["Targets"]
    aws("events").remove_targets(Rule=RULE, Ids=[before["Id"]])
    return lambda: aws("events").put_targets(Rule=RULE, Targets=[before])


MACHINE = {"stateMachineArn": names.STATE_MACHINE_ARN}


@change("states/machine/")
def definition(aws: Clients, _: dict[str, str]) -> Undo:
    before = aws("stepfunctions").describe_state_machine(**MACHINE)["definition"]
    another = json.loads(before)
    another["States"]["Route"]["TimeoutSeconds"] = 36
    aws("stepfunctions").update_state_machine(**MACHINE, definition=json.dumps(another))
    return lambda: aws("stepfunctions").update_state_machine(**MACHINE, definition=before)


call(
    "machine_tags states/machine/",
    "stepfunctions",
    ("tag_resource", {"resourceArn": names.STATE_MACHINE_ARN, "tags": [{"key": "New", "value": "tag"}]}),
    ("untag_resource", {"resourceArn": names.STATE_MACHINE_ARN, "tagKeys": ["New"]}),
)
ALARM = {"AlarmNames": [names.API_5XX_ALARM]}
call(
    "alarm_actions cloudwatch/alarm/",
    "cloudwatch",
    ("disable_alarm_actions", ALARM),
    ("enable_alarm_actions", ALARM),
)


@change("cloudwatch/alarm/")
def alarm_threshold(aws: Clients, _: dict[str, str]) -> Undo:
    (before,) = aws("cloudwatch").describe_alarms(**ALARM)["MetricAlarms"]
    taken = aws("cloudwatch").meta.service_model.operation_model("PutMetricAlarm").input_shape.members
    kept = {key: value for key, value in before.items() if key in taken}
    aws("cloudwatch").put_metric_alarm(**{**kept, "Threshold": 6.0})
    return lambda: aws("cloudwatch").put_metric_alarm(**kept)


call(
    "dashboard cloudwatch/dashboard/",
    "cloudwatch",
    ("put_dashboard", {"DashboardName": "new", "DashboardBody": json.dumps({"widgets": []})}),
    ("delete_dashboards", {"DashboardNames": ["new"]}),
)
call(
    f"retention logs/group/{GROUP}",
    "logs",
    ("put_retention_policy", {"logGroupName": GROUP, "retentionInDays": 60}),
    ("put_retention_policy", {"logGroupName": GROUP, "retentionInDays": 30}),
)
GROUP_ARN = _arn("logs", f"log-group:{GROUP}")
call(
    f"group_tags logs/group/{GROUP}",
    "logs",
    ("tag_resource", {"resourceArn": GROUP_ARN, "tags": {"New": "tag"}}),
    ("untag_resource", {"resourceArn": GROUP_ARN, "tagKeys": ["New"]}),
)
call(
    "log_group logs/group/another",
    "logs",
    ("create_log_group", {"logGroupName": "another"}),
    ("delete_log_group", {"logGroupName": "another"}),
)
METRIC = {"metricName": "Errors", "metricNamespace": "Own", "metricValue": "1"}
FILTER = {"logGroupName": GROUP, "filterName": "errors"}
call(
    f"metric_filter logs/metric-filter/ logs/group/{GROUP}",
    "logs",
    ("put_metric_filter", {**FILTER, "filterPattern": "ERROR", "metricTransformations": [METRIC]}),
    ("delete_metric_filter", FILTER),
)
call(
    "subscription_filter logs/subscription/",
    "logs",
    ("put_subscription_filter", {**FILTER, "filterPattern": "", "destinationArn": names.RAG.arn}),
    ("delete_subscription_filter", FILTER),
)


def _api(aws: Clients) -> dict[str, str]:
    return {"restApiId": aws("apigateway").get_rest_apis()["items"][0]["id"]}


def patch(name: str, operation: str, path: str, new: str, old: str) -> None:
    """A change of API Gateway by a patch."""
    identifier, _, shows = name.partition(" ")

    def changed(aws: Clients, _: dict[str, str]) -> Undo:
        client = aws("apigateway")
        place: dict[str, Any] = {
            "update_rest_api": lambda: _api(aws),
            "update_stage": lambda: {**_api(aws), "stageName": names.STAGE},
            "update_usage_plan": lambda: {"usagePlanId": client.get_usage_plans()["items"][0]["id"]},
            "update_api_key": lambda: {"apiKey": client.get_api_keys()["items"][0]["id"]},
        }[operation]()

        def write(value: str) -> None:
            patched = [{"op": "replace", "path": path, "value": value}]
            getattr(client, operation)(**place, patchOperations=patched)

        write(new)
        return lambda: write(old)

    changed.__name__ = identifier
    change(shows)(changed)


patch(
    "api_description apigateway/api/",
    "update_rest_api",
    "/description",
    "another",
    "Questions on Brazil's generation, load and transmission",
)
patch("stage_throttle apigateway/stage/", "update_stage", "/*/*/throttling/rateLimit", "5", "100")
patch("stage_cache apigateway/stage/", "update_stage", "/cacheClusterEnabled", "true", "false")
patch("stage_caching apigateway/stage/", "update_stage", "/*/*/caching/enabled", "true", "false")
patch("plan_throttle apigateway/usage-plan/", "update_usage_plan", "/throttle/rateLimit", "5", "50")
patch("plan_quota apigateway/usage-plan/", "update_usage_plan", "/quota/limit", "5", "100000")
patch("key_enabled apigateway/key/", "update_api_key", "/enabled", "false", "true")


@change("apigateway/resource/")
def resource_and_method(aws: Clients, _: dict[str, str]) -> Undo:
    client, api = aws("apigateway"), _api(aws)
    root = next(item for item in client.get_resources(**api)["items"] if item["path"] == "/")
    made = client.create_resource(**api, parentId=root["id"], pathPart="more")["id"]
    client.put_method(**api, resourceId=made, httpMethod="GET", authorizationType="NONE")
    return lambda: client.delete_resource(**api, resourceId=made)


@change("apigateway/resource/")
def integration_timeout(aws: Clients, _: dict[str, str]) -> Undo:
    client, api = aws("apigateway"), _api(aws)
    health = next(item for item in client.get_resources(**api)["items"] if item["path"] == "/health")

    def write(milliseconds: str) -> None:
        patched = [{"op": "replace", "path": "/timeoutInMillis", "value": milliseconds}]
        client.update_integration(**api, resourceId=health["id"], httpMethod="GET", patchOperations=patched)

    write("1000")
    return lambda: write("29000")


@change("apigateway/deployment/", "apigateway/stage-deployment/")
def api_deployment(aws: Clients, _: dict[str, str]) -> Undo:
    client, api = aws("apigateway"), _api(aws)
    before = client.get_stage(**api, stageName=names.STAGE)["deploymentId"]
    made = client.create_deployment(**api, stageName=names.STAGE)["id"]

    def undo() -> None:
        patched = [{"op": "replace", "path": "/deploymentId", "value": before}]
        client.update_stage(**api, stageName=names.STAGE, patchOperations=patched)
        client.delete_deployment(**api, deploymentId=made)

    return undo


@change("apigateway/gateway-response/")
def gateway_response(aws: Clients, _: dict[str, str]) -> Undo:
    place = {**_api(aws), "responseType": "THROTTLED"}
    aws("apigateway").put_gateway_response(**place, statusCode="503")
    return lambda: aws("apigateway").delete_gateway_response(**place)


@change("apigateway/key/", "apigateway/usage-plan/")
def key_in_plan(aws: Clients, _: dict[str, str]) -> Undo:
    client = aws("apigateway")
    plan = {"usagePlanId": client.get_usage_plans()["items"][0]["id"]}
    key = client.create_api_key(name="another", enabled=True)["id"]
    client.create_usage_plan_key(**plan, keyId=key, keyType="API_KEY")

    def undo() -> None:
        client.delete_usage_plan_key(**plan, keyId=key)
        client.delete_api_key(apiKey=key)

    return undo


OF_USER = {"UserName": USER}
ADMIN = {"PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}
DENY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}
)
INLINE = {"PolicyName": "quarantine"}
call(
    "user_policy_attached iam/user/",
    "iam",
    ("attach_user_policy", {**OF_USER, **ADMIN}),
    ("detach_user_policy", {**OF_USER, **ADMIN}),
)
call(
    "user_policy_inline iam/user/",
    "iam",
    ("put_user_policy", {**OF_USER, **INLINE, "PolicyDocument": DENY}),
    ("delete_user_policy", {**OF_USER, **INLINE}),
)
OF_ROLE = {"RoleName": names.ROUTER.role}
call(
    "role_policy iam/role/",
    "iam",
    ("put_role_policy", {**OF_ROLE, **INLINE, "PolicyDocument": DENY}),
    ("delete_role_policy", {**OF_ROLE, **INLINE}),
)
call(
    "user_tags iam/user/",
    "iam",
    ("tag_user", {**OF_USER, "Tags": [{"Key": "New", "Value": "tag"}]}),
    ("untag_user", {**OF_USER, "TagKeys": ["New"]}),
)
call(
    "console iam/login-profile/",
    "iam",
    ("create_login_profile", {**OF_USER, "Password": "Worthless-1"}),
    ("delete_login_profile", OF_USER),
)
call(
    "iam_group iam/group/",
    "iam",
    ("create_group", {"GroupName": "another"}),
    ("delete_group", {"GroupName": "another"}),
)
OWN_POLICY = f"arn:aws:iam::{names.ACCOUNT}:policy/another"
call(
    "iam_policy iam/policy/",
    "iam",
    ("create_policy", {"PolicyName": "another", "PolicyDocument": DENY}),
    ("delete_policy", {"PolicyArn": OWN_POLICY}),
)


@change("iam/access-key/")
def key_status(aws: Clients, _: dict[str, str]) -> Undo:
    (key,) = aws("iam").list_access_keys(**OF_USER)["AccessKeyMetadata"]
    place = {**OF_USER, "AccessKeyId": key["AccessKeyId"]}
    aws("iam").update_access_key(**place, Status="Inactive")
    return lambda: aws("iam").update_access_key(**place, Status="Active")


@change("iam/access-key/")
def new_key(aws: Clients, _: dict[str, str]) -> Undo:
    key = aws("iam").create_access_key(**OF_USER)["AccessKey"]["AccessKeyId"]
    return lambda: aws("iam").delete_access_key(**OF_USER, AccessKeyId=key)


def _bastion(aws: Clients) -> dict[str, Any]:
    wanted = [{"Name": "group-name", "Values": [f"{names.PROJECT}-bastion"]}]
    group: dict[str, Any] = aws("ec2").describe_security_groups(Filters=wanted)["SecurityGroups"][0]
    return group


@change("ec2/security-group/")
def ingress(aws: Clients, _: dict[str, str]) -> Undo:
    group = _bastion(aws)
    rules = {"GroupId": group["GroupId"], "IpPermissions": group["IpPermissions"]}
    aws("ec2").revoke_security_group_ingress(**rules)
    return lambda: aws("ec2").authorize_security_group_ingress(**rules)


@change("ec2/security-group/")
def egress(aws: Clients, _: dict[str, str]) -> Undo:
    rule = {
        "GroupId": _bastion(aws)["GroupId"],
        "IpPermissions": [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}],
    }
    aws("ec2").revoke_security_group_egress(**rule)
    return lambda: aws("ec2").authorize_security_group_egress(**rule)


@change("timestream-influxdb/backup/")
def backup(aws: Clients, _: dict[str, str]) -> Undo:
    client = aws("timestream-influxdb")
    instance = client.list_db_instances()["items"][0]["id"]
    made = client.create_db_backup(dbResourceId=instance, name="another")["id"]

    def undo() -> None:
        client.delete_db_backup(identifier=made)
        wait_until(
            lambda: made not in [item["id"] for item in client.list_db_backups()["items"]],
            "the backup is gone",
        )

    return undo


@change("timestream-influxdb/instance/")
def instance_tags(aws: Clients, _: dict[str, str]) -> Undo:
    client = aws("timestream-influxdb")
    arn = client.list_db_instances()["items"][0]["arn"]
    client.tag_resource(resourceArn=arn, tags={"New": "tag"})
    return lambda: client.untag_resource(resourceArn=arn, tagKeys=["New"])


PARAMETER = {"Name": f"/{names.PROJECT}/prod/api_stage", "Type": "String", "Overwrite": True}
call(
    f"parameter_value ssm/parameter/{PARAMETER['Name']} ssm/version/{PARAMETER['Name']}",
    "ssm",
    ("put_parameter", {**PARAMETER, "Value": "another"}),
    ("put_parameter", {**PARAMETER, "Value": names.STAGE}),
    leaves=("ssm/version/",),
)
call(
    "new_parameter ssm/parameter/another ssm/version/another",
    "ssm",
    ("put_parameter", {"Name": "another", "Type": "SecureString", "Value": "1"}),
    ("delete_parameter", {"Name": "another"}),
)
call(
    f"secret_description secretsmanager/secret/{names.INFLUX_SECRET}",
    "secretsmanager",
    ("update_secret", {"SecretId": names.INFLUX_SECRET, "Description": "another"}),
    (
        "update_secret",
        {
            "SecretId": names.INFLUX_SECRET,
            "Description": "Token of the functions for the bucket energy_data",
        },
    ),
)
call(
    "new_secret secretsmanager/secret/another secretsmanager/version/another",
    "secretsmanager",
    ("create_secret", {"Name": "another", "SecretString": "worthless"}),
    ("delete_secret", {"SecretId": "another"}),
)


@change(f"secretsmanager/version/{names.INFLUX_SECRET}", leaves=("secretsmanager/version/",))
def secret_value(aws: Clients, _: dict[str, str]) -> Undo:
    client, place = aws("secretsmanager"), {"SecretId": names.INFLUX_SECRET}
    before = client.get_secret_value(**place)["SecretString"]
    client.put_secret_value(**place, SecretString="worthless")
    return lambda: client.put_secret_value(**place, SecretString=before)


TOPIC = {"TopicArn": names.TOPIC_ARN, "AttributeName": "DisplayName"}
call(
    "topic sns/topic/",
    "sns",
    ("set_topic_attributes", {**TOPIC, "AttributeValue": "another"}),
    ("set_topic_attributes", {**TOPIC, "AttributeValue": ""}),
)


@change("sns/subscription/")
def subscription(aws: Clients, _: dict[str, str]) -> Undo:
    (before,) = aws("sns").list_subscriptions()["Subscriptions"]
    aws("sns").unsubscribe(SubscriptionArn=before["SubscriptionArn"])
    again = {name: before[name] for name in ("TopicArn", "Protocol", "Endpoint")}
    return lambda: aws("sns").subscribe(**again)


@change("sqs/queue/")
def queue(aws: Clients, _: dict[str, str]) -> Undo:
    place = {"QueueUrl": aws("sqs").list_queues()["QueueUrls"][0]}
    aws("sqs").set_queue_attributes(**place, Attributes={"VisibilityTimeout": "31"})
    return lambda: aws("sqs").set_queue_attributes(**place, Attributes={"VisibilityTimeout": "30"})


def _influx(env: dict[str, str], path: str, document: dict[str, Any] | None = None) -> dict[str, Any]:
    """GET, or PATCH with a document."""
    headers = {"Authorization": f"Token {env['INFLUXDB_V2_TOKEN']}", "Content-Type": "application/json"}
    body, method = (json.dumps(document).encode(), "PATCH") if document else (None, "GET")
    url = f"{env['INFLUXDB_V2_URL']}/api/v2/{path}"
    with urllib.request.urlopen(urllib.request.Request(url, body, headers, method=method)) as answer:
        read: dict[str, Any] = json.load(answer)
    return read


@change("influxdb/bucket/")
def influx_retention(_: Clients, env: dict[str, str]) -> Undo:
    (bucket,) = _influx(env, f"buckets?name={names.INFLUX_BUCKET}")["buckets"]

    def write(seconds: int) -> None:
        rules = [{"type": "expire", "everySeconds": seconds}]
        _influx(env, f"buckets/{bucket['id']}", {"retentionRules": rules})

    write(10 * 365 * 86_400)
    return lambda: write(names.INFLUX_RETENTION_SECONDS)


def _rounds() -> list[dict[str, Kind]]:
    """All changes in as few rounds as can be, no two of a round on the same thing: reading takes a while."""
    rounds: list[dict[str, Kind]] = []
    for name, kind in CHANGES.items():
        for one in rounds:
            taken = tuple(beginning for other in one.values() for beginning in other.shows)
            if not any(
                shown.startswith(taken) or any(t.startswith(shown) for t in taken) for shown in kind.shows
            ):
                one[name] = kind
                break
        else:
            rounds.append({name: kind})
    return rounds


@pytest.fixture(scope="module")
def seen(env: dict[str, str], aws: Clients) -> Seen:
    """Every change made and undone, a round at a time."""
    told = Seen()
    for one in _rounds():
        before = read_state(env)
        with contextlib.ExitStack() as undoes:
            for kind in one.values():
                undoes.callback(kind.make(aws, env))
            during = differences(before, read_state(env))
        afterwards = differences(before, read_state(env))
        for name, kind in one.items():
            told.during[name] = kind.of(during)
            told.afterwards[name] = [line for line in kind.of(afterwards) if not line.startswith(kind.leaves)]
        shown = tuple(beginning for kind in one.values() for beginning in kind.shows)
        told.nobodys += [line for line in during + afterwards if not line.startswith(shown)]
    return told


def test_two_readings_in_a_row_are_equal(env):
    first, second = read_state(env), read_state(env)
    assert differences(first, second) == []
    assert first == second
    assert len(first) > 150


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_shows(name, seen):
    for beginning in CHANGES[name].shows:
        assert any(line.startswith(beginning) for line in seen.during[name]), beginning


@pytest.mark.parametrize("name", CHANGES)
def test_what_was_undone_leaves_no_trace(name, seen):
    assert seen.afterwards[name] == []


def test_nothing_else_differs(seen):
    assert seen.nobodys == []


def test_objects_of_the_pipeline_are_read_when_asked_for(env, aws):
    before = read_state(env, objects=True)
    aws("s3").put_object(Bucket=BUCKET, Key="probe/another.csv", Body=b"a")
    after = read_state(env, objects=True)
    assert f"s3/object/{BUCKET}/probe/another.csv" in after.keys() - before.keys()
    assert not any(name.startswith(f"s3/object/{BUCKET}") for name in read_state(env))


def test_no_secret_value_is_in_a_state(env, aws):
    key = aws("apigateway").get_api_keys(includeValues=True)["items"][0]["value"]
    whole = json.dumps(read_state(env))
    assert key not in whole
    assert env["INFLUXDB_V2_TOKEN"] not in whole


def test_an_influxdb_that_is_down_is_a_state_of_its_own(own_sandbox, env):
    before = read_state(env)
    control = f"{env['AWS_ENDPOINT_URL']}/_sandbox/influx/"
    urllib.request.urlopen(urllib.request.Request(control + "stop", method="POST"))
    try:
        seen = differences(before, read_state(env))
    finally:
        urllib.request.urlopen(urllib.request.Request(control + "start", method="POST"))
    assert any(line.startswith("influxdb/server/answers: is new: 'no") for line in seen)
    assert read_state(env) == before


def test_a_running_modification_of_the_database_shows(env, aws):
    client = aws("timestream-influxdb")
    before = read_state(env)
    instance = client.list_db_instances()["items"][0]["id"]
    client.update_db_instance(identifier=instance, dbInstanceType="db.influx.large")
    (seen,) = differences(before, read_state(env))
    name = f"timestream-influxdb/instance/{names.INFLUX_INSTANCE}"
    assert seen.startswith(f"{name} status: 'AVAILABLE' became ")


def test_the_trail_tells_changing_calls_from_reading_ones(env, aws):
    since = datetime.now(UTC)
    read_state(env)
    assert changing_calls(env, since) == []
    for days in (60, 30):
        aws("logs").put_retention_policy(logGroupName=GROUP, retentionInDays=days)
    found = changing_calls(env, since)
    assert [record["eventName"] for record in found] == ["PutRetentionPolicy", "PutRetentionPolicy"]
    assert [record["requestParameters"]["retentionInDays"] for record in found] == [30, 60]
    assert changing_calls(env, datetime.now(UTC)) == []
    assert changing_calls(env, since, user="somebody.else") == []


def test_the_trail_is_read_over_all_its_pages(env, aws):
    since = datetime.now(UTC) - timedelta(milliseconds=1)
    for number in range(60):
        tags = [{"Key": "Number", "Value": str(number)}]
        aws("iam").tag_user(UserName=USER, Tags=tags)
    assert [record["eventName"] for record in changing_calls(env, since)] == ["TagUser"] * 60


def test_the_life_of_the_platform_is_not_among_the_changing_calls(env, aws):
    since = datetime.now(UTC)
    instant = files.newest(since) + timedelta(minutes=30)
    drop_file(env, "generation", instant)
    processed = files.processed_key(names.GENERATION, instant)
    place = {"Bucket": names.PROCESSED_BUCKET, "Prefix": processed}
    wait_until(lambda: aws("s3").list_objects_v2(**place)["KeyCount"], f"{processed} was written")
    assert changing_calls(env, since) == []


def test_differences_are_readable_lines():
    before = {"a": {"x": {"y": 1}, "gone": 2}, "b": 3}
    after = {"a": {"x": {"y": 2}, "new": 4}, "c": [5]}
    assert differences(before, after) == [
        "a gone: is gone: 2",
        "a new: is new: 4",
        "a x y: 1 became 2",
        "b: is gone: 3",
        "c: is new: [5]",
    ]


def test_parts_can_be_left_out():
    state = {"ssm/version/a": 1, "ssm/parameter/a": 2, "s3/bucket/b": 3}
    assert without(state, "ssm/version/", "s3/") == {"ssm/parameter/a": 2}
