"""The past in Timestream for InfluxDB: the instance, and its backups of the last week.

https://docs.aws.amazon.com/timestream/latest/developerguide/timestream-for-influx-db-instances.html
"""

from datetime import UTC, datetime, timedelta

from ons_sandbox.platform import names
from ons_sandbox.services import influxdb_backups, timestream_influxdb

INSTANCE_TYPE = "db.influx.medium"
STORAGE_GB = 100
BACKUP_HOUR = 5
BACKUP_DAYS = 7


def write(*, now: datetime) -> None:
    """Write the instance, which has been AVAILABLE for months, and its daily backups.

    now: when the history ends (aware). Works inside the server's process only.
    """
    instance = timestream_influxdb.put_instance(
        {
            "name": names.INFLUX_INSTANCE,
            "dbInstanceType": INSTANCE_TYPE,
            "allocatedStorage": STORAGE_GB,
            "vpcSubnetIds": ["subnet-0a1f3c5e7b9d20461"],
            "vpcSecurityGroupIds": ["sg-0d4e6f8a1b3c5d7e9"],
            "dbBackupConfigurations": [{"type": "DAILY", "retentionDays": BACKUP_DAYS, "enabled": True}],
            "tags": {"Project": names.PROJECT, "Environment": "prod"},
        },
        status="AVAILABLE",
    )
    last = now.astimezone(UTC).replace(hour=BACKUP_HOUR, minute=0, second=0, microsecond=0)
    if last > now:
        last -= timedelta(days=1)
    for age in range(BACKUP_DAYS):
        created = last - timedelta(days=age)
        influxdb_backups.put_backup(
            instance.record,
            f"daily-{created:%Y-%m-%d}",
            kind="DAILY",
            created=created,
            retention_days=BACKUP_DAYS,
        )
