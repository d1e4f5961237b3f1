"""Life while the sandbox runs: the files of each half hour arrive, the API is probed, the database reports
itself.

Everything else follows from these: what is dropped into the raw bucket is really processed, and each probe
really runs the function behind the API. A program that was stopped or asleep drops what it missed when it
comes back.
"""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import urllib3

from ons_sandbox.platform import files, names
from ons_sandbox.platform.build.api import api_id
from ons_sandbox.platform.clients import Clients
from ons_sandbox.platform.heartbeat import Heartbeat

PROBE_EVERY = timedelta(seconds=60)
# More than this is not made up for: it would keep the machine busy for minutes.
CATCH_UP = timedelta(hours=24)
# Missed files come one by one, so that a pipeline of a few workers follows.
CATCH_UP_PAUSE = 0.5
LATE = timedelta(minutes=2)
RETRY_AFTER = timedelta(seconds=30)


def start(
    *, aws_url: str, env: dict[str, str], now: datetime, seed: int, log: Callable[[str], object]
) -> "Traffic":
    """Begin, in a thread of its own. `now`: when the history ends; `log` is told of every failure."""
    aws = Clients(aws_url, env)
    url = env["RUNBOOK_API_ENDPOINT"].format(api_id=api_id(seed), stage=names.STAGE) + "/health"
    traffic = Traffic(aws, url, Heartbeat(seed, now).beat, now, seed, log)
    traffic.start()
    return traffic


def drop_file(
    env: dict[str, str],
    dataset: str,
    instant: datetime,
    *,
    seed: int = 7,
    content: bytes | None = None,
) -> str:
    """Put one raw file into the raw bucket of a running sandbox; gives its key.

    env: the sandbox's variables. dataset: generation, consumption or transmission. instant: an aware half
    hour. content: other bytes than the file would hold, to see what happens then.
    """
    clients = Clients(env["AWS_ENDPOINT_URL"], env)
    return _drop(clients, names.DATASETS[dataset], instant, seed, content)


def _drop(
    aws: Callable[[str], Any],
    dataset: names.Dataset,
    instant: datetime,
    seed: int,
    content: bytes | None = None,
) -> str:
    key = files.raw_key(dataset, instant)
    body = files.csv(dataset, seed, instant) if content is None else content
    aws("s3").put_object(Bucket=names.RAW_BUCKET, Key=key, Body=body, ContentType="text/csv")
    return key


class Traffic:
    """The thread that keeps the platform alive."""

    def __init__(
        self,
        aws: Callable[[str], Any],
        health_url: str,
        beat: Callable[[datetime], object],
        now: datetime,
        seed: int,
        log: Callable[[str], object],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """aws: clients by service. health_url: what is probed. beat: publishes the metrics up to a time.

        now: when the history ends. log: is told of every failure. clock: gives the aware time.
        """
        self._aws, self._health_url, self._beat = aws, health_url, beat
        self._seed, self._log, self._clock = seed, log, clock
        self._http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=2.0, read=31.0), retries=False)
        self._delivered = dict.fromkeys(names.DATASETS.values(), files.newest(now))
        self._deliver_at = self._probe_at = clock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._live, name="traffic", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for what is under way."""
        self._stopping.set()
        self._thread.join(timeout=2)

    def _live(self) -> None:
        while not self._stopping.is_set():
            self.step()
            # Often enough that a machine that slept catches up soon after it wakes.
            self._stopping.wait(1.0)

    def step(self) -> None:
        """Do what is due now."""
        now = self._clock()
        if now >= self._deliver_at and not self._try("dropping files", self._deliver, now):
            self._deliver_at = now + RETRY_AFTER
        if now >= self._probe_at:
            self._try("probing the API", self._probe)
            self._try("reporting metrics", self._beat, now)
            missed = (now - self._probe_at) // PROBE_EVERY
            self._probe_at += (missed + 1) * PROBE_EVERY

    def _try(self, what: str, task: Callable[..., object], *arguments: Any) -> bool:
        try:
            task(*arguments)
        except Exception as error:  # noqa: BLE001 - whatever a fault does to the platform, it goes on living
            self._log(f"{what} failed: {type(error).__name__}: {error}")
            return False
        return True

    def _deliver(self, now: datetime) -> None:
        """Drop every file that is due and was not dropped yet, oldest first."""
        for instant in files.instants(max(min(self._delivered.values()), now - CATCH_UP), now):
            for dataset in names.DATASETS.values():
                due = files.arrival(dataset, instant)
                if due > now or instant <= self._delivered[dataset] or self._stopping.is_set():
                    continue
                _drop(self._aws, dataset, instant, self._seed)
                self._delivered[dataset] = instant
                if now - due > LATE:
                    self._stopping.wait(CATCH_UP_PAUSE)

    def _probe(self) -> None:
        answer = self._http.request("GET", self._health_url)
        if answer.status != 200:
            self._log(f"GET /health answered {answer.status}: {answer.data[:200]!r}")
