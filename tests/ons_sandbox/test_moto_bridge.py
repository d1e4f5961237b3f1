"""The services that moto answers, through the one endpoint of the sandbox.

Expected values: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroups.html,
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html,
https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_CreateApplication.html and
https://docs.aws.amazon.com/timestream/latest/developerguide/Using.API.endpoint-discovery.html
"""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from ons_sandbox import Sandbox
from sandboxes import Clients


def error_of(call: Any, **parameters: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as raised:
        call(**parameters)
    return {**raised.value.response["Error"], **raised.value.response["ResponseMetadata"]}


def test_security_groups_belong_to_the_one_account_and_can_be_filtered(empty_clients: Clients) -> None:
    ec2 = empty_clients("ec2")
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    group = ec2.create_security_group(GroupName="open", Description="too open", VpcId=vpc)["GroupId"]
    shut = ec2.create_security_group(GroupName="shut", Description="not open", VpcId=vpc)["GroupId"]
    permission = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
    found = ec2.describe_security_groups(Filters=[{"Name": "ip-permission.cidr", "Values": ["0.0.0.0/0"]}])
    owners = {one["GroupId"]: one["OwnerId"] for one in found["SecurityGroups"]}
    assert owners[group] == empty_clients("sts").get_caller_identity()["Account"]
    assert shut not in owners
    none = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["no such"]}])
    assert none["SecurityGroups"] == []


def test_a_security_group_that_does_not_exist_is_ec2s_own_error(empty_clients: Clients) -> None:
    error = error_of(empty_clients("ec2").describe_security_groups, GroupIds=["sg-0123456789abcdef0"])
    assert (error["Code"], error["HTTPStatusCode"]) == ("InvalidGroup.NotFound", 400)


def test_codedeploy_keeps_applications_and_names_its_own_errors(empty_clients: Clients) -> None:
    codedeploy = empty_clients("codedeploy")
    codedeploy.create_application(applicationName="of-the-bridge", computePlatform="Lambda")
    assert "of-the-bridge" in codedeploy.list_applications()["applications"]
    assert (
        codedeploy.get_application(applicationName="of-the-bridge")["application"]["computePlatform"]
        == "Lambda"
    )
    error = error_of(codedeploy.get_application, applicationName="no-such")
    assert error["Code"] == "ApplicationDoesNotExistException"


def test_cost_explorer_of_moto_answers(empty_clients: Clients) -> None:
    ce = empty_clients("ce")
    rules = [{"Value": "platform", "Rule": {"Dimensions": {"Key": "REGION", "Values": ["us-east-1"]}}}]
    arn = ce.create_cost_category_definition(
        Name="of-the-bridge", RuleVersion="CostCategoryExpression.v1", Rules=rules
    )["CostCategoryArn"]
    answer = ce.describe_cost_category_definition(CostCategoryArn=arn)
    assert answer["CostCategory"]["Name"] == "of-the-bridge"


def test_an_influxdb_instance_can_be_created_and_listed(empty_clients: Clients) -> None:
    influx = empty_clients("timestream-influxdb")
    made = influx.create_db_instance(
        name="of-the-bridge",
        password="notasecret1",
        dbInstanceType="db.influx.medium",
        vpcSubnetIds=["subnet-0123456789abcdef0"],
        vpcSecurityGroupIds=["sg-0123456789abcdef0"],
        allocatedStorage=100,
    )
    assert influx.get_db_instance(identifier=made["id"])["allocatedStorage"] == 100
    assert "of-the-bridge" in [item["name"] for item in influx.list_db_instances()["items"]]
    error = error_of(influx.get_db_instance, identifier="nosuchinst")
    assert error["Code"] == "ResourceNotFoundException"


def test_timestream_query_does_not_leave_for_the_real_endpoint(
    empty_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With the endpoint from the environment, botocore discovers; with endpoint_url it would not.
    for name, value in empty_sandbox.env().items():
        monkeypatch.setenv(name, value)
    client = boto3.Session().client("timestream-query")
    hosts: list[str] = []
    client.meta.events.register("before-send.*", lambda request, **_: hosts.append(request.url))
    assert client.query(QueryString="SELECT 1")["Rows"] == []
    assert len(hosts) == 2
    assert all(host.startswith(empty_sandbox.env()["AWS_ENDPOINT_URL"]) for host in hosts)


@pytest.mark.parametrize(
    ("service", "operation", "parameters"),
    [
        ("codedeploy", "list_git_hub_account_token_names", {}),
        ("ec2", "describe_instance_types", {}),
        ("ec2", "describe_instance_type_offerings", {}),
    ],
)
def test_what_moto_cannot_do_is_refused_and_not_retried(
    empty_clients: Clients, service: str, operation: str, parameters: dict[str, Any]
) -> None:
    error = error_of(getattr(empty_clients(service), operation), **parameters)
    assert error["Code"] == "NotImplemented"
    assert "The sandbox does not implement this" in error["Message"]
    assert error["RetryAttempts"] == 0


def test_calls_that_moto_serves_are_in_the_audit_trail(empty_clients: Clients) -> None:
    empty_clients("codedeploy").list_applications()
    empty_clients("timestream-influxdb").list_db_instances()
    events = empty_clients("cloudtrail").lookup_events()["Events"]
    seen = {(event["EventSource"], event["EventName"]) for event in events}
    assert ("codedeploy.amazonaws.com", "ListApplications") in seen
    assert ("timestream-influxdb.amazonaws.com", "ListDbInstances") in seen
