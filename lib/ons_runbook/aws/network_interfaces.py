"""Network interfaces: what is behind a security group, and whether the internet can get there at all.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInterfaces.html
"""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from ons_runbook.failures import reading
from ons_runbook.session import Session
from ons_runbook.tables import TEXT, table

ATTACHED = {
    "group": TEXT,
    "interface": TEXT,
    "what": TEXT,
    "status": TEXT,
    "private_ip": TEXT,
    "public_ip": TEXT,
    "ipv6": TEXT,
}
_PAGE = 1000
# The most values that one filter takes.
_FILTERED = 200


def attached(session: Session, groups: Mapping[str, str]) -> pd.DataFrame:
    """The interfaces that use security groups, one row an interface and group.

    `groups` are names by id. Columns: group (name), interface, what (the instance, or who made it), status,
    private_ip, public_ip, ipv6. Without a public address and without IPv6 nobody gets there from the
    internet, whatever the group allows. Raises AccessDenied, ReadError.
    """
    ids = list(groups)
    parts = [ids[start : start + _FILTERED] for start in range(0, len(ids), _FILTERED)]
    rows = [row for part in parts for row in _using(session, part, groups)]
    rows.sort(key=lambda row: (row["group"], row["interface"]))
    return table(rows, ATTACHED, empty="No network interface uses one of the platform's security groups.")


def _using(session: Session, ids: list[str], names: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    with reading("Network interfaces", "ec2"):
        only = [{"Name": "group-id", "Values": ids}]
        for page in session.pages("ec2", "DescribeNetworkInterfaces", Filters=only, MaxResults=_PAGE):
            for one in page["NetworkInterfaces"]:
                for group in one["Groups"]:
                    if group["GroupId"] in ids:
                        yield {"group": names[group["GroupId"]], **_described(one)}


def _described(one: Mapping[str, Any]) -> dict[str, Any]:
    instance = one.get("Attachment", {}).get("InstanceId")
    made = [one.get("InterfaceType"), one.get("Description")]
    return {
        "interface": one["NetworkInterfaceId"],
        "what": f"instance {instance}" if instance else ": ".join(part for part in made if part),
        "status": one.get("Status"),
        "private_ip": one.get("PrivateIpAddress"),
        "public_ip": one.get("Association", {}).get("PublicIp"),
        "ipv6": ", ".join(address["Ipv6Address"] for address in one.get("Ipv6Addresses", [])) or None,
    }
