"""Key figures.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html: no data point without invocations
"""

from datetime import UTC, datetime, timedelta

import pytest

from ons_runbook import influx
from ons_runbook.aws import kpi_curves, kpis, logs, metrics
from ons_runbook.checks import names_covered
from ons_runbook.errors import NotFound, Throttled
from ons_runbook.influx.freshness import NEWEST
from ons_runbook.tables import table
from ons_runbook.thresholds import Thresholds
from ons_runbook.window import Window

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
DAY = Window.parse("1d", now=NOW)
LIMITS = {"functions": ["f"], "thresholds": Thresholds()}
KPIS = ["files_per_hour", "api_latency_average", "api_latency_p95", "error_rate.f", "freshness"]


@pytest.fixture
def platform(make_platform):
    return make_platform(functions=["f"], router_function="f")


@pytest.fixture
def world(monkeypatch):
    """What is measured: `files` times, `points` by metric name and statistic, `ages` in minutes, by window's
    end; an exception stands for what cannot be read."""
    held = {"files": [], "points": {}, "ages": {}}

    def series(_, wanted, window, period=None):
        if isinstance(held["points"], Exception):
            raise held["points"]
        return {
            name: {
                at: value
                for at, value in held["points"].get((one.name, one.statistic), {}).items()
                if window.start <= at < window.end
            }
            for name, one in wanted.items()
        }

    def events(_, group, window, pattern):
        assert (group, pattern) == ("/aws/lambda/f", "PROCESSED")
        if isinstance(held["files"], Exception):
            raise held["files"]
        return (
            {"timestamp": int(at.timestamp() * 1000)}
            for at in held["files"]
            if window.start <= at < window.end
        )

    def newest(_, bucket, measurements, until):
        row = {"measurement": "m", "newest": until, "age_minutes": held["ages"].get(until)}
        return table([row], NEWEST)

    monkeypatch.setattr(metrics, "series", series)
    monkeypatch.setattr(logs, "events", events)
    monkeypatch.setattr(influx, "newest_points", newest)
    return held


def hours_ago(*hours):
    return [NOW - timedelta(hours=hour) for hour in hours]


def fill(world):
    noon, before = hours_ago(12, 36)
    world["files"] = [NOW - timedelta(minutes=10 * n + 1) for n in range(6 * 24)] + [before] * 72
    world["ages"] = {NOW: 10.0, DAY.start: 20.0}
    world["points"] = {
        ("Latency", "Sum"): {noon: 600.0, before: 100.0},
        ("Latency", "SampleCount"): {noon: 3.0, before: 1.0},
        ("Latency", "Average"): {noon: 200.0, before: 100.0},
        ("Latency", "p95"): {noon: 3000.0, before: 100.0},
        ("Errors", "Sum"): {noon: 2.0, before: 0.0},
        ("Invocations", "Sum"): {noon: 100.0, before: 50.0},
    }


def test_each_figure_comes_with_its_target_and_the_window_before(session, platform, world):
    fill(world)
    frame = kpis.measured(session, platform, DAY).set_index("kpi")
    assert frame.index.tolist() == KPIS
    assert frame["value"].tolist() == [6.0, 200.0, 3000.0, 2.0, 10.0]
    assert frame["before"].tolist() == [3.0, 100.0, 100.0, 0.0, 20.0]
    assert frame["change_percent"].fillna(-1).tolist() == [100.0, 100.0, 2900.0, -1, -1]
    assert frame["target"].iloc[0] == "at least 5.5 files/h"
    assert frame["errors"]["error_rate.f"] == 2
    checks = kpis.judge(frame.reset_index(), **LIMITS)
    assert [check.verdict.value for check in checks] == ["pass", "pass", "warn", "warn", "pass"]
    assert [check.name for check in checks] == names_covered(kpis.judge, LIMITS)


def test_without_any_data_every_figure_is_unknown_and_none_a_zero(session, platform, world):
    frame = kpis.measured(session, platform, DAY)
    assert frame[["value", "before", "change_percent"]].isna().all(axis=None)
    assert frame["note"].str.contains("has no data").all()
    checks = kpis.judge(frame, **LIMITS)
    assert {check.verdict.value for check in checks} == {"unknown"}
    assert {check.observed for check in checks} == {"there is no data in the window"}


