"""The platform as it is found: healthy, months old, and telling the same story wherever one looks."""

import io
import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pyarrow.parquet as pq
import pytest
import urllib3
from influxdb_client import InfluxDBClient

from ons_sandbox import Sandbox
from ons_sandbox.platform import files, names, packages

Clients = Callable[[str], Any]
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def now(sandbox: Sandbox) -> datetime:
    """When the sandbox began: its history ends a moment later."""
    started = sandbox.status().started
    assert started
    return started


def lines(clients: Clients, group: str, start: datetime, pattern: str = "") -> list[dict[str, Any]]:
    pages = (
        clients("logs")
        .get_paginator("filter_log_events")
        .paginate(logGroupName=group, startTime=round(start.timestamp() * 1000), filterPattern=pattern)
    )
    return [event for page in pages for event in page["events"]]


def total(
    clients: Clients, namespace: str, metric: str, dimensions: dict[str, str], end: datetime, days: int = 13
) -> float:
    points = clients("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=end - timedelta(days=days),
        EndTime=end,
        Period=86_400,
        Statistics=["Sum"],
    )["Datapoints"]
    return float(sum(point["Sum"] for point in points))


def keys(clients: Clients, bucket: str) -> Iterator[dict[str, Any]]:
    for page in clients("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket):
        yield from page["Contents"]


# Healthy


@pytest.mark.parametrize("function", names.FUNCTIONS, ids=lambda function: function.name)
def test_a_function_is_active_live_and_at_work(
    clients: Clients, now: datetime, function: names.Function
) -> None:
    found = clients("lambda").get_function_configuration(FunctionName=function.name, Qualifier=names.ALIAS)
    assert (found["State"], found["LastUpdateStatus"]) == ("Active", "Successful")
    assert found["Version"] == str(len(packages.packages(function.name)))
    assert (found["Timeout"], found["MemorySize"]) == (function.timeout, function.memory)
    assert lines(clients, function.log_group, now - HOUR, "SUCCESS")


@pytest.mark.parametrize("function", names.FUNCTIONS, ids=lambda function: function.name)
def test_errors_are_rare_and_nothing_is_throttled(
    clients: Clients, now: datetime, function: names.Function
) -> None:
    of = {"FunctionName": function.name}
    called = total(clients, "AWS/Lambda", "Invocations", of, now)
    assert total(clients, "AWS/Lambda", "Errors", of, now) < 0.003 * called
    assert total(clients, "AWS/Lambda", "Throttles", of, now) == 0


def test_no_alarm_is_ringing(clients: Clients) -> None:
    alarms = clients("cloudwatch").describe_alarms()["MetricAlarms"]
    assert {alarm["AlarmName"] for alarm in alarms} == {
        *(function.errors_alarm for function in names.FUNCTIONS),
        *(names.API_5XX_ALARM, names.API_LATENCY_ALARM, names.EXECUTIONS_ALARM, names.INFLUX_CPU_ALARM),
    }
    assert [alarm["AlarmName"] for alarm in alarms if alarm["StateValue"] == "ALARM"] == []


def test_the_newest_point_is_of_the_last_half_hours(sandbox: Sandbox, now: datetime) -> None:
    env = sandbox.env()
    with InfluxDBClient(
        env["INFLUXDB_V2_URL"], token=env["INFLUXDB_V2_TOKEN"], org=env["INFLUXDB_V2_ORG"]
    ) as client:
        for dataset in names.DATASETS.values():
            tables = client.query_api().query(
                f'from(bucket: "{names.INFLUX_BUCKET}") |> range(start: -3h) '
                f'|> filter(fn: (r) => r._measurement == "{dataset.measurement}") |> last()'
            )
            newest = max(record.get_time() for table in tables for record in table.records)
            assert newest >= files.newest(now)
            assert now - newest < timedelta(minutes=40)


def test_the_points_go_back_sixty_days_at_every_half_hour(sandbox: Sandbox, now: datetime) -> None:
    env = sandbox.env()
    with InfluxDBClient(
        env["INFLUXDB_V2_URL"], token=env["INFLUXDB_V2_TOKEN"], org=env["INFLUXDB_V2_ORG"]
    ) as client:
        tables = client.query_api().query(
            f'from(bucket: "{names.INFLUX_BUCKET}") |> range(start: -59d, stop: -1d) '
            f'|> filter(fn: (r) => r._measurement == "{names.CONSUMPTION.measurement}") |> count()'
        )
    counts = {record["region"]: record.get_value() for table in tables for record in table.records}
    assert counts == dict.fromkeys(names.REGIONS, 58 * 48)


def test_the_api_is_healthy_through_the_function(sandbox: Sandbox, clients: Clients) -> None:
    (api,) = clients("apigateway").get_rest_apis()["items"]
    assert api["name"] == names.API
    url = sandbox.env()["RUNBOOK_API_ENDPOINT"].format(api_id=api["id"], stage=names.STAGE)
    answer = urllib3.request("GET", f"{url}/health", timeout=20.0)
    assert answer.status == 200
    assert answer.json()["status"] == "healthy"
    assert answer.json()["checks"]["influxdb"]["status"] == "pass"


# One story


@pytest.mark.parametrize("function", names.FUNCTIONS, ids=lambda function: function.name)
def test_logs_and_metrics_count_the_same_invocations(
    clients: Clients, now: datetime, function: names.Function
) -> None:
    start = (now - timedelta(days=2)).replace(hour=0, minute=0, second=0, microsecond=0)
    end = start + timedelta(days=1)
    began = lines(clients, function.log_group, start, '"START RequestId"')
    failed = lines(clients, function.log_group, start, '"[ERROR]"')
    counted = {}
    for metric in ("Invocations", "Errors"):
        (point,) = clients("cloudwatch").get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName=metric,
            Dimensions=[{"Name": "FunctionName", "Value": function.name}],
            StartTime=start,
            EndTime=end,
            Period=86_400,
            Statistics=["Sum"],
        )["Datapoints"]
        counted[metric] = point["Sum"]
    until = end.timestamp() * 1000
    assert counted["Invocations"] == len([event for event in began if event["timestamp"] < until])
    assert counted["Errors"] == len([event for event in failed if event["timestamp"] < until])


