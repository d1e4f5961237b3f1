"""Is InfluxDB healthy and ready, and does it answer a query in good time?

https://docs.influxdata.com/influxdb/v2/api/v2/ (`/health`, `/ready`; neither needs a token) and
https://docs.influxdata.com/flux/v0/stdlib/universe/range/
"""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd

from ons_runbook import web
from ons_runbook.calls import side_by_side
from ons_runbook.checks import Check, Verdict, covers, unknown
from ons_runbook.errors import RunbookError, UnexpectedAnswer
from ons_runbook.influx.client import NEXT, base_url, client, query
from ons_runbook.session import Session
from ons_runbook.tables import NUMBER, TEXT, TRUTH, WHOLE, given, table, text
from ons_runbook.thresholds import Thresholds

STATUS = {"probe": TEXT, "ok": TRUTH, "answer": TEXT, "latency_ms": NUMBER, "rows": WHOLE, "problem": TEXT}

_PROBE = """
from(bucket: _bucket)
  |> range(start: _start, stop: _stop)
  |> filter(fn: (r) => r._measurement == _measurement)
  |> limit(n: 1)
"""


def status(session: Session, until: datetime | None = None) -> pd.DataFrame:
    """Whether InfluxDB is healthy, ready, and answers a bounded query: one row a probe (health, ready,
    query).

    Columns: probe, ok (missing when it could not be asked), answer, latency_ms, rows (of the query), problem
    (why it could not be asked). The query reads at most one point a series of the first measurement, from the
    three hours before `until` (default: now).
    """
    stop = until or datetime.now(UTC)
    probes = {
        "health": lambda: _probe_page(session, "health", "status", "pass"),
        "ready": lambda: _probe_page(session, "ready", "status", "ready"),
        "query": lambda: _probe_query(session, stop),
    }
    rows = []
    for name, outcome in side_by_side(probes).items():
        if isinstance(outcome.error, RunbookError):
            rows.append({"probe": name, "problem": str(outcome.error)})
        else:
            rows.append({"probe": name, **outcome.unwrap()})
    return table(rows, STATUS)


def _probe_page(session: Session, page: str, key: str, good: str) -> dict[str, Any]:
    answer = web.get(f"{base_url(session)}/{page}", f"InfluxDB /{page}", direct=session.platform.is_sandbox)
    try:
        content = json.loads(answer.body)
        said = f"{content[key]}: {content['message']}" if "message" in content else str(content[key])
    except (ValueError, TypeError, KeyError):
        raise UnexpectedAnswer(
            f"InfluxDB /{page} answered {answer.status} and not what InfluxDB 2 does: {answer.body[:80]!r}.",
            "Is INFLUXDB_V2_URL right?",
        ) from None
    good_answer = answer.status == 200 and content[key] == good
    return {"ok": good_answer, "answer": f"{answer.status} {said}", "latency_ms": answer.milliseconds}


def _probe_query(session: Session, stop: datetime) -> dict[str, Any]:
    platform = session.platform
    client(session)  # made, its token fetched, before the clock starts
    started = time.monotonic()
    rows = sum(
        1
        for _ in query(
            session,
            _PROBE,
            _bucket=platform.influx_bucket,
            _measurement=platform.measurements[0],
            _start=stop - timedelta(hours=3),
            _stop=stop,
        )
    )
    return {"ok": True, "answer": "answered", "latency_ms": (time.monotonic() - started) * 1000, "rows": rows}


@covers(["influxdb.health", "influxdb.ready", "influxdb.query"])
def judge(status: pd.DataFrame, thresholds: Thresholds) -> list[Check]:
    """What `status` says: a probe that answers badly fails, one that could not be asked is unknown."""
    rows = {text(row["probe"]): row for _, row in status.iterrows()}
    return [
        _judge_page(rows["health"], "status pass"),
        _judge_page(rows["ready"], "status ready"),
        _judge_query(rows["query"], thresholds),
    ]


def _judge_page(row: "pd.Series[Any]", expected: str) -> Check:
    name = f"influxdb.{row['probe']}"
    if given(row["problem"]):
        return unknown(name, text(row["problem"]), expected, hint=f"If it does not answer at all: {NEXT}.")
    verdict = Verdict.PASS if row["ok"] else Verdict.FAIL
    hint = "" if row["ok"] else f"Next: {NEXT}."
    return Check(name, verdict, f"{row['answer']} in {row['latency_ms']:.0f} ms", expected, "1 request", hint)


def _judge_query(row: "pd.Series[Any]", thresholds: Thresholds) -> Check:
    expected = f"an answer in under {thresholds.influx_query_warn_ms:.0f} ms"
    if given(row["problem"]):
        return unknown("influxdb.query", text(row["problem"]), expected, hint=f"If it persists: {NEXT}.")
    took = row["latency_ms"]
    verdict, hint = Verdict.PASS, ""
    if took >= thresholds.influx_query_warn_ms:
        verdict, hint = Verdict.WARN, f"Slow: next {NEXT}."
    if took >= thresholds.influx_query_fail_ms:
        verdict = Verdict.FAIL
    return Check("influxdb.query", verdict, f"{took:.0f} ms", expected, f"1 query, {row['rows']} rows", hint)
