"""Which version it goes back to and why, and the changes that do it."""

import pytest

from ons_runbook.aws import rollback, version_history
from ons_runbook.checks import Verdict
from ons_runbook.errors import ChangeRefused, ReadError
from ons_runbook.plan import planned
from ons_runbook.tables import given
from ons_runbook.thresholds import Thresholds
from ons_runbook.window import Window

from .versioning import NOW, Account, changing, days

MONTH = Window.parse("30d", now=NOW)
LIMITS = Thresholds()


@pytest.fixture
def account(monkeypatch):
    """Seven versions of `f`, of which 4, 5, 6 and 7 were deployed, one each week."""
    account = Account(monkeypatch)
    for version in ("$LATEST", *map(str, range(1, 8))):
        account.publish("f", version)
    account.alias("f", "7")
    for number in range(4, 8):
        account.deployed("f", str(number - 1), str(number), days(29 - 7 * (number - 4)))
    return account


@pytest.fixture
def history(account, session):
    return lambda: version_history.history(session, "f", "LIVE", MONTH)


@pytest.fixture
def choose(history):
    return lambda version="": rollback.choose(history(), version, LIMITS)


def measured(account, version, calls, errors):
    of = {"FunctionName": "f", "Resource": "f:LIVE", "ExecutedVersion": version}
    account.measured("Invocations", {days(2): calls}, **of)
    account.measured("Errors", {days(2): errors}, **of)


class TestLeftToItself:
    def test_the_version_that_the_last_deployment_replaced(self, choose):
        chosen = choose()
        assert chosen.version == "6"
        assert chosen.why == "It was live before, until 2026-11-15T03:00:00Z."
        assert chosen.passed_over == ()

    def test_not_the_number_before_but_what_was_live_before(self, account, choose):
        account.deployed("f", "5", "7", days(1))
        assert choose().version == "5"

    def test_one_that_failed_while_it_was_live_is_passed_over(self, account, choose):
        measured(account, "6", 100, 5)
        chosen = choose()
        assert chosen.version == "5"
        (passed,) = chosen.passed_over
        assert (passed.target, passed.why) == ("version 6", "version 6: 5 of 100 calls failed (5.0 %)")

    @pytest.mark.parametrize(("calls", "errors"), [(100, 4), (19, 19)])
    def test_some_errors_or_too_few_calls_do_not_speak_against_it(self, account, choose, calls, errors):
        measured(account, "6", calls, errors)
        assert choose().version == "6"

    def test_deleted_and_taken_back_ones_are_passed_over(self, account, choose):
        del account.versions["f"]["6"]
        account.deployed("f", "4", "5", days(14), status="Failed")
        chosen = choose()
        assert [one.why for one in chosen.passed_over] == ["deleted", "deployment d-5 failed"]
        assert chosen.version == "4"

    def test_when_none_is_good_it_says_of_each_why(self, account, choose):
        for version in "123456":
            del account.versions["f"][version]
        with pytest.raises(
            ChangeRefused, match=r"no good version before 7 \(version 6: deleted; .*There are: 7"
        ):
            choose()

    def test_without_any_deployment_the_newest_published_before(self, account, choose):
        account.deployments = {}
        chosen = choose()
        assert chosen.version == "6"
        assert "No deployment of it is known" in chosen.why

    def test_the_first_of_all(self, account, choose):
        account.deployments = {}
        account.alias("f", "1")
        with pytest.raises(ChangeRefused, match=r"no good version before 1 \(none is known\)"):
            choose()

    def test_what_was_put_live_by_hand_replaced_what_was_deployed_last(self, account, choose):
        account.publish("f", "8")
        account.alias("f", "8")
        assert choose().version == "7"

    def test_from_latest_it_goes_to_what_was_deployed_last(self, account, choose):
        account.alias("f", "$LATEST")
        assert choose().version == "7"

    def test_versions_that_replaced_each_other_end(self, account, choose):
        account.deployments = {}
        account.deployed("f", "7", "6", days(3))
        account.deployed("f", "6", "7", days(2))
        measured(account, "6", 100, 50)
        with pytest.raises(ChangeRefused, match="no good version before 7"):
            choose()


