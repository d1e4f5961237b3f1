"""The resources of the platform, as any client sees them."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from influxdb_client import InfluxDBClient

from ons_sandbox import Sandbox
from ons_sandbox.platform import names, packages
from sandboxes import wait_until

Clients = Callable[[str], Any]
BUCKETS = (names.RAW_BUCKET, names.PROCESSED_BUCKET)


@pytest.mark.parametrize("function", names.FUNCTIONS, ids=lambda function: function.name)
def test_every_version_of_a_function_is_published_with_its_own_code(
    clients: Clients, function: names.Function
) -> None:
    found = clients("lambda").list_versions_by_function(FunctionName=function.name)["Versions"]
    published = [version for version in found if version["Version"] != "$LATEST"]
    assert [version["Description"] for version in published] == [
        package.description for package in packages.packages(function.name)
    ]
    assert len({version["CodeSha256"] for version in published}) == len(published)
    assert [version["LastModified"] for version in published] == sorted(
        version["LastModified"] for version in published
    )


@pytest.mark.parametrize("function", names.FUNCTIONS, ids=lambda function: function.name)
def test_a_role_allows_named_actions_on_named_resources_only(
    clients: Clients, function: names.Function
) -> None:
    document = clients("iam").get_role_policy(RoleName=function.role, PolicyName="least-privilege")
    for statement in document["PolicyDocument"]["Statement"]:
        assert "*" not in statement["Resource"]
        assert not [action for action in statement["Action"] if "*" in action]


@pytest.mark.parametrize("bucket", BUCKETS)
def test_a_bucket_is_private_encrypted_versioned_and_tells_eventbridge(clients: Clients, bucket: str) -> None:
    s3 = clients("s3")
    block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert set(block.values()) == {True}
    assert s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert "EventBridgeConfiguration" in s3.get_bucket_notification_configuration(Bucket=bucket)


def test_the_raw_bucket_has_lifecycle_rules(clients: Clients) -> None:
    rules = clients("s3").get_bucket_lifecycle_configuration(Bucket=names.RAW_BUCKET)["Rules"]
    assert {rule["Status"] for rule in rules} == {"Enabled"}


def test_each_rule_is_on_and_has_its_target(clients: Clients) -> None:
    events = clients("events")
    rules = {rule["Name"]: rule["State"] for rule in events.list_rules(NamePrefix=names.PROJECT)["Rules"]}
    assert rules == {names.PROCESSING_RULE: "ENABLED", names.LOADER_RULE: "ENABLED"}
    for rule, arn in (
        (names.PROCESSING_RULE, names.STATE_MACHINE_ARN),
        (names.LOADER_RULE, names.LOADER.live_arn),
    ):
        (target,) = events.list_targets_by_rule(Rule=rule)["Targets"]
        assert target["Arn"] == arn


def test_the_state_machine_retries_the_service_and_catches_the_rest(clients: Clients) -> None:
    found = clients("stepfunctions").describe_state_machine(stateMachineArn=names.STATE_MACHINE_ARN)
    states = json.loads(found["definition"])["States"]
    for name, function in (("Route", names.ROUTER), ("Process", names.PROCESSOR)):
        assert states[name]["Parameters"]["FunctionName"] == function.live_arn
        (retry,) = states[name]["Retry"]
        assert all(error.startswith("Lambda.") for error in retry["ErrorEquals"])
        (catch,) = states[name]["Catch"]
        assert catch["ErrorEquals"] == ["States.ALL"]
        assert states[catch["Next"]]["Type"] == "Fail"


def test_the_flags_are_served_to_those_who_ask(clients: Clients) -> None:
    data = clients("appconfigdata")
    token = data.start_configuration_session(
        ApplicationIdentifier=names.FLAG_APPLICATION,
        EnvironmentIdentifier=names.FLAG_ENVIRONMENT,
        ConfigurationProfileIdentifier=names.FLAG_PROFILE,
    )["InitialConfigurationToken"]
    served = json.loads(data.get_latest_configuration(ConfigurationToken=token)["Configuration"].read())
    assert {name: flag["enabled"] for name, flag in served.items()} == {
        "enable_new_api_endpoint": True,
        "enable_enhanced_processing": True,
        "enable_maintenance_mode": False,
    }


def test_the_next_flags_can_be_deployed_at_once(clients: Clients) -> None:
    appconfig = clients("appconfig")
    (application,) = appconfig.list_applications()["Items"]
    (environment,) = appconfig.list_environments(ApplicationId=application["Id"])["Items"]
    assert environment["State"] == "READY_FOR_DEPLOYMENT"
    deployments = appconfig.list_deployments(
        ApplicationId=application["Id"], EnvironmentId=environment["Id"]
    )["Items"]
    assert {deployment["State"] for deployment in deployments} == {"COMPLETE"}
    assert len({deployment["StartedAt"].date() for deployment in deployments}) == len(deployments)


def test_the_api_has_a_plan_with_a_key_and_limits(clients: Clients) -> None:
    gateway = clients("apigateway")
    (plan,) = gateway.get_usage_plans()["items"]
    assert plan["name"] == names.USAGE_PLAN
    assert plan["throttle"]["rateLimit"] > 0
    (key,) = gateway.get_usage_plan_keys(usagePlanId=plan["id"])["items"]
    assert gateway.get_api_key(apiKey=key["id"])["enabled"]
    (stage,) = plan["apiStages"]
    limits = gateway.get_stage(restApiId=stage["apiId"], stageName=stage["stage"])["methodSettings"]["*/*"]
    assert (limits["throttlingRateLimit"], limits["throttlingBurstLimit"]) == (100.0, 200)


def test_a_notice_to_the_topic_can_be_read_in_the_queue(clients: Clients) -> None:
    url = clients("sqs").get_queue_url(QueueName=names.NOTICES_QUEUE)["QueueUrl"]
    clients("sns").publish(TopicArn=names.TOPIC_ARN, Subject="test", Message="a notice of the test")
    read: list[str] = []

    def arrived() -> bool:
        for message in (
            clients("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        ):
            clients("sqs").delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            read.append(json.loads(message["Body"])["Message"])
        return "a notice of the test" in read

    wait_until(arrived, "the notice is in the queue")


def test_the_secret_holds_the_token_that_influxdb_takes(sandbox: Sandbox, clients: Clients) -> None:
    secret = json.loads(
        clients("secretsmanager").get_secret_value(SecretId=names.INFLUX_SECRET)["SecretString"]
    )
    with InfluxDBClient(
        sandbox.env()["INFLUXDB_V2_URL"], token=secret["token"], org=names.INFLUX_ORG
    ) as client:
        bucket = client.buckets_api().find_bucket_by_name(names.INFLUX_BUCKET)
    assert bucket.retention_rules[0].every_seconds == names.INFLUX_RETENTION_SECONDS


def test_the_names_are_published_as_parameters(clients: Clients) -> None:
    found = clients("ssm").get_parameters_by_path(Path=f"/{names.PROJECT}/prod", Recursive=True)
    values = {parameter["Name"].rsplit("/", 1)[1]: parameter["Value"] for parameter in found["Parameters"]}
    assert values["s3_raw_bucket_name"] == names.RAW_BUCKET
    assert values["step_function_arn"] == names.STATE_MACHINE_ARN
    assert values["api_id"] == clients("apigateway").get_rest_apis()["items"][0]["id"]


def test_some_log_groups_are_kept_for_ever_and_some_are_of_others(clients: Clients) -> None:
    groups = {
        group["logGroupName"]: group.get("retentionInDays")
        for group in clients("logs").describe_log_groups()["logGroups"]
    }
    assert {function.log_group for function in names.FUNCTIONS} <= set(groups)
    assert groups[names.ROUTER.log_group] == 30
    assert groups[names.RAG.log_group] is None
    assert {"/aws/lambda/billing-export", "/ecs/legacy-crm"} <= set(groups)


def test_one_security_group_is_open_to_the_world_on_a_port_that_should_not_be(clients: Clients) -> None:
    found = clients("ec2").describe_security_groups(
        Filters=[{"Name": "group-name", "Values": [f"{names.PROJECT}-*"]}]
    )["SecurityGroups"]
    assert len(found) == 4
    to_the_world = {
        (group["GroupName"], permission["FromPort"])
        for group in found
        for permission in group["IpPermissions"]
        for open_range in permission["IpRanges"]
        if open_range["CidrIp"] == "0.0.0.0/0"
    }
    assert to_the_world == {(f"{names.PROJECT}-dashboard", 443), (f"{names.PROJECT}-bastion", 22)}
    by_ipv6 = {
        (group["GroupName"], permission["FromPort"])
        for group in found
        for permission in group["IpPermissions"]
        for open_range in permission["Ipv6Ranges"]
        if open_range["CidrIpv6"] == "::/0"
    }
    assert by_ipv6 == to_the_world | {(f"{names.PROJECT}-influxdb", 8086)}


def test_a_group_of_another_team_is_open_as_well(clients: Clients) -> None:
    (group,) = clients("ec2").describe_security_groups(
        Filters=[{"Name": "tag:Project", "Values": ["finance"]}]
    )["SecurityGroups"]
    assert group["GroupName"] == "finance-billing-export"
    (permission,) = group["IpPermissions"]
    assert permission["IpRanges"] == [{"CidrIp": "0.0.0.0/0", "Description": "Auditors"}]


def test_a_rule_is_revoked_by_its_id_and_comes_back_with_its_description(clients: Clients) -> None:
    ec2 = clients("ec2")
    (group,) = ec2.describe_security_groups(
        Filters=[{"Name": "group-name", "Values": [f"{names.PROJECT}-bastion"]}]
    )["SecurityGroups"]
    of = {"Filters": [{"Name": "group-id", "Values": [group["GroupId"]]}]}

    def world() -> list[dict[str, Any]]:
        rules = ec2.describe_security_group_rules(**of)["SecurityGroupRules"]
        return [rule for rule in rules if not rule["IsEgress"] and rule.get("CidrIpv4") == "0.0.0.0/0"]

    (rule,) = world()
    ec2.revoke_security_group_ingress(
        GroupId=group["GroupId"], SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]]
    )
    assert world() == []
    ranges = [{"CidrIp": "0.0.0.0/0", "Description": rule["Description"]}]
    permission = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": ranges}
    ec2.authorize_security_group_ingress(GroupId=group["GroupId"], IpPermissions=[permission])
    assert [again["Description"] for again in world()] == [rule["Description"]]


def test_groups_come_in_pages(clients: Clients) -> None:
    paginator = clients("ec2").get_paginator("describe_security_groups")
    pages = list(paginator.paginate(PaginationConfig={"PageSize": 5}))
    found = [group["GroupId"] for page in pages for group in page["SecurityGroups"]]
    assert len(pages) > 1
    assert len(found) == len(set(found)) == len(clients("ec2").describe_security_groups()["SecurityGroups"])


def test_old_keys_are_in_use_out_of_use_and_never_used(clients: Clients) -> None:
    iam, used = clients("iam"), {}
    for page in iam.get_paginator("list_users").paginate():
        for user in page["Users"]:
            for key in iam.list_access_keys(UserName=user["UserName"])["AccessKeyMetadata"]:
                told = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["AccessKeyLastUsed"]
                assert told.get("LastUsedDate", key["CreateDate"]) >= key["CreateDate"]
                used[user["UserName"], key["Status"]] = told
    assert used["dashboard-export", "Active"] == {"ServiceName": "N/A", "Region": "N/A"}
    assert used["legacy-etl", "Active"]["ServiceName"] == "s3"
    assert used["bruno.lima", "Inactive"]["LastUsedDate"]
    assert used["grafana-reader", "Active"]["ServiceName"] == "monitoring"


def test_the_role_that_deploys_is_there(clients: Clients) -> None:
    place = {
        "applicationName": f"{names.PROJECT}-lambda-app",
        "deploymentGroupName": f"{names.ROUTER.name}-deployment-group",
    }
    group = clients("codedeploy").get_deployment_group(**place)["deploymentGroupInfo"]
    role = clients("iam").get_role(RoleName=names.CODEDEPLOY_ROLE)["Role"]
    assert group["serviceRoleArn"] == role["Arn"]
