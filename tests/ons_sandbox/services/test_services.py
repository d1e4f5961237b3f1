"""What the services have in common: they come and go together, and leave the rest to moto."""

from collections.abc import Callable
from typing import Any


def test_a_reset_forgets_everything_and_ends_what_is_under_way(
    services: Any, pace: Callable[[float], None], refused: Callable[..., dict[str, Any]]
) -> None:
    codedeploy, influx = services.client("codedeploy"), services.client("timestream-influxdb")
    pace(1)
    codedeploy.create_application(applicationName="to-be-reset", computePlatform="Lambda")
    place = {"applicationName": "to-be-reset", "deploymentGroupName": "to-be-reset"}
    codedeploy.create_deployment_group(**place, serviceRoleArn="arn:aws:iam::123456789012:role/r")
    properties = {"Name": "f", "Alias": "LIVE", "CurrentVersion": "1", "TargetVersion": "2"}
    content = f'{{"version": 0.0, "Resources": [{{"f": {_resource(properties)}}}]}}'
    revision = {"revisionType": "String", "string": {"content": content}}
    identifier = codedeploy.create_deployment(**place, revision=revision)["deploymentId"]
    influx.create_db_instance(
        name="to-be-reset",
        password="notasecret1",
        dbInstanceType="db.influx.medium",
        vpcSubnetIds=["subnet-0123456789abcdef0"],
        vpcSecurityGroupIds=["sg-0123456789abcdef0"],
        allocatedStorage=20,
    )
    assert f"deployment-{identifier}" in threads(services)
    services.call("ons_sandbox.services:reset")
    assert codedeploy.list_deployments()["deployments"] == []
    assert refused(codedeploy.list_deployments, **place)["Code"] == "ApplicationDoesNotExistException"
    assert influx.list_db_instances()["items"] == []
    assert services.eventually(lambda: f"deployment-{identifier}" not in threads(services))


def _resource(properties: dict[str, str]) -> str:
    members = ", ".join(f'"{key}": "{value}"' for key, value in properties.items())
    return f'{{"Type": "AWS::Lambda::Function", "Properties": {{{members}}}}}'


def threads(services: Any) -> str:
    """The server's threads."""
    return str(services.call("threading:enumerate"))


def test_the_audit_trail_knows_the_calls(services: Any) -> None:
    services.client("codedeploy").list_applications()
    services.client("timestream-influxdb").list_db_instances()
    events = services.client("cloudtrail").lookup_events()["Events"]
    seen = {(event["EventSource"], event["EventName"]) for event in events}
    assert ("codedeploy.amazonaws.com", "ListApplications") in seen
    assert ("timestream-influxdb.amazonaws.com", "ListDbInstances") in seen


def test_regions_do_not_share_deployments(services: Any) -> None:
    here = services.client("codedeploy")
    here.create_application(applicationName="only-here", computePlatform="Lambda")
    there = services.session().client("codedeploy", endpoint_url=services.url, region_name="eu-west-1")
    assert "only-here" in here.list_applications()["applications"]
    assert there.list_applications()["applications"] == []