class TestTakenBackAlready:
    def test_by_hand(self, account, choose):
        account.alias("f", "6")
        chosen = choose()
        assert chosen.version is None
        assert "LIVE is at version 6 already, behind deployment d-4 to version 7." in chosen.why
        assert "name a version" in chosen.why

    def test_by_codedeploy(self, account, choose):
        bad = account.deployed("f", "6", "7", days(1), status="Stopped")
        account.deployed("f", "7", "6", days(0.9), back=bad)
        account.alias("f", "6")
        chosen = choose()
        assert chosen.version is None
        assert chosen.why.startswith(f"Deployment d-6 took back {bad}: 6 is live again.")

    def test_stopped_before_it_was_live(self, account, choose):
        account.publish("f", "8")
        account.deployed("f", "7", "8", days(1), status="Stopped")
        chosen = choose()
        assert chosen.version is None
        assert chosen.why.startswith("Deployment d-5 to version 8 stopped: 7 is live as before.")


class TestHalfWay:
    def test_a_share_goes_back_to_the_version_that_had_all(self, account, choose):
        account.publish("f", "8")
        account.alias("f", "7", v8=0.1)
        assert choose().version == "7"
        assert "before version 8 got a share" in choose().why

    def test_a_deployment_that_has_not_begun_to_move_anything(self, account, choose):
        account.deployed("f", "7", "8", NOW, status="InProgress")
        assert choose().version == "7"


class TestNamed:
    def test_any_that_is_there(self, choose):
        assert choose("5").version == "5"
        assert choose("5").why == "It was asked for by name; it was live until 2026-11-08T03:00:00Z."
        assert choose("1").why == "It was asked for by name."

    def test_the_one_that_has_all_calls(self, choose):
        chosen = choose("7")
        assert chosen.version is None
        assert chosen.why == "Version 7 has all calls of LIVE already."

    def test_one_that_has_only_a_share_gets_all(self, account, choose):
        account.alias("f", "7", v6=0.1)
        assert choose("7").version == "7"
        assert choose("6").version == "6"

    @pytest.mark.parametrize("version", ["v6", "6.0", "LIVE", "٦", "-1", "6 "])
    def test_what_is_no_number(self, choose, version):
        with pytest.raises(ChangeRefused, match=r"is no version of f\. There are: 7, 6, 5, 4, 3, 2, 1"):
            choose(version)

    def test_latest(self, choose):
        with pytest.raises(ChangeRefused, match=r"must not point at \$LATEST"):
            choose("$LATEST")

    def test_an_alias_that_is_not_there(self, account, choose):
        account.aliases = {}
        with pytest.raises(ChangeRefused, match="f has no alias LIVE"):
            choose("6")


class TestBack:
    def test_the_alias_moves_and_undo_moves_it_back(self, history, session):
        changes = rollback.back(session, history())
        before, after = {"version": "7", "weights": {}}, {"version": "6", "weights": {}}
        assert changing(changes) == [("UpdateAlias", before, after)]
        assert "It was live before, until 2026-11-15" in changes.actions[0].risk
        assert (
            planned(session, "p", changes).id == planned(session, "p", rollback.back(session, history())).id
        )

    def test_its_id_does_not_depend_on_what_is_counted(self, account, history, session):
        first = planned(session, "p", rollback.back(session, history())).id
        measured(account, "6", 1000, 3)
        assert planned(session, "p", rollback.back(session, history())).id == first

    def test_what_is_passed_over_is_listed(self, account, history, session):
        measured(account, "6", 100, 50)
        changes = rollback.back(session, history())
        assert [one.target for one in changes.left_alone] == ["version 6"]

    def test_what_is_live_already_is_no_change(self, history, session):
        changes = rollback.back(session, history(), version="7")
        assert not changes.actions
        assert "already" in changes.nothing

    def test_a_version_that_does_not_exist(self, history, session):
        with pytest.raises(ChangeRefused, match=r"f has no version 99\. There are: 7, 6, 5, 4, 3, 2, 1"):
            rollback.back(session, history(), version="99")

    def test_a_version_that_cannot_run(self, account, history, session):
        account.versions["f"]["6"] |= {"State": "Failed", "StateReason": "The key is disabled"}
        with pytest.raises(ChangeRefused, match="Version 6 of f cannot run: The key is disabled"):
            rollback.back(session, history())

    def test_a_version_that_was_idle_is_told(self, account, history, session):
        account.versions["f"]["6"]["State"] = "Inactive"
        assert "its first calls wait" in rollback.back(session, history()).actions[0].risk

    def test_a_deployment_under_way_is_stopped_first(self, account, history, session):
        going = account.deployed("f", "7", "8", NOW, status="InProgress")
        account.alias("f", "7", v8=0.1)
        changes = rollback.back(session, history())
        assert changing(changes) == [
            ("StopDeployment", {"deployments": [going]}, {"deployments": []}),
            ("UpdateAlias", {"version": "7"}, {"version": "7", "weights": {}}),
        ]
        stop, move = changes.actions
        assert stop.parameters == {"deploymentId": going, "autoRollbackEnabled": False}
        assert stop.state.of == {"application": "ons-data-platform-lambda-app", "group": "f-deployment-group"}
        assert "update_lambda_function" in stop.undo_note
        assert move.undo == ()

    def test_several_are_stopped_one_after_the_other(self, account, history, session):
        for _ in range(2):
            account.deployed("f", "7", "8", NOW, status="InProgress")
        stops = changing(rollback.back(session, history()))[:2]
        assert stops == [
            ("StopDeployment", {"deployments": ["d-5", "d-6"]}, {"deployments": ["d-6"]}),
            ("StopDeployment", {"deployments": ["d-6"]}, {"deployments": []}),
        ]


