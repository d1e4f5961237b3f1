"""Timestream for InfluxDB: instances and backups go through their states.

Expected values: https://docs.aws.amazon.com/ts-influxdb/latest/ts-influxdb-api/API_UpdateDbInstance.html,
API_GetDbInstance.html and API_CreateDbBackup.html beside it, and
https://docs.aws.amazon.com/timestream/latest/developerguide/timestream-for-influx-managing-modifying-db.html
"""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

# An instance is created in half a second.
FAST = 2400


@pytest.fixture
def influx(services: Any, pace: Callable[[float], None]) -> Any:
    pace(FAST)
    return services.client("timestream-influxdb")


def create(influx: Any, **parameters: Any) -> dict[str, Any]:
    wanted = {
        "name": f"db-{uuid.uuid4().hex[:8]}",
        "password": "not-a-secret",
        "dbInstanceType": "db.influx.medium",
        "vpcSubnetIds": ["subnet-0123456789abcdef0"],
        "vpcSecurityGroupIds": ["sg-0123456789abcdef0"],
        "allocatedStorage": 100,
    }
    made: dict[str, Any] = influx.create_db_instance(**(wanted | {"password": "notasecret1"} | parameters))
    return made


def wait(services: Any, influx: Any, identifier: str, status: str = "AVAILABLE") -> dict[str, Any]:
    def there() -> dict[str, Any] | None:
        found: dict[str, Any] = influx.get_db_instance(identifier=identifier)
        return found if found["status"] == status else None

    found: dict[str, Any] | None = services.eventually(there)
    assert found is not None, f"never {status}"
    return found


def test_an_instance_is_created_and_becomes_available(services: Any, influx: Any) -> None:
    made = create(influx, tags={"Project": "tests"})
    assert made["status"] == "CREATING"
    found = wait(services, influx, made["id"])
    assert (found["allocatedStorage"], found["dbInstanceType"]) == (100, "db.influx.medium")
    assert (found["port"], found["deploymentType"]) == (8086, "SINGLE_AZ")
    assert influx.list_tags_for_resource(resourceArn=found["arn"])["tags"] == {"Project": "tests"}
    assert "notasecret1" not in str(found)


def test_a_modified_instance_shows_the_new_values_when_it_is_available_again(
    services: Any, influx: Any
) -> None:
    identifier = wait(services, influx, create(influx)["id"])["id"]
    answer = influx.update_db_instance(
        identifier=identifier, dbInstanceType="db.influx.large", allocatedStorage=200
    )
    assert (answer["status"], answer["allocatedStorage"]) == ("MODIFYING", 100)
    found = wait(services, influx, identifier)
    assert (found["dbInstanceType"], found["allocatedStorage"]) == ("db.influx.large", 200)


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ({"dbInstanceType": "db.influx.large"}, "UPDATING_INSTANCE_TYPE"),
        ({"deploymentType": "WITH_MULTIAZ_STANDBY"}, "UPDATING_DEPLOYMENT_TYPE"),
        ({"allocatedStorage": 200}, "MODIFYING"),
    ],
)
def test_the_status_says_what_is_changed(
    services: Any, influx: Any, wanted: dict[str, Any], status: str
) -> None:
    identifier = wait(services, influx, create(influx)["id"])["id"]
    assert influx.update_db_instance(identifier=identifier, **wanted)["status"] == status
    found = wait(services, influx, identifier)
    assert {key: found[key] for key in wanted} == wanted


@pytest.mark.parametrize("wanted", [{"dbInstanceType": "db.influx.tiny"}, {"allocatedStorage": 15_361}])
def test_a_class_or_size_that_there_is_not_is_refused(
    services: Any,
    influx: Any,
    refused: Callable[..., dict[str, Any]],
    wanted: dict[str, Any],
) -> None:
    identifier = wait(services, influx, create(influx)["id"])["id"]
    error = refused(influx.update_db_instance, identifier=identifier, **wanted)
    assert error["Code"] == "ValidationException"
    assert influx.get_db_instance(identifier=identifier)["status"] == "AVAILABLE"


def test_storage_only_grows(services: Any, influx: Any, refused: Callable[..., dict[str, Any]]) -> None:
    identifier = wait(services, influx, create(influx)["id"])["id"]
    error = refused(influx.update_db_instance, identifier=identifier, allocatedStorage=50)
    assert error["Code"] == "ValidationException"
    assert "can only be increased" in error["Message"]
    found = influx.get_db_instance(identifier=identifier)
    assert (found["status"], found["allocatedStorage"]) == ("AVAILABLE", 100)


