"""How busy InfluxDB is, and which class would suit it.

https://docs.aws.amazon.com/timestream/latest/developerguide/timestream-for-influx-creating-cw-alarms.html
(the metrics, and an alarm for a disk over 75 to 80 %) ·
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListMetrics.html
"""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from botocore.stub import ANY

from ons_runbook.aws import influx_load
from ons_runbook.aws.metrics import POINTS
from ons_runbook.checks import names_covered
from ons_runbook.errors import AccessDenied
from ons_runbook.platform import load_platform
from ons_runbook.session import Session
from ons_runbook.tables import table
from ons_runbook.window import Window

from .influx_stubs import NAME, add_instance, add_listing

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
WINDOW = Window.parse("1d", now=NOW)
CPU, MEMORY, DISK = "CPUUtilization", "MemoryUtilization", "DiskUtilization"


@pytest.fixture
def metrics(stub):
    """CloudWatch with metrics whose data points are the given values, one a minute, the last just now."""

    def publish(**values):
        found = [{"Namespace": "AWS/Timestream/InfluxDB", "MetricName": name} for name in values]
        asked = {
            "Namespace": "AWS/Timestream/InfluxDB",
            "Dimensions": [{"Name": "DbInstanceName", "Value": NAME}],
        }
        stub("cloudwatch").add_response("list_metrics", {"Metrics": found[:1], "NextToken": "more"}, asked)
        stub("cloudwatch").add_response(
            "list_metrics", {"Metrics": found[1:]}, {**asked, "NextToken": "more"}
        )
        # Asked for in this order, whatever the order in which they were listed.
        order = [*(name for name in (CPU, MEMORY, DISK) if name in values)]
        order += sorted(name for name in values.keys() - order if name.endswith("Utilization"))
        results = [
            {
                "Id": f"m{number}",
                "Timestamps": [
                    NOW - timedelta(minutes=len(values[name]) - n) for n in range(len(values[name]))
                ],
                "Values": values[name],
                "StatusCode": "Complete",
            }
            for number, name in enumerate(order)
        ]
        if order:
            stub("cloudwatch").add_response(
                "get_metric_data",
                {"MetricDataResults": results},
                {
                    "MetricDataQueries": ANY,
                    "StartTime": WINDOW.start,
                    "EndTime": WINDOW.end,
                    "ScanBy": "TimestampAscending",
                },
            )

    return publish


def loaded(**values):
    """A load whose metrics have these values, the last of them a minute before the window's end."""
    rows = [
        {"time": NOW - timedelta(minutes=len(points) - n), "name": name, "value": value}
        for name, points in values.items()
        for n, value in enumerate(points)
    ]
    return table(rows, POINTS)


class TestLoad:
    def test_what_is_listed_on_any_page_is_asked_for(self, metrics, session):
        metrics(**{CPU: [10.0, 20.0], DISK: [40.0], MEMORY: [50.0]})
        frame = influx_load.load(session, NAME, WINDOW)
        assert frame.groupby("name")["value"].sum().to_dict() == {CPU: 30, MEMORY: 50, DISK: 40}

    def test_what_is_no_percentage_is_left_out(self, metrics, session):
        metrics(**{CPU: [10.0], "ReplicaLag": [900.0], "HeapUtilization": [30.0]})
        assert set(influx_load.load(session, NAME, WINDOW)["name"]) == {CPU, "HeapUtilization"}

    def test_without_any_metric_it_is_empty_and_says_so(self, metrics, session):
        metrics()
        frame = influx_load.load(session, NAME, WINDOW)
        assert frame.empty
        assert f"no utilisation of an InfluxDB instance {NAME}" in frame.attrs["empty"]

    def test_what_may_not_be_read_is_an_error(self, stub, session):
        stub("cloudwatch").add_client_error("list_metrics", "AccessDenied")
        with pytest.raises(AccessDenied):
            influx_load.load(session, NAME, WINDOW)


class TestSummary:
    def test_the_figures_of_each_metric(self):
        row = influx_load.summary(loaded(**{CPU: [float(n) for n in range(101)]})).iloc[0]
        assert row["metric"] == CPU
        assert (row["average_percent"], row["p95_percent"], row["highest_percent"]) == (50, 95, 100)
        assert (row["latest_percent"], row["samples"]) == (100, 101)

    def test_a_metric_without_data_is_missing_and_not_zero(self):
        frame = influx_load.summary(loaded(**{CPU: [10.0]})).set_index("metric")
        assert frame.loc[DISK, "problem"] == "CloudWatch has no data"
        assert pd.isna(frame.loc[DISK, "average_percent"])

    def test_a_metric_that_is_not_expected_comes_last(self):
        frame = influx_load.summary(loaded(**{"HeapUtilization": [1.0], CPU: [2.0]}))
        assert frame["metric"].tolist() == [CPU, MEMORY, DISK, "HeapUtilization"]


def verdicts(load, window=WINDOW):
    return {check.name: check.verdict.value for check in influx_load.judge(load, window)}


FINE = {CPU: [20.0] * 20, MEMORY: [50.0] * 20, DISK: [40.0] * 20}


