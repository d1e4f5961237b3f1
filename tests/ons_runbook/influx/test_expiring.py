"""How many points a shorter retention would delete.

https://docs.influxdata.com/influxdb/v2/reference/internals/data-retention/ ·
https://docs.influxdata.com/flux/v0/stdlib/universe/count/
"""

from datetime import UTC, datetime, timedelta

import pytest

from ons_runbook.calls import recording
from ons_runbook.errors import NoAnswerInTime, ReadError
from ons_runbook.influx import buckets, expiring
from ons_runbook.influx.buckets import Bucket
from ons_runbook.window import utc_now

DAY = 86_400
NOW = datetime(2026, 11, 23, 3, 20, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 23, tzinfo=UTC)


def kept(seconds):
    return Bucket("1", "b", "user", seconds, 7 * DAY)


def days_ago(days, value="mw=1.0", measurement="load", tags=",region=Sul"):
    """A point in line protocol, at noon of that day before today."""
    noon = utc_now().replace(hour=12, minute=0, second=0) - timedelta(days=days)
    return f"{measurement}{tags} {value} {int(noon.timestamp())}"


class TestCut:
    @pytest.mark.parametrize(
        ("now", "wanted"),
        [(7 * 365 * DAY, 8 * 365 * DAY), (30 * DAY, 30 * DAY), (30 * DAY, None), (None, None)],
    )
    def test_a_longer_period_deletes_nothing(self, now, wanted):
        assert expiring.cut(kept(now), wanted, NOW) is None

    def test_it_is_what_lies_between_both_periods_until_the_next_midnight(self):
        start, stop = expiring.cut(kept(60 * DAY), 30 * DAY, NOW)
        assert stop == MIDNIGHT - timedelta(days=29)
        assert start == MIDNIGHT - timedelta(days=59)

    def test_from_for_ever_it_begins_with_the_first_point_that_can_be(self):
        start, stop = expiring.cut(kept(None), 30 * DAY, NOW)
        assert start.year == 1678
        assert stop == MIDNIGHT - timedelta(days=29)

    def test_for_periods_of_hours_until_the_next_full_hour(self):
        _, stop = expiring.cut(kept(None), 24 * 3600, NOW)
        assert stop == datetime(2026, 11, 22, 4, 0, tzinfo=UTC)

    def test_it_stays_the_same_meanwhile(self):
        late = datetime(2026, 11, 23, 23, 59, 59, tzinfo=UTC)
        assert expiring.cut(kept(60 * DAY), 30 * DAY, NOW) == expiring.cut(kept(60 * DAY), 30 * DAY, late)

    def test_on_the_hour_it_is_that_hour(self):
        assert expiring.cut(kept(None), 30 * DAY, MIDNIGHT)[1] == MIDNIGHT - timedelta(days=30)


