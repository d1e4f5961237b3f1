"""A proposal keeps what the engine refuses instead of raising it, and says what to do next."""

import pytest
from plan.conftest import World, session, shelf, world  # noqa: F401 - fixtures of the engine's own tests

from ons_runbook.checks import Verdict
from ons_runbook.errors import AccessDenied, ChangeFailed, ChangeRefused
from ons_runbook.plan import Changes, LeftAlone, Progress, Who
from ons_runbook.proposal import CHECK, Proposal


@pytest.fixture
def make(session, world, tmp_path, clean_environment):  # noqa: F811
    clean_environment.setenv("RUNBOOK_REPORTS", str(tmp_path))

    def making(*actions, build=None, **more):
        changes = Changes(actions, [LeftAlone("value d", "it is another's")], **more)
        proposal = Proposal(session, "test/procedure", build or (lambda: changes))
        proposal.propose("run-0", "")
        return proposal

    return making


def applied(proposal, approve=None, run="run-1"):
    proposal.apply(proposal.plan.id if approve is None else approve, Who(run, "test/procedure", ""))
    return proposal


def test_a_plan_is_shown_with_its_id_what_it_changes_and_what_it_leaves_alone(make, world):  # noqa: F811
    proposal = make(world.action("a", 1, 2, cost="+3 USD at 1 USD per unit (2026-11-01)"))
    text = str(proposal)
    for part in (proposal.plan.id, "value: 1 → 2", "None that anybody knows.", "value d", "+3 USD"):
        assert part in text
    assert proposal.status == "proposed"
    assert proposal.check().verdict is Verdict.WARN
    assert proposal.plan.id in proposal.check().hint
    assert "Nothing was changed" in str(proposal.ended())
    assert world.done == []


def test_nothing_to_change_is_a_pass_and_no_plan(make):
    proposal = make(nothing="All is well.")
    assert "All is well." in str(proposal)
    assert proposal.check().verdict is Verdict.PASS
    assert proposal.result() is None


def test_approved_it_is_carried_out_and_says_how_to_take_it_back(make, world):  # noqa: F811
    proposal = applied(make(world.action("a", 1, 2)))
    assert proposal.check().verdict is Verdict.PASS
    assert "runbook undo run-1" in proposal.check().hint
    assert "runbook undo run-1" in str(proposal.ended())
    result = proposal.result()
    assert (result.status, result.run, result.actions[0].status) == ("applied", "run-1", "done")
    assert result.actions[0].change == "value: 1 → 2"


def test_what_a_builder_refuses_is_a_failed_check_and_no_traceback(make):
    def refuse():
        raise ChangeRefused("There is no version 99.", "There are 1 to 7.")

    proposal = make(build=refuse)
    assert proposal.check().verdict is Verdict.FAIL
    assert "There is no version 99. There are 1 to 7." in str(proposal)
    assert proposal.result().status == "refused"
    proposal.apply("p-1", Who("run-1", "p", ""))
    assert proposal.outcome is None


def test_what_could_not_be_read_is_unknown(make):
    def denied():
        raise AccessDenied("No.")

    assert make(build=denied).check().verdict is Verdict.UNKNOWN


def test_a_wrong_approval_is_refused_and_the_plan_can_be_approved_afterwards(make, world):  # noqa: F811
    proposal = applied(make(world.action("a", 1, 2)), "p-00000000")
    assert proposal.status == "refused"
    assert "No plan p-00000000 was shown here" in str(proposal.ended())
    assert world.done == []
    proposal.error = None
    assert applied(proposal).status == "applied"


def test_stopped_half_way_it_says_what_was_done_and_both_ways_on(make, world):  # noqa: F811
    world.wrong["b"] = ChangeFailed("It broke.")
    proposal = applied(make(world.action("a", 1, 2), world.action("b", 1, 2)))
    check = proposal.check()
    assert check.verdict is Verdict.FAIL
    assert "1 of 2 changes done, then stopped: It broke." in check.observed
    assert "runbook undo run-1" in check.hint
    assert "runbook resume run-1" in check.hint
    assert proposal.result().reason == "It broke."


def test_what_was_taken_back_by_itself_is_undone(make, world):  # noqa: F811
    (back,) = world.action("a", 1, 2).undo
    world.progress = [Progress("", failing="worse")]
    proposal = applied(make(world.action("a", 1, 2, watch=world.watch.at(of="a"), abort=back)))
    assert proposal.result().status == "undone"
    assert proposal.check().verdict is Verdict.FAIL


def test_what_could_not_be_judged_is_unknown_though_it_was_done(make, world):  # noqa: F811
    world.progress = [Progress("", settled=False, doubt="3 calls are too few")] * 1000
    proposal = applied(make(world.action("a", 1, 2, watch=world.watch.at(of="a"))))
    assert proposal.check().verdict is Verdict.UNKNOWN
    assert "3 calls are too few" in proposal.check().observed


def test_the_check_has_one_name():
    assert CHECK == "change"
    assert World
