"""The InfluxDB instance as AWS tells it.

https://docs.aws.amazon.com/ts-influxdb/latest/ts-influxdb-api/API_ListDbInstances.html (pages) ·
https://docs.aws.amazon.com/timestream/latest/developerguide/supported-instance-types.html
"""

import pytest

from ons_runbook.aws import influx_instance
from ons_runbook.checks import names_covered
from ons_runbook.errors import AccessDenied, ChangeRefused

from .influx_stubs import ID, NAME, add_instance, add_listing, instance


@pytest.mark.parametrize("pages", [("another", NAME), (NAME, "another")])
def test_the_name_is_looked_for_on_every_page(stub, session, pages):
    add_listing(stub, pages[0], nextToken="more")
    add_listing(stub, pages[1])
    stub("timestream-influxdb").add_response("get_db_instance", instance(), {"identifier": ID})
    assert influx_instance.named(session, NAME)["id"] == ID


def test_one_row_says_how_large_it_is(stub, session):
    add_instance(stub, dbInstanceType="db.influx.xlarge")
    row = influx_instance.described(session, NAME).iloc[0]
    assert (row["status"], row["instance_class"], row["storage_gib"]) == (
        "AVAILABLE",
        "db.influx.xlarge",
        100,
    )
    assert (row["vcpus"], row["memory_gib"]) == (4, 32)
    assert row["deployment"] == "SINGLE_AZ"


def test_the_size_of_a_class_that_nobody_knows_is_missing(stub, session):
    add_instance(stub, dbInstanceType="db.influx.48xlarge")
    row = influx_instance.described(session, NAME)
    assert row["vcpus"].isna().all()
    assert row["memory_gib"].isna().all()


def test_an_unknown_name_is_refused_with_the_nearest(stub, session):
    add_listing(stub, NAME, "other")
    with pytest.raises(ChangeRefused, match=r"no InfluxDB instance 'ons-influxdb-prd'.*'ons-influxdb-prod'"):
        influx_instance.named(session, "ons-influxdb-prd")


def test_an_account_without_any_says_so(stub, session):
    add_listing(stub)
    frame = influx_instance.described(session, NAME)
    assert frame.empty
    assert list(frame.columns) == list(influx_instance.DESCRIBED)
    assert "This account and region have none." in frame.attrs["empty"]


def test_what_may_not_be_read_is_an_error_and_not_an_absent_instance(stub, session):
    stub("timestream-influxdb").add_client_error("list_db_instances", "AccessDeniedException")
    with pytest.raises(AccessDenied, match="ListDbInstances"):
        influx_instance.described(session, NAME)


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        ("AVAILABLE", "pass"),
        ("MODIFYING", "warn"),
        ("UPDATING_INSTANCE_TYPE", "warn"),
        ("MAINTENANCE", "warn"),
        ("FAILED", "fail"),
        ("DELETING", "fail"),
        ("REBOOT_FAILED", "fail"),
    ],
)
def test_only_what_is_available_passes(stub, session, status, verdict):
    add_instance(stub, status=status)
    check = influx_instance.judge(influx_instance.described(session, NAME))
    assert check.verdict == verdict
    assert status in check.observed
    assert [check.name] == names_covered(influx_instance.judge, {})


def test_every_status_that_lasts_is_one_of_the_services(session):
    assert set(influx_instance.shape(session, "Status").enum) > influx_instance.BROKEN


def test_an_instance_that_is_not_there_fails_and_is_not_unknown(stub, session):
    add_listing(stub, "other")
    check = influx_instance.judge(influx_instance.described(session, NAME))
    assert check.verdict == "fail"
    assert "no InfluxDB instance" in check.observed


def test_classes_are_the_service_models_own_smallest_first(session):
    classes = influx_instance.classes(session)
    assert set(classes) == set(influx_instance.shape(session, "DbInstanceType").enum)
    assert classes[:3] == ["db.influx.medium", "db.influx.large", "db.influx.xlarge"]
    # Each class of the model has a size here: a new one must be looked up.
    assert set(classes) == set(influx_instance.VCPUS)
