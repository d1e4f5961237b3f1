"""What scaling the InfluxDB instance would do, and what it refuses.

https://docs.aws.amazon.com/ts-influxdb/latest/ts-influxdb-api/API_UpdateDbInstance.html ·
https://docs.aws.amazon.com/timestream/latest/developerguide/timestream-for-influx-managing-modifying-db.html
(allocated storage: increase only)
"""

import pytest
from botocore.validate import ParamValidator

from ons_runbook.aws import influx_scaling
from ons_runbook.errors import ChangeRefused
from ons_runbook.plan import Action, changes_between
from ons_runbook.window import utc_now

from .influx_stubs import ID, NAME, add_instance, add_listing, instance

LARGE = "db.influx.large"


@pytest.fixture
def plan(stub, session):
    """The changes for an instance that is as the keywords say."""

    def planned(instance_class="", storage_gib=0, **changed):
        add_instance(stub, **changed)
        return influx_scaling.changes(
            session, instance=NAME, instance_class=instance_class, storage_gib=storage_gib
        )

    return planned


def test_nothing_asked_for_reads_nothing_and_plans_nothing(session):
    changes = influx_scaling.changes(session, instance=NAME)
    assert changes.actions == ()
    assert "give an instance_class, a storage_gib, or both" in changes.nothing


def test_class_and_storage_are_two_changes_and_the_one_with_an_undo_comes_first(plan):
    first, second = plan(LARGE, 200).actions
    assert first.parameters == {"identifier": ID, "dbInstanceType": LARGE}
    assert changes_between(first.before, first.after) == {"class": ("db.influx.medium", LARGE)}
    assert second.parameters == {"identifier": ID, "allocatedStorage": 200}
    assert changes_between(second.before, second.after) == {"storage_gib": (100, 200)}
    # Each is taken back, or left alone, by itself.
    assert first.state != second.state
    assert first.before["status"] == second.after["status"] == "AVAILABLE"


def test_the_undo_of_the_class_is_the_class_that_was_there(plan):
    (action,) = plan(LARGE).actions
    (back,) = action.undo
    assert (back.before, back.after) == (action.after, action.before)
    assert back.parameters == {"identifier": ID, "dbInstanceType": "db.influx.medium"}
    assert action.undo_note == ""


def test_storage_has_no_undo_and_says_so(plan):
    (action,) = plan(storage_gib=200).actions
    assert action.undo == ()
    assert "cannot shrink storage: 200 GiB stay, and are paid for" in action.undo_note


def test_an_action_survives_its_journal(plan):
    for action in plan(LARGE, 200).actions:
        assert Action.from_dict(action.as_dict()) == action


def test_the_parameters_are_what_the_services_model_takes(plan, session):
    model = session.client("timestream-influxdb").meta.service_model.operation_model("UpdateDbInstance")
    for action in plan("db.influx.24xlarge", 15360).actions:
        assert not ParamValidator().validate(action.parameters, model.input_shape).has_errors()


def test_what_is_so_already_is_left_alone_and_the_rest_planned(plan):
    changes = plan("db.influx.medium", 200)
    assert [action.name for action in changes.actions] == [f"storage of {NAME}"]
    assert [alone.why for alone in changes.left_alone] == ["it is db.influx.medium already"]


def test_when_all_is_so_already_nothing_is_planned_whatever_goes_on(plan):
    changes = plan("db.influx.medium", 100, status="MAINTENANCE")
    assert changes.actions == []
    assert changes.nothing == f"{NAME} is a db.influx.medium with 100 GiB already."


class TestCost:
    def test_the_difference_a_month_comes_with_price_and_date(self, plan):
        first, second = plan(LARGE, 250).actions
        assert first.cost == "+87.60 USD a month at 0.12 USD per vCPU-hour (2026-02-01)"
        assert second.cost == "+15.00 USD a month at 0.1 USD per GB-month (2026-02-01)"
        assert first.undo[0].cost.startswith("-87.60 USD a month")

    def test_a_standby_costs_the_same_again(self, plan):
        first, second = plan(LARGE, 250, deploymentType="WITH_MULTIAZ_STANDBY").actions
        assert first.cost.startswith("+175.20 USD")
        assert first.cost.endswith("twice for the standby")
        assert second.cost.startswith("+30.00 USD")

    def test_what_nobody_has_a_price_for_is_not_known_rather_than_free(self, plan):
        first, second = plan(
            LARGE, 500, dbStorageType="InfluxIOIncludedT2", dbInstanceType="db.influx.48xlarge"
        ).actions
        assert first.cost.startswith("not known")
        assert second.cost.startswith("not known")
        assert "InfluxIOIncludedT2" in second.cost

    def test_a_price_of_the_platforms_settings_wins(self, make_session, monkeypatch):
        session = make_session(prices={"influxdb_vcpu_hour": 0.5})
        monkeypatch.setattr(influx_scaling, "named", lambda *_: instance())
        (action,) = influx_scaling.changes(session, instance=NAME, instance_class=LARGE).actions
        assert action.cost == "+365.00 USD a month at 0.5 USD per vCPU-hour (platform settings)"


