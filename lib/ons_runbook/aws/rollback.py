"""Going back to the version that was live before: which one that is and why, and the changes that do it.

Only the last deployment is taken back by itself. When the alias is behind it already, somebody has done that,
and going further back is asked for by name.

A deployment that is still moving traffic is stopped first, without CodeDeploy's own rollback: two that move
one alias would undo each other. https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_StopDeployment.html
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

import pandas as pd

from ons_runbook.aws import aliases, group_deployments, live_versions, versions
from ons_runbook.aws.group_deployments import Deployment
from ons_runbook.aws.version_history import DELETED, behind
from ons_runbook.checks import Check, Verdict, covers
from ons_runbook.errors import ChangeRefused, ReadError
from ons_runbook.failures import reading
from ons_runbook.plan import Action, Changes, LeftAlone
from ons_runbook.session import Session
from ons_runbook.tables import TEXT, given, table, text
from ons_runbook.thresholds import Thresholds
from ons_runbook.window import iso

CHOICE = {"live_now": TEXT, "goes_to": TEXT, "why": TEXT, "passed_over": TEXT}
_LONGEST_STOP_S = 300.0


@dataclass(frozen=True)
class Choice:
    """The version to go back to, None when there is nothing to do, and why; `passed_over` are others."""

    version: str | None
    why: str
    passed_over: tuple[LeftAlone, ...] = ()


Rows = Mapping[str, "pd.Series[Any]"]


def choose(history: pd.DataFrame, version: str, thresholds: Thresholds) -> Choice:
    """The version to go back to, of `version_history.history`: the one that was live before, or `version`.

    Raises ChangeRefused for one that is not there, and when there is no good one.
    """
    about = history.attrs
    state = about["state"]
    live = state["version"]
    rows = {row["version"]: row for _, row in history.iterrows()}
    if live is None:
        raise ChangeRefused(
            f"{about['function']} has no alias {about['alias']}.",
            "Its callers use something else: move that.",
        )
    if version:
        return _named(rows, version, about)
    if state["weights"]:
        return Choice(live, f"It had all calls before version {' and '.join(state['weights'])} got a share.")
    if about["shifting"]:
        return Choice(live, f"It is live, and deployment {about['shifting'][0]} would replace it.")
    return _before(rows, live, about, thresholds)


def _named(rows: Rows, version: str, about: Mapping[str, Any]) -> Choice:
    if version == versions.LATEST:
        raise ChangeRefused(
            "An alias that callers use must not point at $LATEST, which is whatever was uploaded last.",
            _existing(rows),
        )
    if not (version.isascii() and version.isdecimal()):
        raise ChangeRefused(f"{version!r} is no version of {about['function']}.", _existing(rows))
    if version == about["state"]["version"] and not about["state"]["weights"] and not about["shifting"]:
        return Choice(None, f"Version {version} has all calls of {about['alias']} already.")
    until = _until(rows.get(version))
    return Choice(version, "It was asked for by name" + (f"; it was live{until}." if until else "."))


def _existing(rows: Rows) -> str:
    there = [number for number, row in rows.items() if text(row["note"]) != DELETED]
    return f"There are: {', '.join(there) or 'none'}."


def _before(rows: Rows, live: str, about: Mapping[str, Any], thresholds: Thresholds) -> Choice:
    """The version that was live before, or the one before that, as long as something is against it."""
    last, why = about["last"], "It was live before"
    if last is None:
        candidates = iter(sorted((one for one in rows if int(one) < _number(live)), key=int, reverse=True))
        why = f"No deployment of it is known; it is the newest that was published before {live}"
    elif gone_back := _gone_back(live, about["alias"], last):
        return Choice(None, f"{gone_back} To go further back, name a version.")
    else:
        # What was made live by hand has replaced what was deployed last.
        by_hand = live != last.left_live
        candidates = _chain(rows, last.left_live if by_hand else last.old)
    passed: list[LeftAlone] = []
    for candidate in candidates:
        against = _against(rows.get(candidate), thresholds)
        if not against:
            return Choice(candidate, f"{why},{_until(rows[candidate])}".rstrip(",") + ".", tuple(passed))
        passed.append(LeftAlone(f"version {candidate}", against))
    said = "; ".join(f"{one.target}: {one.why}" for one in passed) or "none is known"
    raise ChangeRefused(f"There is no good version before {live} ({said}).", f"Name one. {_existing(rows)}")


def _gone_back(live: str, alias: str, last: Deployment) -> str:
    """How the last deployment was taken back already; empty when it was not."""
    if live == last.left_live:
        if last.rollback_of:
            return f"Deployment {last.id} took back {last.rollback_of}: {live} is live again."
        if not last.succeeded:
            return (
                f"Deployment {last.id} to version {last.new} {last.status.lower()}: {live} is live as before."
            )
        return ""
    if _number(live) < _number(last.left_live):
        return f"{alias} is at version {live} already, behind deployment {last.id} to version {last.new}."
    return ""


def _number(version: str) -> float:
    """For what is newer than what; $LATEST is newer than all."""
    return int(version) if version.isdecimal() else inf


def _chain(rows: Rows, first: Any) -> Iterator[str]:
    """A version, the one that it replaced, and so on."""
    seen: set[str] = set()
    while given(first) and first not in seen:
        seen.add(first)
        yield first
        first = rows[first]["replaced"] if first in rows else None


def _against(row: "pd.Series[Any] | None", thresholds: Thresholds) -> str:
    """Why a version is nothing to go back to; empty when nothing is known against it."""
    if row is None:
        return DELETED
    if given(row["note"]):
        return text(row["note"])
    if live_versions.enough(row):
        verdict, said = live_versions.rated(row, thresholds)
        return said if verdict is Verdict.FAIL else ""
    return ""


def _until(row: "pd.Series[Any] | None") -> str:
    """Until when a version was live. Only what stays true: it becomes a part of the plan."""
    return f" until {iso(row['live_until'])}" if row is not None and given(row["live_until"]) else ""


def choice(history: pd.DataFrame, version: str, thresholds: Thresholds) -> pd.DataFrame:
    """What `choose` says, in one row: live_now, goes_to (missing when to none), why, passed_over."""
    try:
        made = choose(history, version, thresholds)
    except ChangeRefused as error:
        made = Choice(None, str(error))
    passed = "; ".join(f"{one.target}: {one.why}" for one in made.passed_over)
    shares = behind(history.attrs["state"])
    live = ", ".join(f"{number} ({share:.0f} %)" for number, share in shares.items())
    row = {"live_now": live, "goes_to": made.version, "why": made.why, "passed_over": passed or None}
    return table([row], CHOICE)


def differences(session: Session, history: pd.DataFrame | None, version: str) -> pd.DataFrame:
    """`versions.differences` from the version to go back to (`old`) to the one that is live (`new`).

    Empty when there is none to go back to. Raises ReadError.
    """
    if history is None:
        raise ReadError("Without its history nobody knows which versions to compare.")
    (row,) = choice(history, version, session.platform.thresholds).to_dict("records")
    live = [number for number in behind(history.attrs["state"]) if number != row["goes_to"]]
    if not given(row["goes_to"]) or not live:
        return table([], versions.DIFFERENCES, empty="There are no two versions to compare.")
    return versions.differences(session, history.attrs["function"], old=row["goes_to"], new=live[0])


def back(session: Session, history: pd.DataFrame, *, version: str = "") -> Changes:
    """The changes that give all calls to the version before, or to the one named.

    Raises ChangeRefused as `choose` does, and for a version that does not exist or cannot run; ReadError.
    """
    about = history.attrs
    chosen = choose(history, version, session.platform.thresholds)
    if chosen.version is None:
        return Changes(nothing=chosen.why)
    ready = _runnable(session, history, chosen.version)
    actions = [*_stops(about)]
    # While a deployment moves them, the weights are others by the time that this is applied.
    before = {"version": about["state"]["version"]} if actions else about["state"]
    why = f"{chosen.why} {ready}".strip()
    actions.append(aliases.move(about["function"], about["alias"], before, chosen.version, why=why))
    return Changes(actions, chosen.passed_over)


def _runnable(session: Session, history: pd.DataFrame, version: str) -> str:
    """What is to be known of the version's state; raises ChangeRefused when it cannot take calls."""
    function = history.attrs["function"]
    client = session.client("lambda")
    with reading(f"Version {version} of {function}", "lambda"):
        try:
            found = client.get_function_configuration(FunctionName=function, Qualifier=version)
        except client.exceptions.ResourceNotFoundException:
            existing = _existing({row["version"]: row for _, row in history.iterrows()})
            raise ChangeRefused(f"{function} has no version {version}.", existing) from None
    if found.get("State") == "Failed":
        reason = found.get("StateReason") or "its state is Failed"
        raise ChangeRefused(f"Version {version} of {function} cannot run: {reason}.", "Name another version.")
    return "It was idle for long: its first calls wait for it." if found.get("State") == "Inactive" else ""


