"""Deployment groups of CodeDeploy: how traffic moves, what stops that, and what was deployed last.

https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_DeploymentGroupInfo.html ·
https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_TrafficRoutingConfig.html ·
https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-configurations.html (canary: a share, and
after some minutes the rest; linear: equal shares, some minutes apart, the first at once)
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from math import ceil
from typing import Any

from ons_runbook.checks import Check, Verdict, covers
from ons_runbook.errors import ChangeRefused, NotFound
from ons_runbook.failures import reading
from ons_runbook.session import Session
from ons_runbook.window import iso

#: Who made a deployment that takes another one back.
ROLLBACK = "codeDeployRollback"

# A deployment in one of these is not over.
_ACTIVE = ["Created", "Queued", "InProgress", "Baking", "Ready"]


@dataclass(frozen=True)
class Group:
    """How a function is deployed.

    configuration: the one that counts, the group's own or the one that was asked for. traffic: how calls move
    to a new version, in words, over `shift_minutes`. alarms: what stops a deployment. goes_back_on: events on
    which the group rolls back by itself. last: its newest deployment. under_way: the id of one that is not
    over.
    """

    function: str
    application: str
    group: str
    configuration: str
    traffic: str
    shift_minutes: float
    alarms: str = ""
    goes_back_on: str = ""
    last: str = ""
    under_way: str | None = None

    @property
    def place(self) -> dict[str, str]:
        """Application and group."""
        return {"application": self.application, "group": self.group}


def group(session: Session, function: str, configuration: str = "") -> Group:
    """The deployment group of a function, with `configuration` in the place of its own unless that is empty.

    Raises ChangeRefused when the group or the configuration does not exist, with the nearest name, or when it
    is not for Lambda; ReadError.
    """
    application = session.platform.deployment_application
    name = session.platform.deployment_group.format(function=function)
    client = session.client("codedeploy")
    try:
        with reading(f"Deployment group {name} of {application}", "codedeploy"):
            found = client.get_deployment_group(applicationName=application, deploymentGroupName=name)
    except NotFound as error:
        raise _unknown("deployment group", name, _names(session, application)) from error
    info = found["deploymentGroupInfo"]
    used = configuration or info["deploymentConfigName"]
    traffic, minutes = _traffic(session, used)
    alarms, back = info.get("alarmConfiguration") or {}, info.get("autoRollbackConfiguration") or {}
    last = info.get("lastAttemptedDeployment") or {}
    said = f"{last['deploymentId']} {last['status']}, {iso(last['createTime'])}" if last else ""
    return Group(
        function,
        application,
        name,
        used,
        traffic,
        minutes,
        ", ".join(alarm["name"] for alarm in alarms.get("alarms", ()) if alarms.get("enabled")),
        ", ".join(event for event in back.get("events", ()) if back.get("enabled")),
        said,
        under_way(session, application, name),
    )


def deployments(session: Session, application: str, group: str, **more: Any) -> list[str]:
    """Ids of a group's deployments, newest first; `more` are further parameters of ListDeployments."""
    place = {"applicationName": application, "deploymentGroupName": group}
    with reading(f"Deployments of {group}", "codedeploy"):
        listed = session.pages("codedeploy", "ListDeployments", **place, **more)
        return [identifier for page in listed for identifier in page.get("deployments", [])]


def under_way(session: Session, application: str, group: str) -> str | None:
    """The id of the group's deployment that is not over (there is one at a time), None when there is none."""
    found = deployments(session, application, group, includeOnlyStatuses=_ACTIVE)
    return found[0] if found else None


def _names(session: Session, application: str) -> list[str]:
    with reading(f"Deployment groups of {application}", "codedeploy"):
        listed = session.pages("codedeploy", "ListDeploymentGroups", applicationName=application)
        return [name for page in listed for name in page["deploymentGroups"]]


def _unknown(what: str, name: str, known: Iterable[str]) -> ChangeRefused:
    names = sorted(known)
    near = get_close_matches(name, names, 1)
    return ChangeRefused(
        f"There is no {what} {name}.",
        f"Did you mean {near[0]}?" if near else f"There are: {', '.join(names) or 'none'}.",
    )


def _traffic(session: Session, name: str) -> tuple[str, float]:
    """How a configuration moves traffic, in words, and the minutes that it takes."""
    try:
        with reading(f"Deployment configuration {name}", "codedeploy"):
            answer = session.client("codedeploy").get_deployment_config(deploymentConfigName=name)
    except NotFound as error:
        with reading("Deployment configurations", "codedeploy"):
            pages = session.pages("codedeploy", "ListDeploymentConfigs")
            known = [one for page in pages for one in page["deploymentConfigsList"] if _for_lambda(one)]
        raise _unknown("deployment configuration", name, known) from error
    info = answer["deploymentConfigInfo"]
    if info.get("computePlatform") != "Lambda":
        raise ChangeRefused(
            f"Deployment configuration {name} is for {info.get('computePlatform')}, not for Lambda.",
            "Choose one for Lambda.",
        )
    return routed(info.get("trafficRoutingConfig") or {})


def _for_lambda(name: str) -> bool:
    return "Lambda" in name or not name.startswith("CodeDeployDefault.")


def routed(routing: Mapping[str, Any]) -> tuple[str, float]:
    """A TrafficRoutingConfig in words, and the minutes from its first step to its last."""
    if canary := routing.get("timeBasedCanary"):
        share, minutes = canary["canaryPercentage"], canary["canaryInterval"]
        return f"canary, {share} % for {minutes} min, then all", float(minutes)
    if linear := routing.get("timeBasedLinear"):
        share, minutes = linear["linearPercentage"], linear["linearInterval"]
        return f"linear, {share} % more every {minutes} min", float(minutes * (ceil(100 / share) - 1))
    return "all at once", 0.0


@covers(["deployment_group"])
def judge(group: Group) -> Check:
    """Whether the group can deploy now: fails while a deployment is under way, warns without an alarm."""
    expected = "no deployment is under way, and an alarm can stop one"
    if group.under_way:
        said = f"{group.under_way} is under way ({group.last})"
        hint = "There is one at a time: wait until it is over."
        return Check("deployment_group", Verdict.FAIL, said, expected, "", hint)
    said = f"{group.traffic}; last: {group.last or 'none'}"
    if not group.alarms:
        return Check("deployment_group", Verdict.WARN, f"no alarm watches; {said}", expected, "",
                     "Only this run looks after the new version: stay with it.")  # fmt: skip
    return Check("deployment_group", Verdict.PASS, said, expected)
