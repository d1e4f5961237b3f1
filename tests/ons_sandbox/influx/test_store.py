"""The store. "Handle duplicate data points", "Data retention" of the InfluxDB OSS v2 documentation."""

import threading
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from ons_sandbox.influx import Store
from ons_sandbox.influx.errors import BucketNotFound, InfluxError, PartialWrite
from ons_sandbox.influx.series import FieldType, FieldValue, Point, Series

HOUR = 3600 * 10**9
NOW = 1_600_000_000 * 10**9
EVER = (-(2**63), 2**63 - 1)


@pytest.fixture
def store() -> Store:
    """A store with an empty bucket, at a time that stands still."""
    store = Store(clock=lambda: NOW)
    store.create_bucket("energy_data")
    return store


def load(
    time: int, value: FieldValue = 1.0, region: str = "Sul", type_: FieldType = FieldType.FLOAT
) -> Point:
    return Point("consumption_data", (("region", region),), (("load_mw", type_, value),), time)


def stored(store: Store, bucket: str = "energy_data", **bounds: int) -> dict[str, list[tuple[int, object]]]:
    """Times and values by region."""
    read = store.read(bucket, store.series(bucket), bounds.get("start", 0), bounds.get("stop", EVER[1]))
    return {
        dict(series.tags)["region"]: list(zip(times.to_pylist(), values.to_pylist(), strict=True))
        for series, times, values in read
    }


def test_a_point_of_the_same_series_and_time_replaces_the_older_one(store: Store) -> None:
    store.write("energy_data", [load(1, 10.0), load(2, 20.0)])
    store.write("energy_data", [load(1, 11.0)])
    assert stored(store) == {"Sul": [(1, 11.0), (2, 20.0)]}


def test_of_one_batch_the_last_point_of_a_series_and_time_counts(store: Store) -> None:
    store.write("energy_data", [load(1, 10.0), load(1, 12.0), load(1, 11.0)])
    assert stored(store) == {"Sul": [(1, 11.0)]}


def test_points_come_back_by_series_in_the_order_of_time(store: Store) -> None:
    store.write("energy_data", [load(3, 3.0, "Sul"), load(1, 1.0, "Norte"), load(2, 2.0, "Sul")])
    assert stored(store) == {"Norte": [(1, 1.0)], "Sul": [(2, 2.0), (3, 3.0)]}


def test_a_range_includes_its_start_and_not_its_stop(store: Store) -> None:
    store.write("energy_data", [load(time) for time in (1, 2, 3)])
    assert stored(store, start=1, stop=3) == {"Sul": [(1, 1.0), (2, 1.0)]}


def test_the_first_and_the_last_point_of_each_series_can_be_asked_for_alone(store: Store) -> None:
    store.write("energy_data", [load(time, float(time)) for time in (2, 1, 3)])
    for edge, time in (("first", 1), ("last", 3)):
        ((_, times, values),) = store.read("energy_data", store.series("energy_data"), 0, 10, edge)  # type: ignore[arg-type]
        assert (times.to_pylist(), values.to_pylist()) == ([time], [float(time)])


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (FieldType.FLOAT, 1.5),
        (FieldType.INTEGER, -(2**63)),
        (FieldType.UNSIGNED, 2**64 - 1),
        (FieldType.STRING, 'é "quoted"\n'),
        (FieldType.BOOLEAN, False),
    ],
)
def test_a_value_keeps_its_type_and_all_its_digits(store: Store, type_: FieldType, value: FieldValue) -> None:
    store.write("energy_data", [load(1, value, type_=type_)])
    assert stored(store) == {"Sul": [(1, value)]}
    assert [one.type for one in store.series("energy_data")] == [type_]


def test_a_point_without_time_gets_the_time_of_its_arrival(store: Store) -> None:
    store.write("energy_data", [Point("m", (("region", "Sul"),), (("f", FieldType.FLOAT, 1.0),))])
    assert stored(store) == {"Sul": [(NOW, 1.0)]}


def test_a_field_of_another_type_is_dropped_and_the_rest_of_the_batch_is_stored(store: Store) -> None:
    store.write("energy_data", [load(1, 1.0)])
    with pytest.raises(PartialWrite) as dropped:
        store.write("energy_data", [load(2, 2, type_=FieldType.INTEGER), load(3, 3.0, "Norte")])
    assert dropped.value.status == 422
    assert dropped.value.dropped == 1
    assert dropped.value.message == (
        "failure writing points to database: partial write: field type conflict: input field "
        '"load_mw" on measurement "consumption_data" is type integer, already exists as type float dropped=1'
    )
    assert stored(store) == {"Norte": [(3, 3.0)], "Sul": [(1, 1.0)]}


