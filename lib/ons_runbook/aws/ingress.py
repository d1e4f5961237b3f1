"""One inbound rule of a security group: its state, closing it, and opening it again as it was.

A rule is known by its group, protocol, ports and source, which no two rules of a group share; not by its id,
since a rule that is opened again gets another one. So that nothing but this very rule is closed, the id is
looked up when it is due.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroupRules.html ·
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RevokeSecurityGroupIngress.html ·
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupIngress.html
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError

from ons_runbook.aws.ports import Ports
from ons_runbook.errors import NotFound
from ons_runbook.failures import error_code, reading
from ons_runbook.plan import Action, State, readable
from ons_runbook.plan.sending import send
from ons_runbook.session import Session

Rule = dict[str, Any]

#: The most that one page holds.
PAGE = 1000


def source(rule: Rule) -> str:
    """Where a rule lets in from: an address range, a prefix list, or a group, by its id."""
    group = rule.get("ReferencedGroupInfo", {}).get("GroupId")
    return str(rule.get("CidrIpv4") or rule.get("CidrIpv6") or rule.get("PrefixListId") or group or "")


def ports(rule: Rule) -> Ports:
    """The ports that a rule opens."""
    return Ports.of(rule["IpProtocol"], rule.get("FromPort"), rule.get("ToPort"))


def identity(rule: Rule) -> dict[str, Any]:
    """What tells a rule from every other: the arguments of `rule`."""
    return {
        "group": rule["GroupId"],
        "protocol": rule["IpProtocol"],
        "low": rule.get("FromPort"),
        "high": rule.get("ToPort"),
        "cidr": source(rule),
    }


@readable
def rule(session: Session, *, group: str, protocol: str, low: int, high: int, cidr: str) -> State:
    """Whether the rule is there (`open`), its description and tags; `open` is None without such a group.

    Tags that AWS made itself (`aws:…`) are left out: nobody else can make them.
    """
    wanted = {"group": group, "protocol": protocol, "low": low, "high": high, "cidr": cidr}
    try:
        found = _find(session, wanted)
    except NotFound:
        return {"open": None, "description": None, "tags": {}}
    if found is None:
        return {"open": False, "description": None, "tags": {}}
    tags = {tag["Key"]: tag["Value"] for tag in found.get("Tags", []) if not tag["Key"].startswith("aws:")}
    return {"open": True, "description": found.get("Description") or None, "tags": tags}


def _find(session: Session, wanted: Mapping[str, Any]) -> Rule | None:
    group = wanted["group"]
    with reading(f"Security group {group}", "ec2"):
        pages = session.pages(
            "ec2",
            "DescribeSecurityGroupRules",
            Filters=[{"Name": "group-id", "Values": [group]}],
            MaxResults=PAGE,
        )
        inbound = (one for page in pages for one in page["SecurityGroupRules"] if not one["IsEgress"])
        return next((one for one in inbound if identity(one) == wanted), None)


@readable
def revoke(session: Session, *, parameters: Mapping[str, Any], **wanted: Any) -> None:
    """Close the rule, by the id that it has now; nothing when it is closed already."""
    if found := _find(session, wanted):
        rules = [found["SecurityGroupRuleId"]]
        with _as_done("InvalidSecurityGroupRuleId.NotFound", "InvalidPermission.NotFound"):
            send(session, "ec2", "RevokeSecurityGroupIngress", {**parameters, "SecurityGroupRuleIds": rules})


@readable
def authorize(session: Session, *, parameters: Mapping[str, Any]) -> None:
    """Open the rule; nothing when it is open already."""
    with _as_done("InvalidPermission.Duplicate"):
        send(session, "ec2", "AuthorizeSecurityGroupIngress", parameters)


@contextmanager
def _as_done(*codes: str) -> Iterator[None]:
    """What is done twice, because an answer was lost and the state is told late, is not an error."""
    try:
        yield
    except ClientError as error:
        if error_code(error) not in codes:
            raise


def close(name: str, of: Mapping[str, Any], before: State, risk: str) -> Action:
    """The action that closes one rule of the group called `name`; `of` is its identity.

    Its undo opens it again with the same description and tags.
    """
    opened = Ports.of(of["protocol"], of["low"], of["high"])
    after: State = {"open": False, "description": None, "tags": {}}
    what = f"{opened} of {of['group']}"
    common: dict[str, Any] = {
        "target": f"security group {name} ({of['group']}): {opened} from {of['cidr']}",
        "service": "ec2",
        "state": rule.at(**of),
        "resources": (name, of["group"]),
    }
    back = Action(
        name=f"open {what} to {of['cidr']}",
        operation="AuthorizeSecurityGroupIngress",
        parameters=_as_it_was(opened, of, before),
        before=after,
        after=before,
        risk=f"{opened} of {name} is open to {of['cidr']} again.",
        performer=authorize.at(),
        opens=("ec2:AuthorizeSecurityGroupIngress",),
        **common,
    )
    return Action(
        name=f"close {what} to {of['cidr']}",
        operation="RevokeSecurityGroupIngress",
        parameters={"GroupId": of["group"]},
        before=before,
        after=after,
        risk=risk,
        undo=(back,),
        undo_note="the rule comes back under another id",
        performer=revoke.at(**of),
        opens=("ec2:RevokeSecurityGroupIngress",),
        **common,
    )


def _as_it_was(opened: Ports, of: Mapping[str, Any], before: State) -> dict[str, Any]:
    kind, member = ("Ipv6Ranges", "CidrIpv6") if ":" in of["cidr"] else ("IpRanges", "CidrIp")
    allowed = {member: of["cidr"], **({"Description": d} if (d := before["description"]) else {})}
    # Only TCP and UDP have ports to name.
    named = {"FromPort": of["low"], "ToPort": of["high"]} if "/" in str(opened) else {}
    parameters: dict[str, Any] = {
        "GroupId": of["group"],
        "IpPermissions": [{"IpProtocol": of["protocol"], **named, kind: [allowed]}],
    }
    if before["tags"]:
        tags = [{"Key": key, "Value": value} for key, value in before["tags"].items()]
        parameters["TagSpecifications"] = [{"ResourceType": "security-group-rule", "Tags": tags}]
    return parameters
