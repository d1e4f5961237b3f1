"""One inbound rule, closed and opened again on a sandbox, by the engine that applies plans.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RevokeSecurityGroupIngress.html
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupIngress.html
"""

from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from ons_runbook import journal
from ons_runbook.aws import ingress
from ons_runbook.plan import Changes, Shelf, Who, apply, planned, propose, undo
from ons_runbook.plan.sending import AnswerLost
from ons_runbook.platform import load_platform
from ons_runbook.session import Session

WORLD, WORLD_6 = "0.0.0.0/0", "::/0"


@pytest.fixture
def live(clean_environment, empty_sandbox):
    for name, value in empty_sandbox.env().items():
        clean_environment.setenv(name, value)
    return Session(load_platform("sandbox", {"lock_parameter": f"/tests/{uuid4().hex}/lock"}))


@pytest.fixture
def ec2(empty_clients):
    return empty_clients("ec2")


@pytest.fixture
def make_group(ec2):
    def make():
        vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
        name = f"group-{uuid4().hex[:8]}"
        return ec2.create_security_group(GroupName=name, Description="a test", VpcId=vpc)["GroupId"]

    return make


@pytest.fixture
def group(make_group):
    return make_group()


@pytest.fixture
def carry_out(live, tmp_path):
    """Plan, approve and apply; the journal's record."""
    shelf = Shelf(tmp_path / "journal")

    def doing(changes):
        run = f"run-{uuid4().hex[:6]}"
        plan = planned(live, "test/procedure", changes)
        propose(plan, shelf, run)
        outcome = apply(live, plan, plan.id, Who(run, "test/procedure", "somebody"), shelf)
        assert outcome.status == "applied", outcome.error
        return journal.read(run, shelf.where)

    return doing


def inbound(ec2, group):
    """The inbound rules by what they allow, without their ids, which are new whenever one is made."""
    found = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])
    left_out = ("SecurityGroupRuleId", "SecurityGroupRuleArn", "GroupOwnerId")
    rules = [{k: v for k, v in r.items() if k not in left_out} for r in found["SecurityGroupRules"]]
    return sorted((rule for rule in rules if not rule["IsEgress"]), key=str)


def permission(port=22, *ranges, protocol="tcp", **more):
    ports = {} if port is None else {"FromPort": port, "ToPort": port}
    said = {cidr: {"Description": why} if why else {} for cidr, why in ranges}
    v4 = [{"CidrIp": cidr, **why} for cidr, why in said.items() if ":" not in cidr]
    v6 = [{"CidrIpv6": cidr, **why} for cidr, why in said.items() if ":" in cidr]
    sources = {"IpRanges": v4, "Ipv6Ranges": v6}
    return {"IpProtocol": protocol, **ports, **{k: v for k, v in sources.items() if v}, **more}


def rule_of(group, cidr, port=22, protocol="tcp"):
    return {"group": group, "protocol": protocol, "low": port, "high": port, "cidr": cidr}


def test_closing_takes_one_rule_and_undo_brings_it_back_with_description_and_tags(
    live, ec2, make_group, carry_out
):
    """Sources of one port, another group among them, come as one permission: the others must stay."""
    group, other = make_group(), make_group()
    tagged = [{"ResourceType": "security-group-rule", "Tags": [{"Key": "why", "Value": "a move"}]}]
    ec2.authorize_security_group_ingress(
        GroupId=group, IpPermissions=[permission(22, (WORLD, "a & b"))], TagSpecifications=tagged
    )
    rest = permission(22, ("10.0.0.0/8", "inside"), (WORLD_6, "six"), UserIdGroupPairs=[{"GroupId": other}])
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rest])
    before = inbound(ec2, group)
    of = rule_of(group, WORLD)
    state = ingress.rule(live, **of)
    assert state == {"open": True, "description": "a & b", "tags": {"why": "a move"}}

    record = carry_out(Changes([ingress.close("bastion", of, state, "None.")]))
    left = inbound(ec2, group)
    assert len(left) == len(before) - 1
    assert next(rule for rule in before if rule not in left)["CidrIpv4"] == WORLD
    assert ingress.rule(live, **of) == {"open": False, "description": None, "tags": {}}

    back = carry_out(undo(live, record))
    assert inbound(ec2, group) == before
    # And the undo of the undo, though the rule has another id by now.
    carry_out(undo(live, back))
    assert inbound(ec2, group) == left


@pytest.mark.parametrize(
    ("allowed", "cidr", "of"),
    [
        (permission(8086, (WORLD_6, "six")), WORLD_6, {"port": 8086}),
        (permission(53, (WORLD, "dns"), protocol="udp"), WORLD, {"port": 53, "protocol": "udp"}),
        (permission(None, (WORLD, ""), protocol="-1"), WORLD, {"port": -1, "protocol": "-1"}),
    ],
    ids=["ipv6", "udp", "all traffic without description"],
)
def test_every_kind_of_rule_comes_back_as_it_was(live, ec2, group, carry_out, allowed, cidr, of):
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[allowed])
    before = inbound(ec2, group)
    state = ingress.rule(live, **rule_of(group, cidr, **of))
    assert state["open"]
    record = carry_out(Changes([ingress.close("a group", rule_of(group, cidr, **of), state, "None.")]))
    assert inbound(ec2, group) == []
    carry_out(undo(live, record))
    assert inbound(ec2, group) == before


