"""What the weekly review and the KPI dashboard read, from the living miniature platform."""

import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from ons_runbook import charts
from ons_runbook.aws import alarm_history, deployments, kpi_curves, kpis, log_signatures, logs, storage
from ons_runbook.calls import recording
from ons_runbook.errors import NotFound
from ons_runbook.platform import load_platform
from ons_runbook.session import Session
from ons_runbook.window import Window


def session_on(sandbox: Any, environment: pytest.MonkeyPatch) -> Session:
    for name, value in sandbox.env().items():
        environment.setenv(name, value)
    return Session(load_platform())


@pytest.fixture
def live(clean_environment: pytest.MonkeyPatch, sandbox: Any) -> Session:
    """A session of the library on the seeded sandbox."""
    return session_on(sandbox, clean_environment)


@pytest.fixture
def nothing(clean_environment: pytest.MonkeyPatch, empty_sandbox: Any) -> Session:
    """A session of the library on an account with no data at all."""
    return session_on(empty_sandbox, clean_environment)


@pytest.fixture
def fortnight() -> Window:
    return Window.parse("13d")


def throttle_every(tenth: int, session: Session, service: str) -> None:
    """Refuse every so-manyeth request of a service as AWS does when there are too many."""
    counter = itertools.count(1)

    class Body:
        def stream(self, **_: Any) -> list[bytes]:
            return [json.dumps({"__type": "ThrottlingException", "message": "Rate exceeded"}).encode()]

    def refuse(request: Any, **_: Any) -> AWSResponse | None:
        return AWSResponse(request.url, 400, {}, Body()) if next(counter) % tenth == 0 else None

    session.client(service).meta.events.register("before-send", refuse)


def test_every_error_line_is_counted_once_and_grouped(live: Session, fortnight: Window) -> None:
    groups = live.platform.log_groups
    counts = log_signatures.count(live, groups, fortnight, "ERROR")
    plain = logs.count_by_function(live, groups, fortnight, "ERROR")
    sums = counts.groupby("function")["lines"].sum()
    assert {f: int(n) for f, n in sums.items()} == {
        row["function"]: row["lines"] for _, row in plain.iterrows() if row["lines"]
    }
    assert "InfluxUnavailable at shared_utils/influxdb.py in _post" in set(counts["signature"])
    assert 1 <= counts["signature"].nunique() < 10
    assert counts["day"].nunique() > 2


def test_throttling_on_every_tenth_call_changes_no_number(live: Session) -> None:
    window = Window.parse("3d")
    groups = live.platform.log_groups
    calm = log_signatures.count(live, groups, window, "SUCCESS").drop(columns="sample")
    throttle_every(10, live, "logs")
    with recording() as calls:
        rushed = log_signatures.count(live, groups, window, "SUCCESS").drop(columns="sample")
    assert sum(call.attempts for call in calls) > len(calls)
    assert calm.equals(rushed)


def test_a_log_group_that_does_not_exist_is_unknown_and_the_others_are_counted(live: Session) -> None:
    groups = {**live.platform.log_groups, "gone": "/aws/lambda/gone"}
    counts = log_signatures.count(live, groups, Window.parse("1d"), "SUCCESS")
    checks = log_signatures.judge(counts, "lines", list(groups), 10**6, "")
    assert [check.verdict.value for check in checks] == ["pass"] * 4 + ["unknown"]
    assert "/aws/lambda/gone" in checks[-1].observed


def test_buckets_are_read_from_the_daily_metric_and_listed_without_one(live: Session) -> None:
    week = Window.parse("7d")
    held = storage.holds(live, live.platform.buckets, week)
    assert held["source"].tolist() == ["daily metric"] * 2
    assert held["growth_percent"].between(1, 10).all()
    assert {
        check.verdict.value
        for check in storage.judge(held, ["raw", "processed"], week, live.platform.thresholds)
    } == {"pass"}
    # Before the first count there is only the listing.
    old = Window.parse("1d", (datetime.now(UTC) - timedelta(days=100)).isoformat())
    assert storage.holds(live, live.platform.buckets, old)["source"].tolist() == ["listing"] * 2
    assert len(storage.over_time(live, live.platform.buckets, week)) >= 10


