"""The library against the living miniature platform: what a stub cannot show.

Each question of the daily health check, and bad input as people and platforms produce it. Whatever a test
puts into the shared sandbox has a name of its own, or is put back.
"""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config
from influxdb_client import InfluxDBClient, Point
from influxdb_client.client.write_api import SYNCHRONOUS

from ons_runbook import begin, influx, show
from ons_runbook.aws import alarms, api, buckets, lambdas, logs
from ons_runbook.calls import recording
from ons_runbook.checks import Verdict
from ons_runbook.context import Runbook
from ons_runbook.errors import AccountMismatch, ChangeNotApproved, CredentialsError, NotFound
from ons_runbook.platform import load_platform
from ons_runbook.session import Session
from ons_runbook.window import Window

KEY_ID = "AKIA" + "Q3EGRZ7XKW2NHJ5T"
FOURTEEN = [
    "function.lambda_router",
    "function.structured_data_processor",
    "function.rag_query_processor",
    "function.timestream_loader",
    "api.status",
    "api.latency",
    "bucket.raw",
    "bucket.processed",
    "influxdb.health",
    "influxdb.ready",
    "influxdb.query",
    "influxdb.freshness",
    "processing.activity",
    "alarms",
]


@pytest.fixture
def variables(clean_environment: pytest.MonkeyPatch, sandbox: Any) -> pytest.MonkeyPatch:
    for name, value in sandbox.env().items():
        clean_environment.setenv(name, value)
    return clean_environment


@pytest.fixture
def live(variables: pytest.MonkeyPatch) -> Session:
    """A session of the library on the sandbox."""
    return Session(load_platform())


@pytest.fixture
def someone_else(sandbox: Any) -> Callable[[str], Any]:
    """Clients of somebody who may change things: those of plain boto3."""
    env = sandbox.env()

    def client(service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=env["AWS_ENDPOINT_URL"],
            region_name=env["AWS_REGION"],
            aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
            config=Config(retries={"total_max_attempts": 1}),
        )

    return client


@pytest.fixture
def log_group(someone_else: Callable[[str], Any]) -> Iterator[Callable[..., str]]:
    """Make a log group with the given lines, all stamped now: `name = log_group("one", "two")`."""
    client, made = someone_else("logs"), []

    def make(*lines: str, name: str = "") -> str:
        name = name or f"/test/{uuid4().hex}"
        client.create_log_group(logGroupName=name)
        made.append(name)
        client.create_log_stream(logGroupName=name, logStreamName="s")
        now = int(time.time() * 1000) - 1000
        for first in range(0, len(lines), 5000):
            events = [{"timestamp": now, "message": line} for line in lines[first : first + 5000]]
            client.put_log_events(logGroupName=name, logStreamName="s", logEvents=events)
        return name

    yield make
    for name in made:
        client.delete_log_group(logGroupName=name)


def daily_health_check(rb: Runbook) -> dict[str, Any]:
    """The daily health check as its notebook asks and judges."""
    platform, limits = rb.platform, rb.platform.thresholds
    answers = rb.ask(
        functions=lambda: lambdas.health(rb.session, platform.functions, rb.window, alias=platform.alias),
        api=lambda: api.health(rb.session, platform),
        buckets=lambda: buckets.reachable(rb.session, platform.buckets),
        database=lambda: influx.status(rb.session, rb.window.end),
        newest=lambda: influx.newest_points(
            rb.session, platform.influx_bucket, platform.measurements, rb.window.end
        ),
        activity=lambda: logs.count_by_function(rb.session, platform.log_groups, rb.window, "SUCCESS"),
        alarms=lambda: alarms.states(rb.session, platform.alarm_prefix),
    )
    rb.check(
        lambdas.judge,
        answers.functions,
        window=rb.window,
        thresholds=limits,
        functions=platform.functions,
        alias=platform.alias,
    )
    rb.check(api.judge, answers.api, thresholds=limits)
    rb.check(buckets.judge, answers.buckets, roles=list(platform.buckets), region=platform.region)
    rb.check(influx.judge, answers.database, thresholds=limits)
    rb.check(influx.judge_freshness, answers.newest, thresholds=limits)
    rb.check(
        logs.judge_activity,
        answers.activity,
        window=rb.window,
        thresholds=limits,
        functions=platform.pipeline,
    )
    rb.check(alarms.judge, answers.alarms)
    rb.finish()
    return {check.name: check for check in rb.checks}


