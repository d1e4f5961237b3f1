"""The buckets, and periods as people write them.

https://docs.influxdata.com/influxdb/v2/api/v2/ (buckets; 0 seconds are for ever, pages by `after`) ·
https://docs.influxdata.com/influxdb/v2/reference/internals/data-retention/
"""

from types import SimpleNamespace

import pandas as pd
import pytest

from ons_runbook.errors import ChangeRefused, CredentialsError
from ons_runbook.influx import buckets

DAY = 86_400


class TestPeriods:
    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            ("7y", 7 * 365 * DAY),
            ("30d", 30 * DAY),
            ("12w", 84 * DAY),
            ("24h", DAY),
            ("1d12h", 36 * 3600),
            (" 90M ", 5400),
            ("45s", 45),
            ("inf", None),
            ("INF", None),
        ],
    )
    def test_what_people_write(self, text, seconds):
        assert buckets.period(text) == seconds

    @pytest.mark.parametrize(
        "text", ["", "soon", "30", "d", "-30d", "1.5d", "30 d", "3mo", "0d", "0", "forever", "1e3d", "٣d"]
    )
    def test_what_cannot_be_read_is_refused_with_examples(self, text):
        with pytest.raises(ChangeRefused, match=r"is not a retention period.*7y.*30d.*inf"):
            buckets.period(text)

    def test_longer_than_influxdb_can_count_is_refused(self):
        assert buckets.period("292y")
        with pytest.raises(ChangeRefused, match=r"longer than InfluxDB can count \(292y\). Write inf"):
            buckets.period("293y")

    @pytest.mark.parametrize(
        ("seconds", "text"),
        [
            (None, "inf"),
            (7 * 365 * DAY, "7y"),
            (400 * DAY, "400d"),
            (7 * DAY, "7d"),
            (36 * 3600, "1d12h"),
            (3600, "1h"),
            (5400, "1h30m"),
            (61, "1m1s"),
        ],
    )
    def test_how_they_are_shown(self, seconds, text):
        assert buckets.written(seconds) == text
        assert buckets.period(text) == seconds


class TestKept:
    def test_every_bucket_with_its_period_the_systems_own_last(self, database, make_bucket):
        made = {make_bucket(30 * DAY).name: "30d", make_bucket().name: "inf"}
        frame = buckets.kept(database)
        shown = frame.set_index("bucket")
        assert {name: shown.loc[name, "retention"] for name in made} == made
        assert shown.loc[list(made), "type"].tolist() == ["user", "user"]
        assert frame["type"].tolist() == sorted(frame["type"], reverse=True)
        assert shown.loc["_monitoring", "type"] == "system"
        assert (pd.Timestamp.now(tz="UTC") - shown.loc[list(made), "created"]).max() < pd.Timedelta("1h")

    def test_shard_groups_are_as_influxdb_chose_them(self, database, make_bucket):
        chosen = {make_bucket(seconds).name: seconds for seconds in (0, 30 * DAY, DAY)}
        shown = buckets.kept(database).set_index("bucket")["shard_groups"]
        assert [shown[name] for name in chosen] == ["7d", "1d", "1h"]

    def test_no_page_is_left_out(self, database, make_bucket, monkeypatch):
        monkeypatch.setattr(buckets, "_A_PAGE", 2)
        made = {make_bucket().name for _ in range(5)}
        names = [bucket.name for bucket in buckets.known(database)]
        assert made <= set(names)
        assert len(names) == len(set(names))

    def test_a_wrong_token_is_said_to_be_that(self, influx_server, make_session):
        wrong = make_session(influx_url=influx_server["url"], influx_token="not-this-one")
        with pytest.raises(CredentialsError, match="401"):
            buckets.kept(wrong)


class TestNamed:
    def test_it_is_found_by_name(self, database, make_bucket):
        made = make_bucket(30 * DAY)
        found = buckets.named(database, made.name)
        assert (found.id, found.seconds, found.shard_seconds) == (made.id, 30 * DAY, DAY)

    def test_for_ever_is_none_and_not_zero(self, database, make_bucket):
        assert buckets.named(database, make_bucket().name).seconds is None

    def test_another_name_is_refused_with_the_nearest(self, database, make_bucket):
        name = make_bucket().name
        with pytest.raises(ChangeRefused, match=f"There is no bucket '{name[:-1]}'. Did you mean '{name}'"):
            buckets.named(database, name[:-1])


class TestState:
    def test_it_is_both_durations_as_people_write_them(self, database, make_bucket):
        made = make_bucket(7 * 365 * DAY)
        assert buckets.state(database, bucket=made.id) == {"retention": "7y", "shard_groups": "7d"}

    def test_a_bucket_that_is_gone_has_neither(self, database):
        assert buckets.state(database, bucket="0" * 15 + "1") == {"retention": None, "shard_groups": None}

    def test_a_bucket_without_any_rule_keeps_for_ever(self):
        # https://docs.influxdata.com/influxdb/v2/api/v2/: retentionRules may be empty
        bare = SimpleNamespace(id="1", name="b", type=None, retention_rules=None, created_at=None)
        assert buckets._bucket(bare).state == {"retention": "inf", "shard_groups": None}