def test_what_cannot_be_read_is_unknown_with_the_reason_and_the_rest_stands(session, platform, world):
    fill(world)
    world["points"] = Throttled("CloudWatch metrics: slow down")
    world["files"] = NotFound("Log group /aws/lambda/f: no such group")
    checks = {check.name: check for check in kpis.judge(kpis.measured(session, platform, DAY), **LIMITS)}
    assert checks["kpi.api_latency_p95"].observed == "CloudWatch metrics: slow down"
    assert checks["kpi.files_per_hour"].observed == "Log group /aws/lambda/f: no such group"
    assert checks["kpi.freshness"].verdict == "pass"


@pytest.mark.parametrize(
    ("kpi", "value", "verdict"),
    [
        ("files_per_hour", 5.5, "pass"),
        ("files_per_hour", 5.4, "warn"),
        ("files_per_hour", 3.9, "fail"),
        ("api_latency_average", 999.0, "pass"),
        ("api_latency_average", 1000.0, "warn"),
        ("api_latency_p95", 5000.0, "fail"),
        ("error_rate.f", 5.0, "fail"),
        ("freshness", 60.0, "warn"),
    ],
)
def test_the_verdict(kpi, value, verdict):
    rows = [
        {"kpi": name, "target": "t", "unit": "u", "value": value if name == kpi else None} for name in KPIS
    ]
    checks = {check.name: check for check in kpis.judge(table(rows, kpis.MEASURED), **LIMITS)}
    assert checks.pop(f"kpi.{kpi}").verdict == verdict
    assert {check.verdict.value for check in checks.values()} == {"unknown"}


def test_a_lone_error_misses_no_target():
    rows = [{"kpi": name, "value": 20.0, "target": "t", "unit": "u", "errors": 1} for name in KPIS]
    checks = {check.name: check for check in kpis.judge(table(rows, kpis.MEASURED), **LIMITS)}
    assert checks["kpi.error_rate.f"].verdict == "pass"


def test_curves_have_the_window_before_moved_onto_this_one(session, platform, world):
    fill(world)
    [noon] = hours_ago(12)
    latency = kpi_curves.latency_over_time(session, platform, DAY)
    assert latency["time"].tolist() == [noon] * 4
    assert latency["latency_ms"].tolist() == [200.0, 3000.0, 100.0, 100.0]
    assert latency["before"].tolist() == [False, False, True, True]
    errors = kpi_curves.error_rates_over_time(session, ["f"], DAY)
    assert errors[["time", "error_rate_percent"]].values.tolist() == [[noon, 2.0], [noon, 0.0]]


def test_files_are_counted_in_hours_from_the_start_of_the_window(session, platform, world):
    fill(world)
    frame = kpi_curves.files_over_time(session, platform, DAY)
    now = frame[~frame["before"].astype(bool)]
    assert now["time"].tolist() == [DAY.start + timedelta(hours=n) for n in range(24)]
    assert now["files_per_hour"].tolist() == [6.0] * 24
    assert frame[frame["before"].astype(bool)]["files_per_hour"].sum() == 72


def test_a_window_that_is_no_whole_number_of_hours_keeps_its_rate(session, platform, world):
    world["files"] = hours_ago(1.4, 0.1, 0.2, 0.3)
    frame = kpi_curves.files_over_time(session, platform, Window.parse("90m", now=NOW))
    assert frame["files_per_hour"].tolist() == [pytest.approx(4 / 1.5)]


def test_nothing_at_all_is_empty_typed_curves(session, platform, world):
    for frame, columns in (
        (kpi_curves.latency_over_time(session, platform, DAY), kpi_curves.LATENCY),
        (kpi_curves.error_rates_over_time(session, ["f"], DAY), kpi_curves.ERRORS),
    ):
        assert frame.empty
        assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == columns
        assert frame.attrs["empty"].startswith("CloudWatch has no")
    assert kpi_curves.files_over_time(session, platform, DAY)["files_per_hour"].sum() == 0


def test_a_large_figure_is_written_out():
    rows = [{"kpi": name, "value": 1420.4, "before": 72.94, "target": "t", "unit": "ms"} for name in KPIS]
    checks = {check.name: check for check in kpis.judge(table(rows, kpis.MEASURED), **LIMITS)}
    assert checks["kpi.api_latency_p95"].observed == "1,420 ms; 72.9 ms in the window before"
