"""The deployments of one group: those that are over, in order, and those under way.

https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_ListDeployments.html
"""

from datetime import UTC

import pytest

from ons_runbook.aws import group_deployments
from ons_runbook.errors import AccessDenied
from ons_runbook.window import Window

from .versioning import NOW, Account, days

PLACE = {"application": "app", "group": "f-deployment-group"}
MONTH = Window.parse("30d", now=NOW)


@pytest.fixture
def account(monkeypatch):
    return Account(monkeypatch)


def test_what_each_moved_in_the_order_in_which_they_were_over(account, session):
    second = account.deployed("f", "6", "7", days(2), status="Stopped")
    first = account.deployed("f", "5", "6", days(9))
    third = account.deployed("f", "7", "6", days(1), back=second)
    found = group_deployments.over(session, window=MONTH, **PLACE)
    assert [one.id for one in found] == [first, second, third]
    assert [(one.old, one.new, one.left_live) for one in found] == [
        ("5", "6", "6"),
        ("6", "7", "6"),
        ("7", "6", "6"),
    ]
    assert [one.rollback_of for one in found] == ["", "", second]
    assert found[0].over == days(9)
    assert found[0].over.tzinfo is UTC


def test_those_before_the_window_are_left_out(account, session):
    account.deployed("f", "5", "6", days(31))
    assert group_deployments.over(session, window=MONTH, **PLACE) == []


def test_many_are_asked_twenty_five_at_a_time(account, session):
    for number in range(60):
        account.deployed("f", str(number), str(number + 1), days(29 - number / 4))
    assert len(group_deployments.over(session, window=MONTH, **PLACE)) == 60
    assert [operation for operation, _ in account.asked].count("BatchGetDeployments") == 3


def test_one_that_never_reached_its_function_has_moved_nothing(account, session):
    account.deployments[account.deployed("f", "5", "6", days(1), status="Failed")]["moved"] = {}
    (found,) = group_deployments.over(session, window=MONTH, **PLACE)
    assert (found.function, found.old, found.new) == ("", "", "")


def test_those_under_way(account, session):
    account.deployed("f", "5", "6", days(9))
    one = account.deployed("f", "6", "7", days(0), status="InProgress")
    assert group_deployments.shifting(session, **PLACE) == {"deployments": [one]}
    assert [found.new for found in group_deployments.over(session, window=MONTH, **PLACE)] == ["6"]


@pytest.mark.parametrize("code", ["ApplicationDoesNotExistException", "DeploymentGroupDoesNotExistException"])
def test_where_codedeploy_is_not_used_there_are_none(account, session, code):
    account.errors["ListDeployments"] = code
    assert group_deployments.over(session, window=MONTH, **PLACE) == []
    assert group_deployments.shifting(session, **PLACE) == {"deployments": []}


@pytest.mark.parametrize("operation", ["ListDeployments", "BatchGetDeploymentTargets"])
def test_what_may_not_be_read_is_not_taken_for_none(account, session, operation):
    account.deployed("f", "5", "6", days(9))
    account.errors[operation] = "AccessDeniedException"
    with pytest.raises(AccessDenied):
        group_deployments.over(session, window=MONTH, **PLACE)