def test_the_first_point_of_a_batch_decides_the_type_of_a_new_field(store: Store) -> None:
    with pytest.raises(PartialWrite, match="is type integer, already exists as type float"):
        store.write("energy_data", [load(1, 1.0), load(2, 2, type_=FieldType.INTEGER)])
    assert stored(store) == {"Sul": [(1, 1.0)]}


def test_points_older_than_the_retention_period_are_dropped(store: Store) -> None:
    store.create_bucket("short", 3600)
    with pytest.raises(PartialWrite, match="dropped 1 points outside retention policy of duration 1h0m0s"):
        store.write("short", [load(NOW - HOUR - 1), load(NOW - HOUR)])
    assert stored(store, "short") == {"Sul": [(NOW - HOUR, 1.0)]}


def test_points_that_outlive_the_retention_period_are_read_no_more() -> None:
    clock = [NOW]
    store = Store(clock=lambda: clock[0])
    store.create_bucket("short", 3600)
    store.write("short", [load(NOW - HOUR), load(NOW)])
    clock[0] += 1
    assert stored(store, "short") == {"Sul": [(NOW, 1.0)]}
    assert store.count("short", store.series("short"), *EVER) == {0: 1}


def test_a_shorter_retention_period_deletes_what_it_no_longer_covers(store: Store) -> None:
    store.create_bucket("kept", 4 * 3600)
    store.write("kept", [load(NOW - 3 * HOUR, region="Norte"), load(NOW, region="Sul")])
    store.update_bucket("kept", retention_seconds=2 * 3600)
    store.update_bucket("kept", retention_seconds=4 * 3600)
    assert stored(store, "kept") == {"Sul": [(NOW, 1.0)]}
    assert [dict(one.tags)["region"] for one in store.series("kept")] == ["Sul"]


def test_a_retention_period_must_not_be_shorter_than_a_shard_group(store: Store) -> None:
    with pytest.raises(InfluxError, match="shard-group duration must also be updated"):
        store.update_bucket("energy_data", retention_seconds=24 * 3600)
    changed = store.update_bucket("energy_data", retention_seconds=24 * 3600, shard_group_seconds=3600)
    assert (changed.retention_seconds, changed.shard_group_seconds) == (24 * 3600, 3600)


@pytest.mark.parametrize(
    ("refused", "code"),
    [
        (lambda store: store.create_bucket("energy_data"), "conflict"),
        (lambda store: store.create_bucket("_hidden"), "invalid"),
        (lambda store: store.create_bucket("short", 60), "internal error"),
        (lambda store: store.delete_bucket("_tasks"), "invalid"),
        (lambda store: store.update_bucket("energy_data", name="_tasks"), "conflict"),
    ],
)
def test_what_influxdb_refuses_of_buckets_is_refused(
    store: Store, refused: Callable[[Store], object], code: str
) -> None:
    before = store.buckets()
    with pytest.raises(InfluxError) as error:
        refused(store)
    assert error.value.code == code
    assert store.buckets() == before


def test_every_organization_has_the_two_system_buckets() -> None:
    found = {bucket.name: bucket.retention_seconds for bucket in Store().buckets()}
    assert found == {"_monitoring": 7 * 86_400, "_tasks": 3 * 86_400}


def test_a_bucket_is_found_by_name_and_by_id_and_no_more_once_deleted(store: Store) -> None:
    bucket = store.bucket("energy_data")
    assert store.bucket(bucket.id) == bucket
    store.write("energy_data", [load(1)])
    store.delete_bucket("energy_data")
    with pytest.raises(BucketNotFound):
        store.bucket(bucket.id)
    store.create_bucket("energy_data")
    assert store.series("energy_data") == []


def test_a_delete_takes_the_chosen_series_between_two_times_both_included(store: Store) -> None:
    store.write(
        "energy_data", [load(time, region=region) for time in range(4) for region in ("Sul", "Norte")]
    )
    store.delete("energy_data", 1, 2, lambda series: ("region", "Sul") in series.tags)
    assert [time for time, _ in stored(store)["Sul"]] == [0, 3]
    assert [time for time, _ in stored(store)["Norte"]] == [0, 1, 2, 3]