class TestRisk:
    def test_a_larger_class_restarts_influxdb(self, plan):
        (action,) = plan(LARGE).actions
        assert "may restart" in action.risk
        assert "less CPU" not in action.risk

    def test_a_smaller_class_has_less_of_everything(self, plan):
        (action,) = plan(LARGE, dbInstanceType="db.influx.4xlarge").actions
        assert "less CPU and memory" in action.risk
        assert action.cost.startswith("-1,226.40 USD")


class TestRefused:
    @pytest.mark.parametrize(
        ("wanted", "says"),
        [
            ({"instance_class": "db.influx.lage"}, "Did you mean 'db.influx.large'"),
            ({"instance_class": "m5.huge"}, "'m5.huge' is not an instance class"),
            ({"storage_gib": 99}, "has 100 GiB of storage, and 99 GiB is less: storage can only grow"),
            ({"storage_gib": -5}, "storage can only grow"),
            ({"storage_gib": 15361}, "15361 GiB of storage cannot be had. The service has 20 to 15360 GiB"),
        ],
    )
    def test_what_the_service_does_not_have(self, plan, wanted, says):
        with pytest.raises(ChangeRefused, match=says):
            plan(**wanted)

    @pytest.mark.parametrize("status", ["MODIFYING", "CREATING", "MAINTENANCE", "FAILED"])
    def test_an_instance_that_is_not_available(self, plan, status):
        with pytest.raises(ChangeRefused, match=f"{NAME} is {status}, and can be changed only when"):
            plan(LARGE, status=status)

    def test_a_member_of_a_cluster(self, plan):
        with pytest.raises(ChangeRefused, match="part of the cluster cluster1234"):
            plan(LARGE, dbClusterId="cluster1234")

    def test_an_instance_that_is_not_there(self, stub, session):
        add_listing(stub, NAME)
        with pytest.raises(ChangeRefused, match=f"Did you mean '{NAME}'"):
            influx_scaling.changes(session, instance="ons-influxdb", instance_class=LARGE)

    def test_a_class_that_only_the_instance_knows_does_not_hinder_more_storage(self, plan):
        (action,) = plan(storage_gib=200, dbInstanceType="db.influx.48xlarge").actions
        assert action.after["storage_gib"] == 200


class TestState:
    @pytest.mark.parametrize(("of", "value"), [("class", "db.influx.medium"), ("storage_gib", 100)])
    def test_it_is_the_status_and_the_one_value(self, stub, session, of, value):
        stub("timestream-influxdb").add_response(
            "get_db_instance", instance(status="MODIFYING"), {"identifier": ID}
        )
        assert influx_scaling.state(session, instance=ID, of=of) == {"status": "MODIFYING", of: value}

    def test_an_instance_that_is_gone_has_none_of_them(self, stub, session):
        stub("timestream-influxdb").add_client_error("get_db_instance", "ResourceNotFoundException")
        assert influx_scaling.state(session, instance=ID, of="class") == {"status": None, "class": None}

    def test_an_action_reads_what_it_compares(self, plan, stub, session):
        for action in plan(LARGE, 200).actions:
            stub("timestream-influxdb").add_response("get_db_instance", instance())
            assert action.state.read(session) == action.before

    @pytest.mark.parametrize(
        ("status", "fails"),
        [
            ("AVAILABLE", False),
            ("UPDATING_INSTANCE_TYPE", False),
            ("MODIFYING", False),
            ("FAILED", True),
            ("DELETING", True),
        ],
    )
    def test_a_change_fails_as_soon_as_the_instance_is_broken(self, stub, session, status, fails):
        stub("timestream-influxdb").add_response("get_db_instance", instance(status=status))
        progress = influx_scaling.progress(session, instance=ID, since=utc_now())
        assert progress.said == status
        assert bool(progress.failing) is fails

    def test_a_change_fails_when_the_instance_is_gone(self, stub, session):
        stub("timestream-influxdb").add_client_error("get_db_instance", "ResourceNotFoundException")
        assert influx_scaling.progress(session, instance=ID, since=utc_now()).failing
