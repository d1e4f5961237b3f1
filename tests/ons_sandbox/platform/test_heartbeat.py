"""The metrics that services publish by themselves.

https://docs.aws.amazon.com/timestream/latest/developerguide/timestream-for-influx-monitoring.html
https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from ministack.services import stepfunctions

from ons_sandbox.platform import energy, heartbeat, names

NOW = datetime(2026, 11, 23, 4, 10, tzinfo=UTC)
FORTNIGHT = np.arange(energy.seconds(NOW) - 14 * energy.DAY, energy.seconds(NOW), 60, dtype=np.int64)


def test_utilisation_is_calm_and_the_same_for_the_same_seed() -> None:
    found, again = heartbeat.utilisation(7, FORTNIGHT), heartbeat.utilisation(7, FORTNIGHT[:10])
    for name, values in found.items():
        assert values.min() > 0
        assert values.max() < 70, name
        assert values[:10].tolist() == again[name].tolist()


def test_the_disk_fills_slowly_and_the_processor_works_when_files_arrive() -> None:
    found = heartbeat.utilisation(7, FORTNIGHT)
    disk, cpu = found["DiskUtilization"], found["CPUUtilization"]
    assert 0.1 < disk[-1440:].mean() - disk[:1440].mean() < 1.0
    minute = FORTNIGHT // 60 % 30
    assert cpu[minute == 4].mean() > cpu[minute == 14].mean() + 5


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float]]:
    found: list[tuple[str, float]] = []

    def keep(namespace: str, name: str, dimensions: Any, points: Any, unit: str) -> None:
        found.extend((name, at) for at, _ in points)

    monkeypatch.setattr(heartbeat, "bulk_put_metric", keep)
    return found


def execution(started: datetime, stopped: datetime | None, status: str) -> dict[str, Any]:
    def iso(moment: datetime) -> str:
        return f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"

    return {
        "stateMachineArn": names.STATE_MACHINE_ARN,
        "startDate": iso(started),
        "stopDate": iso(stopped) if stopped else None,
        "status": status,
    }


def test_each_start_and_each_end_is_published_once(
    monkeypatch: pytest.MonkeyPatch, published: list[tuple[str, float]]
) -> None:
    second = timedelta(seconds=1)
    executions = {
        "history": execution(NOW - 9 * second, NOW - 5 * second, "SUCCEEDED"),
        "good": execution(NOW + 5 * second, NOW + 7 * second, "SUCCEEDED"),
        "bad": execution(NOW + 5 * second, NOW + 70 * second, "FAILED"),
        "running": execution(NOW + 80 * second, None, "RUNNING"),
    }
    monkeypatch.setattr(stepfunctions, "_executions", executions)
    beats = heartbeat.Heartbeat(7, NOW)
    beats.beat(NOW + 60 * second)
    beats.beat(NOW + 120 * second)
    states = sorted(name for name, _ in published if name.startswith("Executions"))
    assert states == [*["ExecutionsFailed"], *["ExecutionsStarted"] * 3, *["ExecutionsSucceeded"]]


def test_every_minute_has_its_utilisation_even_after_a_pause(
    monkeypatch: pytest.MonkeyPatch, published: list[tuple[str, float]]
) -> None:
    monkeypatch.setattr(stepfunctions, "_executions", {})
    beats = heartbeat.Heartbeat(7, NOW)
    for minutes in (1, 2, 6):
        beats.beat(NOW + timedelta(minutes=minutes))
    cpu = [at for name, at in published if name == "CPUUtilization"]
    assert cpu == [(NOW + timedelta(minutes=minute)).timestamp() for minute in range(1, 7)]