def test_the_overload_of_last_week_stands_in_the_history_of_the_alarms(live: Session) -> None:
    week = Window.parse("7d")
    history = alarm_history.by_alarm(live, live.platform.alarm_prefix, week)
    rang = history[history["times_in_alarm"] > 0]
    assert set(rang["alarm"].str.removeprefix("ons-data-platform-")) == {
        "influxdb-cpu", "api-5xx", "api-latency", "rag_query_processor-errors"
    }  # fmt: skip
    assert rang["minutes_in_alarm"].between(1, 60).all()
    assert alarm_history.judge(history, week, live.platform.thresholds).verdict == "pass"
    assert len(alarm_history.episodes(history)) == 4


def test_three_deployments_of_a_fortnight_with_their_versions(live: Session) -> None:
    made = deployments.made(live, live.platform.deployment_application, Window.parse("2w"))
    assert len(made) == 3
    assert made["status"].tolist() == ["Succeeded"] * 3
    assert made[["from_version", "to_version"]].notna().all(axis=None)
    assert made["created"].is_monotonic_increasing
    with pytest.raises(NotFound):
        deployments.made(live, "no-such-application", Window.parse("1m"))


def test_every_key_figure_is_measured_in_both_windows(live: Session) -> None:
    day = Window.parse("1d")
    measured = kpis.measured(live, live.platform, day)
    assert measured[["value", "before"]].notna().all(axis=None)
    checks = kpis.judge(measured, live.platform.functions, live.platform.thresholds)
    assert {check.verdict.value for check in checks} == {"pass"}


@pytest.mark.parametrize("window", ["1d", "7d"])
def test_every_curve_can_be_drawn_with_the_window_before(live: Session, window: str) -> None:
    span = Window.parse(window)
    for frame, value, by in (
        (kpi_curves.files_over_time(live, live.platform, span), "files_per_hour", None),
        (kpi_curves.latency_over_time(live, live.platform, span), "latency_ms", "statistic"),
        (
            kpi_curves.error_rates_over_time(live, live.platform.functions, span),
            "error_rate_percent",
            "function",
        ),
    ):
        assert set(frame["before"]) == {False, True}
        assert frame["time"].between(span.start - timedelta(days=1), span.end).all()
        shown = charts.over_time(frame, question="q", unit="u", value=value, by=by, before="before")
        assert "window before" in shown.text


Ask = Callable[[Session, Window], list[Any]]
QUESTIONS: dict[str, Ask] = {
    "logs": lambda s, w: log_signatures.judge(
        log_signatures.count(s, s.platform.log_groups, w, "ERROR"), "errors", s.platform.functions, 50, ""
    ),
    "storage": lambda s, w: storage.judge(
        storage.holds(s, s.platform.buckets, w), list(s.platform.buckets), w, s.platform.thresholds
    ),
    "alarms": lambda s, w: [
        alarm_history.judge(alarm_history.by_alarm(s, s.platform.alarm_prefix, w), w, s.platform.thresholds)
    ],
    "kpis": lambda s, w: kpis.judge(
        kpis.measured(s, s.platform, w), s.platform.functions, s.platform.thresholds
    ),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_account_with_no_data_at_all_passes_nothing(nothing: Session, question: str) -> None:
    checks = QUESTIONS[question](nothing, Window.parse("7d"))
    assert checks
    assert {check.verdict.value for check in checks} == {"unknown"}
    assert all(check.observed for check in checks)


def test_a_window_older_than_anything_kept_has_key_figures_that_are_unknown(live: Session) -> None:
    old = Window.parse("1d", (datetime.now(UTC) - timedelta(days=600)).isoformat())
    assert {check.verdict.value for check in QUESTIONS["kpis"](live, old)} == {"unknown"}
    assert {check.verdict.value for check in QUESTIONS["alarms"](live, old)} == {"unknown"}
