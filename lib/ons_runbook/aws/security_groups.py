"""Security groups: what is open to the whole world, who is behind it, and closing what should not be.

The world is `0.0.0.0/0` and `::/0`; what a prefix list lets in is not looked into. Rules only allow, so that
one rule too many is enough: https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html ·
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroups.html

A group is the platform's when its tag Project is the platform's name, or when it has no such tag and its
name begins with `alarm_prefix` of the settings. What it may open is `open_ports` there.
"""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import pandas as pd

from ons_runbook.aws import ingress, network_interfaces
from ons_runbook.aws.log_groups import TAG, project
from ons_runbook.aws.ports import ICMP, Ports, is_port
from ons_runbook.checks import Check, Verdict, covers
from ons_runbook.errors import ChangeRefused
from ons_runbook.failures import reading
from ons_runbook.plan import Action, Changes, LeftAlone, Plan
from ons_runbook.platform import Platform
from ons_runbook.session import Session
from ons_runbook.tables import TEXT, WHOLE, given, table, text

WORLD = ("0.0.0.0/0", "::/0")

#: What is thought of a rule that is open to the world.
UNEXPECTED, EXPECTED, NO_PORT, ELSEWHERE = "not expected", "expected", "opens no port", "not the platform's"

OPEN = {
    "group": TEXT,
    "ports": TEXT,
    "source": TEXT,
    "finding": TEXT,
    "risky": TEXT,
    "also_from": TEXT,
    "description": TEXT,
    "project": TEXT,
    "group_id": TEXT,
    "protocol": TEXT,
    "low": WHOLE,
    "high": WHOLE,
}
_SHOWN = 5


@dataclass(frozen=True)
class _Group:
    name: str
    project: str | None
    ours: bool


def open_to_world(session: Session) -> pd.DataFrame:
    """Every inbound rule of the account and region that lets in the whole world, findings first.

    Columns: group (name), ports (`22/tcp`, `all traffic`), source, finding (`not expected`, `expected`,
    `opens no port` for ICMP, `not the platform's`), risky (services inside of the range that nobody should
    reach), also_from (who else may use these ports), description, project (the group's tag), and group_id,
    protocol, low, high as EC2 has them. `attrs["platform_groups"]` counts the platform's groups. Raises
    AccessDenied, ReadError.
    """
    groups, rules = _groups(session), _inbound(session)
    rows = []
    for rule in rules:
        if ingress.source(rule) in WORLD and rule["GroupId"] in groups:
            group, opened, of = groups[rule["GroupId"]], ingress.ports(rule), ingress.identity(rule)
            others = [other for other in rules if other["GroupId"] == rule["GroupId"]]
            rows.append(
                {
                    "group": group.name,
                    "ports": str(opened),
                    "source": of["cidr"],
                    "finding": _finding(group, opened, session.platform),
                    "risky": opened.risky or None,
                    "also_from": ", ".join(_also_from(opened, others, groups)) or None,
                    "description": rule.get("Description"),
                    "project": group.project,
                    "group_id": of["group"],
                    **{name: of[name] for name in ("protocol", "low", "high")},
                }
            )
    order = [UNEXPECTED, NO_PORT, EXPECTED, ELSEWHERE]
    rows.sort(key=lambda row: (order.index(row["finding"]), row["group"], row["ports"], row["source"]))
    frame = table(rows, OPEN, empty="No security group is open to the world.")
    frame.attrs["platform_groups"] = sum(group.ours for group in groups.values())
    return frame


def _groups(session: Session) -> dict[str, _Group]:
    name = project(session.platform)
    found = {}
    with reading("Security groups", "ec2"):
        for page in session.pages("ec2", "DescribeSecurityGroups", MaxResults=ingress.PAGE):
            for one in page["SecurityGroups"]:
                tag = {tag["Key"]: tag["Value"] for tag in one.get("Tags", [])}.get(TAG)
                begins = one["GroupName"].startswith(session.platform.alarm_prefix)
                found[one["GroupId"]] = _Group(one["GroupName"], tag, tag == name if tag else begins)
    return found


def _inbound(session: Session) -> list[ingress.Rule]:
    with reading("Rules of security groups", "ec2"):
        pages = session.pages("ec2", "DescribeSecurityGroupRules", MaxResults=ingress.PAGE)
        return [rule for page in pages for rule in page["SecurityGroupRules"] if not rule["IsEgress"]]


def _finding(group: _Group, opened: Ports, platform: Platform) -> str:
    if not group.ours:
        return ELSEWHERE
    fitting = [one for pattern, one in platform.open_ports.items() if fnmatchcase(group.name, pattern)]
    if any(opened.within(Ports.parse(allowed)) for one in fitting for allowed in one):
        return EXPECTED
    return NO_PORT if opened.protocol in ICMP else UNEXPECTED


def _also_from(opened: Ports, others: Sequence[ingress.Rule], groups: Mapping[str, _Group]) -> list[str]:
    """Who else may use these ports: groups by name, ranges, and the world by a rule of other ports."""
    found = []
    for other in others:
        source, same = ingress.source(other), ingress.ports(other)
        if opened.meets(same) and not (source in WORLD and same == opened):
            found.append(f"{source} by {same}" if source in WORLD else source)
    return [groups[one].name if one in groups else one for one in dict.fromkeys(found)]


def attached(session: Session) -> pd.DataFrame:
    """The network interfaces that use the platform's groups; columns of `network_interfaces.attached`."""
    ours = {key: group.name for key, group in _groups(session).items() if group.ours}
    return network_interfaces.attached(session, ours)


