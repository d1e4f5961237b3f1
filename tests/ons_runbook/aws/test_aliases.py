"""Lambda aliases: what is read of them, how their calls are told, and moving them.

https://docs.aws.amazon.com/lambda/latest/api/API_UpdateAlias.html
"""

import pytest

from ons_runbook.aws import aliases
from ons_runbook.errors import AccessDenied
from ons_runbook.plan import planned
from ons_runbook.plan.plan import Changes
from ons_runbook.window import Window

from .versioning import NOW, Account, days

OF_ALIAS = {"FunctionName": "f", "Resource": "f:LIVE"}


@pytest.fixture
def account(monkeypatch):
    account = Account(monkeypatch)
    account.alias("f", "7", v8=0.1)
    return account


class TestState:
    def test_version_and_weights(self, account, session):
        state = aliases.alias(session, function="f", alias="LIVE")
        assert state == {"version": "7", "weights": {"8": 0.1}}

    def test_an_alias_or_function_that_is_not_there(self, account, session):
        nothing = {"version": None, "weights": {}}
        assert aliases.alias(session, function="f", alias="NONE") == nothing
        assert aliases.alias(session, function="g", alias="LIVE") == nothing

    def test_what_may_not_be_read_is_not_taken_for_absent(self, account, session):
        account.errors["GetAlias"] = "AccessDeniedException"
        with pytest.raises(AccessDenied, match="lambda:GetAlias"):
            aliases.alias(session, function="f", alias="LIVE")


class TestCalls:
    def test_by_the_version_that_ran_and_all_together(self, account, session):
        hour = Window.parse("1h", now=NOW)
        at = days(0.02)
        account.measured("Invocations", {at: 90}, **OF_ALIAS, ExecutedVersion="7")
        account.measured("Errors", {at: 1}, **OF_ALIAS, ExecutedVersion="7")
        account.measured("Invocations", {at: 100}, **OF_ALIAS)
        found = aliases.calls(session, "f", "LIVE", ["7", "8"], hour)
        assert found == {"7": ({at: 90}, {at: 1}), "8": ({}, {}), aliases.ALL: ({at: 100}, {})}

    @pytest.mark.parametrize(("window", "period"), [("1h", 60), ("1d", 60), ("2d", 3600), ("90d", 3600)])
    def test_long_windows_are_asked_by_the_hour(self, account, session, window, period):
        aliases.calls(session, "f", "LIVE", ["7"], Window.parse(window))
        queries = account.asked[-1][1]["MetricDataQueries"]
        assert {query["MetricStat"]["Period"] for query in queries} == {period}

    def test_over_time_for_a_chart(self, account, session):
        account.measured("Invocations", {days(0.2): 3, days(0.1): 4}, **OF_ALIAS)
        account.measured("Errors", {days(0.2): 1}, **OF_ALIAS)
        found = aliases.over_time(session, "f", "LIVE", Window.parse("1d", now=NOW))
        rows = found[["name", "value"]].itertuples(index=False)
        assert list(map(tuple, rows)) == [("calls", 3), ("failed", 1), ("calls", 4)]


class TestMove:
    def test_all_calls_go_there_and_undo_brings_back_the_old_routing(self):
        action = aliases.move("f", "LIVE", {"version": "7", "weights": {"8": 0.1}}, "6", why="It was good.")
        assert action.parameters == {
            "FunctionName": "f",
            "Name": "LIVE",
            "FunctionVersion": "6",
            "RoutingConfig": {"AdditionalVersionWeights": {}},
        }
        assert action.after == {"version": "6", "weights": {}}
        assert action.risk == "Every caller of f gets version 6 from the next call on. It was good."
        (back,) = action.undo
        assert back.parameters["FunctionVersion"] == "7"
        assert back.parameters["RoutingConfig"] == {"AdditionalVersionWeights": {"8": 0.1}}
        assert (back.before, back.after) == (action.after, action.before)
        assert action.undo_note == ""

    def test_weights_that_a_deployment_moves_are_not_expected_and_not_brought_back(self, session):
        action = aliases.move("f", "LIVE", {"version": "7"}, "7")
        assert action.before == {"version": "7"}
        assert action.undo == ()
        assert "deploy it again" in action.undo_note
        assert planned(session, "p", Changes([action])).actions == (action,), "it is no change of nothing"

    def test_the_function_can_be_protected(self):
        action = aliases.move("f", "LIVE", {"version": "7", "weights": {}}, "6")
        assert action.resources == ("f",)
