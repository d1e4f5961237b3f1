"""Security groups open to the world: what is found, judged, planned, and what is left alone.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroupRules.html
"""

from types import SimpleNamespace

import pytest

from ons_runbook.aws import ingress, security_groups
from ons_runbook.aws.network_interfaces import ATTACHED
from ons_runbook.aws.security_groups import ELSEWHERE, EXPECTED, NO_PORT, OPEN, UNEXPECTED
from ons_runbook.checks import names_covered
from ons_runbook.errors import AccessDenied, ChangeRefused
from ons_runbook.plan import LeftAlone
from ons_runbook.tables import table

WORLD, WORLD_6 = "0.0.0.0/0", "::/0"
PLATFORM = "ons-data-platform"


def group(identifier, name, project=None):
    tags = [{"Key": "Project", "Value": project}] if project else []
    return {"GroupId": identifier, "GroupName": name, "Tags": tags}


def rule(group="sg-1", port=22, source=WORLD, *, protocol="tcp", high=None, **more):
    kind = {"sg": "ReferencedGroupInfo", "pl": "PrefixListId"}.get(source[:2], "CidrIpv4")
    told = {"GroupId": source} if kind == "ReferencedGroupInfo" else source
    return {
        "GroupId": group,
        "IsEgress": False,
        "IpProtocol": protocol,
        "FromPort": port,
        "ToPort": high or port,
        "CidrIpv6" if ":" in source else kind: told,
        **more,
    }


@pytest.fixture
def look(stub, session):
    """The table for these groups and rules."""

    def looking(groups, rules):
        size = {"MaxResults": 1000}
        stub("ec2").add_response("describe_security_groups", {"SecurityGroups": groups}, size)
        stub("ec2").add_response("describe_security_group_rules", {"SecurityGroupRules": rules}, size)
        return security_groups.open_to_world(session)

    return looking


BASTION = group("sg-1", f"{PLATFORM}-bastion")


def test_every_page_of_groups_and_rules_is_read(stub, session):
    for operation, member, parts in (
        ("describe_security_groups", "SecurityGroups", ([BASTION], [group("sg-2", f"{PLATFORM}-db")])),
        ("describe_security_group_rules", "SecurityGroupRules", ([rule()], [rule("sg-2", 5432)])),
    ):
        stub("ec2").add_response(operation, {member: parts[0], "NextToken": "more"}, {"MaxResults": 1000})
        stub("ec2").add_response(operation, {member: parts[1]}, {"MaxResults": 1000, "NextToken": "more"})
    frame = security_groups.open_to_world(session)
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == OPEN
    assert frame["ports"].tolist() == ["22/tcp", "5432/tcp"]
    assert frame.attrs["platform_groups"] == 2


@pytest.mark.parametrize("source", ["10.0.0.0/8", "203.0.113.0/24", "2001:db8::/32", "sg-2", "pl-1"])
def test_what_is_not_the_world_is_not_listed(look, source):
    frame = look([BASTION], [rule(source=source)])
    assert frame.empty
    assert frame.attrs["empty"] == "No security group is open to the world."


def test_outbound_rules_are_not_listed(look):
    assert look([BASTION], [rule(IsEgress=True)]).empty


@pytest.mark.parametrize("source", [WORLD, WORLD_6])
def test_both_worlds_are(look, source):
    row = look([BASTION], [rule(source=source, Description="for a move")]).iloc[0]
    assert row[["group", "ports", "source", "description"]].tolist() == [
        f"{PLATFORM}-bastion",
        "22/tcp",
        source,
        "for a move",
    ]
    assert row[["finding", "risky"]].tolist() == [UNEXPECTED, "SSH (22)"]


@pytest.mark.parametrize(
    ("opened", "ports", "risky"),
    [
        ({"port": -1, "protocol": "-1"}, "all traffic", "FTP (20)"),
        ({"port": 0, "high": 65535}, "0-65535/tcp", "FTP (20)"),
        ({"port": 3000, "high": 4000}, "3000-4000/tcp", "web development (3000), MySQL (3306), RDP (3389)"),
        ({"port": 9000}, "9000/tcp", ""),
    ],
)
def test_ranges_and_all_traffic_say_what_is_inside(look, opened, ports, risky):
    row = look([BASTION], [rule(**opened)]).iloc[0]
    assert (row["ports"], row["finding"]) == (ports, UNEXPECTED)
    assert ("" if row.isna()["risky"] else row["risky"]).startswith(risky)


