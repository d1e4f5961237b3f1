"""What runs at once, what begins cold, and what should be kept warm.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-concurrency.html
"""

from datetime import UTC, datetime, timedelta

import pytest

from ons_runbook.aws import concurrency, logs, metrics
from ons_runbook.checks import names_covered
from ons_runbook.errors import AccessDenied
from ons_runbook.tables import table
from ons_runbook.window import Window

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
DAY = Window.parse("1d", now=NOW)
CONFIG = {
    "memory_mb": 512,
    "architecture": "x86_64",
    "kept_warm": None,
    "status": None,
    "reserved": None,
}


@pytest.fixture
def world(monkeypatch):
    """Data points by metric, statistic and whether they are of the alias; log lines; configuration."""
    held = {"points": {}, "lines": [], "config": CONFIG}

    def known(found):
        if isinstance(found, Exception):
            raise found
        return found

    def series(_, wanted, window, period=None):
        points = known(held["points"])
        return {
            name: points.get((one.name, one.statistic, ("Resource", "f:LIVE") in one.dimensions), {})
            for name, one in wanted.items()
        }

    def events(_, group, window, pattern):
        assert (group, pattern) == ("/aws/lambda/f", '?"Init Duration" ?initDurationMs')
        return iter([{"message": line} for line in known(held["lines"])])

    monkeypatch.setattr(metrics, "series", series)
    monkeypatch.setattr(logs, "events", events)
    monkeypatch.setattr(concurrency, "configured", lambda *_: known(held["config"]))
    return held


@pytest.fixture
def measured(world, session):
    def read():
        return concurrency.measured(session, {"f": "/aws/lambda/f"}, DAY, "LIVE")

    return read


def minutes(*values):
    return {NOW - timedelta(minutes=n): value for n, value in enumerate(values, 1)}


def report(milliseconds):
    return f"REPORT RequestId: r\tDuration: 5.00 ms\tInit Duration: {milliseconds:.2f} ms\t\n"


def test_cold_starts_are_counted_in_both_formats_of_logs(world, measured):
    world["points"] = {("Invocations", "Sum", False): minutes(150, 50)}
    json = '{"type":"platform.report","record":{"metrics":{"initDurationMs":%s}}}'
    world["lines"] = [report(100), report(300), json % "200.5", json % " 250", "Init Duration of my own"]
    row = measured().iloc[0]
    assert (row["calls"], row["cold_starts"], row["cold_percent"]) == (200, 4, 2.0)
    assert row["cold_p95_ms"] == pytest.approx(292.5)


def test_the_columns_are_typed_even_without_a_function(world, session):
    frame = concurrency.measured(session, {}, DAY, "LIVE")
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == concurrency.MEASURED


def test_what_cloudwatch_counted_of_the_alias_comes_first(world, measured):
    of_alias, of_function = minutes(*[2] * 19, 9), minutes(50)
    world["points"] = {
        ("Invocations", "Sum", False): minutes(600),
        ("Duration", "Average", False): minutes(60_000),
        ("ConcurrentExecutions", "Maximum", True): of_alias,
        ("ConcurrentExecutions", "Maximum", False): of_function,
    }
    row = measured().iloc[0]
    assert (row["most_at_once"], row["p95_at_once"]) == (9, 3)
    assert row["measured_by"] == "ConcurrentExecutions of the alias"
    del world["points"]["ConcurrentExecutions", "Maximum", True]
    row = measured().iloc[0]
    assert (row["most_at_once"], row["measured_by"]) == (50, "ConcurrentExecutions of the function")


def test_without_it_concurrency_is_calls_times_duration_and_one_call_is_one(world, measured):
    """600 calls of 2 s in each minute are 20 at once."""
    world["points"] = {
        ("Invocations", "Sum", False): minutes(600, 1),
        ("Duration", "Average", False): minutes(2000, 100),
    }
    row = measured().iloc[0]
    assert (row["most_at_once"], row["measured_by"]) == (20, "calls × duration: a mean, peaks are higher")
    world["points"]["Invocations", "Sum", False] = minutes(1)
    assert measured().iloc[0]["most_at_once"] == 1


def test_no_data_is_missing_and_not_zero(world, measured):
    row = measured().iloc[0]
    assert row["cold_starts"] == 0
    missing = ("calls", "cold_percent", "cold_p95_ms", "most_at_once", "p95_at_once", "measured_by")
    assert [name for name in missing if row.isna()[name]] == list(missing)
    assert row[["used_percent", "spilled", "problem"]].isna().all()


