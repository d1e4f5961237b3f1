"""An InfluxDB to test against: the stand-in, and a real server too when INFLUXDB_V2_URL names one.

`docker compose up` starts a real one; INFLUXDB_V2_ORG and INFLUXDB_V2_TOKEN say how to get in.
"""

import asyncio
import os
import socket
import threading
import uuid
from collections.abc import Iterator

import pytest
from hypercorn.asyncio import serve
from hypercorn.config import Config
from influxdb_client import InfluxDBClient
from influxes import Influx

from ons_sandbox.influx import Store, create_app

REAL_URL = os.environ.get("INFLUXDB_V2_URL", "")


@pytest.fixture(scope="session")
def stand_in() -> Iterator[Influx]:
    """The stand-in, served on a free port of 127.0.0.1 by a thread of this process."""
    store = Store()
    listening = socket.create_server(("127.0.0.1", 0))
    config = Config()
    config.bind = [f"fd://{listening.fileno()}"]
    config.errorlog = None
    app = create_app(store, org="ons", token="worthless-dev-token")
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    serving = threading.Thread(
        target=loop.run_until_complete, args=(serve(app, config, shutdown_trigger=stop.wait),), daemon=True
    )
    serving.start()
    port = listening.getsockname()[1]
    yield Influx(f"http://127.0.0.1:{port}", "ons", "worthless-dev-token")
    loop.call_soon_threadsafe(stop.set)
    serving.join(timeout=10)
    store.close()


@pytest.fixture(scope="session", params=["stand-in", *(["real"] if REAL_URL else [])])
def influx(request: pytest.FixtureRequest) -> Influx:
    """Each server that there is to test against."""
    if request.param == "stand-in":
        server: Influx = request.getfixturevalue("stand_in")
        return server
    return Influx(
        REAL_URL,
        os.environ.get("INFLUXDB_V2_ORG", "ons"),
        os.environ.get("INFLUXDB_V2_TOKEN", "worthless-dev-token"),
    )


@pytest.fixture
def client(influx: Influx) -> Iterator[InfluxDBClient]:
    """A client of the server."""
    with influx.client() as connected:
        yield connected


@pytest.fixture
def bucket(client: InfluxDBClient) -> Iterator[str]:
    """The name of an empty bucket of this test's own."""
    created = client.buckets_api().create_bucket(bucket_name=f"test-{uuid.uuid4().hex}")
    yield created.name
    client.buckets_api().delete_bucket(created.id)
