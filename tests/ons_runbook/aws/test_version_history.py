"""Which versions were live, when, and how they did."""

from datetime import timedelta

import pytest

from ons_runbook.aws import version_history
from ons_runbook.errors import AccessDenied, NotFound
from ons_runbook.tables import given
from ons_runbook.window import Window

from .versioning import NOW, Account, days

MONTH = Window.parse("30d", now=NOW)
OF_ALIAS = {"FunctionName": "f", "Resource": "f:LIVE"}


@pytest.fixture
def account(monkeypatch):
    """Five versions of `f`: 3 replaced 2 twenty days ago, and 4 three ten days ago; 5 was never live."""
    account = Account(monkeypatch)
    for version in ("$LATEST", "1", "2", "3", "4", "5"):
        account.publish("f", version)
    account.alias("f", "4")
    account.deployed("f", "2", "3", days(20))
    account.deployed("f", "3", "4", days(10))
    return account


@pytest.fixture
def history(session):
    return lambda: version_history.history(session, "f", "LIVE", MONTH)


def row(found, version):
    (one,) = found[found["version"] == version].to_dict("records")
    return {name: value for name, value in one.items() if given(value)}


def test_each_version_with_the_time_in_which_it_was_live(account, history):
    found = history()
    assert list(found["version"]) == ["5", "4", "3", "2", "1"]
    assert row(found, "4") == {
        "version": "4",
        "share_percent": 100,
        "live_from": days(10),
        "replaced": "3",
        "deployment": "d-2",
        "description": "release 4",
        "note": "live",
    }
    three = row(found, "3")
    assert (three["live_from"], three["live_until"], three["replaced"]) == (days(20), days(10), "2")
    # When 2 went live is before the window.
    assert row(found, "2") == {"version": "2", "live_until": days(20), "description": "release 2"}
    assert row(found, "5") == {"version": "5", "description": "release 5"}
    assert found.attrs["last"].id == "d-2"
    assert found.attrs["state"] == {"version": "4", "weights": {}}


def test_calls_by_the_version_that_ran(account, history):
    account.measured("Invocations", {days(15): 200, days(12): 100}, **OF_ALIAS, ExecutedVersion="3")
    account.measured("Errors", {days(15): 6}, **OF_ALIAS, ExecutedVersion="3")
    three = row(history(), "3")
    assert (three["calls"], three["errors"], three["error_rate_percent"]) == (300, 6, 2.0)


def test_where_versions_are_not_told_apart_the_times_of_the_deployments_tell(account, history):
    account.measured("Invocations", {days(25): 1, days(15): 20, days(10): 300, days(1): 4000}, **OF_ALIAS)
    account.measured("Errors", {days(25): 0, days(15): 2, days(10): 3, days(1): 0}, **OF_ALIAS)
    found = history()
    assert {version: row(found, version).get("calls") for version in "12345"} == {
        "1": None,
        "2": 1,
        "3": 20,
        "4": 4300,
        "5": None,
    }
    assert row(found, "4")["errors"] == 3


def test_a_time_that_ended_by_hand_is_not_reckoned(account, history):
    account.alias("f", "3")
    account.measured("Invocations", {days(15): 20, days(1): 4000}, **OF_ALIAS)
    found = history()
    assert row(found, "3")["calls"] == 20
    assert "calls" not in row(found, "4"), "nobody knows since when 4 is live no more"


def test_a_time_that_the_next_deployment_contradicts_is_not_reckoned(account, history):
    account.deployed("f", "3", "5", days(5))  # somebody had gone back to 3 meanwhile
    account.alias("f", "5")
    account.measured("Invocations", {days(8): 4000, days(1): 10}, **OF_ALIAS)
    found = history()
    assert "calls" not in row(found, "4")
    assert row(found, "5")["calls"] == 10
    assert row(found, "5")["replaced"] == "3"


def test_weights_are_shares(account, history):
    account.alias("f", "4", v5=0.25)
    found = history()
    assert (row(found, "4")["share_percent"], row(found, "5")["share_percent"]) == (75, 25)
    assert (row(found, "4")["note"], row(found, "5")["note"]) == ("live", "live")


def test_what_speaks_against_a_version(account, history):
    bad = account.deployed("f", "4", "5", days(3), status="Failed")
    account.deployed("f", "5", "4", days(2.9), back=bad)
    del account.versions["f"]["2"]
    found = history()
    assert row(found, "5")["note"] == f"deployment {bad} failed"
    assert row(found, "2")["note"] == "deleted"
    assert "note" not in row(found, "3")
    four = row(found, "4")
    assert (four["replaced"], four["deployment"]) == ("3", "d-2"), "not what the rollback says"
    assert four["live_from"] == days(2.9)


def test_a_version_that_was_live_and_taken_back(account, history):
    bad = account.deployed("f", "4", "5", days(3))
    back = account.deployed("f", "5", "4", days(2), back=bad)
    five = row(history(), "5")
    assert five["note"] == f"taken back by {back}"
    assert (five["live_from"], five["live_until"]) == (days(3), days(2))


def test_deployments_of_other_functions_and_aliases_are_left_out(account, history):
    account.deployed("g", "1", "5", days(1))
    account.deployments[account.deployed("f", "4", "5", days(1))]["moved"]["functionAlias"] = "TEST"
    assert history().attrs["last"].id == "d-2"


def test_of_many_versions_the_newest_and_those_that_were_live(account, history):
    for number in range(6, 60):
        account.publish("f", str(number))
    versions = [int(version) for version in history()["version"]]
    assert versions == [*range(59, 39, -1), 4, 3, 2]


def test_deployments_under_way(account, history):
    going = account.deployed("f", "4", "5", NOW, status="InProgress")
    assert history().attrs["shifting"] == [going]


def test_an_unknown_function_is_told_with_the_nearest(account, session):
    with pytest.raises(NotFound, match=r"no function lambda_rooter. Did you mean lambda_router\?"):
        version_history.history(session, "lambda_rooter", "LIVE", MONTH)


@pytest.mark.parametrize("operation", ["ListDeployments", "GetMetricData", "GetAlias"])
def test_without_one_of_its_sources_there_is_no_history(account, history, operation):
    account.errors[operation] = "AccessDeniedException"
    with pytest.raises(AccessDenied):
        history()


def test_an_alias_at_latest_and_none_at_all(account, history):
    account.alias("f", "$LATEST")
    assert list(history()["note"].dropna()) == []
    account.aliases = {}
    assert history().attrs["state"] == {"version": None, "weights": {}}


def test_counted_without_any_data_is_nothing():
    nothing = ({}, {})
    assert version_history.counted(nothing, nothing, []) == {}
    none_failed = ({NOW: 0.0}, {})
    found = version_history.counted(none_failed, nothing, [])
    assert found == {"calls": 0, "errors": 0, "error_rate_percent": None}
    span = version_history.Span("4", NOW - timedelta(hours=1), NOW)
    assert version_history.counted(nothing, ({NOW: 5.0}, {}), [span]) == {}, "the end is not in it"
