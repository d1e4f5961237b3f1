"""How old is the newest point of each measurement?

https://docs.influxdata.com/flux/v0/stdlib/universe/last/: the last point of each series, so the answer has
one row a series however long the range is.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pandas as pd

from ons_runbook.calls import side_by_side
from ons_runbook.checks import Check, Verdict, covers, unknown
from ons_runbook.errors import RunbookError
from ons_runbook.influx.client import NEXT, query
from ons_runbook.session import Session
from ons_runbook.tables import MOMENT, NUMBER, TEXT, table, text
from ons_runbook.thresholds import Thresholds

NEWEST = {"measurement": TEXT, "newest": MOMENT, "age_minutes": NUMBER, "problem": TEXT}

# Only the time is kept before the series are merged: fields of one measurement may have different types.
_NEWEST = """
from(bucket: _bucket)
  |> range(start: _start, stop: _stop)
  |> filter(fn: (r) => r._measurement == _measurement)
  |> last()
  |> keep(columns: ["_time"])
  |> group()
  |> sort(columns: ["_time"], desc: true)
  |> limit(n: 1)
"""


def newest_points(
    session: Session,
    bucket: str,
    measurements: Sequence[str],
    until: datetime | None = None,
    lookback: timedelta = timedelta(days=7),
) -> pd.DataFrame:
    """The newest point of each measurement in `bucket` before `until` (default: now), one row a measurement.

    Columns: measurement, newest (UTC; missing when there is none within `lookback`), age_minutes (seen from
    `until`), problem (why it could not be asked). Points stamped later than `until` do not count.
    """
    stop = until or datetime.now(UTC)

    def ask(measurement: str) -> datetime | None:
        times = query(
            session, _NEWEST, _bucket=bucket, _measurement=measurement, _start=stop - lookback, _stop=stop
        )
        return max((row["_time"] for row in times), default=None)

    rows = []
    for name, outcome in side_by_side({name: partial(ask, name) for name in measurements}).items():
        row: dict[str, Any] = {"measurement": name}
        if isinstance(outcome.error, RunbookError):
            row["problem"] = str(outcome.error)
        elif newest := outcome.unwrap():
            row |= {"newest": newest, "age_minutes": (stop - newest).total_seconds() / 60}
        rows.append(row)
    frame = table(rows, NEWEST, empty="No measurement was asked for.")
    frame.attrs["lookback"] = f"{lookback.days} days"
    return frame


@covers(["influxdb.freshness"])
def judge_freshness(newest: pd.DataFrame, thresholds: Thresholds) -> Check:
    """How old the data is: the measurement that is furthest behind decides.

    A measurement without any point fails (the query worked, and there is nothing); one that could not be
    asked makes it unknown, unless another one fails.
    """
    name, expected = (
        "influxdb.freshness",
        f"newest point under {thresholds.freshness_fail_minutes:.0f} min old",
    )
    problems = newest[newest["problem"].notna()]
    known = newest[newest["problem"].isna()]
    missing = known[known["newest"].isna()]["measurement"].tolist()
    ages = known.dropna(subset=["age_minutes"]).sort_values("age_minutes", ascending=False)
    evidence = f"{len(known)} of {len(newest)} measurements"
    if missing:
        observed = f"no point of {', '.join(missing)} within {newest.attrs.get('lookback', 'the lookback')}"
        return Check(name, Verdict.FAIL, observed, expected, evidence, f"Next: {NEXT}.")
    verdict, observed = Verdict.UNKNOWN, "nothing was asked"
    if len(ages):
        age = float(ages["age_minutes"].iloc[0])
        verdict = Verdict.PASS
        if age >= thresholds.freshness_warn_minutes:
            verdict = Verdict.WARN
        if age >= thresholds.freshness_fail_minutes:
            verdict = Verdict.FAIL
        since = f"{ages['newest'].iloc[0]:%Y-%m-%d %H:%M} UTC"
        observed = f"{_age(age)} old ({ages['measurement'].iloc[0]}, {since})"
    if len(problems) and verdict is not Verdict.FAIL:
        return unknown(
            name, text(problems["problem"].iloc[0]), expected, evidence, f"If it persists: {NEXT}."
        )
    return Check(
        name, verdict, observed, expected, evidence, "" if verdict is Verdict.PASS else f"Next: {NEXT}."
    )


def _age(minutes: float) -> str:
    hours, rest = divmod(round(minutes), 60)
    days, hours = divmod(hours, 24)
    parts = [
        f"{days} d" if days else "",
        f"{hours} h" if hours else "",
        f"{rest} min" if rest or not days else "",
    ]
    return " ".join(part for part in parts if part) or "0 min"
