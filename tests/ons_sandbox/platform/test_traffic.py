"""Life while the sandbox runs: what is due, what was missed, and what goes wrong."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ons_sandbox.platform import files, names
from ons_sandbox.platform.traffic import Traffic

NOW = datetime(2026, 11, 23, 4, 10, tzinfo=UTC)


class World:
    """A clock, a bucket and an API that do as they are told."""

    def __init__(self, health_url: str) -> None:
        self.now = NOW
        self.put: list[tuple[str, bytes]] = []
        self.beats: list[datetime] = []
        self.log: list[str] = []
        self.broken = False
        self.traffic = Traffic(
            lambda service: self, health_url, self.beats.append, NOW, 7, self.log.append, lambda: self.now
        )

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> None:
        assert Bucket == names.RAW_BUCKET
        if self.broken:
            raise ConnectionError("the bucket is gone")
        self.put.append((Key, Body))

    def at(self, moment: datetime) -> list[str]:
        """Keys that were dropped when it became this time."""
        before = len(self.put)
        self.now = moment
        self.traffic.step()
        return [key for key, _ in self.put[before:]]


class Api(ThreadingHTTPServer):
    status = 200
    probes = 0


class Handler(BaseHTTPRequestHandler):
    server: Api

    def do_GET(self) -> None:
        self.server.probes += 1
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def api() -> Iterator[Api]:
    with Api(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def world(api: Api, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr("ons_sandbox.platform.traffic.CATCH_UP_PAUSE", 0.0)
    return World(f"http://127.0.0.1:{api.server_port}/health")


def keys(instant: datetime) -> list[str]:
    return [files.raw_key(dataset, instant) for dataset in names.DATASETS.values()]


def test_nothing_is_dropped_that_the_history_has(world: World) -> None:
    assert world.at(NOW) == []


def test_each_file_is_dropped_when_it_is_due_and_only_once(world: World) -> None:
    instant = NOW.replace(minute=30)
    for dataset in names.DATASETS.values():
        due = files.arrival(dataset, instant)
        assert world.at(due - timedelta(seconds=1)) == []
        assert world.at(due) == [files.raw_key(dataset, instant)]
    assert world.at(instant + timedelta(minutes=20)) == []
    assert world.put[0] == (keys(instant)[0], files.csv(names.GENERATION, 7, instant))


def test_after_a_sleep_every_missed_file_is_dropped_oldest_first(world: World) -> None:
    missed = files.instants(files.newest(NOW), NOW + timedelta(hours=5))
    assert world.at(NOW + timedelta(hours=5)) == [key for instant in missed for key in keys(instant)]


def test_no_more_than_a_day_is_made_up_for(world: World) -> None:
    dropped = world.at(NOW + timedelta(days=9))
    assert len(dropped) == 3 * 48
    assert dropped[-3:] == keys(NOW.replace(minute=0) + timedelta(days=9))


def test_the_api_is_probed_and_the_metrics_told_once_a_minute(world: World, api: Api) -> None:
    for second in range(0, 181, 20):
        world.at(NOW + timedelta(seconds=second))
    assert api.probes == 4
    assert world.beats == [NOW + timedelta(minutes=minute) for minute in range(4)]


def test_a_machine_that_slept_does_not_make_up_for_probes(world: World, api: Api) -> None:
    world.at(NOW)
    world.at(NOW + timedelta(hours=3))
    world.at(NOW + timedelta(hours=3, seconds=5))
    assert api.probes == 2


def test_a_failure_is_logged_and_the_file_comes_later(world: World) -> None:
    instant = NOW.replace(minute=30)
    world.broken = True
    assert world.at(instant + timedelta(minutes=5)) == []
    assert world.log == ["dropping files failed: ConnectionError: the bucket is gone"]
    world.broken = False
    assert world.at(instant + timedelta(minutes=6)) == keys(instant)


def test_a_failing_bucket_is_not_asked_every_second(world: World) -> None:
    world.broken = True
    for second in range(30):
        world.at(NOW.replace(minute=35) + timedelta(seconds=second))
    assert len(world.log) == 1


def test_an_unhealthy_api_is_logged_and_probed_again(world: World, api: Api) -> None:
    api.status = 503
    world.at(NOW)
    assert world.log == ["GET /health answered 503: b''"]
    world.at(NOW + timedelta(minutes=1))
    assert api.probes == 2


def test_stopping_ends_the_thread(world: World) -> None:
    world.traffic.start()
    world.traffic.stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "traffic"]
