"""Setting a bucket's retention keeps the seven promises.

https://docs.influxdata.com/influxdb/v2/reference/internals/data-retention/
"""

import json
from contextlib import contextmanager
from typing import Any

from influxdb_client import BucketRetentionRules, InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from seven import BadInput, Case, SevenProofs

from sandboxes import Clients

OLD = "archive_2019"


@contextmanager
def database(clients: Clients) -> Any:
    """InfluxDB as the loader reaches it."""
    loader = clients("lambda").get_function_configuration(FunctionName="timestream_loader")
    variables = loader["Environment"]["Variables"]
    secret = clients("secretsmanager").get_secret_value(SecretId=variables["INFLUXDB_SECRET"])
    token = json.loads(secret["SecretString"])["token"]
    with InfluxDBClient(variables["INFLUXDB_URL"], token, org=variables["INFLUXDB_ORG"]) as client:
        yield client


def shorten(clients: Clients) -> None:
    """Somebody else sets another period."""
    with database(clients) as client:
        bucket = client.buckets_api().find_bucket_by_name("energy_data")
        bucket.retention_rules = [BucketRetentionRules(every_seconds=45 * 86_400)]
        client.buckets_api().update_bucket(bucket)


def archive(clients: Clients) -> None:
    """A bucket whose points are all years old, kept for ever."""
    with database(clients) as client:
        client.buckets_api().create_bucket(bucket_name=OLD)
        points = ["load,region=Sul mw=1 1546300800", "load,region=Sul mw=2 1577836740"]
        client.write_api(write_options=SYNCHRONOUS).write(OLD, record=points, write_precision="s")


class TestInfluxdbRetention(SevenProofs):
    """The period comes back; the points that were dropped do not, as the undo_note says."""

    case = Case(
        procedure="maintenance/influxdb_retention",
        parameters={"period": "30d"},
        drift=shorten,
        bad_input=(
            BadInput({"bucket": "energy_dta"}, "Did you mean 'energy_data'"),
            BadInput({"period": "soon"}, "'soon' is not a retention period"),
            BadInput({"period": "0d"}, "'0d' is not a retention period"),
            BadInput({"period": "30m"}, "too short: InfluxDB keeps points for an hour"),
            BadInput({"period": "24h"}, "shorter than one shard group"),
            BadInput(
                {"bucket": OLD, "period": "1y"},
                f"would delete everything in {OLD}: 2 points, all from before",
                archive,
            ),
            BadInput({"period": ""}, "nothing to change", status=None),
        ),
    )

    def test_7_throttled_calls_wait_and_are_each_made_once(self, world):
        """InfluxDB refuses the pace thrice, and AWS, of which only the lock is asked, now and then."""
        shown = world.run()["plan"]
        (action,) = shown["actions"]
        world.clear()
        of_influx = world.influx.throttle(share=1, only=action["operation"], times=3)
        of_aws = world.aws.throttle(share=0.3, seed=1)
        plan = world.run(shown["id"])["plan"]
        assert of_influx.hits == 3
        assert of_aws.hits
        assert plan["status"] == "applied", plan
        assert world.counted()[f"influxdb:{action['operation']}"] == 1
        world.aws.clear()
        assert world.run()["plan"] is None