def test_a_series_without_points_is_gone_and_its_field_may_have_another_type(store: Store) -> None:
    store.write("energy_data", [load(1)])
    store.delete("energy_data", *EVER)
    assert store.series("energy_data") == []
    store.write("energy_data", [load(1, 7, type_=FieldType.INTEGER)])
    assert stored(store) == {"Sul": [(1, 7)]}


def test_a_frame_is_stored_like_its_rows(store: Store) -> None:
    frame = pd.DataFrame(
        {
            "at": pd.to_datetime(["2026-01-01T00:00:00", "2026-01-01T00:30:00", "2026-01-01T00:30:00"]),
            "region": ["Sul", "Sul", None],
            "load_mw": [1.5, None, 3.5],
            "files": pd.array([1, 2, None], dtype="Int64"),
        }
    )
    assert store.write_frame("energy_data", "loads", frame, ["region"], ["load_mw", "files"], "at") == 4
    first, second = 1_767_225_600 * 10**9, 1_767_227_400 * 10**9
    read = store.read("energy_data", store.series("energy_data"), 0, EVER[1])
    assert {
        (series.tags, series.field, series.type): (times.to_pylist(), values.to_pylist())
        for series, times, values in read
    } == {
        ((), "load_mw", FieldType.FLOAT): ([second], [3.5]),
        ((("region", "Sul"),), "load_mw", FieldType.FLOAT): ([first], [1.5]),
        ((("region", "Sul"),), "files", FieldType.INTEGER): ([first, second], [1, 2]),
    }


def test_a_frame_with_a_field_of_another_type_is_dropped_in_that_field(store: Store) -> None:
    store.write("energy_data", [load(1)])
    frame = pd.DataFrame(
        {"at": pd.to_datetime([10], utc=True), "region": ["Sul"], "load_mw": ["x"], "n": [1]}
    )
    with pytest.raises(PartialWrite, match="is type string, already exists as type float dropped=1"):
        store.write_frame("energy_data", "consumption_data", frame, ["region"], ["load_mw", "n"], "at")
    assert [one.field for one in store.series("energy_data")] == ["load_mw", "n"]


def test_a_failed_write_leaves_nothing_behind(store: Store) -> None:
    broken = Point("m", (), (("f", FieldType.INTEGER, 2**70),), 1)
    with pytest.raises(OverflowError):
        store.write("energy_data", [load(1), broken])
    assert store.series("energy_data") == []
    store.write("energy_data", [load(1)])
    assert stored(store) == {"Sul": [(1, 1.0)]}


def test_a_file_holds_everything_for_the_next_store(tmp_path: Path) -> None:
    path = tmp_path / "influx.duckdb"
    store = Store(path)
    store.create_bucket("energy_data", 0, "Points")
    store.write("energy_data", [load(1, 5.0)])
    store.close()
    again = Store(path)
    assert again.bucket("energy_data").description == "Points"
    assert stored(again) == {"Sul": [(1, 5.0)]}
    with pytest.raises(PartialWrite):
        again.write("energy_data", [load(2, 1, type_=FieldType.INTEGER)])
    again.close()


def test_threads_write_and_read_at_the_same_time_and_nothing_is_lost(store: Store) -> None:
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for time in range(20):
                store.write("energy_data", [load(time, float(number), f"region {number}")])
                stored(store)
        except BaseException as error:  # noqa: BLE001 - reported by the assertion below
            failures.append(error)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failures == []
    assert {region: len(points) for region, points in stored(store).items()} == {
        f"region {number}": 20 for number in range(6)
    }


def test_series_are_listed_by_measurement_tags_and_field(store: Store) -> None:
    store.write("energy_data", [load(1, region="Sul"), load(1, region="Norte")])
    store.write(
        "energy_data", [Point("a", (), (("z", FieldType.FLOAT, 1.0), ("b", FieldType.FLOAT, 1.0)), 1)]
    )

    def name(series: Series) -> tuple[str, object, str]:
        return series.measurement, series.tags, series.field

    assert [name(one) for one in store.series("energy_data")] == [
        ("a", (), "b"),
        ("a", (), "z"),
        ("consumption_data", (("region", "Norte"),), "load_mw"),
        ("consumption_data", (("region", "Sul"),), "load_mw"),
    ]