@pytest.mark.parametrize(
    ("name", "project", "finding"),
    [
        (f"{PLATFORM}-bastion", None, UNEXPECTED),
        (f"{PLATFORM}-bastion", PLATFORM, UNEXPECTED),
        ("bastion", PLATFORM, UNEXPECTED),
        ("bastion", None, ELSEWHERE),
        (f"{PLATFORM}-bastion", "finance", ELSEWHERE),
        (f"my-{PLATFORM}-bastion", None, ELSEWHERE),
        (PLATFORM, None, ELSEWHERE),
    ],
)
def test_whose_a_group_is_its_tag_says_and_else_its_name(look, name, project, finding):
    assert look([group("sg-1", name, project)], [rule()]).iloc[0]["finding"] == finding


@pytest.mark.parametrize(
    ("opened", "finding"),
    [
        ({"port": 443}, EXPECTED),
        ({"port": 443, "source": WORLD_6}, EXPECTED),
        ({"port": 443, "high": 444}, UNEXPECTED),
        ({"port": 443, "protocol": "udp"}, UNEXPECTED),
        ({"port": -1, "protocol": "-1"}, UNEXPECTED),
        ({"port": -1, "protocol": "icmp"}, NO_PORT),
        ({"port": -1, "protocol": "50"}, UNEXPECTED),
    ],
)
def test_only_what_the_settings_name_is_expected(look, opened, finding):
    web = group("sg-1", f"{PLATFORM}-dashboard")
    assert look([web], [rule(**opened)]).iloc[0]["finding"] == finding


def test_what_one_group_may_open_another_may_not(look):
    assert look([BASTION], [rule(port=443)]).iloc[0]["finding"] == UNEXPECTED


def test_groups_of_the_settings_may_be_patterns(make_session, stub, session):
    expected = {f"{PLATFORM}-b*": ("22/tcp", "icmp"), "*": ("8000-8010/tcp",)}
    platform = make_session(open_ports=expected).platform
    ours = security_groups._Group(f"{PLATFORM}-bastion", None, True)
    for text, finding in {"22/tcp": EXPECTED, "icmp": EXPECTED, "8001/tcp": EXPECTED}.items():
        opened = security_groups.Ports.parse(text)
        assert security_groups._finding(ours, opened, platform) == finding


def test_who_else_may_come_by_the_same_ports_is_told_by_name(look):
    """Groups refer to each other; those rules are no way in for the world, and stay."""
    others = [
        rule(source="10.20.0.0/16"),
        rule(port=20, high=30, source="sg-2"),
        rule(port=443, source="10.9.0.0/16"),
        rule(source=WORLD_6),
        rule(port=-1, protocol="-1", source=WORLD),
    ]
    frame = look([BASTION, group("sg-2", "office")], [rule(), *others, rule("sg-2", 22, "sg-1")])
    told = frame[(frame["ports"] == "22/tcp") & (frame["source"] == WORLD)].iloc[0]["also_from"]
    assert told == f"10.20.0.0/16, office, {WORLD} by all traffic"


def test_findings_come_first(look):
    groups = [BASTION, group("sg-2", f"{PLATFORM}-dashboard"), group("sg-3", "finance")]
    frame = look(groups, [rule("sg-3"), rule("sg-2", 443), rule("sg-2", -1, protocol="icmp"), rule()])
    assert frame["finding"].tolist() == [UNEXPECTED, NO_PORT, EXPECTED, ELSEWHERE]


def test_denied_is_not_empty(stub, session):
    stub("ec2").add_client_error("describe_security_groups", "UnauthorizedOperation", "no", 403)
    with pytest.raises(AccessDenied, match="ec2:DescribeSecurityGroups"):
        security_groups.open_to_world(session)