def test_every_raw_file_of_the_last_days_has_its_processed_file(clients: Clients, now: datetime) -> None:
    raw = {found["Key"] for found in keys(clients, names.RAW_BUCKET)}
    processed = {found["Key"] for found in keys(clients, names.PROCESSED_BUCKET)}
    for instant in files.instants(now - timedelta(days=2), files.newest(now)):
        for dataset in names.DATASETS.values():
            assert files.raw_key(dataset, instant) in raw
            assert files.processed_key(dataset, instant) in processed


@pytest.mark.parametrize("dataset", names.DATASETS.values(), ids=lambda dataset: dataset.name)
def test_raw_file_processed_file_and_points_hold_the_same_values(
    sandbox: Sandbox, clients: Clients, now: datetime, dataset: names.Dataset
) -> None:
    instant = files.newest(now) - timedelta(hours=7)
    s3, env = clients("s3"), sandbox.env()
    raw = s3.get_object(Bucket=names.RAW_BUCKET, Key=files.raw_key(dataset, instant))["Body"].read()
    assert raw == files.csv(dataset, 7, instant)
    made = s3.get_object(Bucket=names.PROCESSED_BUCKET, Key=files.processed_key(dataset, instant))
    rows = pq.read_table(io.BytesIO(made["Body"].read())).to_pylist()
    in_file = {tuple(row[tag] for tag in dataset.tags): row[dataset.value] for row in rows}
    assert {row["time"] for row in rows} == {instant}
    with InfluxDBClient(
        env["INFLUXDB_V2_URL"], token=env["INFLUXDB_V2_TOKEN"], org=env["INFLUXDB_V2_ORG"]
    ) as client:
        stop = instant + timedelta(seconds=1)
        tables = client.query_api().query(
            f'from(bucket: "{names.INFLUX_BUCKET}") '
            f"|> range(start: {instant:%Y-%m-%dT%H:%M:%SZ}, stop: {stop:%Y-%m-%dT%H:%M:%SZ}) "
            f'|> filter(fn: (r) => r._measurement == "{dataset.measurement}")'
        )
    records = [record for table in tables for record in table.records]
    in_influx = {tuple(record[tag] for tag in dataset.tags): record.get_value() for record in records}
    assert in_file == in_influx
    assert sorted(f"{value:.3f}" for value in in_file.values()) == sorted(
        line.rsplit(";", 1)[1] for line in raw.decode().splitlines()[1:]
    )


def test_a_seeded_processed_file_is_what_the_function_makes_of_the_raw_one(
    clients: Clients, now: datetime
) -> None:
    instant = files.newest(now) - timedelta(hours=9)
    place = {"Bucket": names.PROCESSED_BUCKET, "Key": files.processed_key(names.GENERATION, instant)}
    s3 = clients("s3")
    seeded = s3.get_object(**place)
    asked = {
        "bucket": names.RAW_BUCKET,
        "key": files.raw_key(names.GENERATION, instant),
        "dataset": "generation",
        "processed_key": "dataset=generation/check/again.parquet",
    }
    answer = clients("lambda").invoke(FunctionName=names.PROCESSOR.live_arn, Payload=json.dumps(asked))
    assert "FunctionError" not in answer
    again = s3.get_object(Bucket=names.PROCESSED_BUCKET, Key="dataset=generation/check/again.parquet")
    s3.delete_object(Bucket=names.PROCESSED_BUCKET, Key="dataset=generation/check/again.parquet")
    assert seeded["Metadata"] == again["Metadata"]
    assert pq.read_table(io.BytesIO(seeded["Body"].read())).equals(
        pq.read_table(io.BytesIO(again["Body"].read()))
    )


