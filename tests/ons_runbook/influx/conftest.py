"""Databases to test against: the sandbox's, and a real InfluxDB too when INFLUXDB_V2_URL names one.

`docker compose up` starts a real one; INFLUXDB_V2_ORG and INFLUXDB_V2_TOKEN say how to get in.
"""

import os
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from influxdb_client import BucketRetentionRules, InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS

from ons_runbook.session import Session

# Read now: the tests themselves do not see the developer's environment.
REAL = {
    "url": os.environ.get("INFLUXDB_V2_URL", ""),
    "org": os.environ.get("INFLUXDB_V2_ORG", "ons"),
    "token": os.environ.get("INFLUXDB_V2_TOKEN", "worthless-dev-token"),
}


@pytest.fixture(params=["stand-in", *(["real"] if REAL["url"] else [])])
def influx_server(request: pytest.FixtureRequest) -> dict[str, str]:
    """Where a database is, and how to get in: url, org, token."""
    if request.param == "real":
        return REAL
    env = request.getfixturevalue("empty_sandbox").env()
    return {name: env[f"INFLUXDB_V2_{name.upper()}"] for name in ("url", "org", "token")}


@pytest.fixture
def database(influx_server: dict[str, str], make_session: Callable[..., Session]) -> Session:
    """A session on it."""
    return make_session(**{f"influx_{name}": value for name, value in influx_server.items()})


@pytest.fixture
def plain_client(influx_server: dict[str, str]) -> Iterator[InfluxDBClient]:
    """A client without any guard, as somebody else has it."""
    url, org, token = influx_server["url"], influx_server["org"], influx_server["token"]
    with InfluxDBClient(url, token, org=org) as client:
        yield client


@pytest.fixture
def make_bucket(plain_client: InfluxDBClient) -> Iterator[Callable[..., Any]]:
    """A bucket of the test's own: `make_bucket(seconds, "m f=1 1546300800", …)`, times in seconds."""
    made = []

    def make(seconds: int = 0, *points: str) -> Any:
        rules = [BucketRetentionRules(every_seconds=seconds)] if seconds else []
        bucket = plain_client.buckets_api().create_bucket(
            bucket_name=f"test-{uuid.uuid4().hex}", retention_rules=rules
        )
        made.append(bucket)
        if points:
            writer = plain_client.write_api(write_options=SYNCHRONOUS)
            writer.write(bucket.name, record=list(points), write_precision="s")
        return bucket

    yield make
    for bucket in made:
        plain_client.buckets_api().delete_bucket(bucket)
