"""The Timestream for InfluxDB instance: is it there, is it AVAILABLE, and how large is it?

https://docs.aws.amazon.com/ts-influxdb/latest/ts-influxdb-api/API_ListDbInstances.html (every other
call wants the id) ·
https://docs.aws.amazon.com/ts-influxdb/latest/ts-influxdb-api/API_GetDbInstance.html · https://docs.aws.amazon.com/timestream/latest/developerguide/supported-instance-types.html
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from ons_runbook.checks import Check, Verdict, covers
from ons_runbook.errors import ChangeRefused
from ons_runbook.failures import reading
from ons_runbook.session import Session
from ons_runbook.sources import nearest
from ons_runbook.tables import TEXT, WHOLE, table, text

SERVICE = "timestream-influxdb"
NEXT = "troubleshooting/influxdb_write_failures"

DESCRIBED = {
    "instance": TEXT,
    "status": TEXT,
    "instance_class": TEXT,
    "vcpus": WHOLE,
    "memory_gib": WHOLE,
    "storage_gib": WHOLE,
    "storage_type": TEXT,
    "deployment": TEXT,
    "endpoint": TEXT,
}
#: vCPUs by class, smallest first. Each comes with GIB_A_VCPU of memory.
VCPUS = {
    "db.influx.medium": 1,
    "db.influx.large": 2,
    "db.influx.xlarge": 4,
    "db.influx.2xlarge": 8,
    "db.influx.4xlarge": 16,
    "db.influx.8xlarge": 32,
    "db.influx.12xlarge": 48,
    "db.influx.16xlarge": 64,
    "db.influx.24xlarge": 96,
}
GIB_A_VCPU = 8

#: The only status in which an instance can be changed, and those that it does not leave by itself.
READY = "AVAILABLE"
BROKEN = {"FAILED", "DELETING", "DELETED", "REBOOT_FAILED", "RESTORE_FAILED"}


def described(session: Session, name: str) -> pd.DataFrame:
    """The instance of that name: one row, or none (with the nearest name) when there is no such instance.

    Columns: instance, status, instance_class, vcpus and memory_gib (missing for a class that is not known
    here), storage_gib (allocated), storage_type, deployment (SINGLE_AZ or WITH_MULTIAZ_STANDBY), endpoint.
    Raises ReadError.
    """
    try:
        facts = named(session, name)
    except ChangeRefused as missing:
        return table([], DESCRIBED, empty=str(missing))
    vcpus = VCPUS.get(facts["dbInstanceType"])
    row = {
        "instance": name,
        "status": facts["status"],
        "instance_class": facts["dbInstanceType"],
        "vcpus": vcpus,
        "memory_gib": vcpus and vcpus * GIB_A_VCPU,
        "storage_gib": facts["allocatedStorage"],
        "storage_type": facts.get("dbStorageType"),
        "deployment": facts.get("deploymentType"),
        "endpoint": facts.get("endpoint"),
    }
    return table([row], DESCRIBED)


def named(session: Session, name: str) -> dict[str, Any]:
    """What GetDbInstance says of the instance of this name.

    Raises ChangeRefused with the nearest name when there is none of that name, and ReadError.
    """
    known: dict[str, str] = {}
    with reading("InfluxDB instances", SERVICE):
        for page in session.pages(SERVICE, "ListDbInstances"):
            known |= {item["name"]: item["id"] for item in page["items"]}
    if name not in known:
        others = nearest(name, known) if known else "This account and region have none."
        raise ChangeRefused(
            f"There is no InfluxDB instance {name!r}. {others}", "Check the name, and the platform's region."
        )
    with reading(f"InfluxDB instance {name}", SERVICE):
        facts: dict[str, Any] = session.client(SERVICE).get_db_instance(identifier=known[name])
    return facts


def shape(session: Session, name: str) -> Any:
    """A shape of the service's model, as the installed botocore has it."""
    return session.client(SERVICE).meta.service_model.shape_for(name)


def classes(session: Session) -> Sequence[str]:
    """The instance classes that the service's model knows, smallest first; those of unknown size last."""
    return sorted(shape(session, "DbInstanceType").enum, key=lambda known: VCPUS.get(known, 10**6))


@covers(["influxdb.instance"])
def judge(described: pd.DataFrame) -> Check:
    """Whether the instance is there and AVAILABLE: one that is being changed warns, a broken one fails."""
    name, expected = "influxdb.instance", READY
    if described.empty:
        return Check(name, Verdict.FAIL, str(described.attrs["empty"]), expected)
    row = described.iloc[0]
    status = text(row["status"])
    said = f"{row['instance']} is {status}: {row['instance_class']}, {row['storage_gib']} GiB"
    if status == READY:
        return Check(name, Verdict.PASS, said, expected)
    if status in BROKEN:
        return Check(name, Verdict.FAIL, said, expected, hint=f"Next: {NEXT}.")
    return Check(name, Verdict.WARN, said, expected, hint=f"Wait until it is {READY}, then ask again.")
