"""Lambda functions' health, and the rule on it.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html: throttled requests are not
invocations, and a minute without an invocation has no data point ·
https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConfiguration.html
"""

from datetime import UTC, datetime

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from ons_runbook.aws import lambdas
from ons_runbook.checks import names_covered
from ons_runbook.tables import table
from ons_runbook.thresholds import Thresholds
from ons_runbook.window import Window

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
HOUR = Window.parse("1h", now=NOW)


def refusal(code, operation):
    return ClientError({"Error": {"Code": code, "Message": "not allowed"}}, operation)


class Answers:
    """What Lambda and CloudWatch say of one function, whatever the order in which threads ask."""

    def __init__(self, session, monkeypatch):
        self.session, self.monkeypatch = session, monkeypatch
        self.configuration = {"State": "Active", "LastUpdateStatus": "Successful", "Timeout": 30}
        self.live = {"State": "Active", "LastUpdateStatus": "Successful", "Timeout": 20}
        self.alias = {"FunctionVersion": "6"}
        self.metrics = {
            "Invocations": [4.0, 2.0],
            "Errors": [1.0, 0.0],
            "Throttles": [0.0],
            "Duration": [120.0],
        }
        self.errors = {}

    def ask(self, window=HOUR, names=("router",)):
        def call(client, operation, parameters):
            service = client.meta.service_model.service_name
            if operation in self.errors:
                raise refusal(self.errors[operation], operation)
            answer = {
                "GetFunctionConfiguration": self.live if "Qualifier" in parameters else self.configuration,
                "GetAlias": self.alias,
                "GetMetricData": self.metric_data(parameters) if service == "cloudwatch" else None,
            }[operation]
            if answer is None:
                raise client.exceptions.ResourceNotFoundException(
                    {"Error": {"Code": "ResourceNotFoundException", "Message": "not found"}}, operation
                )
            return answer

        self.monkeypatch.setattr(BaseClient, "_make_api_call", call)
        return lambdas.health(self.session, names, window, "LIVE").iloc[0]

    def metric_data(self, parameters):
        results = []
        for query in parameters["MetricDataQueries"]:
            values = self.metrics.get(query["MetricStat"]["Metric"]["MetricName"], [])
            stamps = [HOUR.start.replace(minute=n) for n in range(len(values))]
            results.append({"Id": query["Id"], "Timestamps": stamps, "Values": values})
        return {"MetricDataResults": results}


@pytest.fixture
def aws(session, monkeypatch):
    return Answers(session, monkeypatch)


class TestHealth:
    def test_a_healthy_function(self, aws):
        row = aws.ask()
        assert (row["state"], row["last_update"], row["live_version"]) == ("Active", "Successful", "6")
        assert (row["invocations"], row["errors"], row["throttles"]) == (6, 1, 0)
        assert row["error_rate_percent"] == pytest.approx(100 / 6)
        assert (row["p95_duration_ms"], row["timeout_s"]) == (120, 20)

    def test_missing_metrics_stay_missing(self, aws):
        aws.metrics = {}
        row = aws.ask()
        assert (
            row[["invocations", "errors", "error_rate_percent", "throttles", "p95_duration_ms"]].isna().all()
        )
        assert row["state"] == "Active"

    def test_a_function_that_does_not_exist_says_so(self, aws):
        aws.configuration = None
        row = aws.ask()
        assert row["state"] == "absent"
        assert row[["live_version", "invocations", "problem"]].isna().all()

    def test_a_missing_alias_leaves_the_rest(self, aws):
        aws.alias = None
        row = aws.ask()
        assert row[["live_version", "problem"]].isna().all()
        assert row["state"] == "Active"

    def test_shifted_traffic_is_told(self, aws):
        aws.alias = {"FunctionVersion": "6", "RoutingConfig": {"AdditionalVersionWeights": {"7": 0.1}}}
        assert aws.ask()["also_live"] == "7 (10%)"

    def test_metrics_that_may_not_be_read_are_a_problem_of_their_own(self, aws):
        aws.errors = {"GetMetricData": "AccessDenied"}
        row = aws.ask()
        assert "cloudwatch:GetMetricData" in row["problem"]
        assert row["state"] == "Active"

    def test_a_configuration_that_may_not_be_read_leaves_the_metrics(self, aws):
        aws.errors = {"GetFunctionConfiguration": "AccessDeniedException"}
        row = aws.ask()
        assert "lambda:GetFunctionConfiguration" in row["problem"]
        assert row["invocations"] == 6

    def test_the_percentile_is_over_the_whole_window(self, aws):
        periods = []
        original = aws.metric_data

        def noting(parameters):
            stats = [query["MetricStat"] for query in parameters["MetricDataQueries"]]
            periods.extend(stat["Period"] for stat in stats if stat["Stat"] == "p95")
            return original(parameters)

        aws.metric_data = noting
        aws.ask()
        aws.ask(window=Window.parse("7d", now=NOW))
        assert periods == [3600, 86400]

    def test_no_functions_are_an_empty_table_with_its_columns(self, session, monkeypatch):
        monkeypatch.setattr(lambdas, "_measure", lambda *_: {})
        frame = lambdas.health(session, [], HOUR, "LIVE")
        assert list(frame.columns) == list(lambdas.HEALTH)
        assert frame.empty


