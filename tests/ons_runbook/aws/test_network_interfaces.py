"""Network interfaces behind security groups.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInterfaces.html
"""

import pytest

from ons_runbook.aws import network_interfaces
from ons_runbook.errors import AccessDenied


def interface(identifier, *groups, **more):
    return {"NetworkInterfaceId": identifier, "Groups": [{"GroupId": group} for group in groups], **more}


def asked(*ids, **more):
    return {"Filters": [{"Name": "group-id", "Values": list(ids)}], "MaxResults": 1000, **more}


def test_each_interface_says_what_it_is_and_whether_the_internet_can_reach_it(stub, session):
    made_by = {"InterfaceType": "lambda", "Description": "AWS Lambda VPC ENI", "Status": "in-use"}
    of_instance = {
        "Attachment": {"InstanceId": "i-1"},
        "PrivateIpAddress": "10.20.0.5",
        "Association": {"PublicIp": "203.0.113.9"},
        "Ipv6Addresses": [{"Ipv6Address": "2001:db8::1"}],
    }
    first = {"NetworkInterfaces": [interface("eni-2", "sg-1", "sg-9", **made_by)], "NextToken": "more"}
    stub("ec2").add_response("describe_network_interfaces", first, asked("sg-1"))
    second = {"NetworkInterfaces": [interface("eni-1", "sg-1", **of_instance)]}
    stub("ec2").add_response("describe_network_interfaces", second, asked("sg-1", NextToken="more"))
    frame = network_interfaces.attached(session, {"sg-1": "bastion"})
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == network_interfaces.ATTACHED
    assert frame["interface"].tolist() == ["eni-1", "eni-2"]
    assert set(frame["group"]) == {"bastion"}
    assert frame["what"].tolist() == ["instance i-1", "lambda: AWS Lambda VPC ENI"]
    assert frame.loc[0, ["private_ip", "public_ip", "ipv6"]].tolist() == [
        "10.20.0.5",
        "203.0.113.9",
        "2001:db8::1",
    ]
    assert frame.loc[1, ["public_ip", "ipv6"]].isna().all()


def test_an_interface_in_two_groups_stands_behind_both(stub, session):
    found = {"NetworkInterfaces": [interface("eni-1", "sg-1", "sg-2")]}
    stub("ec2").add_response("describe_network_interfaces", found, asked("sg-1", "sg-2"))
    frame = network_interfaces.attached(session, {"sg-1": "a", "sg-2": "b"})
    assert frame["group"].tolist() == ["a", "b"]


def test_a_filter_takes_two_hundred_groups(stub, session):
    groups = {f"sg-{number}": "a group" for number in range(201)}
    ids = list(groups)
    for part in (ids[:200], ids[200:]):
        stub("ec2").add_response("describe_network_interfaces", {"NetworkInterfaces": []}, asked(*part))
    assert network_interfaces.attached(session, groups).empty


def test_without_groups_nothing_is_asked(session):
    frame = network_interfaces.attached(session, {})
    assert frame.attrs["empty"].startswith("No network interface")


def test_denied_is_not_empty(stub, session):
    stub("ec2").add_client_error("describe_network_interfaces", "UnauthorizedOperation", "no", 403)
    with pytest.raises(AccessDenied, match="ec2:DescribeNetworkInterfaces"):
        network_interfaces.attached(session, {"sg-1": "a"})