@pytest.mark.parametrize(
    ("protocol", "low", "ports"),
    [("tcp", 22, {"FromPort": 22, "ToPort": 22}), ("-1", -1, {}), ("50", -1, {}), ("50", None, {})],
)
def test_only_what_has_ports_is_opened_with_ports(protocol, low, ports):
    """AWS: any other protocol opens all ports, whatever range is given."""
    of = rule_of("sg-1", WORLD, low, protocol)
    state = {"open": True, "description": None, "tags": {}}
    parameters = ingress.close("a group", of, state, "None.").undo[0].parameters
    allowed = {"IpProtocol": protocol, **ports, "IpRanges": [{"CidrIp": WORLD}]}
    assert parameters == {"GroupId": "sg-1", "IpPermissions": [allowed]}


def test_a_group_that_is_gone_has_no_rules_that_are_closed(stub, session):
    stub("ec2").add_client_error("describe_security_group_rules", "InvalidGroup.NotFound", "gone", 400)
    assert ingress.rule(session, **rule_of("sg-1", WORLD))["open"] is None


def test_the_rule_is_found_on_a_later_page_and_outbound_rules_are_not_it(stub, session):
    facts = {"GroupId": "sg-1", "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": WORLD}
    asked = {"Filters": [{"Name": "group-id", "Values": ["sg-1"]}], "MaxResults": 1000}
    first = {"SecurityGroupRules": [{**facts, "IsEgress": True}], "NextToken": "more"}
    stub("ec2").add_response("describe_security_group_rules", first, asked)
    tags = [{"Key": "aws:cloudformation:stack-name", "Value": "net"}, {"Key": "team", "Value": "data"}]
    second = {"SecurityGroupRules": [{**facts, "IsEgress": False, "Tags": tags}]}
    stub("ec2").add_response("describe_security_group_rules", second, {**asked, "NextToken": "more"})
    state = ingress.rule(session, **rule_of("sg-1", WORLD))
    # Tags of AWS's own cannot be made by anybody else: an undo must not try.
    assert state == {"open": True, "description": None, "tags": {"team": "data"}}


class Sending:
    """What was sent, and what EC2 says to it."""

    def __init__(self, monkeypatch, answer=None):
        self.calls = []
        self.answer = answer
        monkeypatch.setattr(ingress, "send", self)

    def __call__(self, session, service, operation, parameters):
        self.calls.append((operation, parameters))
        if self.answer:
            raise self.answer


def refused(code):
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "Revoke")


def known(monkeypatch, found):
    monkeypatch.setattr(ingress, "_find", lambda session, wanted: found)


def test_what_is_closed_already_is_not_closed_again(monkeypatch, session):
    known(monkeypatch, None)
    sending = Sending(monkeypatch)
    ingress.revoke(session, parameters={"GroupId": "sg-1"}, **rule_of("sg-1", WORLD))
    assert sending.calls == []


def test_a_rule_is_closed_by_the_id_that_it_has_now(monkeypatch, session):
    known(monkeypatch, {"SecurityGroupRuleId": "sgr-7"})
    sending = Sending(monkeypatch)
    ingress.revoke(session, parameters={"GroupId": "sg-1"}, **rule_of("sg-1", WORLD))
    wanted = {"GroupId": "sg-1", "SecurityGroupRuleIds": ["sgr-7"]}
    assert sending.calls == [("RevokeSecurityGroupIngress", wanted)]


@pytest.mark.parametrize("code", ["InvalidSecurityGroupRuleId.NotFound", "InvalidPermission.NotFound"])
def test_that_a_rule_is_gone_by_now_is_what_was_wanted(monkeypatch, session, code):
    known(monkeypatch, {"SecurityGroupRuleId": "sgr-7"})
    Sending(monkeypatch, refused(code))
    ingress.revoke(session, parameters={"GroupId": "sg-1"}, **rule_of("sg-1", WORLD))


def test_that_a_rule_is_open_by_now_is_what_was_wanted(monkeypatch, session):
    Sending(monkeypatch, refused("InvalidPermission.Duplicate"))
    ingress.authorize(session, parameters={"GroupId": "sg-1"})


@pytest.mark.parametrize("error", [refused("UnauthorizedOperation"), AnswerLost("nothing came")])
def test_other_errors_stay_errors(monkeypatch, session, error):
    known(monkeypatch, {"SecurityGroupRuleId": "sgr-7"})
    Sending(monkeypatch, error)
    for calling in (
        lambda: ingress.revoke(session, parameters={}, **rule_of("sg-1", WORLD)),
        lambda: ingress.authorize(session, parameters={}),
    ):
        with pytest.raises(type(error)):
            calling()
