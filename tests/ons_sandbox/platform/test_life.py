"""The platform at work: what is dropped is processed, what is wrong fails by its name, the API answers."""

import io
import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import urllib3
from influxdb_client import InfluxDBClient

from ons_sandbox import Sandbox
from ons_sandbox.platform import energy, files, names, traffic
from sandboxes import clients_of, wait_until

Clients = Callable[[str], Any]
HISTORY_ENDS = datetime.now(UTC) - timedelta(minutes=35)
# Long before the history: what is found there, the test has made.
LONG_AGO = datetime(2026, 3, 14, 15, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox of our own, with its life: what fails here would alarm the tests that share one."""
    running = Sandbox(tmp_path_factory.mktemp("life"))
    running.start(port=0, now=HISTORY_ENDS, parent=os.getpid())
    yield running
    running.stop()


@pytest.fixture(scope="module")
def clients(sandbox: Sandbox) -> Clients:
    return clients_of(sandbox)


def told(clients: Clients, function: names.Function, text: str, since: int = 0) -> list[str]:
    """Messages of this function that hold the text, from a time (ms since the epoch) on."""
    paginator = clients("logs").get_paginator("filter_log_events")
    pages = paginator.paginate(logGroupName=function.log_group, filterPattern=f'"{text}"', startTime=since)
    return [event["message"] for page in pages for event in page["events"]]


def execution_of(clients: Clients, key: str) -> dict[str, Any] | None:
    """The newest execution for this raw object, when it is over."""
    states = clients("stepfunctions")
    for found in states.list_executions(stateMachineArn=names.STATE_MACHINE_ARN)["executions"][:30]:
        execution: dict[str, Any] = states.describe_execution(executionArn=found["executionArn"])
        if json.loads(execution["input"])["detail"]["object"]["key"] == key:
            return None if execution["status"] == "RUNNING" else execution
    return None


def points(sandbox: Sandbox, dataset: names.Dataset, instant: datetime) -> dict[tuple[str, ...], float]:
    env, stop = sandbox.env(), instant + timedelta(seconds=1)
    with InfluxDBClient(
        env["INFLUXDB_V2_URL"], token=env["INFLUXDB_V2_TOKEN"], org=env["INFLUXDB_V2_ORG"]
    ) as client:
        tables = client.query_api().query(
            f'from(bucket: "{names.INFLUX_BUCKET}") '
            f"|> range(start: {instant:%Y-%m-%dT%H:%M:%SZ}, stop: {stop:%Y-%m-%dT%H:%M:%SZ}) "
            f'|> filter(fn: (r) => r._measurement == "{dataset.measurement}")'
        )
    records = [record for table in tables for record in table.records]
    return {tuple(record[tag] for tag in dataset.tags): record.get_value() for record in records}


@pytest.mark.parametrize("dataset", names.DATASETS.values(), ids=lambda dataset: dataset.name)
def test_a_file_dropped_into_the_raw_bucket_comes_out_in_influxdb(
    sandbox: Sandbox, clients: Clients, dataset: names.Dataset
) -> None:
    assert points(sandbox, dataset, LONG_AGO) == {}
    body = files.csv(dataset, 99, LONG_AGO)
    key, made = files.raw_key(dataset, LONG_AGO), files.processed_key(dataset, LONG_AGO)
    clients("s3").put_object(Bucket=names.RAW_BUCKET, Key=key, Body=body)

    wait_until(lambda: points(sandbox, dataset, LONG_AGO), "the points are in InfluxDB", 60)
    expected = {
        series: values[0]
        for series, values in energy.series(dataset, 99, energy.span(LONG_AGO, LONG_AGO)).items()
    }
    assert points(sandbox, dataset, LONG_AGO) == expected
    parquet = clients("s3").get_object(Bucket=names.PROCESSED_BUCKET, Key=made)["Body"].read()
    assert len(pq.read_table(io.BytesIO(parquet))) == len(expected)
    wait_until(lambda: execution_of(clients, key), "the execution is over")
    execution = execution_of(clients, key)
    assert execution is not None
    assert execution["status"] == "SUCCEEDED"
    assert json.loads(execution["output"])["key"] == made
    for function, text in (
        (names.ROUTER, f"PROCESSED key={key}"),
        (names.ROUTER, f"SUCCESS routed {dataset.name} of {LONG_AGO:%Y-%m-%d %H:%M:%S}"),
        (names.PROCESSOR, f"SUCCESS dataset={dataset.name} key={key}"),
        (names.LOADER, f"SUCCESS measurement={dataset.measurement} points={len(expected)}"),
    ):
        wait_until(
            lambda function=function, text=text: told(clients, function, text), f"{function.name}: {text}"
        )


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"din_instante;nom_subsistema;val_geracao\n", "HeaderChanged"),
        (
            "din_instante;nom_subsistema;nom_tipousina;val_geracao\n2026;SUL;TÉRMICA;1".encode("latin-1"),
            "DecodeFailed",
        ),
        (files.truncated(files.csv(names.GENERATION, 7, LONG_AGO)), "TruncatedRow"),
        (files.csv(names.GENERATION, 7, LONG_AGO).replace(b".", b","), "InvalidNumber"),
        (b"", "EmptyFile"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_is_wrong_fails_by_the_name_of_what_is_wrong(
    sandbox: Sandbox, clients: Clients, content: bytes, error: str
) -> None:
    # A key of its own for each, so that the executions are told apart.
    instant = LONG_AGO - timedelta(hours=len(error))
    key = traffic.drop_file(sandbox.env(), "generation", instant, content=content)
    wait_until(lambda: execution_of(clients, key), "the execution is over", 60)
    execution = execution_of(clients, key)
    assert execution is not None
    assert (execution["status"], execution["error"]) == ("FAILED", error)
    cause = json.loads(execution["cause"])
    assert cause["errorType"] == error
    assert key in cause["errorMessage"]
    function = names.ROUTER if error == "EmptyFile" else names.PROCESSOR
    assert any(line.startswith(f"[ERROR] {error}: ") for line in told(clients, function, f"[ERROR] {error}"))


def test_questions_need_a_key(sandbox: Sandbox, clients: Clients) -> None:
    gateway = clients("apigateway")
    (api,) = gateway.get_rest_apis()["items"]
    (key,) = gateway.get_api_keys(includeValues=True)["items"]
    url = sandbox.env()["RUNBOOK_API_ENDPOINT"].format(api_id=api["id"], stage=names.STAGE) + "/query"
    asked = json.dumps({"question": "Qual a carga no Sul?"})

    assert urllib3.request("POST", url, body=asked, timeout=20.0).status == 403
    answer = urllib3.request("POST", url, body=asked, headers={"x-api-key": key["value"]}, timeout=20.0)
    assert answer.status == 200
    body = answer.json()
    assert (body["dataset"], body["region"]) == ("consumption", "Sul")
    assert 8_000 < body["values_mw"]["Sul"] < 18_000
    assert len(body["series"]) > 40  # the flag enable_new_api_endpoint is on


def test_the_sandbox_lives_by_itself(sandbox: Sandbox, clients: Clients) -> None:
    # The history ends before the last half hour: its files were missed, and are made up for.
    missed = files.instants(files.newest(HISTORY_ENDS), files.newest(HISTORY_ENDS + timedelta(minutes=35)))
    assert missed
    for instant in missed:
        for dataset in names.DATASETS.values():
            wait_until(
                lambda dataset=dataset, instant=instant: points(sandbox, dataset, instant),
                f"{dataset.name} of {instant} was processed",
                60,
            )
    since = round(HISTORY_ENDS.timestamp() * 1000)
    wait_until(lambda: told(clients, names.RAG, "SUCCESS GET /health 200", since), "the API was probed")
    assert sandbox.status().services["traffic"] == "running"
    assert sandbox.status().problems == ()


def test_the_same_seed_and_now_give_the_same_platform(tmp_path: Path) -> None:
    now = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    sandbox = Sandbox(tmp_path, traffic=False)
    sandbox.start(port=0, now=now, parent=os.getpid())
    try:
        clients = clients_of(sandbox)
        first = fingerprint(clients, now)
        sandbox.reset()
        assert fingerprint(clients, now) == first
    finally:
        sandbox.stop()


def fingerprint(clients: Clients, now: datetime) -> dict[str, Any]:
    """What must not differ between two platforms of the same seed and time."""
    found: dict[str, Any] = {}
    for function in names.FUNCTIONS:
        events = clients("logs").filter_log_events(
            logGroupName=function.log_group,
            startTime=round((now - timedelta(hours=5)).timestamp() * 1000),
            endTime=round(now.timestamp() * 1000),
        )["events"]
        found[function.name] = [
            (e["timestamp"], e["message"], e["logStreamName"], e["eventId"]) for e in events
        ]
        versions = clients("lambda").list_versions_by_function(FunctionName=function.name)["Versions"]
        found[f"versions {function.name}"] = [(v["CodeSha256"], v["LastModified"]) for v in versions]
    for bucket in (names.RAW_BUCKET, names.PROCESSED_BUCKET):
        objects = clients("s3").list_objects_v2(Bucket=bucket)["Contents"]
        found[bucket] = [(o["Key"], o["ETag"], o["LastModified"]) for o in objects]
    executions = clients("stepfunctions").list_executions(stateMachineArn=names.STATE_MACHINE_ARN)
    found["executions"] = executions["executions"]
    found["api"] = clients("apigateway").get_rest_apis()["items"][0]["id"]
    for namespace, metric in (("AWS/Lambda", "Duration"), ("AWS/ApiGateway", "Latency")):
        dimension = ("FunctionName", names.RAG.name) if "Lambda" in namespace else ("ApiName", names.API)
        found[metric] = clients("cloudwatch").get_metric_statistics(
            Namespace=namespace,
            MetricName=metric,
            Dimensions=[dict(zip(("Name", "Value"), dimension, strict=True))],
            StartTime=now - timedelta(hours=20),
            EndTime=now,
            Period=300,
            Statistics=["Sum", "Maximum", "SampleCount"],
        )["Datapoints"]
    assert all(found.values())
    return found