def _stops(about: Mapping[str, Any]) -> Iterator[Action]:
    """Stop every deployment that is not over."""
    left = list(about["shifting"])
    for identifier in about["shifting"]:
        before, left = list(left), [one for one in left if one != identifier]
        yield Action(
            name=f"stop deployment {identifier}",
            target=f"deployment {identifier} of {about['function']}",
            service="codedeploy",
            operation="StopDeployment",
            parameters={"deploymentId": identifier, "autoRollbackEnabled": False},
            state=group_deployments.shifting.at(**about["place"]),
            before={"deployments": before},
            after={"deployments": left},
            risk="Traffic stays as it is until the alias is moved, which is the next change.",
            undo_note="It is not begun again: maintenance/update_lambda_function deploys anew.",
            resources=(about["function"],),
            wait_s=_LONGEST_STOP_S,
        )


@covers(["version.before"])
def judge(history: pd.DataFrame, version: str, thresholds: Thresholds) -> Check:
    """How the version to go back to did while it was live: unknown when nobody knows, or it had few calls."""
    name, wanted = "version.before", live_versions.expected(thresholds)
    try:
        made = choose(history, version, thresholds)
    except ChangeRefused as error:
        return Check(name, Verdict.FAIL, error.message, wanted, "", error.hint)
    if made.version is None:
        return Check(name, Verdict.PASS, made.why, wanted)
    found = history[history["version"] == made.version]
    if not len(found) or not live_versions.enough(found.iloc[0]):
        said = f"version {made.version}: too few calls are known to tell how it did"
        return Check(
            name, Verdict.UNKNOWN, said, wanted, "", "A longer history may know more: -p history=400d."
        )
    verdict, said = live_versions.rated(found.iloc[0], thresholds)
    return Check(name, verdict, said, wanted)
