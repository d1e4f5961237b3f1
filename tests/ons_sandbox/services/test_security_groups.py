"""Security groups of EC2.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroups.html (MaxResults: 5 to 1000)
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RevokeSecurityGroupIngress.html (what was revoked)
"""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

WORLD, WORLD_6 = "0.0.0.0/0", "::/0"


@pytest.fixture
def group(services: Any) -> str:
    """A group open to the world on port 22, over IPv4 and IPv6."""
    ec2 = services.client("ec2")
    name = f"group-{uuid.uuid4().hex[:8]}"
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    made: str = ec2.create_security_group(GroupName=name, Description="test", VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=made, IpPermissions=[permission()])
    return made


def permission() -> dict[str, Any]:
    return {
        "IpProtocol": "tcp",
        "FromPort": 22,
        "ToPort": 22,
        "IpRanges": [{"CidrIp": WORLD, "Description": "a & b"}],
        "Ipv6Ranges": [{"CidrIpv6": WORLD_6, "Description": "six"}],
    }


def ingress(services: Any, group: str) -> dict[str, dict[str, Any]]:
    found = services.client("ec2").describe_security_group_rules(
        Filters=[{"Name": "group-id", "Values": [group]}]
    )["SecurityGroupRules"]
    return {rule.get("CidrIpv4", rule.get("CidrIpv6")): rule for rule in found if not rule["IsEgress"]}


def test_a_rule_is_revoked_by_its_id_and_the_answer_tells_of_it(services: Any, group: str) -> None:
    ec2, rules = services.client("ec2"), ingress(services, group)
    answer = ec2.revoke_security_group_ingress(
        GroupId=group, SecurityGroupRuleIds=[rules[WORLD_6]["SecurityGroupRuleId"]]
    )
    (revoked,) = answer["RevokedSecurityGroupRules"]
    assert (revoked["CidrIpv6"], revoked["FromPort"], revoked["Description"]) == (WORLD_6, 22, "six")
    assert revoked["SecurityGroupRuleId"] == rules[WORLD_6]["SecurityGroupRuleId"]
    assert set(ingress(services, group)) == {WORLD}


def test_rules_are_revoked_by_their_permission(services: Any, group: str) -> None:
    ec2 = services.client("ec2")
    answer = ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[permission()])
    assert len(answer["RevokedSecurityGroupRules"]) == 2
    (found,) = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    assert found["IpPermissions"] == []
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission()])
    assert {rule["Description"] for rule in ingress(services, group).values()} == {"a & b", "six"}


def test_a_rule_that_there_is_not_is_refused_by_name(
    services: Any, group: str, refused: Callable[..., dict[str, Any]]
) -> None:
    ec2 = services.client("ec2")
    unknown = ["sgr-0123456789abcdef0"]
    error = refused(ec2.revoke_security_group_ingress, GroupId=group, SecurityGroupRuleIds=unknown)
    assert error["Code"] == "InvalidSecurityGroupRuleId.NotFound"
    error = refused(ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=[permission()])
    assert error["Code"] == "InvalidPermission.Duplicate"
    assert set(ingress(services, group)) == {WORLD, WORLD_6}


def test_groups_and_rules_come_in_pages(services: Any, refused: Callable[..., dict[str, Any]]) -> None:
    ec2, prefix = services.client("ec2"), f"many-{uuid.uuid4().hex[:8]}"
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    made = [
        ec2.create_security_group(GroupName=f"{prefix}-{number}", Description="test", VpcId=vpc)["GroupId"]
        for number in range(7)
    ]
    for operation, member, key, name in (
        ("describe_security_groups", "SecurityGroups", "GroupId", "group-name"),
        ("describe_security_group_rules", "SecurityGroupRules", "GroupId", "group-id"),
    ):
        values = [f"{prefix}-*"] if name == "group-name" else made
        pages = list(
            ec2.get_paginator(operation).paginate(
                Filters=[{"Name": name, "Values": values}], PaginationConfig={"PageSize": 5}
            )
        )
        assert [len(page[member]) for page in pages] == [5, 2]
        assert sorted(one[key] for page in pages for one in page[member]) == sorted(made)
    assert refused(ec2.describe_security_groups, MaxResults=1001)["Code"] == "InvalidParameterValue"