class TestDailyHealthCheck:
    def test_a_healthy_platform_passes_all_fourteen(self, variables):
        checks = daily_health_check(begin("health/daily_health_check"))
        assert list(checks) == FOURTEEN
        assert {name: check.observed for name, check in checks.items() if check.verdict != "pass"} == {}

    def test_when_nothing_answers_all_fourteen_are_unknown(self, variables):
        for name in ("AWS_ENDPOINT_URL", "INFLUXDB_V2_URL", "RUNBOOK_API_ENDPOINT"):
            variables.setenv(name, "http://127.0.0.1:9")
        rb = begin("health/daily_health_check")
        checks = daily_health_check(rb)
        assert list(checks) == FOURTEEN
        assert {check.verdict for check in checks.values()} == {Verdict.UNKNOWN}
        assert rb.result is not None
        assert rb.result.verdict == "unknown"

    def test_a_wrong_influxdb_token_makes_its_questions_unknown_and_names_the_variable(self, variables):
        variables.setenv("INFLUXDB_V2_TOKEN", "not-the-token")
        checks = daily_health_check(begin("health/daily_health_check"))
        unknown = {name for name, check in checks.items() if check.verdict == "unknown"}
        assert unknown == {"influxdb.query", "influxdb.freshness"}
        assert "INFLUXDB_V2_TOKEN" in checks["influxdb.query"].observed

    def test_evidence_names_the_calls(self, variables):
        checks = daily_health_check(begin("health/daily_health_check"))
        assert "cloudwatch:GetMetricData" in checks["function.lambda_router"].evidence
        assert "logs:FilterLogEvents" in checks["processing.activity"].evidence
        assert "influxdb:POST /api/v2/query" in checks["influxdb.freshness"].evidence


class TestIdentity:
    def test_it_is_the_sandboxes_account(self, live):
        assert live.account == "123456789012"
        assert live.identity.arn.startswith("arn:aws:iam::123456789012:")

    def test_another_account_than_expected_stops(self, variables):
        session = Session(load_platform("sandbox", {"expected_account": "999999999999"}))
        with pytest.raises(AccountMismatch):
            session.client("lambda").list_functions()


class TestGuard:
    def test_a_change_does_not_happen(self, live, someone_else):
        key = f"test/{uuid4().hex}"
        with pytest.raises(ChangeNotApproved):
            live.client("s3").put_object(Bucket=live.platform.raw_bucket, Key=key, Body=b"x")
        with pytest.raises(ChangeNotApproved):
            live.client("lambda").invoke(FunctionName="lambda_router")
        listed = someone_else("s3").list_objects_v2(Bucket=live.platform.raw_bucket, Prefix=key)
        assert listed["KeyCount"] == 0

    def test_a_point_is_not_written(self, live):
        write = influx.client(live).write_api(write_options=SYNCHRONOUS).write
        with pytest.raises(ChangeNotApproved):
            write(bucket="energy_data", record=Point("generation_data").field("generation_mw", 1.0))


class TestFunctions:
    def test_one_that_does_not_exist_fails_and_the_others_do_not(self, live):
        names, window = ["lambda_router", "nobody"], Window.parse("1h")
        frame = lambdas.health(live, names, window, "LIVE")
        checks = lambdas.judge(frame, window, live.platform.thresholds, names, "LIVE")
        assert [str(check.verdict) for check in checks] == ["pass", "fail"]
        assert checks[1].observed == "the function does not exist"

    def test_an_alias_that_does_not_exist_fails(self, live):
        window = Window.parse("1h")
        frame = lambdas.health(live, ["lambda_router"], window, "NOBODY")
        [check] = lambdas.judge(frame, window, live.platform.thresholds, ["lambda_router"], "NOBODY")
        assert check.verdict == "fail"
        assert "no alias NOBODY" in check.observed


class TestBuckets:
    def test_one_that_does_not_exist_fails(self, live):
        frame = buckets.reachable(
            live, {"raw": live.platform.raw_bucket, "processed": f"nobody-{uuid4().hex}"}
        )
        checks = buckets.judge(frame, ["raw", "processed"], live.region)
        assert [str(check.verdict) for check in checks] == ["pass", "fail"]


class TestApi:
    def test_one_of_another_name_is_not_found(self, live):
        with pytest.raises(NotFound):
            api.api_id(live, "nobody")

    def test_a_path_that_is_not_there_fails_and_its_latency_says_nothing(self, variables):
        session = Session(load_platform("sandbox", {"api_health_path": "/nothing-here"}))
        checks = api.judge(api.health(session, session.platform), session.platform.thresholds)
        assert [str(check.verdict) for check in checks] == ["fail", "unknown"]


