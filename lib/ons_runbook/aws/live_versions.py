"""How the versions do that callers get now.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html: there is no data point, rather
than a zero, for a minute without a call, and the last minutes come late.
"""

from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from ons_runbook.aws import aliases
from ons_runbook.aws.aliases import ALL
from ons_runbook.aws.version_history import Span, behind, counted
from ons_runbook.checks import Check, Verdict, covers, severity
from ons_runbook.errors import ReadError
from ons_runbook.session import Session
from ons_runbook.tables import MOMENT, NUMBER, TEXT, WHOLE, given, table
from ons_runbook.thresholds import Thresholds
from ons_runbook.window import Window, iso, utc_now

#: Fewer calls than this say nothing about a version.
ENOUGH_CALLS = 20

LIVE = {
    "version": TEXT,
    "share_percent": NUMBER,
    "since": MOMENT,
    "calls": WHOLE,
    "errors": WHOLE,
    "error_rate_percent": NUMBER,
}
_MINUTE = timedelta(minutes=1)


def live(
    session: Session, history: pd.DataFrame | None, window: Window, since: datetime | None = None
) -> pd.DataFrame:
    """How the versions do that are behind the alias now, from when they went live, at most over the window.

    `history`: of `version_history.history`. `since`: when the alias was moved (aware), when that was no
    deployment. Columns: version, share_percent (of the calls), since (UTC, what is counted from), calls,
    errors, error_rate_percent (missing without data). Raises ReadError.
    """
    if history is None:
        raise ReadError("Without its history nobody knows since when a version is live.")
    function, alias = history.attrs["function"], history.attrs["alias"]
    shares = behind(aliases.alias(session, function=function, alias=alias))
    deployed = {row["version"]: row["live_from"] for _, row in history.iterrows() if _goes_on(row)}
    end = utc_now() + _MINUTE
    rows = []
    for version, share in shares.items():
        start = max(moment for moment in (window.start, since, deployed.get(version)) if moment is not None)
        start = start.replace(second=0, microsecond=0)
        found = aliases.calls(session, function, alias, [version], Window(start, end))
        # As far as the deployments tell, the alias had this version alone.
        alone = since is None and version in deployed and len(shares) == 1
        counts = counted(found[version], found[ALL], [Span(version, start, end)] if alone else [])
        rows.append({"version": version, "share_percent": share, "since": start, **counts})
    return table(rows, LIVE, empty=f"{function} has no alias {alias}.")


def _goes_on(row: "pd.Series[Any]") -> bool:
    return given(row["live_from"]) and not given(row["live_until"])


def enough(row: "pd.Series[Any]") -> bool:
    """Whether a row with calls and error_rate_percent says something about its version."""
    return given(row["calls"]) and int(row["calls"]) >= ENOUGH_CALLS


def rated(row: "pd.Series[Any]", thresholds: Thresholds) -> tuple[Verdict, str]:
    """What the error rate of a row with `enough` calls comes to, and the sentence that says it."""
    rate = float(row["error_rate_percent"])
    said = f"version {row['version']}: {row['errors']} of {row['calls']} calls failed ({rate:.1f} %)"
    if rate >= thresholds.error_rate_fail_percent:
        return Verdict.FAIL, said
    return (Verdict.WARN if rate >= thresholds.error_rate_warn_percent else Verdict.PASS), said


def expected(thresholds: Thresholds) -> str:
    """What a check by `rated` expects."""
    return f"errors under {thresholds.error_rate_warn_percent:g} % of at least {ENOUGH_CALLS} calls"


@covers(["version.live"])
def judge(live: pd.DataFrame, thresholds: Thresholds) -> Check:
    """Whether what callers get works: the worst of the versions behind the alias.

    Fails and warns by the share of failed calls; warns when there were too few calls to tell.
    """
    name, wanted = "version.live", expected(thresholds)
    if not len(live):
        return Check(name, Verdict.FAIL, "there is no such alias: callers reach nothing", wanted)
    found = [rated(row, thresholds) if enough(row) else _too_few(row) for _, row in live.iterrows()]
    worst = max((verdict for verdict, _ in found), key=severity)
    hints = {
        Verdict.WARN: "Look again in a few minutes.",
        Verdict.FAIL: "Next: troubleshooting/lambda_errors.",
    }
    return Check(name, worst, "; ".join(said for _, said in found), wanted, "", hints.get(worst, ""))


def _too_few(row: "pd.Series[Any]") -> tuple[Verdict, str]:
    calls = f"{row['calls']} calls" if given(row["calls"]) else "no calls known"
    return Verdict.WARN, f"version {row['version']}: {calls} since {iso(row['since'])}, too few to tell"
