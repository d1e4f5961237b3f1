"""Timestream for InfluxDB: DB instances that take their time to be created, modified, rebooted and deleted.

moto's instances stay CREATING, and cannot be modified. Here an instance goes through its states in
accelerated time (`clock`); a modification shows when it is over. Clusters and parameter groups are moto's.

https://docs.aws.amazon.com/ts-influxdb/latest/ts-influxdb-api/API_GetDbInstance.html
https://docs.aws.amazon.com/ts-influxdb/latest/ts-influxdb-api/API_UpdateDbInstance.html
https://docs.aws.amazon.com/timestream/latest/developerguide/timestream-for-influx-managing-modifying-db.html
"""

import secrets
import string
from collections.abc import Mapping
from typing import Any

from ons_sandbox.mends import mended
from ons_sandbox.services import influxdb_backups, influxdb_store
from ons_sandbox.services.influxdb_store import Resource
from ons_sandbox.services.json_service import Elsewhere, Parameters, ServiceError, page

service = influxdb_store.service

# Minutes on AWS.
CREATING, MODIFYING, REBOOTING, DELETING = 20, 15, 2, 5

SUMMARY = (
    *("id", "name", "arn", "status", "endpoint", "port", "networkType", "dbInstanceType"),
    *("dbStorageType", "allocatedStorage", "deploymentType"),
)
# What UpdateDbInstance can change, besides the storage that can only grow.
CHANGEABLE = (
    *("dbInstanceType", "allocatedStorage", "dbStorageType", "deploymentType", "port"),
    *("dbParameterGroupIdentifier", "logDeliveryConfiguration", "maintenanceSchedule"),
    "dbBackupConfigurations",
)
# What CreateDbInstance is told and GetDbInstance tells; the password is not kept at all.
GIVEN = (*CHANGEABLE, "name", "vpcSubnetIds", "vpcSecurityGroupIds", "kmsKeyId")


def install() -> None:
    """Answer in front of moto. Raises MendError."""
    service.install()


def reset() -> None:
    """Forget every instance and backup."""
    influxdb_store.clear()


def put_instance(parameters: Mapping[str, Any], status: str = "CREATING") -> Resource:
    """Add an instance to the current account and region.

    parameters: as CreateDbInstance takes them. status: "AVAILABLE" for one that has been there for long;
    otherwise it becomes so in time. Works inside the server's process only.
    """
    responses = mended("ministack.core.responses", "get_account_id", "get_region")
    region, account = responses.get_region(), responses.get_account_id()
    identifier = new_id()
    secret = f"READONLY-InfluxDB-auth-parameters-{identifier}-{new_id(6)}"
    record = {
        "dbStorageType": "InfluxIOIncludedT1",
        "deploymentType": "SINGLE_AZ",
        "port": 8086,
        **{key: parameters[key] for key in GIVEN if key in parameters},
        "id": identifier,
        "arn": f"arn:aws:timestream-influxdb:{region}:{account}:db-instance/{identifier}",
        "status": status,
        "endpoint": f"{identifier}-{new_id(13)}.timestream-influxdb.{region}.on.aws",
        "networkType": parameters.get("networkType", "IPV4"),
        "publiclyAccessible": parameters.get("publiclyAccessible", False),
        "availabilityZone": f"{region}a",
        "influxAuthParametersSecretArn": f"arn:aws:secretsmanager:{region}:{account}:secret:{secret}",
    }
    instance = Resource(record, dict(parameters.get("tags", {})))
    if status == "CREATING":
        instance.become({"status": "AVAILABLE"}, after_minutes=CREATING)
    influxdb_store.instances()[identifier] = instance
    return instance


def new_id(length: int = 10) -> str:
    """An identifier as the service draws it."""
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(length))


@service.operation
def create_db_instance(parameters: Parameters) -> dict[str, Any]:
    """CreateDbInstance."""
    _check(parameters)
    name = parameters["name"]
    if any(known.record["name"] == name for known in influxdb_store.instances().values()):
        raise influxdb_store.conflict("db-instance", name, f"DB instance {name} already exists.")
    return put_instance(parameters).record


@service.operation
def get_db_instance(parameters: Parameters) -> dict[str, Any]:
    """GetDbInstance."""
    return _instance(parameters).record


