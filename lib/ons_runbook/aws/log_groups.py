"""Log groups and whose they are: the platform's, or somebody else's who shares the account.

A group is the platform's when it is the log group of one of its functions, the execution log of its API
(https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html), a log of its state machine
(https://docs.aws.amazon.com/step-functions/latest/dg/bp-cwl.html), or carries the tag Project with the
platform's name; a group with another Project is not, whatever it is called. The platform's name is
`alarm_prefix` of the settings without its dash. Everything else is of another owner: one group too few costs
little, one too many costs somebody his logs.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd

from ons_runbook.aws import api
from ons_runbook.calls import side_by_side
from ons_runbook.errors import NotFound, RunbookError
from ons_runbook.failures import reading
from ons_runbook.platform import Platform
from ons_runbook.session import Session
from ons_runbook.tables import MOMENT, TEXT, WHOLE, table

GROUPS = {
    "log_group": TEXT,
    "owner": TEXT,
    "why": TEXT,
    "retention_days": WHOLE,
    "stored_bytes": WHOLE,
    "log_class": TEXT,
    "created": MOMENT,
    "problem": TEXT,
}

OURS, OTHERS, NOT_KNOWN = "platform", "other", "not known"
TAG = "Project"
#: Groups of an account whose tags are asked for, one call each.
MOST_ASKED = 300

_API_LOGS = "API-Gateway-Execution-Logs_"
_STATES_LOGS = "/aws/vendedlogs/states/"


def project(platform: Platform) -> str:
    """The platform's name, as its resources carry it in their names and tags."""
    return platform.alarm_prefix.rstrip("-_/")


def groups(session: Session) -> pd.DataFrame:
    """Every log group of the account and region, with its owner.

    Columns: log_group, owner (platform, other, or not known), why (it is whose it is), retention_days
    (missing: kept for ever), stored_bytes (as CloudWatch Logs last counted, some hours ago), log_class,
    created (UTC), problem. Raises ReadError when the groups cannot be listed.
    """
    with reading("Log groups", "logs"):
        listed = [group for page in session.pages("logs", "DescribeLogGroups") for group in page["logGroups"]]
    claim = _claims(session)
    claimed = {group["logGroupName"]: claim(group["logGroupName"]) for group in listed}
    # What has a retention and is not called like ours needs no owner: nothing would be done with it.
    asked = [g for g in listed if claimed[g["logGroupName"]] or not g.get("retentionInDays")]
    asked.sort(key=lambda group: not claimed[group["logGroupName"]])
    tasks = {g["logGroupName"]: partial(_project_of, session, g) for g in asked[:MOST_ASKED]}
    tags = side_by_side(tasks)
    rows = []
    for group in listed:
        name = group["logGroupName"]
        row = {
            "log_group": name,
            "retention_days": group.get("retentionInDays"),
            "stored_bytes": group.get("storedBytes"),
            "log_class": group.get("logGroupClass"),
            "created": pd.Timestamp(group["creationTime"], unit="ms", tz="UTC"),
        }
        rows.append(row | _owner(session.platform, claimed[name], tags.get(name)))
    rows.sort(key=lambda row: (row["owner"] != OURS, row["log_group"]))
    return table(rows, GROUPS, empty=f"There is no log group in {session.region}.")


def _owner(platform: Platform, claim: str, tag: Any) -> dict[str, Any]:
    """Owner and why, from what its name says and what its tag says."""
    if tag is None:
        return {"owner": OTHERS, "why": "by its name; its tags were not asked for"}
    if isinstance(tag.error, RunbookError):
        return {"owner": NOT_KNOWN, "why": "its tags could not be read", "problem": str(tag.error)}
    ours, said = project(platform), tag.unwrap()
    if said == ours:
        return {"owner": OURS, "why": claim or f"its tag {TAG} is {ours}"}
    if said:
        return {"owner": OTHERS, "why": f"its tag {TAG} is {said}"}
    return (
        {"owner": OURS, "why": claim}
        if claim
        else {"owner": OTHERS, "why": f"neither its name nor a tag {TAG} says that it is the platform's"}
    )


def _claims(session: Session) -> Callable[[str], str]:
    """What says by name that a group is ours: a function that gives the reason, or nothing."""
    platform = session.platform
    functions = {group: function for function, group in platform.log_groups.items()}
    machine = platform.state_machine.rpartition(":")[2]
    try:
        identifier = api.api_id(session, platform.api_name)
    except NotFound:
        identifier = ""

    def claim(name: str) -> str:
        if name in functions:
            return f"log group of function {functions[name]}"
        if identifier and name.startswith(f"{_API_LOGS}{identifier}/"):
            return f"execution log of API {platform.api_name}"
        # Not by the beginning alone: another machine's name may begin alike.
        of_machine = name in (f"{_STATES_LOGS}{machine}", f"{_STATES_LOGS}{machine}-Logs")
        return f"log of state machine {machine}" if of_machine else ""

    return claim


def _project_of(session: Session, group: dict[str, Any]) -> str:
    # Without the :* at its end, which the tagging calls refuse.
    arn = group.get("logGroupArn") or group["arn"].removesuffix(":*")
    with reading(f"Tags of log group {group['logGroupName']}", "logs"):
        tags = session.client("logs").list_tags_for_resource(resourceArn=arn)["tags"]
    return str(tags.get(TAG, ""))
