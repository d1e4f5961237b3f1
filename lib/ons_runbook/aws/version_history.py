"""Which versions of a function were live behind an alias, when, and how they did.

The deployments tell: each says which version it replaced, and CodeDeploy makes sure that this was the one
behind the alias
(https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-resources.html).
What moved an alias otherwise is seen from where it points now.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from itertools import zip_longest
from typing import Any

import pandas as pd

from ons_runbook.aws import aliases, group_deployments, versions
from ons_runbook.aws.aliases import ALL, Points
from ons_runbook.aws.group_deployments import Deployment
from ons_runbook.errors import NotFound
from ons_runbook.plan import State
from ons_runbook.session import Session
from ons_runbook.tables import MOMENT, NUMBER, TEXT, WHOLE, table
from ons_runbook.window import Window

HISTORY = {
    "version": TEXT,
    "note": TEXT,
    "share_percent": NUMBER,
    "calls": WHOLE,
    "errors": WHOLE,
    "error_rate_percent": NUMBER,
    "live_from": MOMENT,
    "live_until": MOMENT,
    "replaced": TEXT,
    "deployment": TEXT,
    "description": TEXT,
}
#: Notes on a version: it gets calls now; it is there no more.
LIVE, DELETED = "live", "deleted"
# So many of the newest versions are looked at, beside those that a deployment brought.
_MOST = 20


def history(session: Session, function: str, alias: str, window: Window) -> pd.DataFrame:
    """Which versions of a function were live behind an alias, when, and how they did; newest first.

    Columns: version, note (`live`, or why it is nothing to go back to), share_percent (of the calls now;
    missing for what is not live), calls, errors, error_rate_percent (in the window, by the version that ran;
    where CloudWatch does not tell versions apart, by the times of the deployments), live_from, live_until
    (UTC, by its last deployment in the window), replaced (the version that was live before it), deployment
    (that brought it), description. `attrs`: function, alias, state (of the alias), place (CodeDeploy's
    application and group), shifting (ids of deployments under way), last (`group_deployments.Deployment`, the
    last one that is over; None when none is known). Raises NotFound, AccessDenied, ReadError.
    """
    try:
        found = versions.configurations(session, function)
    except NotFound as error:
        raise NotFound(f"There is no function {function}.", _nearest(function, session)) from error
    state = aliases.alias(session, function=function, alias=alias)
    group = session.platform.deployment_group.format(function=function)
    place = {"application": session.platform.deployment_application, "group": group}
    of_group = group_deployments.over(session, window=window, **place)
    made = [one for one in of_group if (one.function, one.alias) == (function, alias)]
    spans = list(_spans(made, state, window))
    newest = sorted(filter(str.isdecimal, found), key=int)[-_MOST:]
    others = filter(str.isdecimal, [*behind(state), *(span.version for span in spans)])
    shown = sorted({*newest, *others}, key=int, reverse=True)
    calls = aliases.calls(session, function, alias, shown, window)
    rows = [
        {
            "version": version,
            "share_percent": behind(state).get(version),
            "description": found.get(version, {}).get("Description") or None,
            **_live(version, spans),
            **counted(calls[version], calls[ALL], [span for span in spans if span.version == version]),
            "note": _note(version, found, state, made),
        }
        for version in shown
    ]
    frame = table(rows, HISTORY, empty=f"{function} has no published version.")
    frame.attrs |= {
        "function": function,
        "alias": alias,
        "state": state,
        "place": place,
        "shifting": group_deployments.shifting(session, **place)["deployments"],
        "last": made[-1] if made else None,
    }
    return frame


@dataclass(frozen=True)
class Span:
    """A time in which a version was live, since `deployment` (None: since before the window).

    `certain` is whether it is known when it ended.
    """

    version: str
    start: datetime
    end: datetime
    deployment: Deployment | None = None
    certain: bool = True


def behind(state: State) -> dict[str, float]:
    """The versions behind an alias, with their share of the calls in percent."""
    if state["version"] is None:
        return {}
    weights = {version: 100 * weight for version, weight in state["weights"].items()}
    return {state["version"]: 100 - sum(weights.values()), **weights}


def counted(own: Points, of_all: Points, spans: Sequence[Span]) -> dict[str, Any]:
    """Calls, errors and error_rate_percent of a version; nothing when nobody knows.

    `own` are the points of the version itself; without any, those of the alias in the times that the version
    certainly was live in.
    """
    calls, errors = (list(points.values()) for points in own)
    if not calls:
        times = [span for span in spans if span.certain]
        calls, errors = (
            [value for at, value in points.items() if any(time.start <= at < time.end for time in times)]
            for points in of_all
        )
    if not calls:
        return {}
    rate = 100 * sum(errors) / sum(calls) if sum(calls) else None
    return {"calls": round(sum(calls)), "errors": round(sum(errors)), "error_rate_percent": rate}


def _spans(made: Sequence[Deployment], state: State, window: Window) -> Iterator[Span]:
    done = [one for one in made if one.succeeded]
    if done:
        yield Span(done[0].old, window.start, done[0].over)
    for one, following in zip_longest(done, done[1:]):
        # When the alias was moved by hand meanwhile, nobody knows when that was.
        certain = one.new == (following.old if following else state["version"])
        yield Span(one.new, one.over, following.over if following else window.end, one, certain)


def _live(version: str, spans: Sequence[Span]) -> dict[str, Any]:
    own = [span for span in spans if span.version == version]
    if not own:
        return {}
    # A rollback brings a version back; what that had replaced is told by the one that brought it first.
    brought = [span.deployment for span in own if span.deployment and not span.deployment.rollback_of]
    return {
        "live_from": own[-1].start if own[-1].deployment else None,
        "live_until": None if own[-1] is spans[-1] else own[-1].end,
        "replaced": brought[-1].old if brought else None,
        "deployment": brought[-1].id if brought else None,
    }


def _note(version: str, found: Mapping[str, Any], state: State, made: Sequence[Deployment]) -> str | None:
    if version in behind(state):
        return LIVE
    if version not in found:
        return DELETED
    last = next((one for one in reversed(made) if one.new == version), None)
    if last is None:
        return None
    if not last.succeeded:
        return f"deployment {last.id} {last.status.lower()}"
    back = next((one for one in made if one.succeeded and one.rollback_of == last.id), None)
    return f"taken back by {back.id}" if back else None


def _nearest(function: str, session: Session) -> str:
    known = session.platform.functions
    near = get_close_matches(function, known, 1)
    return f"Did you mean {near[0]}?" if near else f"There are: {', '.join(known)}."
