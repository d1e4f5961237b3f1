"""How long log groups keep their events, and keeping them for so many days and no longer.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html: the days
that there are; what expires is no longer charged for, and deleted within some 72 hours ·
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DeleteRetentionPolicy.html: for ever
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from functools import partial
from typing import Any

import pandas as pd

from ons_runbook.aws import log_ages, log_groups
from ons_runbook.aws.log_groups import NOT_KNOWN, OURS
from ons_runbook.aws.money import GB, dollars, size
from ons_runbook.calls import side_by_side
from ons_runbook.checks import Check, Verdict, covers
from ons_runbook.errors import ChangeRefused, RunbookError
from ons_runbook.failures import reading
from ons_runbook.plan import Action, Changes, LeftAlone, State, readable
from ons_runbook.prices import price
from ons_runbook.session import Session
from ons_runbook.tables import MOMENT, NUMBER, TRUTH, WHOLE, given, table, text
from ons_runbook.window import utc_now

#: The days that CloudWatch Logs can keep events for.
DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288),
    3653,
)
EVER = "for ever"
#: A group of this class is kept for one day, and that cannot be changed.
FIXED = "DELIVERY"

HELD = {
    **log_groups.GROUPS,
    "oldest": MOMENT,
    "newest": MOMENT,
    "all_streams": TRUTH,
    "streams_expire": WHOLE,
    "expires_bytes": WHOLE,
    "nothing_left": TRUTH,
    "saves_usd": NUMBER,
}
_EXPIRING = ("oldest", "newest", "all_streams", "streams_expire", "expires_bytes", "saves_usd")


def groups(session: Session, days: int, *, now: datetime | None = None) -> pd.DataFrame:
    """Every log group with its owner, and what keeping it only `days` days would delete.

    Columns: those of `log_groups.groups`, and for the platform's groups that are kept longer than `days`:
    oldest, newest (event, UTC), all_streams (whether all were looked at; else there may be older events),
    streams_expire, expires_bytes (an estimate, see `log_ages`), nothing_left (whether even the newest event
    is too old), saves_usd (a month, at most: charged are compressed bytes). Missing is what nobody knows;
    problem says why. `now` is for tests.
    """
    listed = log_groups.groups(session)
    until = now or utc_now()
    rows = {row["log_group"]: row for row in listed.to_dict("records")}
    tasks = {
        name: partial(log_ages.ages, session, name, int(row["stored_bytes"]), days, until)
        for name, row in rows.items()
        if row["owner"] == OURS and _longer(row, days)
    }
    for name, outcome in side_by_side(tasks).items():
        if isinstance(outcome.error, RunbookError):
            rows[name]["problem"] = str(outcome.error)
        else:
            rows[name] |= _held(session, outcome.unwrap())
    return table(rows.values(), HELD, empty=str(listed.attrs["empty"]))


def _longer(row: Mapping[Any, Any], days: int) -> bool:
    return not given(row["retention_days"]) or row["retention_days"] > days


def _held(session: Session, ages: log_ages.Ages) -> dict[str, Any]:
    held: dict[str, Any] = {
        "oldest": ages.oldest,
        "newest": ages.newest,
        "all_streams": ages.certain,
        "streams_expire": ages.streams_expire,
        "expires_bytes": ages.expires_bytes,
        "nothing_left": ages.nothing_left,
    }
    if ages.expires_bytes is not None:
        held["saves_usd"] = ages.expires_bytes / GB * price(session.platform, "logs_storage").usd
    return held


def owners(groups: pd.DataFrame) -> pd.DataFrame:
    """Of `groups`: log_group, owner, why, retention_days."""
    return groups[["log_group", "owner", "why", "retention_days"]]


def expiring(groups: pd.DataFrame) -> pd.DataFrame:
    """Of `groups`, those of the platform that are kept longer than they would be: what they would lose."""
    longer = groups[groups["all_streams"].notna() | (groups["owner"] == OURS) & groups["problem"].notna()]
    shown = longer[["log_group", "stored_bytes", *_EXPIRING, "problem"]]
    shown.attrs["empty"] = "No log group of the platform is kept longer than that."
    return shown


@readable
def retention(session: Session, group: str) -> State:
    """How long a log group keeps its events: days, `for ever`, or None when there is no such group."""
    with reading(f"Log group {group}", "logs"):
        for page in session.pages("logs", "DescribeLogGroups", logGroupNamePrefix=group):
            for found in page["logGroups"]:
                if found["logGroupName"] == group:
                    return {"retention_days": found.get("retentionInDays") or EVER}
    return {"retention_days": None}


def retain(
    session: Session,
    groups: pd.DataFrame,
    *,
    days: int,
    only: Sequence[str] = (),
    delete_everything: bool = False,
) -> Changes:
    """Keep the platform's log groups that have no retention for `days` days; with `only`, exactly those
    named, whatever they are kept now.

    `groups` is what the function of that name gave. Left alone are groups of other owners, and those of which
    no event would be left (unless `delete_everything`), or of which that is not known. Raises ChangeRefused
    for days that there are not, and for names that there are not, or that are of others.
    """
    _check_days(days)
    rows = {text(row["log_group"]): row for _, row in groups.iterrows()}
    _check_names(rows, only)
    actions: list[Action] = []
    alone: list[LeftAlone] = []
    for name, row in rows.items():
        if name not in only and (only or given(row["retention_days"])):
            continue
        why = _reason_to_leave(row, days, delete_everything)
        if why:
            alone.append(LeftAlone(f"log group {name}", why))
        else:
            actions.append(_keep(session, row, days))
    return Changes(actions, alone, "Every log group of the platform has a retention, or is left alone.")


def _check_days(days: int) -> None:
    if days in DAYS:
        return
    shorter = [known for known in DAYS if known < days][-1:]
    longer = [known for known in DAYS if known > days][:1]
    raise ChangeRefused(
        f"CloudWatch Logs cannot keep events for {days} days.",
        f"The nearest that it can: {' or '.join(map(str, shorter + longer))} days.",
    )


def _check_names(rows: Mapping[str, Any], only: Sequence[str]) -> None:
    for name in only:
        if name not in rows:
            near = get_close_matches(name, rows, n=1, cutoff=0.4)
            hint = f"Did you mean {near[0]}?" if near else "The table of log groups has those that there are."
            raise ChangeRefused(f"There is no log group {name}.", hint)
        if rows[name]["owner"] != OURS:
            raise ChangeRefused(
                f"Log group {name} is left to its owner: {rows[name]['why']}.", "Nothing was changed."
            )


def _reason_to_leave(row: "pd.Series[Any]", days: int, delete_everything: bool) -> str:
    if row["owner"] != OURS:
        whose = "nobody knows whose it is" if row["owner"] == NOT_KNOWN else "of another owner"
        return f"{whose}: {row['why']}"
    if text(row["log_class"]) == FIXED:
        return f"a group of class {FIXED} is kept for one day, and that cannot be changed"
    if given(row["retention_days"]) and row["retention_days"] == days:
        return f"it is kept {days} days already"
    if not _longer(row, days):
        return ""
    if not given(row["expires_bytes"]):
        return text(row["problem"], "it holds events, and how old they are is not known")
    if row["nothing_left"] and not delete_everything:
        return f"its newest event is of {row['newest']:%Y-%m-%d}: nothing of it would be left"
    return ""


def _keep(session: Session, row: "pd.Series[Any]", days: int) -> Action:
    name = text(row["log_group"])
    before: State = {"retention_days": int(row["retention_days"]) if given(row["retention_days"]) else EVER}
    after: State = {"retention_days": days}
    back = _setting(name, after, before, "What was deleted by then does not come back.")
    if not _longer(row, days):
        return _setting(name, before, after, "Events are kept, and charged for, longer.", undo=(back,))
    return _setting(
        name,
        before,
        after,
        _risk(row, days),
        undo=(back,),
        undo_note="what was deleted by then does not come back",
        cost=_saving(session, row),
    )


def _setting(name: str, before: State, after: State, risk: str, **more: Any) -> Action:
    days = after["retention_days"]
    return Action(
        name=f"keep {name} {days if days == EVER else f'{days} days'}",
        target=f"log group {name}",
        service="logs",
        operation="DeleteRetentionPolicy" if days == EVER else "PutRetentionPolicy",
        parameters={"logGroupName": name} | ({} if days == EVER else {"retentionInDays": days}),
        state=retention.at(group=name),
        before=before,
        after=after,
        risk=risk,
        resources=(name,),
        **more,
    )


def _risk(row: "pd.Series[Any]", days: int) -> str:
    if not given(row["oldest"]):
        return f"It is empty. What is written will be deleted {days} days later."
    since = f"{row['oldest']:%Y-%m-%d}" + ("" if row["all_streams"] else ", or older")
    if not row["expires_bytes"]:
        return f"Deletes nothing yet: the oldest event is of {since}."
    part = size(int(row["expires_bytes"]))
    return f"Deletes for good, within 72 hours, what is older than {days} days: about {part}, since {since}."


def _saving(session: Session, row: "pd.Series[Any]") -> str:
    assumed = price(session.platform, "logs_storage").assumption
    if not row["expires_bytes"]:
        return f"saves nothing yet, and keeps it from growing, {assumed}"
    return f"saves {dollars(float(row['saves_usd']))} USD at most, {assumed}"


@covers(["log_groups.found", "log_groups.counted"])
def judge(groups: pd.DataFrame, log_groups: Mapping[str, str]) -> list[Check]:
    """Whether each function has its log group (`log_groups`: function to group; one that never logged has
    none, which warns), and whether it is known of each group of the platform what would be deleted.
    """
    return [_found(groups, log_groups), _counted(groups)]


def _found(groups: pd.DataFrame, wanted: Mapping[str, str]) -> Check:
    name, expected = "log_groups.found", "a log group for each function of the platform"
    there = set(groups["log_group"])
    missing = [group for group in wanted.values() if group not in there]
    if missing:
        hint = "Check functions and log_group_prefix in the settings; a function that never ran has none."
        return Check(name, Verdict.WARN, f"there is no {', '.join(missing)}", expected, "", hint)
    ours = int((groups["owner"] == OURS).sum())
    said = f"{ours} log groups are the platform's, {len(groups) - ours} are not"
    return Check(name, Verdict.PASS, said, expected)


def _counted(groups: pd.DataFrame) -> Check:
    name, expected = "log_groups.counted", "known of each group what would be deleted"
    problems = groups[groups["problem"].notna()]
    if len(problems):
        said = "; ".join(text(problem) for problem in problems["problem"].head(3))
        return Check(name, Verdict.UNKNOWN, said, expected, "", "Those groups are left alone.")
    ours = groups[groups["owner"] == OURS]
    ever = int(ours["retention_days"].isna().sum())
    gone = int(ours["expires_bytes"].sum())
    lost = f"about {size(gone)} would be deleted" if gone else "nothing is old enough to be deleted"
    said = f"{ever} of {len(ours)} are kept for ever; {lost}"
    return Check(name, Verdict.PASS, said, expected)