class TestShown:
    def test_the_choice_in_one_row(self, account, history):
        account.alias("f", "7", v6=0.25)
        measured(account, "5", 100, 50)
        (row,) = rollback.choice(history(), "", LIMITS).to_dict("records")
        assert (row["live_now"], row["goes_to"]) == ("7 (75 %), 6 (25 %)", "7")

    def test_a_refusal_is_told_and_not_raised(self, history):
        (row,) = rollback.choice(history(), "$LATEST", LIMITS).to_dict("records")
        assert not given(row["goes_to"])
        assert "must not point" in row["why"]

    def test_differences_go_from_the_old_to_the_live_one(self, history, session, monkeypatch):
        asked = []
        monkeypatch.setattr(
            rollback.versions, "differences", lambda session, function, **of: asked.append((function, of))
        )
        rollback.differences(session, history(), "")
        assert asked == [("f", {"old": "6", "new": "7"})]

    def test_half_way_they_go_to_the_new_one(self, account, history, session, monkeypatch):
        asked = []
        monkeypatch.setattr(
            rollback.versions, "differences", lambda session, function, **of: asked.append(of)
        )
        account.alias("f", "7", v6=0.1)
        rollback.differences(session, history(), "")
        rollback.differences(session, history(), "6")
        rollback.differences(session, history(), "3")
        assert asked == [{"old": "7", "new": "6"}, {"old": "6", "new": "7"}, {"old": "3", "new": "7"}]

    def test_there_is_nothing_to_compare(self, account, history, session):
        assert rollback.differences(session, history(), "$LATEST").empty
        account.alias("f", "6")
        found = rollback.differences(session, history(), "")
        assert found.empty
        assert "no two versions" in found.attrs["empty"]

    def test_without_a_history(self, session):
        with pytest.raises(ReadError, match="Without its history"):
            rollback.differences(session, None, "")


class TestJudge:
    @pytest.mark.parametrize(
        ("calls", "errors", "verdict"),
        [(100, 0, Verdict.PASS), (100, 1, Verdict.WARN), (19, 0, Verdict.UNKNOWN)],
    )
    def test_by_what_is_known_of_the_version_before(self, account, history, calls, errors, verdict):
        measured(account, "6", calls, errors)
        assert rollback.judge(history(), "", LIMITS).verdict is verdict

    def test_nothing_known_is_unknown(self, history):
        check = rollback.judge(history(), "", LIMITS)
        assert check.verdict is Verdict.UNKNOWN
        assert "version 6: too few calls are known" in check.observed

    def test_a_named_one_that_failed_is_told(self, account, history):
        measured(account, "6", 100, 50)
        assert rollback.judge(history(), "6", LIMITS).verdict is Verdict.FAIL

    def test_taken_back_already(self, account, history):
        account.alias("f", "6")
        check = rollback.judge(history(), "", LIMITS)
        assert check.verdict is Verdict.PASS
        assert "already" in check.observed

    def test_refused(self, history):
        check = rollback.judge(history(), "x", LIMITS)
        assert check.verdict is Verdict.FAIL
        assert "There are: 7" in check.hint
