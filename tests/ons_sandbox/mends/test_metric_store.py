"""The order of time in which a metric's points are kept, and how long they are.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#metrics-retention
"""

from typing import Any

from ons_sandbox.mends import metric_store
from ons_sandbox.mends.metric_store import Chronological

DAY = 24 * 3600.0


def point(when: float, value: float = 0.0) -> dict[str, Any]:
    return {"Timestamp": when, "Value": value}


def times(points: list[dict[str, Any]]) -> list[float]:
    return [each["Timestamp"] for each in points]


def test_points_are_in_order_of_time_however_they_arrive() -> None:
    points = Chronological()
    for when in (3.0, 1.0, 2.0):
        points.append(point(when))
    points.extend([point(0.0), point(2.5)])
    assert times(points) == [0.0, 1.0, 2.0, 2.5, 3.0]


def test_points_of_one_moment_stay_in_the_order_of_their_arrival() -> None:
    points = Chronological()
    for when, value in ((1.0, 1), (2.0, 2), (1.0, 3)):
        points.append(point(when, value))
    assert [each["Value"] for each in points] == [1, 3, 2]


def test_a_window_has_its_start_and_not_its_end() -> None:
    points = Chronological(point(float(when)) for when in range(10))
    assert times(points.between(3.0, 6.0)) == [3.0, 4.0, 5.0]


def test_points_older_than_sixteen_days_before_the_newest_are_dropped() -> None:
    long_past = 1_000_000_000.0
    points = Chronological(point(long_past + day * DAY) for day in (0.0, 0.9, 1.1, 15.0, 17.0))
    metric_store._drop_old({("N", "m", ""): points})
    assert times(points) == [long_past + day * DAY for day in (1.1, 15.0, 17.0)]
