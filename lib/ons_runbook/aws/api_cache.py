"""What an API answers, how often and how fast, and which of it is worth caching.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-caching.html: an answer is found
again by its path and the parameters in the cache key, whoever asks ·
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html: methods
are counted by themselves only with detailed metrics
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pandas as pd

from ons_runbook.aws import api as apis
from ons_runbook.aws import metrics
from ons_runbook.aws.api_cache_states import effective, stage
from ons_runbook.checks import Check, Verdict, covers, unknown
from ons_runbook.failures import reading
from ons_runbook.session import Session
from ons_runbook.tables import NUMBER, TEXT, TRUTH, WHOLE, given, table, text
from ons_runbook.window import Window

#: With fewer requests than this in the time an answer is kept, hardly any finds an answer again.
CALLS_A_TTL = 2.0
#: What is faster than this is not felt, and a cached answer takes tens of milliseconds itself.
SLOW_MS = 200.0

METHODS = {
    "method": TEXT,
    "cached": TRUTH,
    "ttl_s": WHOLE,
    "needs": TEXT,
    "cache_key": TEXT,
    "requests": WHOLE,
    "p95_latency_ms": NUMBER,
    "worth_caching": TRUTH,
    "reason": TEXT,
}
_LONGEST_PERIOD = timedelta(days=1)


def methods(
    session: Session, api: str, stage_name: str, window: Window, *, health_path: str, ttl_s: int
) -> pd.DataFrame:
    """Every method of a REST API, one row each, with what speaks for and against caching it.

    Columns: method (`GET /health`), cached (on the stage, its cluster included), ttl_s (missing when it is
    not cached), needs (`API key`, or the authorizer's type; missing when anybody may call), cache_key (the
    parameters that tell answers apart), requests and p95_latency_ms (of the worst day; missing when the
    method is not counted by itself), worth_caching (missing when nobody can tell), reason. `api` is a name.
    Raises NotFound for an API or a stage that is not there, ReadError.
    """
    identifier = apis.api_id(session, api)
    on = stage(session, identifier, stage_name)
    with reading(f"Resources of API {api}", "apigateway"):
        pages = session.pages(
            "apigateway", "GetResources", restApiId=identifier, embed=["methods"], limit=500
        )
        found = {
            (item["path"], verb): method
            for page in pages
            for item in page.get("items", [])
            for verb, method in item.get("resourceMethods", {}).items()
        }
    counted = _counted(session, api, stage_name, window, list(found))
    rows = []
    for path, verb in sorted(found):
        row = _row(on, path, verb, found[path, verb]) | counted[path, verb]
        worth, reason = _advice(row, path == health_path, verb, window, ttl_s)
        rows.append(row | {"worth_caching": worth, "reason": reason})
    return table(rows, METHODS, empty=f"API {api} has no method.")


def _row(on: Mapping[str, Any], path: str, verb: str, method: Mapping[str, Any]) -> dict[str, Any]:
    settings = effective(on.get("methodSettings") or {}, path, verb)
    cached = bool(on.get("cacheClusterEnabled") and settings.get("cachingEnabled"))
    authorizer = method.get("authorizationType", "NONE")
    needs = [f"authorizer {authorizer}"] if authorizer != "NONE" else []
    needs += ["API key"] if method.get("apiKeyRequired") else []
    parameters = method.get("methodIntegration", {}).get("cacheKeyParameters") or []
    return {
        "method": f"{verb} {path}",
        "cached": cached,
        "ttl_s": settings.get("cacheTtlInSeconds") if cached else None,
        "needs": ", ".join(needs) or None,
        "cache_key": ", ".join(one.removeprefix("method.request.") for one in parameters) or None,
    }


def _counted(
    session: Session, api: str, stage_name: str, window: Window, found: list[tuple[str, str]]
) -> dict[tuple[str, str], dict[str, Any]]:
    def asked(metric: str, statistic: str) -> dict[tuple[str, str], metrics.Metric]:
        return {
            (path, verb): metrics.metric(
                "AWS/ApiGateway", metric, statistic, ApiName=api, Stage=stage_name, Method=verb, Resource=path
            )
            for path, verb in found
        }

    # Percentiles cannot be added up: one period for the whole window, or day by day and the worst of them.
    whole = -(-min(window.duration, _LONGEST_PERIOD) // timedelta(minutes=1)) * 60
    requests = metrics.series(session, asked("Count", "SampleCount"), window)
    latency = metrics.series(session, asked("Latency", "p95"), window, whole)
    return {
        one: {"requests": metrics.total(requests[one]), "p95_latency_ms": metrics.highest(latency[one])}
        for one in found
    }


def _advice(
    row: Mapping[str, Any], health: bool, verb: str, window: Window, ttl_s: int
) -> tuple[bool | None, str]:
    if health:
        return False, "health is what is now, never what was"
    if verb != "GET":
        return False, "no GET: its answer depends on more than its address"
    if row["cached"]:
        return True, f"is cached for {row['ttl_s']} s" + (
            f", and needs {row['needs']}" if row["needs"] else ""
        )
    if row["needs"]:
        return False, f"needs {row['needs']}: callers would get each other's answers"
    if row["requests"] is None or row["p95_latency_ms"] is None:
        return None, "its requests are not counted by themselves: detailed metrics are off, or nobody called"
    in_ttl = row["requests"] / window.duration.total_seconds() * ttl_s
    if in_ttl < CALLS_A_TTL:
        return False, f"{row['requests']:,.0f} requests: {in_ttl:.2g} while an answer is kept, too few"
    if row["p95_latency_ms"] < SLOW_MS:
        return False, f"answers in {row['p95_latency_ms']:.0f} ms (p95) without"
    if not row["cache_key"]:
        return None, "no parameter is in its cache key: name it if its answer depends on none"
    return True, f"{in_ttl:,.0f} requests while an answer is kept, {row['p95_latency_ms']:.0f} ms (p95) each"


@covers(["api.cache"])
def judge(methods: pd.DataFrame, health_path: str, named: Sequence[str] = ()) -> Check:
    """Whether what is worth caching is cached. Health from a cache fails: it hides an outage.

    Of methods that are `named` (`GET /path` or `/path`) somebody decided already: they are not judged.
    """
    expected = "GET methods that are called often are cached, health is not"
    rows = [row for _, row in methods.iterrows()]
    decided = {name if " " in name else f"GET {name}" for name in named}
    cached = [text(row["method"]) for row in rows if row["cached"]]
    if f"GET {health_path}" in cached:
        hint = "Switch it off: the plan below does."
        return Check("api.cache", Verdict.FAIL, f"GET {health_path} is cached", expected, "", hint)
    rows = [row for row in rows if text(row["method"]) not in decided]
    missing = [
        row for row in rows if given(row["worth_caching"]) and row["worth_caching"] and not row["cached"]
    ]
    if missing:
        return Check("api.cache", Verdict.WARN, _said(missing), expected, "", "Read the plan below.")
    open_ones = [row for row in rows if not given(row["worth_caching"])]
    if open_ones:
        hint = "Switch detailed metrics on for the stage and come back, or name what is to be cached."
        return unknown("api.cache", _said(open_ones), expected, "", hint)
    said = f"cached: {', '.join(cached)}" if cached else "no method is worth caching"
    return Check("api.cache", Verdict.PASS, said, expected)


def _said(rows: Sequence["pd.Series[Any]"]) -> str:
    return "; ".join(f"{text(row['method'])}: {text(row['reason'])}" for row in rows)
