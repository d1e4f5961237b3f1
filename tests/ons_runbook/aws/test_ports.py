"""Ports of security groups.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html
"""

import pytest

from ons_runbook.aws.ports import RISKY, Ports, is_port


@pytest.mark.parametrize(
    ("protocol", "low", "high", "said"),
    [
        ("tcp", 22, 22, "22/tcp"),
        ("6", 22, 22, "22/tcp"),
        ("udp", 5000, 5010, "5000-5010/udp"),
        ("tcp", 0, 65535, "0-65535/tcp"),
        ("-1", None, None, "all traffic"),
        ("-1", -1, -1, "all traffic"),
        ("icmp", -1, -1, "icmp"),
        ("icmp", 3, 4, "icmp"),
        ("58", None, None, "icmpv6"),
        ("50", None, None, "protocol 50"),
    ],
)
def test_ports_read_as_people_write_them(protocol, low, high, said):
    assert str(Ports.of(protocol, low, high)) == said


@pytest.mark.parametrize("text", ["443/tcp", "5000-5010/udp", "icmp", "icmpv6"])
def test_what_the_settings_say_is_understood(text):
    assert str(Ports.parse(text)) == text


def test_protocols_can_be_named_by_number():
    assert Ports.parse("50") == Ports.of("50", None, None)
    assert Ports.parse("1") == Ports.parse("icmp")


@pytest.mark.parametrize(
    ("opened", "allowed", "within"),
    [
        ("443/tcp", "443/tcp", True),
        ("443/udp", "443/tcp", False),
        ("443-444/tcp", "443/tcp", False),
        ("8001-8002/tcp", "8000-8010/tcp", True),
        ("7999-8001/tcp", "8000-8010/tcp", False),
        ("icmp", "icmp", True),
        ("50", "50", True),
        ("50", "51", False),
    ],
)
def test_only_what_is_allowed_in_whole_is_allowed(opened, allowed, within):
    assert Ports.parse(opened).within(Ports.parse(allowed)) is within


def test_all_traffic_is_within_nothing_but_itself():
    everything = Ports.of("-1", None, None)
    assert not everything.within(Ports.parse("0-65535/tcp"))
    assert not Ports.parse("22/tcp").within(everything)


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ("22/tcp", "20-30/tcp", True),
        ("20-30/tcp", "30-40/tcp", True),
        ("20-30/tcp", "31-40/tcp", False),
        ("22/tcp", "22/udp", False),
        ("22/tcp", "-1", True),
        ("icmp", "-1", True),
    ],
)
def test_ports_in_common(one, other, meet):
    a, b = (Ports("-1") if text == "-1" else Ports.parse(text) for text in (one, other))
    assert a.meets(b) is meet
    assert b.meets(a) is meet


@pytest.mark.parametrize(
    ("opened", "said"),
    [
        ("22/tcp", "SSH (22)"),
        ("8086/tcp", "InfluxDB (8086)"),
        ("443/tcp", ""),
        ("22/udp", ""),
        ("icmp", ""),
        ("20-23/tcp", "FTP (20), FTP (21), SSH (22) and 1 more"),
        ("3307-3389/tcp", "RDP (3389)"),
        ("1-19/tcp", ""),
    ],
)
def test_a_range_names_the_risky_services_inside_of_it(opened, said):
    assert Ports.parse(opened).risky == said


def test_all_traffic_has_every_risky_service():
    assert Ports("-1").risky.endswith(f" and {len(RISKY) - 3} more")


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("22", True),
        ("22/tcp", True),
        ("5000-5010/udp", True),
        ("65535", True),
        ("all traffic", True),
        ("protocol 50", True),
        ("65536", False),
        ("10-9", False),
        ("ssh", False),
        ("22/sctp", False),
        ("-1", False),
        ("", False),
        ("22 tcp", False),
    ],
)
def test_a_port_is_a_number_a_range_or_what_has_none(text, is_one):
    assert is_port(text) is is_one