class TestJudge:
    def test_it_gives_the_checks_that_it_covers(self):
        assert list(verdicts(loaded(**FINE))) == names_covered(influx_load.judge, {})
        assert set(verdicts(loaded(**FINE)).values()) == {"pass"}

    @pytest.mark.parametrize(
        ("name", "check", "value", "verdict"),
        [
            (CPU, "influxdb.cpu", 79.9, "pass"),
            (CPU, "influxdb.cpu", 80.0, "warn"),
            (CPU, "influxdb.cpu", 95.0, "fail"),
            (MEMORY, "influxdb.memory", 80.0, "warn"),
            (MEMORY, "influxdb.memory", 92.0, "fail"),
            (DISK, "influxdb.disk", 74.9, "pass"),
            (DISK, "influxdb.disk", 75.0, "warn"),
            (DISK, "influxdb.disk", 90.0, "fail"),
        ],
    )
    def test_each_has_its_limits(self, name, check, value, verdict):
        assert verdicts(loaded(**{**FINE, name: [value] * 20}))[check] == verdict

    def test_a_moments_peak_of_cpu_is_no_load_that_lasts(self):
        assert verdicts(loaded(**{**FINE, CPU: [20.0] * 39 + [99.0]}))["influxdb.cpu"] == "pass"

    def test_of_the_disk_the_latest_value_counts(self):
        filled = loaded(**{**FINE, DISK: [40.0] * 39 + [91.0]})
        emptied = loaded(**{**FINE, DISK: [91.0] * 39 + [40.0]})
        assert verdicts(filled)["influxdb.disk"] == "fail"
        assert verdicts(emptied)["influxdb.disk"] == "pass"

    def test_no_data_is_unknown(self):
        assert set(verdicts(loaded()).values()) == {"unknown"}
        assert verdicts(loaded(**{**FINE, MEMORY: []}))["influxdb.memory"] == "unknown"

    def test_data_that_ended_long_ago_says_nothing_of_now(self):
        later = Window(WINDOW.start, WINDOW.end + timedelta(hours=2))
        assert set(verdicts(loaded(**FINE), later).values()) == {"unknown"}
        checks = influx_load.judge(loaded(**FINE), later)
        assert "ends at 2026-11-23 02:59 UTC" in checks[0].observed


class TestChoices:
    def test_each_class_has_the_load_that_is_expected_of_it_and_its_price(self, stub, metrics, session):
        add_instance(stub, dbInstanceType="db.influx.large")
        metrics(**{CPU: [60.0], MEMORY: [30.0], DISK: [40.0]})
        rows = influx_load.choices(session, NAME, WINDOW).set_index("instance_class")
        assert rows["cpu_percent"].to_dict()["db.influx.medium"] == 120
        assert rows["memory_percent"].to_dict()["db.influx.xlarge"] == 15
        assert rows["suits"].head(3).tolist() == ["no", "now", "yes"]
        assert rows["a_month_usd"].head(3).tolist() == pytest.approx([87.6, 175.2, 350.4])
        assert rows["price"].iloc[0] == "at 0.12 USD per vCPU-hour (2026-02-01)"

    def test_memory_alone_makes_a_class_too_small(self, stub, metrics, session):
        add_instance(stub, dbInstanceType="db.influx.large")
        metrics(**{CPU: [1.0], MEMORY: [41.0]})
        assert influx_load.choices(session, NAME, WINDOW)["suits"][0] == "no"

    def test_a_standby_is_paid_for_as_well(self, stub, metrics, session):
        add_instance(stub, deploymentType="WITH_MULTIAZ_STANDBY")
        metrics(**{CPU: [1.0]})
        rows = influx_load.choices(session, NAME, WINDOW)
        assert rows["a_month_usd"][0] == pytest.approx(175.2)
        assert rows["price"][0].endswith("twice for the standby")

    def test_an_unknown_load_suits_nothing_and_hinders_nothing(self, stub, metrics, session):
        add_instance(stub)
        metrics(**{CPU: [20.0]})
        rows = influx_load.choices(session, NAME, WINDOW)
        assert rows["suits"].tolist()[0] == "now"
        assert rows["suits"][1:].isna().all()
        assert rows["memory_percent"].isna().all()
        assert rows["a_month_usd"].notna().all()

    def test_the_load_of_a_class_of_unknown_size_cannot_be_put_in_proportion(self, stub, metrics, session):
        add_instance(stub, dbInstanceType="db.influx.48xlarge")
        metrics(**{CPU: [20.0], MEMORY: [20.0]})
        rows = influx_load.choices(session, NAME, WINDOW)
        assert rows["cpu_percent"].isna().all()
        assert rows["suits"].isna().all()

    def test_an_instance_that_is_not_there_has_no_choices(self, stub, session):
        add_listing(stub, "other")
        frame = influx_load.choices(session, NAME, WINDOW)
        assert frame.empty
        assert "no InfluxDB instance" in frame.attrs["empty"]


def test_on_the_sandbox_the_seeded_instance_is_seen_and_healthy(clean_environment, sandbox):
    for name, value in sandbox.env().items():
        clean_environment.setenv(name, value)
    session, window = Session(load_platform()), Window.parse("1d")
    load = influx_load.load(session, NAME, window)
    assert set(load["name"]) == {CPU, MEMORY, DISK}
    assert set(verdicts(load, window).values()) == {"pass"}
    assert influx_load.choices(session, NAME, window)["suits"].tolist()[:2] == ["now", "yes"]
