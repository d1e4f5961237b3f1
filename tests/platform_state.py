"""A full reading of what can be changed in a sandbox, and which changing calls its audit trail holds.

`read_state` before and after: equal when nothing was changed, or when all that was changed was put back.
Everything is read with the sandbox's own key, never with what is under test. What time alone changes is left
out (`_OF_TIME`, and every date); values that are secret or long are shown by their hash.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
"""

import functools
import hashlib
import json
import os
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

from ons_sandbox.environment import OPERATOR
from ons_sandbox.platform import names

State = dict[str, object]
Entries = Iterator[tuple[str, object]]

#: Files arrive in them all the time: their objects are read only when asked for.
PIPELINE_BUCKETS = (names.RAW_BUCKET, names.PROCESSED_BUCKET)

# What each call, or time, makes anew although nothing was changed. (Every datetime is left out as well.)
_OF_TIME = {
    *("ResponseMetadata", "RevisionId", "LastModified", "creationTime", "CreatedTimestamp"),
    *("LastModifiedTimestamp", "storedBytes", "LastModifiedUser", "RoleLastUsed"),
}
# How far Lambda is with an update that was asked for.
_UPDATING = {
    *("State", "StateReason", "StateReasonCode"),
    *("LastUpdateStatus", "LastUpdateStatusReason", "LastUpdateStatusReasonCode"),
}
# Alarms go off and are over by themselves.
_STATE_OF_ALARM = {"StateValue", "StateReason", "StateReasonData", "ActionsSuppressedReason"}
# They follow from the deployments, which are listed one by one.
_LAST_DEPLOYMENT = {"lastSuccessfulDeployment", "lastAttemptedDeployment", "targetRevision"}
# Their order says something.
_IN_ORDER = {"Layers"}

_ASPECTS_OF_BUCKET = {
    "lifecycle": "get_bucket_lifecycle_configuration",
    "notification": "get_bucket_notification_configuration",
    "versioning": "get_bucket_versioning",
    "policy": "get_bucket_policy",
    "public-access-block": "get_public_access_block",
    "encryption": "get_bucket_encryption",
    "tags": "get_bucket_tagging",
    "acl": "get_bucket_acl",
    "cors": "get_bucket_cors",
    "logging": "get_bucket_logging",
    "ownership": "get_bucket_ownership_controls",
    "replication": "get_bucket_replication",
}


class Aws:
    """Clients of one sandbox, and what reading needs: pages, and answers that say that there is nothing."""

    def __init__(self, env: Mapping[str, str]) -> None:
        no_profile = {"profile": (None, None, None, None), "config_file": (None, None, os.devnull, None)}
        self._session = boto3.Session(
            botocore_session=botocore.session.Session(session_vars=no_profile),
            aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
            region_name=env["AWS_REGION"],
        )
        self._url = env["AWS_ENDPOINT_URL"]
        self._made: dict[str, Any] = {}
        self._lock = threading.Lock()

    def __call__(self, service: str) -> Any:
        """The client of a service. Making one is not thread-safe in boto3, using one is."""
        with self._lock:
            if service not in self._made:
                config = Config(
                    proxies={}, connect_timeout=5, read_timeout=60, s3={"addressing_style": "path"}
                )
                self._made[service] = self._session.client(service, endpoint_url=self._url, config=config)
            return self._made[service]

    def list(self, service: str, operation: str, member: str, **parameters: Any) -> list[Any]:
        """Every item of a listing, over all pages."""
        client = self(service)
        if not client.can_paginate(operation):
            return list(getattr(client, operation)(**parameters).get(member, []))
        pages = client.get_paginator(operation).paginate(**parameters)
        return [item for page in pages for item in page.get(member, [])]


