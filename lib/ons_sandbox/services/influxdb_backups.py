"""Timestream for InfluxDB: backups of instances, on demand and by schedule.

https://docs.aws.amazon.com/ts-influxdb/latest/ts-influxdb-api/API_CreateDbBackup.html
https://docs.aws.amazon.com/ts-influxdb/latest/ts-influxdb-api/API_ListDbBackups.html
"""

import secrets
import string
from datetime import UTC, datetime, timedelta
from typing import Any

from ons_sandbox.services import clock, influxdb_store
from ons_sandbox.services.influxdb_store import Record, Resource
from ons_sandbox.services.json_service import Parameters, page

service = influxdb_store.service

# Minutes on AWS.
BACKING_UP, DELETING = 6, 1

SUMMARY = (
    *("id", "name", "arn", "status", "createdAt", "expiresAfter", "dbResourceId", "type"),
    *("engineType", "deploymentType", "kmsKeyId"),
)
# A backup remembers how the instance was.
OF_INSTANCE = (
    *("deploymentType", "dbInstanceType", "dbStorageType", "allocatedStorage", "vpcSubnetIds"),
    *("vpcSecurityGroupIds", "publiclyAccessible", "port", "networkType", "kmsKeyId"),
    *("influxAuthParametersSecretArn", "logDeliveryConfiguration", "maintenanceSchedule"),
)


def put_backup(
    instance: Record,
    name: str,
    *,
    kind: str = "ON_DEMAND",
    created: datetime | None = None,
    retention_days: int | None = None,
    tags: dict[str, str] | None = None,
) -> Resource:
    """Add a backup of an instance: one of the past is complete, one of now becomes so in time.

    instance: its record. created: an aware time in the past, or None for now. Works inside the server's
    process only.
    """
    identifier = "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(10))
    at = created or datetime.fromtimestamp(clock.now(), UTC)
    record = {
        **{key: instance[key] for key in OF_INSTANCE if key in instance},
        "id": identifier,
        "name": name,
        "arn": f"{instance['arn'].rpartition(':')[0]}:db-backup/{identifier}",
        "status": "COMPLETED" if created else "IN_PROGRESS",
        "createdAt": at.timestamp(),
        "dbResourceId": instance["id"],
        "type": kind,
        "engineType": "INFLUXDB_V2",
    }
    if retention_days is not None:
        record["expiresAfter"] = (at + timedelta(days=retention_days)).date().isoformat()
    backup = Resource(record, dict(tags or {}))
    if created is None:
        backup.become({"status": "COMPLETED"}, after_minutes=BACKING_UP)
    influxdb_store.backups()[identifier] = backup
    return backup


@service.operation
def create_db_backup(parameters: Parameters) -> dict[str, Any]:
    """CreateDbBackup: of an AVAILABLE instance, under a name that no other backup has."""
    identifier, name = parameters["dbResourceId"], parameters["name"]
    instance = influxdb_store.find(influxdb_store.instances(), "db-instance", identifier)
    if any(known.record["name"] == name for known in influxdb_store.backups().values()):
        raise influxdb_store.conflict("db-backup", name, f"DB backup {name} already exists.")
    if instance.record["status"] != "AVAILABLE":
        message = f"DB instance {identifier} is {instance.record['status']}: it must be AVAILABLE."
        raise influxdb_store.conflict("db-instance", identifier, message)
    days, tags = parameters.get("retentionDays"), parameters.get("tags")
    return put_backup(instance.record, name, retention_days=days, tags=tags).record


@service.operation
def get_db_backup(parameters: Parameters) -> dict[str, Any]:
    """GetDbBackup."""
    return _backup(parameters).record


@service.operation
def list_db_backups(parameters: Parameters) -> dict[str, Any]:
    """ListDbBackups: newest first, of one instance or of all."""
    wanted = parameters.get("dbResourceId")
    known = [
        backup.record
        for backup in influxdb_store.backups().values()
        if wanted in (None, backup.record["dbResourceId"])
    ]
    known.sort(key=lambda record: float(record["createdAt"]), reverse=True)
    items = [{key: record[key] for key in SUMMARY if key in record} for record in known]
    shown, token = page(
        items, parameters.get("maxResults", 100), parameters.get("nextToken"), "ValidationException"
    )
    return {"items": shown} | ({"nextToken": token} if token else {})


@service.operation
def delete_db_backup(parameters: Parameters) -> dict[str, Any]:
    """DeleteDbBackup."""
    backup = _backup(parameters)
    backup.record["status"] = "DELETING"
    backup.become({"status": "DELETED"}, after_minutes=DELETING)
    return backup.record


def _backup(parameters: Parameters) -> Resource:
    return influxdb_store.find(influxdb_store.backups(), "db-backup", parameters["identifier"])
