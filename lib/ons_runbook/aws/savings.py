"""Savings: what can go or become cheaper, as one plan and one sum.

Three things that others know how to do: old versions of functions (`version_cleanup`), a lifecycle rule for
each bucket (`lifecycle`), and log groups that are kept for ever (`log_retention`). Lambda charges nothing for
stored code, of which an account may have 75 GB a region:
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ons_runbook.aws import lifecycle, log_retention, storage_classes, version_cleanup
from ons_runbook.aws.money import dollars
from ons_runbook.checks import Check, Verdict, covers, unknown
from ons_runbook.errors import ReadError
from ons_runbook.plan import Action, Changes
from ons_runbook.prices import price
from ons_runbook.session import Session
from ons_runbook.tables import NUMBER, TEXT, WHOLE, table

SUMMARY = {
    "part": TEXT,
    "changes": WHOLE,
    "left_alone": WHOLE,
    "frees_bytes": WHOLE,
    "saves_usd": NUMBER,
    "once_usd": NUMBER,
    "assumption": TEXT,
    "problem": TEXT,
}
TOTAL = "total"
_VERSIONS, _STORAGE, _LOGS = "old versions", "cheaper storage", "log retention"
_FREE = "Lambda charges nothing for stored code; an account may have 75 GB of it"


@dataclass(frozen=True)
class Wanted:
    """What is to be saved on.

    Attributes:
        functions: whose old versions go, of all when there is none; keep: how many of each stay.
        storage_class, after_days: where objects of the buckets go, and when.
        retention_days: how long log groups are kept that are kept for ever.
    """

    functions: Sequence[str]
    keep: int
    storage_class: str
    after_days: int
    retention_days: int


def changes(
    session: Session, versions: pd.DataFrame, moves: pd.DataFrame, groups: pd.DataFrame, *, wanted: Wanted
) -> Changes:
    """One plan of all three: what can be taken back first, deletions last.

    `versions`, `moves` and `groups` are what `versions.published`, `cold_objects.moves` and
    `log_retention.groups` gave. Raises what the three builders raise.
    """
    return combined(_parts(session, versions, moves, groups, wanted).values())


def combined(parts: Iterable[Changes]) -> Changes:
    """Changes of several builders as those of one, in their order."""
    found = list(parts)
    return Changes(
        [action for part in found for action in part.actions],
        [alone for part in found for alone in part.left_alone],
        " ".join(dict.fromkeys(part.nothing for part in found)),
    )


def _parts(
    session: Session, versions: pd.DataFrame, moves: pd.DataFrame, groups: pd.DataFrame, wanted: Wanted
) -> dict[str, Changes]:
    return {
        _STORAGE: lifecycle.tier(
            session, moves, storage_class=wanted.storage_class, after_days=wanted.after_days
        ),
        _LOGS: log_retention.retain(session, groups, days=wanted.retention_days),
        _VERSIONS: version_cleanup.clean_up(session, versions, keep=wanted.keep, functions=wanted.functions),
    }


def summary(
    session: Session,
    versions: pd.DataFrame | None,
    moves: pd.DataFrame | None,
    groups: pd.DataFrame | None,
    *,
    wanted: Wanted,
) -> pd.DataFrame:
    """What the plan would save, a row a part and the total last.

    Columns: part, changes, left_alone, frees_bytes (deleted, or stored in a cheaper class), saves_usd (a
    month from now on: what moves or expires now; of log groups at most), once_usd (what moving costs),
    assumption (prices and their dates), problem (what could not be read, and is left alone). Raises ReadError
    when one of the three is not known (None), and what the builders raise.
    """
    if versions is None or moves is None or groups is None:
        raise ReadError("One of the parts could not be read: see above.")
    parts = _parts(session, versions, moves, groups, wanted)
    moved = storage_classes.named(wanted.storage_class).assumption(session.platform)
    kept = price(session.platform, "logs_storage").assumption
    rows = [
        _row(_STORAGE, parts, moves, _changed(moves, "bucket", parts[_STORAGE]), "moves_bytes", moved),
        _row(_LOGS, parts, groups, _changed(groups, "log_group", parts[_LOGS]), "expires_bytes", kept),
        _row(_VERSIONS, parts, versions, _deleted(versions, parts[_VERSIONS]), "code_size_bytes", _FREE),
    ]
    sums = ("changes", "left_alone", "frees_bytes", "saves_usd", "once_usd")
    rows.append({"part": TOTAL, **{name: sum(row[name] for row in rows) for name in sums}})
    return table(rows, SUMMARY)


def _row(
    part: str,
    parts: Mapping[str, Changes],
    every: pd.DataFrame,
    changed: pd.DataFrame,
    frees: str,
    assumption: str,
) -> dict[str, Any]:
    problems = every["problem"].dropna()
    return {
        "part": part,
        "changes": len(parts[part].actions),
        "left_alone": len(parts[part].left_alone),
        "frees_bytes": int(changed[frees].sum()),
        # Deleting code saves none, moving objects alone costs some.
        "saves_usd": float(changed["saves_usd"].sum()) if "saves_usd" in changed else 0.0,
        "once_usd": float(changed["once_usd"].sum()) if "once_usd" in changed else 0.0,
        "assumption": assumption,
        "problem": "; ".join(problems) or None,
    }


def _changed(rows: pd.DataFrame, column: str, found: Changes) -> pd.DataFrame:
    """The rows of what would really be changed."""
    touched = {name for action in found.actions for name in action.resources}
    return rows[rows[column].isin(touched)]


def _deleted(versions: pd.DataFrame, found: Changes) -> pd.DataFrame:
    gone = {_version(action) for action in found.actions}
    return versions[[(row["function"], row["version"]) in gone for _, row in versions.iterrows()]]


def _version(action: Action) -> tuple[Any, Any]:
    return action.parameters.get("FunctionName"), action.parameters.get("Qualifier")


@covers(["savings.total"])
def judge(summary: pd.DataFrame) -> Check:
    """What the whole plan would save, in one sentence; unknown when part of it could not be read."""
    name, expected = "savings.total", "known what the plan would save"
    total: Mapping[str, Any] = summary[summary["part"] == TOTAL].iloc[0]
    said = f"{total['changes']} changes would save {dollars(float(total['saves_usd']))} USD a month at most"
    if total["once_usd"]:
        said += f", and cost {dollars(float(total['once_usd']))} USD once"
    if problems := "; ".join(summary["problem"].dropna()):
        return unknown(name, f"{said}, as far as is known: {problems}", expected)
    return Check(name, Verdict.PASS, said, expected)
