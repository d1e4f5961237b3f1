"""Deleting old published versions: the newest are kept, and whatever anything refers to or calls.

https://docs.aws.amazon.com/lambda/latest/api/API_DeleteFunction.html: with a qualifier that version goes,
without one the function; Lambda itself refuses for an alias's version only. Storage for code is free up to a
quota, 75 GB a region (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).

A number is never used again (https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html). What
can be brought back is the content, which `version_restoring` publishes under a new number.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from functools import partial
from typing import Any

import pandas as pd

from ons_runbook.aws import metrics, version_restoring
from ons_runbook.calls import side_by_side
from ons_runbook.checks import Check, Verdict, covers
from ons_runbook.errors import ChangeRefused, ReadError
from ons_runbook.failures import reading
from ons_runbook.plan import Action, Changes, LeftAlone, State
from ons_runbook.session import Session
from ons_runbook.tables import TEXT, WHOLE, given, table, text
from ons_runbook.window import Window, utc_now

#: A version that was called by its number in this time is in use.
CALLED_WITHIN = timedelta(days=30)

SUMMARY = {
    "function": TEXT,
    "newest": WHOLE,
    "in_use": WHOLE,
    "to_delete": WHOLE,
    "to_delete_bytes": WHOLE,
    "which": TEXT,
}
TO_DELETE = "to delete"
_LISTED = (
    "function",
    "version",
    "modified",
    "description",
    "code_size_bytes",
    "aliases",
    "provisioned",
    "used_by",
)
_DAY = 86400
# Percent of the quota for code. A package is at most 250 MB: from here on there is room for some dozens.
_FILLING_PERCENT, _FULL_PERCENT = 80, 95


@dataclass(frozen=True)
class CodeStorage:
    """Bytes of code, all versions and layers of the region together, and the quota."""

    used_bytes: int
    quota_bytes: int


def old(found: pd.DataFrame, keep: int) -> pd.DataFrame:
    """The rows of `versions.published` that are not among the newest `keep` of their function."""
    listed = found[found["version"].notna()]
    numbers = listed["version"].astype(int)
    rank = numbers.groupby(listed["function"]).rank(ascending=False)
    return listed[rank > keep]


def listed(found: pd.DataFrame, keep: int) -> pd.DataFrame:
    """Each version and what becomes of it, in the order of `found`.

    Columns: function, version, modified (UTC), description, code_size_bytes, aliases, provisioned, used_by,
    fate (`newest`, `in use`, or `to delete`, unless it is called by its number), problem.
    """
    older = set(old(found, keep).index)
    fates = [_fate(row, row.name in older) for _, row in found.iterrows()]
    frame = found.assign(fate=pd.Series(fates, index=found.index, dtype=TEXT))
    return frame[[*_LISTED, "fate", "problem"]]


def _fate(row: "pd.Series[Any]", older: bool) -> str | None:
    if not given(row["version"]):
        return None
    return ("in use" if _used(row) else TO_DELETE) if older else "newest"


def summary(found: pd.DataFrame, keep: int) -> pd.DataFrame:
    """What a clean-up that keeps the newest `keep` versions comes to, one row a function.

    Columns: function, newest (versions that are kept), in_use (older ones that are kept), to_delete,
    to_delete_bytes, which.
    """
    rows = []
    for function, own in listed(found, keep).groupby("function", sort=False):
        goes = own[own["fate"] == TO_DELETE]
        rows.append(
            {
                "function": function,
                "newest": int((own["fate"] == "newest").sum()),
                "in_use": int((own["fate"] == "in use").sum()),
                "to_delete": len(goes),
                "to_delete_bytes": int(goes["code_size_bytes"].sum()),
                "which": ", ".join(sorted(goes["version"], key=int)) or None,
            }
        )
    return table(rows, SUMMARY, empty="No function has a published version.")


def clean_up(session: Session, found: pd.DataFrame, *, keep: int, functions: Sequence[str] = ()) -> Changes:
    """The changes that delete what is older than the newest `keep` versions of a function, and not in use.

    `found`: of `versions.published`. `functions`: only these; none means all that were found. A version stays
    that an alias sends calls to, that has provisioned concurrency, settings for asynchronous calls, an event
    source mapping or a permission of its own, or that was called by its number in the last thirty days.
    Raises ChangeRefused for a function that is not the platform's or a `keep` under 1; ReadError.
    """
    if keep < 1:
        raise ChangeRefused(
            f"keep={keep} would leave nothing to go back to.", "Keep at least 1; the runbook keeps 5."
        )
    wanted = _chosen(session, found, functions)
    unread = wanted[wanted["problem"].notna()]
    alone = [
        LeftAlone(f"versions of {row['function']}", text(row["problem"])) for _, row in unread.iterrows()
    ]
    goes: dict[str, list[str]] = {}
    for row, why in _uses(session, old(wanted, keep)):
        if why:
            alone.append(LeftAlone(f"version {row['version']} of {row['function']}", why))
        else:
            goes.setdefault(row["function"], []).append(row["version"])
    actions = [action for function, gone in goes.items() for action in _deletions(session, function, gone)]
    if not actions and len(unread):
        raise ReadError(text(unread.iloc[0]["problem"]))
    more = "a version that nothing uses beyond" if alone else "more versions than"
    return Changes(actions, alone, f"No function has {more} the newest {keep}.")


def _uses(session: Session, older: pd.DataFrame) -> Iterator[tuple["pd.Series[Any]", str]]:
    """Each row, and what uses that version; empty when nothing does."""
    rows = [row for _, row in older.iterrows()]
    free = [row for row in rows if not _used(row)]
    called, permitted = _called(session, free), _permitted(session, free)
    for row in rows:
        place = row["function"], row["version"]
        why = _used(row)
        if calls := called.get(place):
            why = f"called {calls:,.0f} times by its number in the last {CALLED_WITHIN.days} days"
        elif permitted.get(place):
            why = "it has a permission of its own: something may call it"
        yield row, why


def storage(session: Session) -> CodeStorage:
    """How much of the region's quota for code is used. Raises AccessDenied, ReadError."""
    with reading("Lambda account settings", "lambda"):
        found = session.client("lambda").get_account_settings()
    return CodeStorage(found["AccountUsage"]["TotalCodeSize"], found["AccountLimit"]["TotalCodeSize"])