HEALTHY = {
    "function": "router",
    "state": "Active",
    "last_update": "Successful",
    "live_version": "6",
    "invocations": 1000,
    "errors": 2,
    "error_rate_percent": 0.2,
    "throttles": 0,
    "p95_duration_ms": 900.0,
    "timeout_s": 30,
}


def judged(window=HOUR, **row):
    frame = table([{**HEALTHY, **row}], lambdas.HEALTH)
    [check] = lambdas.judge(frame, window, Thresholds(), ["router"], "LIVE")
    return check


def traffic(invocations, errors):
    return {"invocations": invocations, "errors": errors, "error_rate_percent": 100 * errors / invocations}


class TestJudge:
    def test_a_healthy_function_passes_and_says_what_was_seen(self):
        check = judged()
        assert (check.name, check.verdict) == ("function.router", "pass")
        assert check.observed == "version 6 live, Active, 2 errors in 1000 invocations, p95 900 ms"
        assert check.evidence == "2026-11-23 02:00 to 03:00 UTC, 1000 invocations"

    @pytest.mark.parametrize(
        ("row", "verdict", "said"),
        [
            ({"state": "absent"}, "fail", "does not exist"),
            ({"live_version": None}, "fail", "no alias LIVE"),
            ({"state": "Failed"}, "fail", "state is Failed"),
            ({"state": "Pending"}, "warn", "state is Pending"),
            ({"state": "Inactive"}, "warn", "state is Inactive"),
            ({"last_update": "Failed"}, "warn", "last update is Failed"),
            ({"last_update": "InProgress"}, "warn", "last update is InProgress"),
            (traffic(1000, 9), "pass", "9 errors"),
            (traffic(1000, 10), "warn", "10 of 1000 invocations failed (1.0 %)"),
            (traffic(1000, 49), "warn", "4.9 %"),
            (traffic(1000, 50), "fail", "5.0 %"),
            (traffic(6, 1), "pass", "1 errors in 6"),
            (traffic(6, 2), "fail", "33.3 %"),
            ({"throttles": 1}, "warn", "1 throttled"),
            ({"throttles": 60}, "fail", "60 throttled (5.7 % of attempts)"),
            ({"invocations": None, "throttles": 3}, "fail", "100.0 % of attempts"),
            ({"p95_duration_ms": 23_999.0}, "pass", "23999 ms"),
            ({"p95_duration_ms": 24_000.0}, "warn", "80 % of the timeout"),
            ({"errors": None, "error_rate_percent": None}, "unknown", "no data on errors"),
            ({"problem": "denied"}, "unknown", "denied"),
            ({"problem": "denied", "invocations": None, "throttles": None}, "unknown", "denied"),
            ({"problem": "denied", "state": "Failed"}, "fail", "denied"),
        ],
    )
    def test_the_verdict(self, row, verdict, said):
        check = judged(**row)
        assert check.verdict == verdict
        assert said in check.observed
        assert bool(check.hint) == (verdict != "pass")

    def test_no_invocations_are_unknown_in_a_window_that_should_have_some(self):
        idle = {"invocations": None, "errors": None, "error_rate_percent": None, "throttles": None}
        check = judged(**idle)
        assert (check.verdict, check.observed) == ("unknown", "no invocations in 60 min")
        zero = judged(**{**idle, "invocations": 0})
        assert zero.verdict == "unknown"

    def test_no_invocations_pass_in_a_window_that_may_be_quiet_and_it_is_said(self):
        check = judged(Window.parse("45m", now=NOW), invocations=None, errors=None, throttles=None)
        assert check.verdict == "pass"
        assert "no invocations in 45 min" in check.observed

    def test_what_was_not_read_is_not_said_to_be_absent(self):
        check = judged(problem="denied", invocations=None, throttles=None)
        assert "no invocations" not in check.observed

    def test_the_rule_covers_what_it_gives(self):
        limits = {"window": HOUR, "thresholds": Thresholds(), "functions": ["router"], "alias": "LIVE"}
        assert names_covered(lambdas.judge, limits) == [judged().name]
