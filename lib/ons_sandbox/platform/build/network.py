"""EC2 security groups: what the platform's own network lets in, one group too much of it.

Made when EC2 is first asked for something: moto's EC2 takes a second and 60 MB to load, and most uses of a
sandbox never look at a security group.
https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

from ons_sandbox.mends import mended
from ons_sandbox.platform import names

VPC_RANGE = "10.20.0.0/16"
WORLD, WORLD_6 = "0.0.0.0/0", "::/0"

# Group: (what it is for, ports and the ranges that may reach them, each with its description).
GROUPS: dict[str, tuple[str, dict[int, dict[str, str]]]] = {
    f"{names.PROJECT}-lambda": ("Functions in the VPC", {}),
    f"{names.PROJECT}-influxdb": (
        "InfluxDB, from the functions",
        {8086: {VPC_RANGE: "Functions", WORLD_6: "IPv6 test of the loader"}},
    ),
    f"{names.PROJECT}-dashboard": (
        "Dashboard, public over HTTPS",
        {443: {WORLD: "Dashboard", WORLD_6: "Dashboard"}},
    ),
    f"{names.PROJECT}-bastion": (
        "Bastion, opened for a migration and left so",
        {22: {WORLD: "Migration, close when done", WORLD_6: "Migration, close when done"}},
    ),
    # Another team's, as open as it is: not the platform's to close.
    "finance-billing-export": ("Billing export", {5432: {WORLD: "Auditors"}}),
}

Handler = Callable[..., Awaitable[tuple[int, dict[str, str], bytes]]]


def create_when_asked() -> None:
    """Let the first call of EC2 find the VPC and its groups. Works inside the server's process only."""
    handlers: dict[str, Handler] = mended("ministack.app", "SERVICE_HANDLERS").SERVICE_HANDLERS
    before = handlers["ec2"]
    handlers["ec2"] = _Network(before.inner if isinstance(before, _Network) else before)


class _Network:
    """A handler of EC2 that creates the network before it answers for the first time."""

    def __init__(self, inner: Handler) -> None:
        self.inner = inner
        self._created: asyncio.Future[None] | None = None

    async def __call__(self, *request: Any) -> tuple[int, dict[str, str], bytes]:
        if self._created is None:
            self._created = asyncio.ensure_future(self._create())
        await self._created
        return await self.inner(*request)

    async def _create(self) -> None:
        vpc = await self._ask("vpcId", Action="CreateVpc", CidrBlock=VPC_RANGE)
        for name, (purpose, ports) in GROUPS.items():
            described = {"GroupName": name, "GroupDescription": purpose, "VpcId": vpc, **_tags(name)}
            group = await self._ask("groupId", Action="CreateSecurityGroup", **described)
            for port, ranges in ports.items():
                allowed = {"Action": "AuthorizeSecurityGroupIngress", "GroupId": group}
                await self._ask("return", **allowed, **_permission(port, ranges))

    async def _ask(self, wanted: str, **parameters: str) -> str:
        """One call of EC2's query protocol; gives the text of the first element of that name."""
        headers = {"content-type": "application/x-www-form-urlencoded"}
        body = urlencode({**parameters, "Version": "2016-11-15"}).encode()
        status, _, answer = await self.inner("POST", "/", headers, body, {})
        found = re.search(rf"<{wanted}>([^<]*)<", answer.decode())
        if status != 200 or not found:
            raise RuntimeError(f"EC2 {parameters['Action']}: HTTP {status} {answer[:300]!r}")
        return found[1]


def _tags(group: str) -> dict[str, str]:
    owner = names.PROJECT if group.startswith(names.PROJECT) else "finance"
    tags = {"ResourceType": "security-group", "Tag.1.Key": "Project", "Tag.1.Value": owner}
    return {f"TagSpecification.1.{name}": value for name, value in tags.items()}


def _permission(port: int, ranges: dict[str, str]) -> dict[str, str]:
    permission = {"IpProtocol": "tcp", "FromPort": str(port), "ToPort": str(port)}
    for kind, member in (("IpRanges", "CidrIp"), ("Ipv6Ranges", "CidrIpv6")):
        of_kind = {cidr: why for cidr, why in ranges.items() if (":" in cidr) == (kind == "Ipv6Ranges")}
        for number, (cidr, why) in enumerate(of_kind.items(), start=1):
            permission |= {f"{kind}.{number}.{member}": cidr, f"{kind}.{number}.Description": why}
    return {f"IpPermissions.1.{name}": value for name, value in permission.items()}
