"""Ports and keys in one plan, on the seeded platform."""

import pytest

from ons_runbook.aws import access_keys, hardening, security_groups
from ons_runbook.errors import ChangeRefused
from ons_runbook.plan import planned
from ons_runbook.platform import load_platform
from ons_runbook.session import Session


@pytest.fixture
def live(clean_environment, sandbox):
    for name, value in sandbox.env().items():
        clean_environment.setenv(name, value)
    return Session(load_platform())


@pytest.fixture
def read(live):
    return security_groups.open_to_world(live), security_groups.attached(live), access_keys.listing(live)


def test_the_seeded_platform_has_what_to_close_and_to_deactivate_ports_first(live, read):
    plan = planned(live, "security/harden", hardening.changes(live, *read))
    assert [(action.operation, action.resources[0]) for action in plan.actions] == [
        *[("RevokeSecurityGroupIngress", "ons-data-platform-bastion")] * 2,
        ("RevokeSecurityGroupIngress", "ons-data-platform-influxdb"),
        ("UpdateAccessKey", "legacy-etl"),
        ("UpdateAccessKey", "grafana-reader"),
        ("UpdateAccessKey", "dashboard-export"),
        ("UpdateAccessKey", "bruno.lima"),
    ]
    alone = {one.target.partition(":")[0]: one.why for one in plan.left_alone}
    assert "expects it" in alone["ons-data-platform-dashboard"]
    assert "tell its owner" in alone["finance-billing-export"]
    assert security_groups.judge(read[0], plan).verdict == "warn"
    assert access_keys.judge(read[2], plan, 90).verdict == "warn"


def test_each_half_is_narrowed_by_its_own_parameters(live, read):
    found = hardening.changes(live, *read, close="8086", users="bruno.lima", leave_used=True)
    assert [action.resources[0] for action in found.actions] == ["ons-data-platform-influxdb", "bruno.lima"]
    found = hardening.changes(live, *read, close="none", older_than_days=200, leave_used=True)
    assert [action.resources[0] for action in found.actions] == ["legacy-etl"]
    found = hardening.changes(live, *read, close="none", older_than_days=200, in_use_days=0, leave_used=True)
    assert [action.resources[0] for action in found.actions] == ["legacy-etl", "grafana-reader"]


def test_nothing_says_so_of_both(live, read):
    found = hardening.changes(live, *read, close="none", users="none")
    assert not found.actions
    assert found.nothing == (
        "No port is open to the world that should be closed. "
        "No active access key older than 90 days is to be deactivated."
    )


@pytest.mark.parametrize("wrong", [{"close": "ssh"}, {"users": "nobody"}, {"older_than_days": -1}])
def test_bad_input_for_one_half_refuses_the_whole(live, read, wrong):
    with pytest.raises(ChangeRefused):
        hardening.changes(live, *read, **wrong)


def test_what_uses_a_group_is_shown_and_told_as_a_risk(live, clients):
    ec2 = clients("ec2")
    named = [{"Name": "group-name", "Values": ["ons-data-platform-bastion"]}]
    group = ec2.describe_security_groups(Filters=named)["SecurityGroups"][0]
    subnet = ec2.create_subnet(VpcId=group["VpcId"], CidrBlock="10.20.9.0/24")["Subnet"]["SubnetId"]
    made = ec2.create_network_interface(SubnetId=subnet, Groups=[group["GroupId"]], Description="bastion")
    try:
        attached = security_groups.attached(live)
        rules, keys = security_groups.open_to_world(live), access_keys.listing(live)
        found = hardening.changes(live, rules, attached, keys, users="none")
    finally:
        ec2.delete_network_interface(NetworkInterfaceId=made["NetworkInterface"]["NetworkInterfaceId"])
        ec2.delete_subnet(SubnetId=subnet)
    assert attached["group"].tolist() == ["ons-data-platform-bastion"]
    assert attached["what"][0].endswith("bastion")
    risks = {action.resources[0]: action.risk for action in found.actions}
    assert risks["ons-data-platform-bastion"].endswith("the group is in use, and open sessions may break.")
    assert risks["ons-data-platform-influxdb"].endswith("nothing uses the group now.")
