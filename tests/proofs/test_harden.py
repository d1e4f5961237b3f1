"""security/harden: ports that nobody expects to be open, and access keys that are too old."""

import json
from typing import Any

import pytest
from seven import BadInput, Case, SevenProofs

from sandboxes import Clients, clients_of

WORLD = "0.0.0.0/0"
PLATFORM = "ons-data-platform"
DENIED = "no-network-interfaces"


def group(clients: Clients, name: str) -> str:
    found = clients("ec2").describe_security_groups(Filters=[{"Name": "group-name", "Values": [name]}])
    identifier: str = found["SecurityGroups"][0]["GroupId"]
    return identifier


def permission(**sources: Any) -> dict[str, Any]:
    return {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, **sources}


def let_groups_refer_to_each_other(clients: Clients) -> None:
    """On the very port that will be closed to the world: closing must leave the other ways in."""
    bastion, functions = group(clients, f"{PLATFORM}-bastion"), group(clients, f"{PLATFORM}-lambda")
    for of, to in ((bastion, functions), (functions, bastion)):
        pairs = [{"GroupId": to, "Description": "each other"}]
        clients("ec2").authorize_security_group_ingress(
            GroupId=of, IpPermissions=[permission(UserIdGroupPairs=pairs)]
        )


def describe_the_rule_otherwise(clients: Clients) -> None:
    """Somebody says why it is open: that should be read before it is closed."""
    told = permission(IpRanges=[{"CidrIp": WORLD, "Description": "Still needed until Friday"}])
    clients("ec2").update_security_group_rule_descriptions_ingress(
        GroupId=group(clients, f"{PLATFORM}-bastion"), IpPermissions=[told]
    )


def forbid_network_interfaces(clients: Clients) -> None:
    statement = {"Effect": "Deny", "Action": "ec2:DescribeNetworkInterfaces", "Resource": "*"}
    clients("iam").put_user_policy(
        UserName="runbook-operator",
        PolicyName=DENIED,
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )


class TestHarden(SevenProofs):
    case = Case(
        procedure="security/harden",
        # A rule for IPv4, one for IPv6, and a key: both kinds of change.
        parameters={"close": "22", "users": "legacy-etl"},
        prepare=let_groups_refer_to_each_other,
        drift=describe_the_rule_otherwise,
        bad_input=(
            BadInput({"older_than_days": -90}, "older_than_days is -90. It is a number of days: 1 or more"),
            BadInput({"in_use_days": -1}, "in_use_days is -1"),
            BadInput({"close": "8086/tpc"}, "'8086/tpc', which is no port. Did you mean 8086/tcp?"),
            BadInput({"close": "70000"}, "'70000', which is no port. Open are: 22/tcp, 8086/tcp"),
            BadInput({"users": "legacy_etl"}, "no IAM user 'legacy_etl'. Did you mean legacy-etl?"),
            # Nobody knows who would lose access, so nothing is planned.
            BadInput(
                {},
                "DescribeNetworkInterfaces answered .*permission ec2:DescribeNetworkInterfaces",
                prepare=forbid_network_interfaces,
            ),
        ),
    )

    def test_all_that_is_seeded_is_closed_and_deactivated_and_nothing_else(self, world, clients_of_world):
        done = world.run(world.run(close="all", users="all")["plan"]["id"], close="all", users="all")
        assert done["plan"]["status"] == "applied", done["plan"]
        ec2, iam = clients_of_world("ec2"), clients_of_world("iam")
        rules = ec2.describe_security_group_rules()["SecurityGroupRules"]
        names = {g["GroupId"]: g["GroupName"] for g in ec2.describe_security_groups()["SecurityGroups"]}
        open_now = {
            (names[rule["GroupId"]], rule["FromPort"])
            for rule in rules
            if not rule["IsEgress"] and (rule.get("CidrIpv4") == WORLD or rule.get("CidrIpv6") == "::/0")
        }
        assert open_now == {(f"{PLATFORM}-dashboard", 443), ("finance-billing-export", 5432)}
        referred = [rule for rule in rules if rule.get("ReferencedGroupInfo") and rule.get("FromPort") == 22]
        assert len(referred) == 2
        keys = [
            key
            for user in iam.list_users()["Users"]
            for key in iam.list_access_keys(UserName=user["UserName"])["AccessKeyMetadata"]
        ]
        active = {key["UserName"] for key in keys if key["Status"] == "Active"}
        assert active == {"ana.souza", "ci-deployer", "runbook-operator"}
        # Neither a journal nor a plan that was shown holds the id of a key.
        written = "".join(path.read_text() for path in (world.reports / "journal").rglob("*.json*"))
        assert "legacy-etl" in written
        assert [key["UserName"] for key in keys if key["AccessKeyId"] in written] == []

    def test_a_key_in_use_is_told_from_one_that_is_not(self, world):
        shown = world.run(close="none", users="grafana-reader,dashboard-export")["plan"]["actions"]
        risks = {action["target"].rpartition(" ")[2]: action["risk"] for action in shown}
        assert risks["grafana-reader"].startswith("IN USE")
        assert risks["dashboard-export"].startswith("IAM knows of no use")
        left = world.run(close="none", users="grafana-reader", leave_used=True)
        assert left["plan"] is None
        assert {check["name"]: check["verdict"] for check in left["checks"]}["security.old_keys"] == "warn"
        world.touched = False

    @pytest.fixture
    def clients_of_world(self, world):
        return clients_of(world.sandbox)
