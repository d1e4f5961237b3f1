"""Keeping environments of an alias warm: what is planned, what it costs, what is refused.

https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html
"""

import pytest

from ons_runbook.aws import provisioning
from ons_runbook.aws.concurrency import RECOMMENDED
from ons_runbook.errors import ChangeRefused, NotFound
from ons_runbook.plan import Action, changes_between, planned
from ons_runbook.tables import table
from ons_runbook.window import utc_now

from .answering import valid
from .lambda_answers import Lambda, provisioned

AT = {"function": "rag", "alias": "LIVE"}
NOTHING = {"environments": None, "status": None}


@pytest.fixture
def aws(session):
    made = Lambda()
    made.on(session)
    return made


@pytest.fixture
def keeping(aws, session):
    return lambda count: provisioning.keeping(session, "rag", "LIVE", count)


def advised(function="rag", count=2, reason="why"):
    return table(
        [{"function": function, "kept_warm": 0, "recommended": count, "reason": reason}], RECOMMENDED
    )


@pytest.fixture
def changes(aws, session):
    def build(advice=None, **more):
        frame = advised() if advice is None else advice
        return provisioning.changes(session, frame, alias="LIVE", **more)

    return build


def test_states_say_how_many_are_asked_for_and_nothing_without_function_alias_or_configuration(aws, session):
    assert provisioning.kept_warm(session, **AT) == NOTHING
    assert provisioning.kept_warm(session, function="gone", alias="LIVE") == NOTHING
    aws.warm = provisioned(3, "IN_PROGRESS", AllocatedProvisionedConcurrentExecutions=1)
    assert provisioning.kept_warm(session, **AT) == {"environments": 3, "status": "IN_PROGRESS"}


def test_progress_counts_environments_and_fails_with_the_reason_of_aws(aws, session):
    def progress():
        return provisioning.allocation(session, since=utc_now(), **AT)

    assert (progress().said, progress().failing) == ("none is kept warm", "")
    aws.warm = provisioned(3, "IN_PROGRESS", AllocatedProvisionedConcurrentExecutions=1)
    assert (progress().said, progress().failing) == ("1 of 3 environments are there", "")
    aws.warm = provisioned(3, "FAILED", StatusReason="FUNCTION_ERROR_INIT_FAILURE")
    assert progress().failing == "they cannot be had: FUNCTION_ERROR_INIT_FAILURE"


def test_what_is_configured_is_of_the_alias(aws, session):
    aws.reserved = {"ReservedConcurrentExecutions": 9}
    assert provisioning.configured(session, "rag", "LIVE") == {
        "memory_mb": 1024, "architecture": "x86_64", "kept_warm": None, "status": None, "reserved": 9,
    }  # fmt: skip
    with pytest.raises(NotFound):
        provisioning.configured(session, "gone", "LIVE")


def test_keeping_warm_for_the_first_time_is_undone_by_keeping_none(keeping, session):
    action = keeping(2)
    place = {"FunctionName": "rag", "Qualifier": "LIVE"}
    assert (action.operation, action.parameters) == (
        "PutProvisionedConcurrencyConfig",
        {**place, "ProvisionedConcurrentExecutions": 2},
    )
    assert (action.before, action.after) == (NOTHING, {"environments": 2, "status": "READY"})
    assert action.state.read(session) == action.before
    (back,) = action.undo
    assert (back.operation, back.parameters) == ("DeleteProvisionedConcurrencyConfig", place)
    assert (back.before, back.after) == (action.after, action.before)
    assert action.abort == back
    for one in (action, back):
        valid(session, "lambda", one.operation, one.parameters)
    made = planned(session, "performance/optimize", provisioning.Changes([action]))
    assert Action.from_dict(made.actions[0].as_dict()) == action


def test_another_number_is_undone_by_the_old_one_and_none_by_all(keeping, aws):
    aws.warm = provisioned(5)
    less = keeping(2)
    assert changes_between(less.before, less.after) == {"environments": (5, 2)}
    assert less.undo[0].parameters["ProvisionedConcurrentExecutions"] == 5
    none = keeping(0)
    assert none.operation == "DeleteProvisionedConcurrencyConfig"
    assert none.after == NOTHING
    assert none.undo[0].parameters["ProvisionedConcurrentExecutions"] == 5
    assert none.risk == "First calls start cold again."