@covers(["code_storage"])
def judge_storage(storage: CodeStorage) -> Check:
    """Whether there is room for code: when the quota is used up, nothing can be updated."""
    used = 100 * storage.used_bytes / storage.quota_bytes
    said = f"{storage.used_bytes:,} of {storage.quota_bytes:,} bytes ({used:.1f} %)"
    expected = f"under {_FILLING_PERCENT} % of the quota"
    if used < _FILLING_PERCENT:
        return Check("code_storage", Verdict.PASS, said, expected)
    verdict = Verdict.FAIL if used >= _FULL_PERCENT else Verdict.WARN
    hint = "Delete versions, of other functions as well, or have the quota raised."
    return Check("code_storage", verdict, said, expected, "", hint)


def _names(functions: Sequence[str]) -> list[str]:
    return [f"versions.{name}" for name in functions]


@covers(_names)
def judge(found: pd.DataFrame, functions: Sequence[str]) -> list[Check]:
    """Whether the versions of each function are known, and one is live: without either nothing is cleaned up.

    Unknown when they could not be read; warns when no alias sends calls to any.
    """
    checks = []
    for function in functions:
        own = found[found["function"] == function]
        name, expected = f"versions.{function}", "published versions, one of them live"
        problems = own[own["problem"].notna()]
        if len(problems) or not len(own):
            said = text(problems.iloc[0]["problem"]) if len(problems) else "no published version"
            checks.append(Check(name, Verdict.UNKNOWN, said, expected))
            continue
        live = own[own["aliases"].notna()]
        said = ", ".join(f"{row['aliases']} at {row['version']}" for _, row in live.iterrows())
        verdict = Verdict.PASS if len(live) else Verdict.WARN
        checks.append(Check(name, verdict, f"{len(own)} versions, {said or 'no alias'}", expected))
    return checks


def _chosen(session: Session, found: pd.DataFrame, functions: Sequence[str]) -> pd.DataFrame:
    known = session.platform.functions
    for name in functions:
        if name not in known:
            near = get_close_matches(name, known, 1)
            raise ChangeRefused(
                f"{name} is no function of platform {session.platform.name!r}.",
                f"Did you mean {near[0]}?" if near else f"Its functions are: {', '.join(known)}.",
            )
    return found[found["function"].isin(functions)] if functions else found


def _used(row: "pd.Series[Any]") -> str:
    """What `versions.published` says that refers to a version; empty when nothing does."""
    ready = f"provisioned concurrency {row['provisioned']}" if given(row["provisioned"]) else ""
    alias = f"alias {row['aliases']}" if given(row["aliases"]) else ""
    return ", ".join(part for part in (alias, ready, text(row["used_by"])) if part)


def _called(session: Session, rows: Sequence["pd.Series[Any]"]) -> dict[tuple[str, str], float]:
    """How often each version was called by its number."""
    wanted = {
        (row["function"], row["version"]): metrics.metric(
            "AWS/Lambda",
            "Invocations",
            "Sum",
            FunctionName=row["function"],
            Resource=f"{row['function']}:{row['version']}",
        )
        for row in rows
    }
    now = utc_now()
    found = metrics.series(session, wanted, Window(now - CALLED_WITHIN, now), period=_DAY)
    return {place: metrics.total(points) or 0 for place, points in found.items()}


def _permitted(session: Session, rows: Sequence["pd.Series[Any]"]) -> dict[tuple[str, str], bool]:
    """Whether each version has a resource policy of its own."""
    tasks = {
        (row["function"], row["version"]): partial(_policy, session, row["function"], row["version"])
        for row in rows
    }
    return {place: outcome.unwrap() for place, outcome in side_by_side(tasks).items()}


def _policy(session: Session, function: str, version: str) -> bool:
    client = session.client("lambda")
    with reading(f"Permissions of {function} version {version}", "lambda"):
        try:
            client.get_policy(FunctionName=function, Qualifier=version)
        except client.exceptions.ResourceNotFoundException:
            return False
    return True


def _deletions(session: Session, function: str, numbers: Sequence[str]) -> Iterator[Action]:
    """Newest first, so that an undo, which goes the other way, publishes them in their old order."""
    if not numbers:
        return
    content = version_restoring.Contents.of(session, function)
    for number in sorted(numbers, key=int, reverse=True):
        undo, note = content.publish_again(number, leaving=numbers)
        code = content.code(number)
        free: State = {"published": True, "code": code, "aliases": [], "provisioned": 0, "again": None}
        yield Action(
            name=f"delete {function}:{number}",
            target=f"version {number} of {function}",
            service="lambda",
            operation="DeleteFunction",
            parameters={"FunctionName": function, "Qualifier": number},
            state=content.state(number),
            before=free,
            after={"published": False, "again": None},
            risk=f"{content.said(number)} Whoever calls it by its number finds nothing.",
            undo=undo,
            undo_note=note,
            resources=(function, f"{function}:{number}"),
        )
