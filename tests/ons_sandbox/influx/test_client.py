"""The stand-in through `influxdb-client`, unchanged: what its documentation shows must work."""

import warnings
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from influxdb_client import BucketRetentionRules, InfluxDBClient, Point, WritePrecision
from influxdb_client.client.query_api import QueryOptions
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException
from influxes import Influx

pytestmark = pytest.mark.filterwarnings("ignore::influxdb_client.client.warnings.MissingPivotFunction")

MIDNIGHT = datetime(2020, 1, 1, tzinfo=UTC)


def write(client: InfluxDBClient, bucket: str, record: object, **more: object) -> None:
    with client.write_api(write_options=SYNCHRONOUS) as api:
        api.write(bucket, record=record, **more)


@pytest.fixture
def generation(client: InfluxDBClient, bucket: str) -> str:
    """A bucket with two regions' generation of three hours."""
    for region, first in (("Sul", 10.0), ("Norte", 1.0)):
        for hour in range(3):
            write(
                client,
                bucket,
                Point("generation_data")
                .tag("region", region)
                .tag("energy_source", "hydro")
                .field("generation_mw", first + hour)
                .time(MIDNIGHT + timedelta(hours=hour)),
            )
    return bucket


RANGE = "from(bucket: bucket) |> range(start: start, stop: stop)"


def bounds(bucket: str, **more: object) -> dict[str, object]:
    return {"bucket": bucket, "start": MIDNIGHT, "stop": MIDNIGHT + timedelta(days=1), **more}


def test_ping_ready_version_and_health(client: InfluxDBClient) -> None:
    assert client.ping()
    assert client.ready().status == "ready"
    assert client.version()
    assert client.build() == "OSS"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        assert client.health().status == "pass"


def test_points_come_back_as_records(client: InfluxDBClient, generation: str) -> None:
    tables = client.query_api().query(RANGE, params=bounds(generation))
    assert [
        (
            record.get_time(),
            record.get_value(),
            record.get_field(),
            record.get_measurement(),
            record["region"],
        )
        for table in tables
        for record in table
    ] == [
        (MIDNIGHT + timedelta(hours=hour), first + hour, "generation_mw", "generation_data", region)
        for region, first in (("Norte", 1.0), ("Sul", 10.0))
        for hour in range(3)
    ]
    assert {column.label for column in tables[0].get_group_key()} == {
        "_start",
        "_stop",
        "_field",
        "_measurement",
        "energy_source",
        "region",
    }


def test_series_come_in_the_order_of_storage(client: InfluxDBClient, bucket: str) -> None:
    tag_sets = ("", ",z=1", ",a=1,b=1", ",a=1", ",b=1", ",a=2", ",c=1,d=1", ",a=1,z=0", ",a=10")
    lines = [f"m{tags} f={number} 1577836800" for number, tags in enumerate(tag_sets)]
    write(client, bucket, lines, write_precision=WritePrecision.S)

    def order(query: str) -> list[str]:
        tables = client.query_api().query(query, params=bounds(bucket))
        return [tag_sets[int(record.get_value())] for table in tables for record in table]

    by_names = ["", ",a=1", ",a=1,b=1", ",a=1,z=0", ",a=10", ",a=2", ",b=1", ",c=1,d=1", ",z=1"]
    assert order(RANGE) == by_names
    assert order(f"{RANGE} |> group()") == by_names


def test_points_come_back_as_a_frame(client: InfluxDBClient, generation: str) -> None:
    query = f'{RANGE} |> last() |> keep(columns: ["_time", "_value", "region"])'
    frame = client.query_api().query_data_frame(query, params=bounds(generation))
    assert frame.set_index("region")["_value"].to_dict() == {"Norte": 3.0, "Sul": 12.0}
    assert set(frame["_time"]) == {pd.Timestamp(MIDNIGHT + timedelta(hours=2))}


def test_results_of_different_columns_come_back_as_several_frames(
    client: InfluxDBClient, generation: str
) -> None:
    query = f'data = {RANGE}\ndata |> count() |> yield(name: "count")\ndata |> last() |> yield(name: "last")'
    frames = client.query_api().query_data_frame(query, params=bounds(generation))
    assert [set(frame["result"]) for frame in frames] == [{"count"}, {"last"}]


def test_a_query_without_rows_comes_back_as_an_empty_frame(client: InfluxDBClient, bucket: str) -> None:
    frame = client.query_api().query_data_frame(RANGE, params=bounds(bucket))
    assert isinstance(frame, pd.DataFrame)
    assert frame.empty


def test_records_can_be_streamed_and_rows_read_raw(client: InfluxDBClient, generation: str) -> None:
    stream = client.query_api().query_stream(RANGE, params=bounds(generation))
    assert [record.get_value() for record in stream] == [1.0, 2.0, 3.0, 10.0, 11.0, 12.0]
    raw = client.query_api().query_raw(RANGE, params=bounds(generation)).read().decode()
    assert raw.startswith("#datatype,string,long,dateTime:RFC3339,")
    assert raw.count("\r\n,,") == 6
    rows = client.query_api().query_csv(f"{RANGE} |> count()", params=bounds(generation))
    assert next(row for row in rows if row and row[0] == "")[1:3] == ["result", "table"]


def test_parameters_of_every_type_reach_the_query(client: InfluxDBClient, generation: str) -> None:
    query = f"""{RANGE}
        |> filter(fn: (r) => r._measurement == measurement and r._value > least and contains(value:
        r.region, set: regions)) |> limit(n: n, offset: skipped)
        |> aggregateWindow(every: every, fn: sum, createEmpty: empty)"""
    answer = client.query_api().query(
        query,
        params=bounds(
            generation,
            measurement="generation_data",
            least=1.5,
            regions=["Sul", "Norte"],
            n=2,
            skipped=0,
            every=timedelta(hours=12),
            empty=False,
        ),
    )
    assert sorted(record.get_value() for table in answer for record in table) == [5.0, 21.0]