def test_only_interfaces_of_the_platforms_groups_are_asked_for(stub, session):
    groups = {"SecurityGroups": [BASTION, group("sg-2", "finance")]}
    stub("ec2").add_response("describe_security_groups", groups, {"MaxResults": 1000})
    asked = {"Filters": [{"Name": "group-id", "Values": ["sg-1"]}], "MaxResults": 1000}
    stub("ec2").add_response("describe_network_interfaces", {"NetworkInterfaces": []}, asked)
    assert security_groups.attached(session).empty


def test_people_are_not_shown_what_only_programs_need(look):
    frame = look([BASTION], [rule()])
    shown = security_groups.overview(frame)
    assert not {"group_id", "low", "high", "protocol", "project"} & set(shown.columns)
    assert shown.attrs["empty"] == frame.attrs["empty"]


def found(*rows):
    facts = {
        "group": f"{PLATFORM}-bastion",
        "ports": "22/tcp",
        "source": WORLD,
        "finding": UNEXPECTED,
        "group_id": "sg-1",
        "protocol": "tcp",
        "low": 22,
        "high": 22,
    }
    frame = table([{**facts, **row} for row in rows], OPEN)
    frame.attrs["platform_groups"] = 1
    return frame


def open_port(port):
    return {"ports": f"{port}/tcp", "low": port, "high": port}


NOBODY = table([], ATTACHED)
IS_OPEN = {"open": True, "description": "for a move", "tags": {}}


@pytest.fixture
def states(monkeypatch):
    """The states of rules by port, for the builder; open unless said otherwise."""
    by_port = {}
    reader = ingress.rule.function
    monkeypatch.setattr(ingress.rule, "function", lambda session, **of: dict(by_port.get(of["low"], IS_OPEN)))
    ingress.rule.function.__module__, ingress.rule.function.__name__ = reader.__module__, reader.__name__
    return by_port


def test_each_unexpected_rule_is_closed_and_can_be_opened_as_it_was(states, session):
    planned = security_groups.changes(session, found({}, {"source": WORLD_6}), NOBODY)
    assert [action.name for action in planned.actions] == [
        f"close 22/tcp of sg-1 to {WORLD}",
        f"close 22/tcp of sg-1 to {WORLD_6}",
    ]
    first = planned.actions[0]
    assert first.opens == ("ec2:RevokeSecurityGroupIngress",)
    assert (first.before, first.after["open"]) == (IS_OPEN, False)
    allowed = first.undo[0].parameters["IpPermissions"][0]
    assert allowed["IpRanges"] == [{"CidrIp": WORLD, "Description": "for a move"}]
    assert planned.actions[1].undo[0].parameters["IpPermissions"][0]["Ipv6Ranges"]


def test_what_may_stay_is_left_alone_with_the_reason(states, make_session):
    session = make_session(protected=("*-vault",))
    frame = found(
        {"group": "web", "finding": EXPECTED},
        {"group": "ping", "finding": NO_PORT, "ports": "icmp"},
        {"group": "theirs", "finding": ELSEWHERE, "project": "finance"},
        {"group": f"{PLATFORM}-vault"},
    )
    planned = security_groups.changes(session, frame, NOBODY)
    assert list(planned.actions) == []
    assert list(planned.left_alone) == [
        LeftAlone(f"web: 22/tcp from {WORLD}", "open_ports in the settings expects it"),
        LeftAlone(f"ping: icmp from {WORLD}", "ICMP opens no port, and large packets may depend on it"),
        LeftAlone(
            f"theirs: 22/tcp from {WORLD}",
            "the group is not the platform's (its tag Project is finance): tell its owner",
        ),
        LeftAlone(
            f"{PLATFORM}-vault: 22/tcp from {WORLD}", "not expected, but the settings protect the group"
        ),
    ]
    assert planned.nothing


def test_what_is_closed_by_now_is_not_planned(states, session):
    states[22] = {"open": False, "description": None, "tags": {}}
    assert list(security_groups.changes(session, found({}), NOBODY).actions) == []


@pytest.mark.parametrize(
    ("close", "ports"),
    [
        ("all", [22, 80, 8086]),
        ("none", []),
        ("22/tcp", [22]),
        ("22", [22]),
        (" 22 , 8086/tcp ", [22, 8086]),
        ("22,22", [22]),
    ],
)
def test_some_can_be_chosen(states, session, close, ports):
    frame = found(*(open_port(port) for port in (22, 80, 8086)))
    planned = security_groups.changes(session, frame, NOBODY, close)
    assert [action.state.of["low"] for action in planned.actions] == ports
    left = [alone.why for alone in planned.left_alone]
    assert left == ["not expected, but not among what was chosen"] * (3 - len(ports))