class TestCounted:
    def test_by_measurement_what_goes_and_what_is_there(self, database, make_bucket):
        bucket = make_bucket(
            0, days_ago(100), days_ago(40), days_ago(40, tags=",region=Norte"), days_ago(1),
            days_ago(200, measurement="old"),
        )  # fmt: skip
        rows = expiring.counted(database, bucket.name, "60d").set_index("measurement")
        assert rows["points"].to_dict() == {"load": 4, "old": 1}
        assert rows["deleted"].to_dict() == {"load": 1, "old": 1}
        noon = utc_now().replace(hour=12, minute=0, second=0)
        assert rows.loc["load", "oldest"] == noon - timedelta(days=100)
        assert rows.loc["load", "newest"] == noon - timedelta(days=1)
        assert (rows["deleted_before"] == noon.replace(hour=0) - timedelta(days=59)).all()

    def test_what_is_counted_is_what_influxdb_then_deletes(
        self, database, make_bucket, plain_client, request
    ):
        if "real" in request.node.callspec.id:
            pytest.skip("a real server drops whole shard groups, half an hour later")
        bucket = make_bucket(0, *(days_ago(days) for days in range(1, 90)))
        deleted = expiring.counted(database, bucket.name, "30d")["deleted"].sum()
        bucket.retention_rules[0].every_seconds = 30 * DAY
        plain_client.buckets_api().update_bucket(bucket)
        left = expiring.counted(database, bucket.name)["points"].sum()
        # Until midnight one more day goes than at this moment, or none when it is past noon.
        assert 89 - left <= deleted <= 89 - left + 1

    def test_fields_of_several_types_are_counted_one_by_one(self, database, make_bucket):
        both = 'mw=1.0,note="late",ok=true,n=3i'
        bucket = make_bucket(0, days_ago(40, both), days_ago(1, both))
        rows = expiring.counted(database, bucket.name, "30d")
        assert (rows["points"][0], rows["deleted"][0]) == (8, 4)

    def test_over_many_stretches_each_point_is_counted_once(self, database, make_bucket):
        bucket = make_bucket(0, *(days_ago(days) for days in range(1, 401)))
        with recording() as calls:
            rows = expiring.counted(database, bucket.name, "30d")
        assert rows["points"][0] == 400
        assert rows["deleted"][0] == 371
        assert sum("query" in call.operation for call in calls) > 6

    def test_what_the_present_period_deletes_anyway_is_not_the_new_ones_doing(self, database, make_bucket):
        bucket = make_bucket(60 * DAY, days_ago(58), days_ago(35), days_ago(1))
        rows = expiring.counted(database, bucket.name, "30d")
        assert (rows["points"][0], rows["deleted"][0]) == (3, 2)

    def test_a_longer_period_deletes_none_and_has_no_limit(self, database, make_bucket):
        rows = expiring.counted(database, make_bucket(60 * DAY, days_ago(58)).name, "inf")
        assert rows["deleted"].tolist() == [0]
        assert rows["deleted_before"].isna().all()

    def test_without_a_period_what_would_be_deleted_is_missing_and_not_zero(self, database, make_bucket):
        rows = expiring.counted(database, make_bucket(0, days_ago(58), days_ago(3)).name)
        assert rows["points"].tolist() == [2]
        assert rows["deleted"].isna().all()

    def test_an_empty_bucket_has_no_rows(self, database, make_bucket):
        name = make_bucket().name
        rows = expiring.counted(database, name, "30d")
        assert rows.empty
        assert rows.attrs["empty"] == f"The bucket {name} is empty."
        assert list(rows.columns) == list(expiring.EXPIRING)

    @pytest.mark.parametrize(("bucket", "period"), [("nobodys", "30d"), ("", "soon")])
    def test_what_cannot_be_asked_says_why_and_has_no_rows(self, database, make_bucket, bucket, period):
        rows = expiring.counted(database, bucket or make_bucket(0, days_ago(3)).name, period)
        assert rows.empty
        assert "There is no bucket 'nobodys'" in rows.attrs["empty"] or "'soon' is not" in rows.attrs["empty"]

    def test_past_the_deadline_there_is_no_count(self, database, make_bucket):
        bucket = make_bucket(0, days_ago(58), days_ago(3))
        with pytest.raises(NoAnswerInTime, match="not all points were counted within -1 s, only 0"):
            expiring.counted(database, bucket.name, "30d", deadline=-1)

    def test_a_query_that_fails_is_an_error_and_not_a_zero(self, make_session, serve):
        bucket = '{"id": "1", "orgID": "2", "name": "b", "retentionRules": []}'
        listed = f'{{"buckets": [{bucket}], "links": {{"self": "/"}}}}'
        url, _ = serve(
            lambda method, *_: (200, listed) if method == "GET" else (500, '{"message": "broken"}')
        )
        with pytest.raises(ReadError, match="broken"):
            expiring.counted(make_session(influx_url=url), "b", "30d")


def test_the_sandboxs_own_bucket_is_counted_as_it_was_seeded(clean_environment, sandbox, make_session):
    env = sandbox.env()
    session = make_session(
        influx_url=env["INFLUXDB_V2_URL"],
        influx_token=env["INFLUXDB_V2_TOKEN"],
        influx_org=env["INFLUXDB_V2_ORG"],
    )
    rows = expiring.counted(session, "energy_data", "30d").set_index("measurement")
    assert set(rows.index) == {"generation_data", "consumption_data", "transmission_data"}
    assert (rows["deleted"] > 0.4 * rows["points"]).all()
    assert (rows["deleted"] < 0.6 * rows["points"]).all()
    assert buckets.kept(session)["bucket"][0] == "energy_data"
