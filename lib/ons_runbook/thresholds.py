"""What is normal: where a check turns from pass to warn and from warn to fail, and why there.

Each value is a setting (`RUNBOOK_THRESHOLDS__…`, or `[thresholds]` in a platform's TOML file).
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

Percent = Annotated[float, Field(ge=0, le=100)]
Positive = Annotated[float, Field(gt=0)]


class Thresholds(BaseModel):
    """Where a check turns from pass to warn and from warn to fail; each with its unit in the name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    errors_tolerated: int = Field(
        default=1,
        ge=0,
        description="calls in a window. So many errors never make a function warn or fail, whatever the "
        "rate: with six files an hour one error is already 17 %, and the state machine retries it.",
    )
    error_rate_warn_percent: Percent = Field(
        default=1.0,
        description="% of invocations. Ordinary noise stays below 0.3 %; three times that deserves a look.",
    )
    error_rate_fail_percent: Percent = Field(
        default=5.0,
        description="% of invocations. More than retries absorb: files or requests are being lost.",
    )
    throttle_rate_fail_percent: Percent = Field(
        default=5.0,
        description="% of attempted invocations. Any throttle warns, since healthy traffic is far below the "
        "concurrency limit; at this share callers run out of retries.",
    )
    duration_warn_percent: Percent = Field(
        default=80.0,
        description="% of the function's timeout, for the p95 duration. Beyond it the slow tail times out.",
    )
    idle_allowed_minutes: Positive = Field(
        default=45.0,
        description="minutes. Files arrive every 30 min and take about 4 more: a window longer than this "
        "without one invocation or one SUCCESS line is not normal, a shorter one can be.",
    )
    api_latency_warn_ms: Positive = Field(
        default=1500.0,
        description="ms, median of several requests. /health does no work: slower is felt by users.",
    )
    api_latency_fail_ms: Positive = Field(
        default=5000.0,
        description="ms, median of several requests. Well before API Gateway gives up at 29 s.",
    )
    influx_query_warn_ms: Positive = Field(
        default=2000.0, description="ms, for one bounded query. Beyond this queries queue behind each other."
    )
    influx_query_fail_ms: Positive = Field(
        default=10000.0,
        description="ms, for one bounded query. Half of the client's timeout: the next ones fail.",
    )
    freshness_warn_minutes: Positive = Field(
        default=60.0,
        description="minutes, age of the newest point. Normal is 4 to 35; at 60 a half hour was missed.",
    )
    freshness_fail_minutes: Positive = Field(
        default=90.0, description="minutes, age of the newest point. Two half hours in a row were missed."
    )

    cost_change_warn_percent: Percent = Field(
        default=30.0,
        description="% above the mean of the same weekday, or the week before, for all services together. "
        "Ordinary days differ by a few percent; traffic alone rarely moves the whole by a third.",
    )
    cost_change_fail_percent: Positive = Field(
        default=100.0,
        description="% above the mean of the same weekday, or the week before. The bill doubles: stop the "
        "cause today.",
    )
    cost_month_warn_percent: Percent = Field(
        default=20.0,
        description="% a day, the projected month above the month before. The platform grows by a few "
        "percent a month.",
    )
    cost_month_fail_percent: Positive = Field(
        default=50.0,
        description="% a day, the projected month above the month before. More than growth or one bad day "
        "explains.",
    )
    cost_anomaly_warn_percent: Positive = Field(
        default=50.0,
        description="% above the median of the same weekday, for one service. Single services are noisier "
        "than the whole.",
    )
    cost_anomaly_least_usd: Positive = Field(
        default=1.0,
        description="USD a day above what is expected. Less is not worth a look, whatever the percentage: a "
        "service of a few cents doubles easily.",
    )
    cost_anomaly_recent_days: int = Field(
        default=3,
        ge=1,
        description="days. So long an anomaly warns, then it is only mentioned: long enough for a weekend "
        "nobody looked.",
    )
    security_lines_warn: int = Field(
        default=5,
        ge=1,
        description="SECURITY lines a day (24 h). Each is an input that a function refused: a lone probe is "
        "ordinary at a public endpoint, several are somebody trying.",
    )
    sign_in_failures_warn: int = Field(
        default=3,
        ge=1,
        description="failed console sign-ins of one user in a window. People mistype a password once or "
        "twice.",
    )
    error_lines_warn_a_day: Positive = Field(
        default=50.0,
        description="ERROR lines of one function on one UTC day. A quarter of an hour without InfluxDB "
        "leaves about 20; more than twice that is not one passing trouble.",
    )
    error_lines_fail_a_day: Positive = Field(
        default=500.0,
        description="ERROR lines of one function on one UTC day. It failed most of the day.",
    )
    storage_growth_warn_percent: Positive = Field(
        default=10.0,
        description="% a week, by bucket; longer windows in proportion. A platform of some months grows by 2 "
        "to 4 % a week; more is a loop, or files that nobody expected.",
    )
    storage_loss_fail_percent: Percent = Field(
        default=1.0,
        description="% of a bucket's bytes that may disappear in a window. Nothing here deletes, apart from "
        "files that are sent again and come out smaller.",
    )
    alarm_minutes_warn: Positive = Field(
        default=60.0,
        description="minutes in ALARM a week, of one alarm; longer windows in proportion. An overload that "
        "passes by itself takes a quarter of an hour.",
    )
    files_per_hour_warn: Positive = Field(
        default=5.5,
        description="files an hour, mean over the window; fewer warn. Three datasets every 30 min are 6, "
        "less a file now and then that comes late.",
    )
    files_per_hour_fail: Positive = Field(
        default=4.0,
        description="files an hour, mean over the window; fewer fail. One dataset of three does not come.",
    )
    latency_average_warn_ms: Positive = Field(
        default=1000.0,
        description="ms, mean of all API requests in a window. Ordinary is a tenth of that.",
    )
    latency_average_fail_ms: Positive = Field(
        default=3000.0,
        description="ms, mean of all API requests in a window. Many requests wait for a time-out.",
    )
    latency_p95_warn_ms: Positive = Field(
        default=3000.0,
        description="ms, p95 of all API requests in a window (of the worst day, when it is longer than one). "
        "Cold starts stay below.",
    )
    latency_p95_fail_ms: Positive = Field(
        default=5000.0,
        description="ms, p95 of all API requests in a window. What the latency alarm goes off at, there over "
        "minutes.",
    )

    @model_validator(mode="after")
    def _warn_before_fail(self) -> "Thresholds":
        for name in type(self).model_fields:
            fail = name.replace("_warn_", "_fail_")
            if fail != name and fail in type(self).model_fields and getattr(self, name) > getattr(self, fail):
                raise ValueError(f"{name} must not be greater than {fail}")
        return self