def read_state(sandbox_env: Mapping[str, str], *, objects: bool = False) -> State:
    """All that can be changed in the sandbox: "service/kind/name" -> a plain, comparable description.

    sandbox_env: `Sandbox.env()`. objects: also the keys and ETags in the pipeline's buckets. Raises what
    boto3 raises when something cannot be read; an InfluxDB that does not answer is a state of its own.
    """
    aws = _aws(*(sandbox_env[name] for name in _ADDRESS))
    readers: list[Callable[[], Entries]] = [functools.partial(reader, aws) for reader in _READERS]
    readers += [functools.partial(_objects, aws, objects), functools.partial(_influx, sandbox_env)]
    state: State = {}
    with ThreadPoolExecutor(len(readers)) as pool:
        for entries in pool.map(lambda read: list(read()), readers):
            for name, description in entries:
                assert name not in state, f"two things are called {name}: one would hide the other"
                state[name] = description
    return dict(sorted(state.items()))


def differences(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    """What changed, one line each, e.g. "lambda/alias/a:LIVE FunctionVersion: '5' became '6'"."""
    return list(_differences(before, after, ""))


def without(state: Mapping[str, object], *prefixes: str) -> State:
    """The state without what begins with one of these, e.g. "appconfig/deployment/"."""
    return {name: description for name, description in state.items() if not name.startswith(prefixes)}


def changing_calls(env: Mapping[str, str], since: datetime, user: str = OPERATOR) -> list[dict[str, Any]]:
    """The CloudTrail records of calls by `user` that may have changed something, newest first.

    env: `Sandbox.env()`. since: aware. Management events only, as LookupEvents gives them: objects put or
    deleted in S3, messages, invocations and what is written to InfluxDB are not in an audit trail's history.
    """
    # Not by user name, which is the other thing that can be asked for: nearly all of a user's calls read.
    wanted = [{"AttributeKey": "ReadOnly", "AttributeValue": "false"}]
    aws = _aws(*(env[name] for name in _ADDRESS))
    events = aws.list("cloudtrail", "lookup_events", "Events", LookupAttributes=wanted, StartTime=since)
    found = [event for event in events if event["Username"] == user]
    return [json.loads(event["CloudTrailEvent"]) for event in found if not _READING.match(event["EventName"])]


_ADDRESS = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")

# What reads by its nature, though the sandbox's trail says only of Get, List, Describe and the like that it
# does. AppConfig's data plane, which on AWS is not in the history at all, stands there without its names.
_READING = re.compile(
    r"(Batch(Get|Describe)|Simulate|Query|Select|Search|StartQuery|StopQuery|(GET|HEAD)\.|POST\.appconfig$)"
)


@functools.cache
def _aws(*address: str) -> Aws:
    """Clients cost more than all the calls: they are kept for the next reading."""
    return Aws(dict(zip(_ADDRESS, address, strict=True)))


def _differences(before: Any, after: Any, where: str) -> Iterator[str]:
    if not (isinstance(before, Mapping) and isinstance(after, Mapping)):
        yield f"{where}: {_short(before)} became {_short(after)}"
        return
    for name in sorted({*before, *after}):
        here = f"{where} {name}".strip()
        if name not in before:
            yield f"{here}: is new: {_short(after[name])}"
        elif name not in after:
            yield f"{here}: is gone: {_short(before[name])}"
        elif before[name] != after[name]:
            yield from _differences(before[name], after[name], here)


def _short(value: object, most: int = 160) -> str:
    text = repr(value)
    return text if len(text) <= most else f"{text[:most]}…"


def _plain(value: Any, *leave_out: str, empty: bool = False) -> Any:
    """An answer without what is of time, or `leave_out`; lists sorted; nothing that is empty, unless `empty`.

    Services tell an empty list, "" and nothing at all apart in no documented way.
    """
    if isinstance(value, Mapping):
        plain = {
            str(name): list(map(_plain, item)) if name in _IN_ORDER else _plain(item, *leave_out, empty=empty)
            for name, item in value.items()
            if name not in _OF_TIME and name not in leave_out and not isinstance(item, datetime)
        }
        return {name: item for name, item in plain.items() if empty or item not in ({}, [], "", None)}
    if isinstance(value, list | tuple):
        return sorted((_plain(item, *leave_out, empty=empty) for item in value), key=_sort_key)
    return value


def _sort_key(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _document(text: str) -> Any:
    """A JSON document (a policy, a definition): how it is written down says nothing."""
    return json.loads(text)


def _hash(content: str | bytes) -> str:
    whole = content.encode() if isinstance(content, str) else content
    return f"sha256:{hashlib.sha256(whole).hexdigest()[:16]}"


def _or_nothing(call: Callable[..., Any], **parameters: Any) -> Any:
    """The answer of a reading call, or None when the service says that there is none."""
    try:
        return call(**parameters)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if re.search(r"^NoSuch|NotFound", code):
            return None
        raise


def _lambda(aws: Aws) -> Entries:
    client = aws("lambda")
    for mapping in aws.list("lambda", "list_event_source_mappings", "EventSourceMappings"):
        yield f"lambda/event-source/{mapping['UUID']}", _plain(mapping)
    for listed in aws.list("lambda", "list_functions", "Functions"):
        name = listed["FunctionName"]
        tags = client.list_tags(Resource=listed["FunctionArn"])["Tags"]
        yield f"lambda/function/{name}", {**_configuration(listed), "tags": tags}
        reserved = client.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions")
        if reserved is not None:
            yield f"lambda/reserved-concurrency/{name}", reserved
        published = aws.list("lambda", "list_versions_by_function", "Versions", FunctionName=name)
        versions = {version["Version"]: version for version in published if version["Version"] != "$LATEST"}
        for number, version in versions.items():
            yield f"lambda/version/{name}:{number}", _configuration(version)
        aliases = aws.list("lambda", "list_aliases", "Aliases", FunctionName=name)
        for alias in aliases:
            yield f"lambda/alias/{name}:{alias['Name']}", _plain(alias)
        yield from _invoked(aws, name, [alias["Name"] for alias in aliases], list(versions))


def _configuration(function: Mapping[str, Any]) -> dict[str, Any]:
    variables = function.get("Environment", {}).get("Variables", {})
    hashed = {name: _hash(value) for name, value in variables.items()}
    return {**_plain(function, "Environment", *_UPDATING), "environment": hashed}


def _invoked(aws: Aws, name: str, aliases: list[str], versions: list[str]) -> Entries:
    """Who may invoke a function, how, and how much of it is kept ready."""
    client, place = aws("lambda"), {"FunctionName": name}
    for qualifier in ("", *aliases):
        qualified = {**place, "Qualifier": qualifier} if qualifier else place
        policy = _or_nothing(client.get_policy, **qualified)
        if policy:
            yield f"lambda/policy/{name}:{qualifier or '$LATEST'}", _document(policy["Policy"])
    # One by one: the sandbox lists none.
    for qualifier in (*aliases, *versions):
        ready = _or_nothing(client.get_provisioned_concurrency_config, **place, Qualifier=qualifier)
        if ready:
            # How much of it stands already is a matter of time.
            requested = ready["RequestedProvisionedConcurrentExecutions"]
            yield f"lambda/provisioned-concurrency/{name}:{qualifier}", requested
    listing = ("list_function_event_invoke_configs", "FunctionEventInvokeConfigs")
    for settings in aws.list("lambda", *listing, **place):
        yield f"lambda/event-invoke/{settings['FunctionArn'].partition(':function:')[2]}", _plain(settings)


def _codedeploy(aws: Aws) -> Entries:
    client = aws("codedeploy")
    for name in aws.list("codedeploy", "list_deployment_configs", "deploymentConfigsList"):
        if not name.startswith("CodeDeployDefault."):
            answer = client.get_deployment_config(deploymentConfigName=name)
            yield f"codedeploy/configuration/{name}", _plain(answer["deploymentConfigInfo"])
    for application in aws.list("codedeploy", "list_applications", "applications"):
        answer = client.get_application(applicationName=application)
        yield f"codedeploy/application/{application}", _plain(answer["application"])
        place = {"applicationName": application}
        for group in aws.list("codedeploy", "list_deployment_groups", "deploymentGroups", **place):
            answer = client.get_deployment_group(**place, deploymentGroupName=group)
            described = _plain(answer["deploymentGroupInfo"], *_LAST_DEPLOYMENT)
            yield f"codedeploy/group/{application}/{group}", described
    known = aws.list("codedeploy", "list_deployments", "deployments")
    for first in range(0, len(known), 25):
        answer = client.batch_get_deployments(deploymentIds=known[first : first + 25])
        for deployment in answer["deploymentsInfo"]:
            yield f"codedeploy/deployment/{deployment['deploymentId']}", _plain(deployment)


def _appconfig(aws: Aws) -> Entries:
    for strategy in aws.list("appconfig", "list_deployment_strategies", "Items"):
        if not strategy["Id"].startswith("AppConfig."):
            yield f"appconfig/strategy/{strategy['Name']}", _plain(strategy)
    for application in aws.list("appconfig", "list_applications", "Items"):
        yield f"appconfig/application/{application['Name']}", _plain(application)
        place = {"ApplicationId": application["Id"]}
        profiles = aws.list("appconfig", "list_configuration_profiles", "Items", **place)
        for profile in profiles:
            yield from _profile(aws, application["Name"], profile)
        for environment in aws.list("appconfig", "list_environments", "Items", **place):
            yield from _environment(aws, application["Name"], environment, profiles)


def _profile(aws: Aws, application: str, profile: Mapping[str, Any]) -> Entries:
    """A configuration profile, and every version of what it holds."""
    client, name = aws("appconfig"), f"{application}/{profile['Name']}"
    place = {"ApplicationId": profile["ApplicationId"], "ConfigurationProfileId": profile["Id"]}
    yield f"appconfig/profile/{name}", _plain(client.get_configuration_profile(**place))
    for version in aws.list("appconfig", "list_hosted_configuration_versions", "Items", **place):
        number = version["VersionNumber"]
        content = client.get_hosted_configuration_version(**place, VersionNumber=number)["Content"].read()
        yield f"appconfig/version/{name}/{number}", {**_plain(version), "content": _hash(content)}


def _environment(
    aws: Aws, application: str, environment: Mapping[str, Any], profiles: Iterable[Mapping[str, Any]]
) -> Entries:
    """An environment, its deployments, and what its clients are told now."""
    name = f"{application}/{environment['Name']}"
    yield f"appconfig/environment/{name}", _plain(environment)
    place = {"ApplicationId": environment["ApplicationId"], "EnvironmentId": environment["Id"]}
    for deployment in aws.list("appconfig", "list_deployments", "Items", **place):
        # The percentage grows by itself.
        described = _plain(deployment, "PercentageComplete")
        yield f"appconfig/deployment/{name}/{deployment['DeploymentNumber']}", described
    data = aws("appconfigdata")
    for profile in profiles:
        token = data.start_configuration_session(
            ApplicationIdentifier=environment["ApplicationId"],
            EnvironmentIdentifier=environment["Id"],
            ConfigurationProfileIdentifier=profile["Id"],
        )["InitialConfigurationToken"]
        content = data.get_latest_configuration(ConfigurationToken=token)["Configuration"].read()
        flags = profile.get("Type") == "AWS.AppConfig.FeatureFlags" and content
        effective = _document(content) if flags else _hash(content)
        yield f"appconfig/effective/{name}/{profile['Name']}", effective


def _s3(aws: Aws) -> Entries:
    client = aws("s3")
    for bucket in aws.list("s3", "list_buckets", "Buckets"):
        name = bucket["Name"]
        yield f"s3/bucket/{name}", _plain(bucket)
        for aspect, operation in _ASPECTS_OF_BUCKET.items():
            answer = _or_nothing(getattr(client, operation), Bucket=name)
            # An empty EventBridgeConfiguration is what switches its notifications on.
            described = _plain(answer or {}, empty=True)
            if "Policy" in described:
                described = _document(described["Policy"])
            if described:
                yield f"s3/{aspect}/{name}", described


def _objects(aws: Aws, pipeline: bool) -> Entries:
    for bucket in aws.list("s3", "list_buckets", "Buckets"):
        name = bucket["Name"]
        if pipeline or name not in PIPELINE_BUCKETS:
            for item in aws.list("s3", "list_objects_v2", "Contents", Bucket=name):
                yield f"s3/object/{name}/{item['Key']}", item["ETag"]


def _events(aws: Aws) -> Entries:
    client = aws("events")
    for bus in aws.list("events", "list_event_buses", "EventBuses"):
        yield f"events/bus/{bus['Name']}", _plain(bus, "CreationTime", "LastModifiedTime")
        for rule in aws.list("events", "list_rules", "Rules", EventBusName=bus["Name"]):
            name = f"{bus['Name']}/{rule['Name']}"
            pattern = _document(rule["EventPattern"]) if rule.get("EventPattern") else None
            tags = client.list_tags_for_resource(ResourceARN=rule["Arn"])["Tags"]
            yield f"events/rule/{name}", {**_plain(rule), "EventPattern": pattern, "tags": _plain(tags)}
            place = {"Rule": rule["Name"], "EventBusName": bus["Name"]}
            for target in aws.list("events", "list_targets_by_rule", "Targets", **place):
                yield f"events/target/{name}/{target['Id']}", _plain(target)


def _states(aws: Aws) -> Entries:
    client = aws("stepfunctions")
    for machine in aws.list("stepfunctions", "list_state_machines", "stateMachines"):
        arn = machine["stateMachineArn"]
        described = client.describe_state_machine(stateMachineArn=arn)
        definition = _document(described["definition"])
        tags = client.list_tags_for_resource(resourceArn=arn)["tags"]
        described = {**_plain(described, "revisionId"), "definition": definition, "tags": _plain(tags)}
        yield f"states/machine/{machine['name']}", described


def _alarms(aws: Aws) -> Entries:
    for kind in ("MetricAlarms", "CompositeAlarms"):
        types = ["MetricAlarm" if kind == "MetricAlarms" else "CompositeAlarm"]
        for alarm in aws.list("cloudwatch", "describe_alarms", kind, AlarmTypes=types):
            yield f"cloudwatch/alarm/{alarm['AlarmName']}", _plain(alarm, *_STATE_OF_ALARM)
    for dashboard in aws.list("cloudwatch", "list_dashboards", "DashboardEntries"):
        yield f"cloudwatch/dashboard/{dashboard['DashboardName']}", _plain(dashboard)


def _logs(aws: Aws) -> Entries:
    client = aws("logs")
    for group in aws.list("logs", "describe_log_groups", "logGroups"):
        name = group["logGroupName"]
        tags = client.list_tags_for_resource(resourceArn=group["logGroupArn"])["tags"]
        yield f"logs/group/{name}", {**_plain(group), "tags": tags}
        for sent in aws.list(
            "logs", "describe_subscription_filters", "subscriptionFilters", logGroupName=name
        ):
            yield f"logs/subscription/{name}/{sent['filterName']}", _plain(sent)
    for counted in aws.list("logs", "describe_metric_filters", "metricFilters"):
        yield f"logs/metric-filter/{counted['logGroupName']}/{counted['filterName']}", _plain(counted)


def _apigateway(aws: Aws) -> Entries:
    client = aws("apigateway")
    for api in aws.list("apigateway", "get_rest_apis", "items"):
        place, name = {"restApiId": api["id"]}, f"{api['name']}:{api['id']}"
        yield f"apigateway/api/{name}", _plain(api)
        for stage in client.get_stages(**place).get("item", []):
            # By itself: what undoes a deployment may have to deploy again.
            yield f"apigateway/stage-deployment/{name}/{stage['stageName']}", stage["deploymentId"]
            # How far a cache is, and how large one that was switched off had been, is a matter of time.
            off = () if stage.get("cacheClusterEnabled") else ("cacheClusterSize",)
            described = _plain(stage, "deploymentId", "cacheClusterStatus", *off)
            yield f"apigateway/stage/{name}/{stage['stageName']}", described
        for resource in aws.list("apigateway", "get_resources", "items", **place, embed=["methods"]):
            yield f"apigateway/resource/{name}{resource['path']}", _plain(resource)
        for deployment in aws.list("apigateway", "get_deployments", "items", **place):
            yield f"apigateway/deployment/{name}/{deployment['id']}", _plain(deployment)
        for response in client.get_gateway_responses(**place).get("items", []):
            if not response.get("defaultResponse"):
                yield f"apigateway/gateway-response/{name}/{response['responseType']}", _plain(response)
    for plan in aws.list("apigateway", "get_usage_plans", "items"):
        keys = aws.list("apigateway", "get_usage_plan_keys", "items", usagePlanId=plan["id"])
        described = {**_plain(plan), "keys": sorted(key["id"] for key in keys)}
        yield f"apigateway/usage-plan/{plan['name']}:{plan['id']}", described
    for key in aws.list("apigateway", "get_api_keys", "items", includeValues=False):
        # The sandbox gives the values all the same.
        yield f"apigateway/key/{key.get('name', '')}:{key['id']}", _plain(key, "value")


def _iam(aws: Aws) -> Entries:
    client = aws("iam")
    kinds = {
        "user": ("UserDetailList", "UserName"),
        "group": ("GroupDetailList", "GroupName"),
        "role": ("RoleDetailList", "RoleName"),
        "policy": ("Policies", "PolicyName"),
    }
    filters = ["User", "Group", "Role", "LocalManagedPolicy"]
    for page in client.get_paginator("get_account_authorization_details").paginate(Filter=filters):
        for kind, (member, naming) in kinds.items():
            for described in page.get(member, []):
                yield f"iam/{kind}/{described[naming]}", _plain(described)
    for user in aws.list("iam", "list_users", "Users"):
        name = {"UserName": user["UserName"]}
        for key in aws.list("iam", "list_access_keys", "AccessKeyMetadata", **name):
            yield f"iam/access-key/{user['UserName']}/{key['AccessKeyId']}", key["Status"]
        for device in aws.list("iam", "list_mfa_devices", "MFADevices", **name):
            yield f"iam/mfa-device/{user['UserName']}/{device['SerialNumber']}", _plain(device)
        console = _or_nothing(client.get_login_profile, **name)
        if console:
            yield f"iam/login-profile/{user['UserName']}", _plain(console["LoginProfile"])


def _ec2(aws: Aws) -> Entries:
    for group in aws.list("ec2", "describe_security_groups", "SecurityGroups"):
        yield f"ec2/security-group/{group['VpcId']}/{group['GroupName']}", _plain(group)


def _timestream_influxdb(aws: Aws) -> Entries:
    client = aws("timestream-influxdb")
    for listed in aws.list("timestream-influxdb", "list_db_instances", "items"):
        tags = client.list_tags_for_resource(resourceArn=listed["arn"]).get("tags", {})
        described = client.get_db_instance(identifier=listed["id"])
        yield f"timestream-influxdb/instance/{listed['name']}", {**_plain(described), "tags": tags}
    for backup in aws.list("timestream-influxdb", "list_db_backups", "items"):
        tags = client.list_tags_for_resource(resourceArn=backup["arn"]).get("tags", {})
        yield f"timestream-influxdb/backup/{backup['name']}", {**_plain(backup), "tags": tags}


def _ssm(aws: Aws) -> Entries:
    client = aws("ssm")
    described = {item["Name"]: item for item in aws.list("ssm", "describe_parameters", "Parameters")}
    known = sorted(described)
    for first in range(0, len(known), 10):
        answer = client.get_parameters(Names=known[first : first + 10], WithDecryption=True)
        for parameter in answer["Parameters"]:
            name, value = parameter["Name"], _hash(parameter["Value"])
            settings = _plain(described[name], "Version")
            yield f"ssm/parameter/{name}", {**settings, "value": value}
            # By itself: the version grows when an old value is put back.
            yield f"ssm/version/{name}", parameter["Version"]


def _secrets(aws: Aws) -> Entries:
    # Without those whose deletion is scheduled: that is how a deletion shows.
    for secret in aws.list("secretsmanager", "list_secrets", "SecretList"):
        described = _plain(secret, "SecretVersionsToStages")
        yield f"secretsmanager/secret/{secret['Name']}", described
        for version, stages in secret.get("SecretVersionsToStages", {}).items():
            yield f"secretsmanager/version/{secret['Name']}/{version}", sorted(stages)


def _sns(aws: Aws) -> Entries:
    client = aws("sns")
    counted = ("SubscriptionsConfirmed", "SubscriptionsPending", "SubscriptionsDeleted")
    for topic in aws.list("sns", "list_topics", "Topics"):
        arn = topic["TopicArn"]
        described = _plain(client.get_topic_attributes(TopicArn=arn)["Attributes"], *counted)
        yield f"sns/topic/{arn.rpartition(':')[2]}", described
    for subscription in aws.list("sns", "list_subscriptions", "Subscriptions"):
        arn, topic = subscription["SubscriptionArn"], subscription["TopicArn"].rpartition(":")[2]
        pending = "arn:" not in arn
        settings = {} if pending else client.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        # Not by its ARN: who subscribes again is given another.
        name = f"sns/subscription/{topic}/{subscription['Protocol']}/{subscription['Endpoint']}"
        yield name, {**_plain(settings, "SubscriptionArn"), "pending": pending}


def _sqs(aws: Aws) -> Entries:
    client = aws("sqs")
    for url in aws.list("sqs", "list_queues", "QueueUrls"):
        attributes = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        settings = {key: value for key, value in attributes.items() if not key.startswith("Approximate")}
        yield f"sqs/queue/{url.rpartition('/')[2]}", _plain(settings)


def _influx(env: Mapping[str, str]) -> Entries:
    try:
        buckets = _influx_list(env, "buckets?limit=100", "buckets")
        tokens = _influx_list(env, "authorizations", "authorizations")
    except urllib.error.URLError as error:
        yield "influxdb/server/answers", f"no: {error.reason}"
        return
    for bucket in buckets:
        described = _plain(bucket, "createdAt", "updatedAt", "links")
        yield f"influxdb/bucket/{bucket['name']}", described
    for token in tokens:
        described = _plain(token, "createdAt", "updatedAt", "links", "token")
        yield f"influxdb/authorization/{token['id']}", described


def _influx_list(env: Mapping[str, str], what: str, member: str) -> list[dict[str, Any]]:
    headers = {"Authorization": f"Token {env['INFLUXDB_V2_TOKEN']}"}
    request = urllib.request.Request(f"{env['INFLUXDB_V2_URL']}/api/v2/{what}", headers=headers)
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(request, timeout=20) as answer:
        items: list[dict[str, Any]] = json.load(answer)[member]
    return items


_READERS: tuple[Callable[[Aws], Entries], ...] = (
    *(_lambda, _iam, _appconfig, _s3, _codedeploy, _ec2, _apigateway, _events, _states, _alarms),
    *(_logs, _timestream_influxdb, _ssm, _secrets, _sns, _sqs),
)