@service.operation
def list_db_instances(parameters: Parameters) -> dict[str, Any]:
    """ListDbInstances."""
    known = sorted(influxdb_store.instances().values(), key=lambda instance: str(instance.record["name"]))
    items = [{key: instance.record[key] for key in SUMMARY} for instance in known]
    shown, token = page(
        items, parameters.get("maxResults", 100), parameters.get("nextToken"), "ValidationException"
    )
    return {"items": shown} | ({"nextToken": token} if token else {})


@service.operation
def update_db_instance(parameters: Parameters) -> dict[str, Any]:
    """UpdateDbInstance: storage only grows, and the new values show when the instance is AVAILABLE again."""
    instance = _instance(parameters, available=True)
    wanted = {key: parameters[key] for key in CHANGEABLE if key in parameters}
    if not wanted:
        raise _invalid("At least one value to update must be specified.")
    _check(wanted)
    allocated = instance.record["allocatedStorage"]
    if wanted.get("allocatedStorage", allocated) < allocated:
        raise _invalid(
            f"Allocated storage can only be increased: it is {allocated} GiB, "
            f"and {wanted['allocatedStorage']} GiB were requested."
        )
    changed = {key: value for key, value in wanted.items() if instance.record.get(key) != value}
    if changed:
        instance.record["status"] = _status_of(changed)
        instance.become({**changed, "status": "AVAILABLE"}, after_minutes=MODIFYING)
    return instance.record


def _status_of(changed: Mapping[str, Any]) -> str:
    """What an instance is doing while these values change: one that is alone has a status of its own."""
    alone = {"dbInstanceType": "UPDATING_INSTANCE_TYPE", "deploymentType": "UPDATING_DEPLOYMENT_TYPE"}
    return alone.get(next(iter(changed)), "MODIFYING") if len(changed) == 1 else "MODIFYING"


@service.operation
def reboot_db_instance(parameters: Parameters) -> dict[str, Any]:
    """RebootDbInstance."""
    instance = _instance(parameters, available=True)
    instance.record["status"] = "REBOOTING"
    instance.become({"status": "AVAILABLE"}, after_minutes=REBOOTING)
    return instance.record


@service.operation
def delete_db_instance(parameters: Parameters) -> dict[str, Any]:
    """DeleteDbInstance."""
    instance = _instance(parameters)
    if instance.record["status"] != "DELETING":
        instance.record["status"] = "DELETING"
        instance.become({"status": "DELETED"}, after_minutes=DELETING)
    return instance.record


@service.operation
def tag_resource(parameters: Parameters) -> dict[str, Any]:
    """TagResource."""
    _tagged(parameters).update(parameters["tags"])
    return {}


@service.operation
def untag_resource(parameters: Parameters) -> dict[str, Any]:
    """UntagResource."""
    tags = _tagged(parameters)
    for key in parameters["tagKeys"]:
        tags.pop(key, None)
    return {}


@service.operation
def list_tags_for_resource(parameters: Parameters) -> dict[str, Any]:
    """ListTagsForResource."""
    return {"tags": _tagged(parameters)}


def _tagged(parameters: Parameters) -> dict[str, str]:
    """The tags of an instance or a backup; those of what is moto's are moto's."""
    arn = parameters["resourceArn"]
    for resource in (*influxdb_store.instances().values(), *influxdb_store.backups().values()):
        if resource.record["arn"] == arn:
            return resource.tags
    raise Elsewhere


def _instance(parameters: Parameters, *, available: bool = False) -> Resource:
    identifier = parameters["identifier"]
    instance = influxdb_store.find(influxdb_store.instances(), "db-instance", identifier)
    status = instance.record["status"]
    if available and status != "AVAILABLE":
        message = f"DB instance {identifier} is {status}: it must be AVAILABLE."
        raise influxdb_store.conflict("db-instance", identifier, message)
    return instance


def _check(values: Mapping[str, Any]) -> None:
    """What the documentation forbids and the service's model does not say."""
    port = values.get("port", 8086)
    if 2375 <= port <= 2376 or 7788 <= port <= 7799 or port == 8090 or 51678 <= port <= 51680:
        raise _invalid(f"Port {port} is reserved.")


def _invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message, reason="OTHER")


# Their operations enter the service when the module is imported.
BACKUPS = influxdb_backups