def test_what_is_kept_warm_is_measured_of_the_alias(world, measured):
    world["config"] = CONFIG | {"kept_warm": 4, "status": "READY"}
    world["points"] = {
        ("ProvisionedConcurrencyUtilization", "Maximum", True): minutes(0.25, 0.75),
        ("ProvisionedConcurrencySpilloverInvocations", "Sum", True): minutes(2, 3),
    }
    row = measured().iloc[0]
    assert (row["kept_warm"], row["used_percent"], row["spilled"]) == (4, 75.0, 5)


@pytest.mark.parametrize("part", ["points", "lines", "config"])
def test_what_cannot_be_read_is_a_problem_and_the_rest_stands(world, measured, part):
    world["points"] = {("Invocations", "Sum", False): minutes(200)}
    world[part] = AccessDenied("no", "ask")
    row = measured().iloc[0]
    assert row["problem"] == "no ask"
    assert row.isna()[["calls", "cold_starts", "memory_mb"]].tolist() == [
        part == "points", part == "lines", part == "config"]  # fmt: skip


def advice(platform, waited_for=("f",), **row):
    ordinary = {"function": "f", "calls": 1000, "cold_starts": 20, "cold_percent": 2.0, "cold_p95_ms": 800.0,
                "most_at_once": 7, "p95_at_once": 3, "spilled": 0, **CONFIG}  # fmt: skip
    frame = table([ordinary | row], concurrency.MEASURED)
    return concurrency.recommended(frame, platform, waited_for).iloc[0]


@pytest.mark.parametrize(
    ("row", "recommended", "said"),
    [
        ({}, 3, "20 of 1,000 calls began cold (2 %) and waited 800 ms (p95); at most 7 ran at once"),
        ({"cold_starts": 9, "cold_percent": 0.9}, 0, "under 1 %"),
        ({"cold_starts": 10, "cold_percent": 1.0}, 3, "began cold"),
        ({"cold_p95_ms": 199.0}, 0, "nobody notices"),
        ({"cold_p95_ms": 200.0}, 3, "began cold"),
        ({"cold_starts": 0, "cold_percent": 0.0, "cold_p95_ms": None}, 0, "under 1 %"),
        ({"calls": 99}, None, "99 calls are too few"),
        ({"calls": None}, None, "0 calls are too few"),
        ({"p95_at_once": None}, None, "no data on how many calls run at once"),
        ({"problem": "denied"}, None, "denied"),
        ({"kept_warm": 2, "used_percent": 100.0, "spilled": 10}, 3, "10 of 1,000 calls found nothing warm"),
        ({"kept_warm": 2, "used_percent": 100.0, "spilled": 9}, 2, "it fits"),
        ({"kept_warm": 3, "used_percent": 100.0, "spilled": 50}, 3, "it fits"),
        ({"kept_warm": 9, "used_percent": 49.0}, 3, "at most 49 % of it was ever used"),
        ({"kept_warm": 9, "used_percent": 50.0}, 9, "up to 50 %"),
        ({"kept_warm": 2, "used_percent": 40.0}, 2, "it fits"),
        ({"kept_warm": 9}, 9, "no data on how much of it is used"),
    ],
)
def test_what_is_recommended_and_why(make_platform, row, recommended, said):
    found = advice(make_platform(), **row)
    assert said in found["reason"]
    assert (None if found.isna()["recommended"] else found["recommended"]) == recommended


def test_nothing_is_kept_warm_for_functions_that_nobody_waits_for(make_platform):
    found = advice(make_platform(), waited_for=())
    assert (found["recommended"], found["reason"]) == (0, "nobody waits for it")
    paid = advice(make_platform(), waited_for=(), kept_warm=2)
    assert (paid["recommended"], "paid for nothing" in paid["reason"]) == (0, True)


def test_a_recommendation_states_its_cost(make_platform):
    """3 × 0.5 GB × 730 h × 3,600 s at 4.1667 USD a million GB-seconds."""
    assert advice(make_platform())["monthly_usd"] == pytest.approx(16.43, abs=0.01)
    cheaper = make_platform(prices={"lambda_provisioned_x86": 1.0})
    assert advice(cheaper)["monthly_usd"] == pytest.approx(3.94, abs=0.01)
    assert advice(make_platform(), memory_mb=None).isna()["monthly_usd"]


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        ({}, "warn"),
        ({"cold_percent": 0.1}, "pass"),
        ({"calls": 1}, "unknown"),
        ({"problem": "no"}, "unknown"),
    ],
)
def test_what_is_not_as_recommended_warns_and_what_nobody_can_tell_is_unknown(make_platform, row, verdict):
    frame = table([dict(advice(make_platform(), **row))], concurrency.RECOMMENDED)
    (check,) = concurrency.judge(frame, ["f"])
    assert (check.name, check.verdict) == ("cold_starts.f", verdict)
    assert names_covered(concurrency.judge, {"functions": ["f"]}) == ["cold_starts.f"]