def overview(rules: pd.DataFrame) -> pd.DataFrame:
    """The rules without what only programs need to know."""
    shown = rules.drop(columns=["project", "group_id", "protocol", "low", "high"])
    shown.attrs = rules.attrs
    return shown


def changes(session: Session, rules: pd.DataFrame, attached: pd.DataFrame, close: str = "all") -> Changes:
    """What closes the rules that are not expected: `all`, `none`, or such as `22/tcp` or `22, 8086/tcp`.

    What is expected, opens no port, is another owner's or protected stays, and is said; so is a port that
    nothing opens. Raises ChangeRefused for what is no port.
    """
    opened = list(dict.fromkeys(text(one) for one in rules[rules["finding"] == UNEXPECTED]["ports"]))
    meant = _meant(close, opened)
    chosen = {one for each in meant.values() for one in each}
    used = {text(name) for name in attached["group"]}
    actions: list[Action] = []
    alone = [LeftAlone(f"port {word}", _unopened(opened)) for word, found in meant.items() if not found]
    for _, row in rules.iterrows():
        if why := _kept(row, chosen, session.platform):
            alone.append(LeftAlone(_target(row), why))
        elif (before := ingress.rule(session, **_identity(row)))["open"]:
            actions.append(ingress.close(text(row["group"]), _identity(row), before, _risk(row, used)))
    return Changes(actions, alone, "No port is open to the world that should be closed.")


def _meant(close: str, opened: list[str]) -> dict[str, list[str]]:
    """What each word of `close` means of the ports that are open, as the table has them."""
    words = [word.strip() for word in close.split(",") if word.strip()]
    if words in (["all"], ["none"]):
        return {"all": opened} if words == ["all"] and opened else {}
    meant = {}
    for word in words or [close]:
        meant[word] = [one for one in opened if word in (one, one.partition("/")[0])]
        if not meant[word] and not is_port(word):
            nearest = difflib.get_close_matches(word, opened, 1, 0.5)
            there = f"Open are: {', '.join(opened)}; or say all, or none." if opened else "Say all, or none."
            raise ChangeRefused(
                f"close is {word!r}, which is no port.",
                f"Did you mean {nearest[0]}? {there}" if nearest else there,
            )
    return meant


def _unopened(opened: list[str]) -> str:
    others = f"; open are: {', '.join(opened)}" if opened else ""
    return f"no group of the platform opens it to the world unexpectedly{others}"


def _identity(row: "pd.Series[Any]") -> dict[str, Any]:
    low, high = (None if pd.isna(row[name]) else int(row[name]) for name in ("low", "high"))
    group, protocol, cidr = (text(row[name]) for name in ("group_id", "protocol", "source"))
    return {"group": group, "protocol": protocol, "low": low, "high": high, "cidr": cidr}


def _target(row: "pd.Series[Any]") -> str:
    return f"{text(row['group'])}: {text(row['ports'])} from {text(row['source'])}"


def _kept(row: "pd.Series[Any]", chosen: set[str], platform: Platform) -> str:
    """Why a rule stays as it is; empty when it is to be closed."""
    whose = f" (its tag {TAG} is {text(row['project'])})" if text(row["project"]) else ""
    why = {
        EXPECTED: "open_ports in the settings expects it",
        NO_PORT: "ICMP opens no port, and large packets may depend on it",
        ELSEWHERE: f"the group is not the platform's{whose}: tell its owner",
    }
    if (finding := text(row["finding"])) in why:
        return why[finding]
    names = (text(row["group"]), text(row["group_id"]))
    if any(fnmatchcase(name, pattern) for name in names for pattern in platform.protected):
        return "not expected, but the settings protect the group"
    return "" if text(row["ports"]) in chosen else "not expected, but not among what was chosen"


def _risk(row: "pd.Series[Any]", used: set[str]) -> str:
    others = f", but not {text(row['also_from'])}" if given(row["also_from"]) else ""
    behind = "the group is in use, and open sessions may break" if text(row["group"]) in used else ""
    cut = f"Whoever comes from {text(row['source'])} to {text(row['ports'])} is cut off{others}"
    return f"{cut}; {behind or 'nothing uses the group now'}."


@covers(["security.open_ports"])
def judge(rules: pd.DataFrame, plan: Plan | None) -> Check:
    """Whether what is open to the world is expected; the rest warns, in the plan or not.

    Without one group that is the platform's it is unknown: names are wrong, or there is nothing to judge.
    """
    name = "security.open_ports"
    expected = "what is open to the world is in open_ports"
    seen = f"{len(rules)} rules open to the world"
    if not rules.attrs.get("platform_groups"):
        hint = "Check alarm_prefix in the settings, and the region."
        return Check(name, Verdict.UNKNOWN, "no security group is the platform's", expected, seen, hint)
    found = [row for _, row in rules[rules["finding"] == UNEXPECTED].iterrows()]
    closing = [action.state for action in plan.actions] if plan else []
    left = [row for row in found if ingress.rule.at(**_identity(row)) not in closing]
    if left:
        hint = "Close it, or write into open_ports that it is to be open."
        return Check(
            name, Verdict.WARN, f"neither expected nor in the plan: {_list(left)}", expected, seen, hint
        )
    if found:
        # Open it is until the plan has been carried out.
        said = f"not expected, open, and in the plan: {_list(found)}"
        return Check(
            name, Verdict.WARN, said, expected, seen, "Approve the plan, or expect it in open_ports."
        )
    return Check(name, Verdict.PASS, "nothing unexpected", expected, seen)


def _list(rows: Sequence["pd.Series[Any]"]) -> str:
    more = [f"{len(rows) - _SHOWN} more"] if len(rows) > _SHOWN else []
    return "; ".join([*map(_target, rows[:_SHOWN]), *more])