def test_an_instance_that_is_being_modified_cannot_be_modified(
    services: Any,
    influx: Any,
    pace: Callable[[float], None],
    refused: Callable[..., dict[str, Any]],
) -> None:
    identifier = wait(services, influx, create(influx)["id"])["id"]
    pace(1)
    influx.update_db_instance(identifier=identifier, dbInstanceType="db.influx.large")
    error = refused(influx.update_db_instance, identifier=identifier, allocatedStorage=400)
    assert error["Code"] == "ConflictException"
    error = refused(influx.create_db_backup, name="too-early", dbResourceId=identifier)
    assert error["Code"] == "ConflictException"


def test_nothing_happens_to_an_instance_that_is_so_already(services: Any, influx: Any) -> None:
    identifier = wait(services, influx, create(influx)["id"])["id"]
    answer = influx.update_db_instance(identifier=identifier, dbInstanceType="db.influx.medium")
    assert answer["status"] == "AVAILABLE"


@pytest.mark.parametrize(
    ("parameters", "code", "named"),
    [
        # A name is not an identifier: those have neither hyphen nor underscore.
        ({"identifier": "ons-influxdb-prod"}, "ValidationException", "identifier"),
        ({"identifier": "nosuchinst"}, "ResourceNotFoundException", "nosuchinst"),
    ],
)
def test_an_instance_is_found_by_its_identifier_only(
    influx: Any,
    refused: Callable[..., dict[str, Any]],
    parameters: dict[str, Any],
    code: str,
    named: str,
) -> None:
    error = refused(influx.get_db_instance, **parameters)
    assert error["Code"] == code
    assert named in error["Message"]


def test_what_no_instance_can_be_is_refused(influx: Any, refused: Callable[..., dict[str, Any]]) -> None:
    error = refused(create, influx=influx, dbInstanceType="db.influx.huge")
    assert error["Code"] == "ValidationException"
    assert "dbInstanceType" in error["Message"]
    name = create(influx)["name"]
    assert refused(create, influx=influx, name=name)["Code"] == "ConflictException"
    assert refused(create, influx=influx, port=8090)["Code"] == "ValidationException"


def test_instances_are_listed_in_pages(influx: Any) -> None:
    made = {create(influx)["id"] for _ in range(3)}
    pages = list(influx.get_paginator("list_db_instances").paginate(PaginationConfig={"PageSize": 2}))
    assert len(pages) >= 2
    listed = [item["id"] for page in pages for item in page["items"]]
    assert len(listed) == len(set(listed))
    assert made <= set(listed)


def test_a_deleted_instance_is_gone_after_a_while(
    services: Any, influx: Any, refused: Callable[..., dict[str, Any]]
) -> None:
    identifier = wait(services, influx, create(influx)["id"])["id"]
    assert influx.delete_db_instance(identifier=identifier)["status"] == "DELETING"

    def gone() -> bool:
        pages = influx.get_paginator("list_db_instances").paginate()
        return identifier not in [item["id"] for page in pages for item in page["items"]]

    assert services.eventually(gone)
    assert refused(influx.get_db_instance, identifier=identifier)["Code"] == "ResourceNotFoundException"


def test_a_backup_is_taken_and_remembers_the_instance(services: Any, influx: Any) -> None:
    instance = wait(services, influx, create(influx)["id"])
    name = f"backup-{uuid.uuid4().hex[:8]}"
    made = influx.create_db_backup(name=name, dbResourceId=instance["id"], retentionDays=30)
    assert (made["status"], made["type"], made["engineType"]) == ("IN_PROGRESS", "ON_DEMAND", "INFLUXDB_V2")

    def backup() -> dict[str, Any]:
        found: dict[str, Any] = influx.get_db_backup(identifier=made["id"])
        return found

    assert services.eventually(lambda: backup()["status"] == "COMPLETED")
    assert backup()["allocatedStorage"] == 100
    assert backup()["expiresAfter"] > backup()["createdAt"].date().isoformat()
    (listed,) = influx.list_db_backups(dbResourceId=instance["id"])["items"]
    assert (listed["id"], listed["name"]) == (made["id"], name)


def test_two_backups_cannot_have_the_same_name(
    services: Any, influx: Any, refused: Callable[..., dict[str, Any]]
) -> None:
    identifier = wait(services, influx, create(influx)["id"])["id"]
    influx.create_db_backup(name="the-same", dbResourceId=identifier)
    error = refused(influx.create_db_backup, name="the-same", dbResourceId=identifier)
    assert error["Code"] == "ConflictException"


def test_parameter_groups_are_still_motos(influx: Any) -> None:
    name = f"group-{uuid.uuid4().hex[:8]}"
    made = influx.create_db_parameter_group(name=name, parameters={"InfluxDBv2": {"queryConcurrency": 8}})
    assert influx.get_db_parameter_group(identifier=made["id"])["name"] == name
    assert influx.list_tags_for_resource(resourceArn=made["arn"])["tags"] == {}