@pytest.mark.parametrize(
    ("close", "hint"),
    [
        ("8086/tpc", "Did you mean 8086/tcp? Open are: 22/tcp, 8086/tcp; or say all, or none."),
        ("22,ssh", "Open are: 22/tcp, 8086/tcp"),
        ("70000", "Open are"),
        ("-22", "Open are"),
        ("", "Open are"),
        ("all,22", "Open are"),
    ],
)
def test_what_is_no_port_is_refused_with_those_that_are_open(states, session, close, hint):
    frame = found(open_port(22), open_port(8086), {**open_port(443), "finding": EXPECTED})
    with pytest.raises(ChangeRefused, match="which is no port") as refused:
        security_groups.changes(session, frame, NOBODY, close)
    assert refused.value.hint.startswith(hint)


@pytest.mark.parametrize("close", ["2222", "443/tcp", "22/udp"])
def test_a_port_that_nothing_opens_unexpectedly_is_left_alone(states, session, close):
    """It may have been closed just now: asked for again, there is nothing to do."""
    frame = found(open_port(22), {**open_port(443), "finding": EXPECTED})
    planned = security_groups.changes(session, frame, NOBODY, close)
    assert list(planned.actions) == []
    said = "no group of the platform opens it to the world unexpectedly; open are: 22/tcp"
    assert planned.left_alone[0] == LeftAlone(f"port {close}", said)


@pytest.mark.parametrize(
    ("row", "used", "said"),
    [
        ({}, (), "from 0.0.0.0/0 to 22/tcp is cut off; nothing uses the group now."),
        ({"also_from": "10.20.0.0/16"}, (), "is cut off, but not 10.20.0.0/16; nothing"),
        ({}, (f"{PLATFORM}-bastion",), "the group is in use, and open sessions may break."),
        ({}, ("another",), "nothing uses the group"),
    ],
)
def test_the_risk_says_who_is_cut_off_and_who_is_not(states, session, row, used, said):
    attached = table([{"group": name} for name in used], ATTACHED)
    risk = security_groups.changes(session, found(row), attached).actions[0].risk
    assert said in risk


def plan_closing(*ports):
    rules = [{"group": "sg-1", "protocol": "tcp", "low": port, "high": port, "cidr": WORLD} for port in ports]
    return SimpleNamespace(actions=[SimpleNamespace(state=ingress.rule.at(**of)) for of in rules])


@pytest.mark.parametrize(
    ("rows", "plan", "verdict", "said"),
    [
        ([], None, "pass", "nothing unexpected"),
        ([{"finding": EXPECTED}, {"finding": ELSEWHERE}, {"finding": NO_PORT}], None, "pass", "nothing"),
        ([{}], plan_closing(22), "warn", f"and in the plan: {PLATFORM}-bastion: 22/tcp from {WORLD}"),
        ([{}], None, "warn", f"{PLATFORM}-bastion: 22/tcp from {WORLD}"),
        ([{}, open_port(80)], plan_closing(22), "warn", "nor in the plan: ons-data-platform-bastion: 80/tcp"),
        ([{"source": WORLD_6}], plan_closing(22), "warn", WORLD_6),
        ([open_port(port) for port in range(1, 9)], None, "warn", "3 more"),
    ],
)
def test_what_stays_open_unexpectedly_warns(rows, plan, verdict, said):
    check = security_groups.judge(found(*rows), plan)
    assert check.verdict == verdict
    assert said in check.observed
    assert [check.name] == names_covered(security_groups.judge, {})
    assert bool(check.hint) == (verdict != "pass")


def test_without_one_group_of_the_platform_nobody_knows():
    frame = found({"finding": ELSEWHERE})
    frame.attrs["platform_groups"] = 0
    check = security_groups.judge(frame, None)
    assert (check.verdict, check.observed) == ("unknown", "no security group is the platform's")