def test_the_executions_of_three_days_processed_the_files_that_are_there(
    clients: Clients, now: datetime
) -> None:
    states, found = clients("stepfunctions"), []
    for page in states.get_paginator("list_executions").paginate(stateMachineArn=names.STATE_MACHINE_ARN):
        found += [execution for execution in page["executions"] if execution["startDate"] < now]
    assert len(found) >= 3 * 48 * 3 - 3
    outcome = Counter(execution["status"] for execution in found)
    assert outcome["SUCCEEDED"] >= 0.99 * len(found)
    assert set(outcome) <= {"SUCCEEDED", "FAILED"}
    execution = next(execution for execution in found if execution["status"] == "SUCCEEDED")
    told = states.describe_execution(executionArn=execution["executionArn"])
    event, output = json.loads(told["input"]), json.loads(told["output"])
    obj = event["detail"]["object"]
    head = clients("s3").head_object(Bucket=names.RAW_BUCKET, Key=obj["key"])
    assert (obj["size"], obj["etag"]) == (head["ContentLength"], head["ETag"].strip('"'))
    assert timedelta(0) <= execution["startDate"] - head["LastModified"] < timedelta(seconds=2)
    assert clients("s3").head_object(Bucket=output["bucket"], Key=output["key"])
    routed = lines(clients, names.ROUTER.log_group, execution["startDate"], f'"PROCESSED key={obj["key"]}"')
    assert routed[0]["timestamp"] / 1000 <= execution["stopDate"].timestamp()


def test_the_history_of_an_execution_names_its_states(clients: Clients, now: datetime) -> None:
    states = clients("stepfunctions")
    (execution,) = states.list_executions(stateMachineArn=names.STATE_MACHINE_ARN, maxResults=1)["executions"]
    events = states.get_execution_history(executionArn=execution["executionArn"])["events"]
    entered = [
        event["stateEnteredEventDetails"]["name"] for event in events if "StateEntered" in event["type"]
    ]
    assert entered[:1] == ["Route"]
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))
    assert [event["timestamp"] for event in events] == sorted(event["timestamp"] for event in events)


def test_the_api_counted_the_calls_that_the_function_answered(clients: Clients, now: datetime) -> None:
    of_api, of_function = {"ApiName": names.API}, {"FunctionName": names.RAG.name}
    calls = total(clients, "AWS/ApiGateway", "Count", of_api, now)
    refused = total(clients, "AWS/ApiGateway", "4XXError", of_api, now)
    invoked = total(clients, "AWS/Lambda", "Invocations", of_function, now)
    assert calls - refused <= invoked <= calls
    assert total(clients, "AWS/ApiGateway", "5XXError", of_api, now) == total(
        clients, "AWS/Lambda", "Errors", of_function, now
    )


# Months old


def test_nothing_says_that_it_was_made_today(clients: Clients, now: datetime) -> None:
    day = now - timedelta(days=1)
    function = clients("lambda").get_function_configuration(FunctionName=names.ROUTER.name)
    assert datetime.fromisoformat(function["LastModified"]) < day
    (api,) = clients("apigateway").get_rest_apis()["items"]
    assert api["createdDate"] < day
    assert api["tags"] == {"Project": names.PROJECT}
    buckets = clients("s3").list_buckets()["Buckets"]
    assert all(bucket["CreationDate"] < day for bucket in buckets)
    machine = clients("stepfunctions").describe_state_machine(stateMachineArn=names.STATE_MACHINE_ARN)
    assert machine["creationDate"] < day
    groups = clients("logs").describe_log_groups()["logGroups"]
    assert all(group["creationTime"] < day.timestamp() * 1000 for group in groups)


def test_the_audit_trail_does_not_begin_with_the_building_of_the_platform(clients: Clients) -> None:
    events = clients("cloudtrail").lookup_events()["Events"]
    assert not {event["EventName"] for event in events} & {"CreateFunction", "CreateRole", "CreateBucket"}


def test_the_access_keys_are_of_several_ages(clients: Clients, now: datetime) -> None:
    iam = clients("iam")
    keys = [
        key
        for user in iam.list_users()["Users"]
        for key in iam.list_access_keys(UserName=user["UserName"])["AccessKeyMetadata"]
    ]
    ages = sorted((now - key["CreateDate"]).days for key in keys)
    assert len(set(ages)) >= 4
    assert ages[0] < 30
    assert ages[-1] > 365
    assert [key["Status"] for key in keys].count("Inactive") == 1
