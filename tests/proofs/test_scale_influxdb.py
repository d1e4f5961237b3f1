"""Scaling InfluxDB keeps the seven promises.

https://docs.aws.amazon.com/ts-influxdb/latest/ts-influxdb-api/API_UpdateDbInstance.html
"""

from typing import Any

from seven import BadInput, Case, SevenProofs

from platform_state import differences
from sandboxes import Clients, wait_until

INSTANCE = "timestream-influxdb/instance/ons-influxdb-prod"


def grow(clients: Clients) -> None:
    """Somebody else gives it more storage; it is over when this returns."""
    influx = clients("timestream-influxdb")
    (instance,) = influx.list_db_instances()["items"]
    influx.update_db_instance(identifier=instance["id"], allocatedStorage=150)
    wait_until(
        lambda: influx.get_db_instance(identifier=instance["id"])["status"] == "AVAILABLE", "AVAILABLE again"
    )


def without_storage(state: dict[str, Any]) -> dict[str, Any]:
    """The state but for what cannot shrink."""
    instance = {key: value for key, value in state[INSTANCE].items() if key != "allocatedStorage"}
    return {**state, INSTANCE: instance}


class TestScaleInfluxdb(SevenProofs):
    """Class and storage; of the storage no undo brings anything back, as its undo_note says."""

    case = Case(
        procedure="maintenance/scale_influxdb",
        parameters={"instance_class": "db.influx.large", "storage_gib": 200},
        drift=grow,
        bad_input=(
            BadInput({"instance": "ons-influxdb-prd"}, "Did you mean 'ons-influxdb-prod'"),
            BadInput({"instance_class": "db.influx.lage"}, "Did you mean 'db.influx.large'"),
            BadInput({"storage_gib": 99}, "has 100 GiB of storage, and 99 GiB is less"),
            BadInput({"storage_gib": 15361}, "20 to 15360 GiB"),
            BadInput({"instance_class": "", "storage_gib": 0}, "nothing to change", status=None),
        ),
        # A quarter of an hour is over before anybody looks: what is half done cannot be taken back.
        clock=20_000,
    )

    def unlike(self, before: Any, after: Any) -> list[str]:
        return differences(without_storage(before), without_storage(after))