@pytest.mark.parametrize(("now", "count"), [({}, 0), (provisioned(2), 2)])
def test_what_is_so_already_is_no_change(keeping, aws, now, count):
    aws.warm = now
    assert keeping(count) is None


def test_what_failed_is_asked_for_again_and_not_brought_back(keeping, aws):
    aws.warm = provisioned(2, "FAILED")
    action = keeping(2)
    assert action.before == {"environments": 2, "status": "FAILED"}
    assert action.undo[0].after == NOTHING


@pytest.mark.parametrize(
    ("now", "count", "architecture", "cost"),
    [
        ({}, 1, "x86_64", "+10.95 USD a month for +1 × 1024 MB at 4.1667 USD per"),
        ({}, 10, "arm64", "+87.60 USD a month for +10 × 1024 MB at 3.3334 USD per"),
        (provisioned(3), 1, "x86_64", "-21.90 USD a month for -2 × 1024 MB at 4.1667 USD"),
    ],
)
def test_the_cost_is_of_memory_and_number_and_names_its_price(keeping, aws, now, count, architecture, cost):
    aws.warm, aws.config["Architectures"] = now, [architecture]
    assert keeping(count).cost.startswith(cost)


def test_while_environments_are_being_allocated_nothing_is_planned(keeping, aws):
    aws.warm = provisioned(2, "IN_PROGRESS")
    with pytest.raises(ChangeRefused, match="still allocating 2"):
        keeping(3)


def test_what_is_recommended_is_planned_and_the_rest_left_alone_with_its_reason(changes, aws):
    assert [action.after["environments"] for action in changes().actions] == [2]
    aws.warm = provisioned(2)
    same = changes()
    assert (list(same.actions), same.left_alone[0].why) == ([], "2 kept warm, as it should be: why")
    open_one = changes(advised(count=None, reason="no data"))
    assert open_one.left_alone[0].why == "nobody can tell what it needs: no data"


def test_taking_away_needs_no_alias_that_could_be_kept_warm(keeping, aws):
    """An alias that begins to shift traffic keeps what it has."""
    aws.alias = {"FunctionVersion": "7", "RoutingConfig": {"AdditionalVersionWeights": {"6": 0.1}}}
    assert keeping(0) is None
    aws.warm = provisioned(2)
    assert keeping(2) is None
    assert keeping(0).operation == "DeleteProvisionedConcurrencyConfig"


def test_what_cannot_be_done_now_is_left_alone_unless_it_was_asked_for_by_name(changes, aws):
    aws.warm = provisioned(1, "IN_PROGRESS")
    assert "still allocating" in changes().left_alone[0].why
    with pytest.raises(ChangeRefused, match="still allocating"):
        changes(function="rag")


def test_a_number_that_is_given_counts_instead(changes):
    (action,) = changes(function="rag", environments=4).actions
    assert action.after["environments"] == 4
    assert changes(function="rag:LIVE", environments=4).actions == [action]
    assert changes(function="rag").actions[0].after["environments"] == 2


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"environments": 1}, "A number to keep warm was given, and no function"),
        (
            {"function": "rga", "environments": 1},
            r"no function rga\. Did you mean rag\? There are: rag, router",
        ),
        ({"function": "rga"}, "Did you mean rag"),
        ({"function": "rag:LIV", "environments": 1}, r"no alias LIV\. There are: LIVE"),
        ({"function": "rag:$LATEST", "environments": 1}, r"\$LATEST cannot be kept warm"),
        ({"function": ":LIVE", "environments": 1}, "no function with an alias"),
        ({"function": "rag:", "environments": 1}, "no function with an alias"),
    ],
)
def test_what_cannot_be_meant_is_refused(changes, asked, said):
    with pytest.raises(ChangeRefused, match=said):
        changes(**asked)


def test_a_function_that_was_not_measured_needs_a_number(changes):
    with pytest.raises(ChangeRefused, match="rag was not measured"):
        changes(advised("router"), function="rag")