def test_a_parameter_is_a_value_and_never_part_of_the_query(client: InfluxDBClient, generation: str) -> None:
    region = 'Sul") or r.region != "'
    answer = client.query_api().query(
        f"{RANGE} |> filter(fn: (r) => r.region == region)", params=bounds(generation, region=region)
    )
    assert len(answer) == 0


def test_durations_count_from_now(client: InfluxDBClient, bucket: str) -> None:
    now = datetime.now(UTC)
    write(
        client,
        bucket,
        [f"m f={age} {int((now - timedelta(minutes=age)).timestamp())}" for age in (5, 90)],
        write_precision=WritePrecision.S,
    )
    answer = client.query_api().query(
        "from(bucket: bucket) |> range(start: ago)", params={"bucket": bucket, "ago": timedelta(hours=-1)}
    )
    assert [record.get_value() for table in answer for record in table] == [5.0]


def test_frames_lines_and_dictionaries_can_be_written(client: InfluxDBClient, bucket: str) -> None:
    frame = pd.DataFrame(
        {"region": ["Sul", "Norte"], "load_mw": [1.5, 2.5], "files": [1, 2]},
        index=pd.DatetimeIndex([MIDNIGHT, MIDNIGHT + timedelta(minutes=30)]),
    )
    write(client, bucket, frame, data_frame_measurement_name="loads", data_frame_tag_columns=["region"])
    write(client, bucket, "loads,region=Sul load_mw=3.5 1577840400", write_precision=WritePrecision.S)
    write(
        client,
        bucket,
        {"measurement": "loads", "tags": {"region": "Sul"}, "fields": {"note": 'a "b", c'}, "time": MIDNIGHT},
    )
    query = f'{RANGE} |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value") |> group()'
    found = client.query_api().query_data_frame(query, params=bounds(bucket)).set_index(["region", "_time"])
    first, second, third = (pd.Timestamp(MIDNIGHT) + timedelta(minutes=minutes) for minutes in (0, 30, 60))
    assert found["load_mw"].to_dict() == {("Sul", first): 1.5, ("Norte", second): 2.5, ("Sul", third): 3.5}
    assert found["files"].dropna().to_dict() == {("Sul", first): 1, ("Norte", second): 2}
    assert found["note"].dropna().to_dict() == {("Sul", first): 'a "b", c'}


def test_writes_and_answers_may_be_compressed(influx: Influx, bucket: str) -> None:
    with InfluxDBClient(influx.url, influx.token, org=influx.org, enable_gzip=True) as client:
        write(
            client,
            bucket,
            [f"m f={number} {1577836800 + number}" for number in range(500)],
            write_precision=WritePrecision.S,
        )
        answer = client.query_api().query(f"{RANGE} |> sum()", params=bounds(bucket))
    assert [record.get_value() for table in answer for record in table] == [124750.0]


def test_a_delete_by_predicate(client: InfluxDBClient, generation: str) -> None:
    client.delete_api().delete(MIDNIGHT, MIDNIGHT + timedelta(hours=1), 'region="Sul"', generation)
    answer = client.query_api().query(f"{RANGE} |> count()", params=bounds(generation))
    assert {record["region"]: record.get_value() for table in answer for record in table} == {
        "Norte": 3,
        "Sul": 1,
    }


def test_buckets_are_made_found_changed_and_deleted(client: InfluxDBClient, bucket: str) -> None:
    api = client.buckets_api()
    found = api.find_bucket_by_name(bucket)
    assert found.retention_rules[0].every_seconds == 0
    found.retention_rules = [BucketRetentionRules(type="expire", every_seconds=30 * 86_400)]
    found.description = "thirty days"
    api.update_bucket(found)
    again = api.find_bucket_by_id(found.id)
    assert (again.description, again.retention_rules[0].every_seconds) == ("thirty days", 30 * 86_400)
    assert bucket in {one.name for one in api.find_buckets_iter(limit=1)}
    assert api.find_bucket_by_name("nothing-like-this") is None


def test_errors_of_flux_say_where_and_what(client: InfluxDBClient) -> None:
    with pytest.raises(ApiException) as error:
        client.query_api().query('from(bucket: "b") |> range(start: -1h) |> lst()')
    assert error.value.status == 400
    assert "error @1:43-1:46: undefined identifier lst" in error.value.body.decode()


def test_an_unknown_bucket_is_not_found(client: InfluxDBClient) -> None:
    with pytest.raises(ApiException) as error:
        client.query_api().query('from(bucket: "nothing") |> range(start: -1h)')
    assert error.value.status == 404
    assert "could not find bucket" in error.value.body.decode()


def test_a_wrong_token_is_unauthorized(influx: Influx, bucket: str) -> None:
    with InfluxDBClient(influx.url, "wrong", org=influx.org) as stranger:
        for refused in (
            lambda: stranger.query_api().query("buckets()"),
            lambda: write(stranger, bucket, "m f=1"),
            lambda: stranger.buckets_api().find_buckets(),
        ):
            with pytest.raises(ApiException) as error:
                refused()
            assert error.value.status == 401


def test_a_profiler_is_refused_by_name(stand_in: Influx) -> None:
    with stand_in.client() as client, pytest.raises(ApiException) as error:
        client.query_api(QueryOptions(profilers=["query"])).query("buckets()")
    assert 'does not implement the package \\"profiler\\"' in error.value.body.decode()