class TestLogs:
    HOUR = timedelta(hours=1)

    def window(self) -> Window:
        now = datetime.now(UTC) + timedelta(seconds=5)
        return Window(now - self.HOUR, now)

    def test_hostile_lines_are_found_and_shown_harmlessly(self, live, log_group):
        group = log_group(
            "ERROR <script>alert(1)</script>",
            f"ERROR key {KEY_ID} password=hunter22",
            "ERROR " + "x" * 200_000,
            "ERROR \x1b[31mred\x1b[0m \u202etxt",
            "INFO fine",
        )
        frame = logs.search(live, [group], self.window(), "ERROR")
        assert len(frame) == 4
        shown = show.table(frame)
        for text in (shown.html, shown.text):
            assert KEY_ID not in text
            assert "hunter22" not in text
            assert "\x1b" not in text
            assert "\u202e" not in text
            assert len(text) < 20_000
        assert "<script>" not in shown.html

    def test_more_lines_than_a_page_holds_are_all_counted(self, live, log_group):
        group = log_group(*[f"SUCCESS {n}" for n in range(12_000)])
        with recording() as calls:
            counted = logs.count_by_function(live, {"f": group}, self.window(), "SUCCESS")
        assert counted["lines"].tolist() == [12_000]
        assert len(calls) > 1

    def test_a_group_that_does_not_exist_is_unknown(self, live):
        counted = logs.count_by_function(live, {"f": "/test/nobody"}, self.window(), "SUCCESS")
        check = logs.judge_activity(counted, self.window(), live.platform.thresholds, ["f"])
        assert check.verdict == "unknown"
        assert "/test/nobody" in check.observed


class TestAlarms:
    def test_one_in_alarm_fails_with_the_procedure_that_goes_on(self, live, someone_else):
        client, name = someone_else("cloudwatch"), f"test-{uuid4().hex}-errors"
        client.put_metric_alarm(
            AlarmName=name,
            Namespace="Test",
            MetricName="Errors",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
        )
        try:
            client.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="for the test")
            check = alarms.judge(alarms.states(live, name))
            assert check.verdict == "fail"
            assert name in check.observed
            assert "troubleshooting/lambda_errors" in check.hint
        finally:
            client.delete_alarms(AlarmNames=[name])

    def test_no_alarm_of_that_prefix_is_unknown(self, live):
        assert alarms.judge(alarms.states(live, "nobody-")).verdict == "unknown"


class TestInflux:
    def test_a_measurement_without_points_fails_and_the_others_have_their_age(self, live):
        measurements = ["generation_data", "nobody_data"]
        newest = influx.newest_points(live, "energy_data", measurements)
        assert newest["newest"].isna().tolist() == [False, True]
        check = influx.judge_freshness(newest, live.platform.thresholds)
        assert check.observed == "no point of nobody_data within 7 days"

    def test_a_bucket_that_does_not_exist_is_unknown(self, live):
        newest = influx.newest_points(live, "nobody", ["generation_data"])
        assert influx.judge_freshness(newest, live.platform.thresholds).verdict == "unknown"

    def test_the_newest_point_is_the_newest_of_all_series_before_the_end(self, live, sandbox):
        measurement, end = f"test_{uuid4().hex}", datetime.now(UTC).replace(microsecond=0)
        ages = {"Sul": 50, "Norte": 20, "Nordeste": -30}
        with InfluxDBClient.from_env_properties() as client:
            points = [
                Point(measurement).tag("region", region).field("mw", 1.0).time(end - timedelta(minutes=age))
                for region, age in ages.items()
            ]
            points.append(Point(measurement).field("note", "text").time(end - timedelta(minutes=40)))
            client.write_api(write_options=SYNCHRONOUS).write(bucket="energy_data", record=points)
            newest = influx.newest_points(live, "energy_data", [measurement], end)
            client.delete_api().delete(
                end - timedelta(days=1),
                end + timedelta(days=1),
                f'_measurement="{measurement}"',
                "energy_data",
            )
        assert newest["age_minutes"].tolist() == [20.0]

    def test_a_wrong_token_is_a_matter_of_credentials(self, variables):
        session = Session(load_platform("sandbox", {"influx_token": "not-the-token"}))
        with pytest.raises(CredentialsError, match="INFLUXDB_V2_TOKEN"):
            list(influx.query(session, "from(bucket: _b) |> range(start: -1h)", _b="energy_data"))
