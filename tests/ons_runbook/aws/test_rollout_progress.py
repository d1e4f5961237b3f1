"""How a deployment is coming along.

https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_DeploymentInfo.html
"""

from datetime import UTC, datetime, timedelta

import pytest

from ons_runbook.aws import rollout_progress
from ons_runbook.aws.version_errors import Sample

SINCE = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
PLACE = {"applicationName": "app", "deploymentGroupName": "group"}
OF = {
    "function": "f",
    "alias": "LIVE",
    "application": "app",
    "group": "group",
    "version": "7",
    "minimum_calls": 20,
}


def info(identifier="d-2", status="InProgress", after=1, **more):
    return {
        "deploymentId": identifier,
        "status": status,
        "creator": "user",
        "createTime": SINCE + timedelta(seconds=after),
        **more,
    }


@pytest.fixture
def watched(stub, session, monkeypatch):
    """`watched(deployments, alias, samples)`: what is said of them; `asked` is how they were counted."""
    asked = []

    def watch(found, version="7", weights=None, samples=((250, 1), (240, 3)), ended=False, **more):
        between = {"createTimeRange": {"start": SINCE - timedelta(minutes=5)}}
        ids = [one["deploymentId"] for one in found]
        stub("codedeploy").add_response("list_deployments", {"deployments": ids}, {**PLACE, **between})
        if found:
            stub("codedeploy").add_response(
                "batch_get_deployments", {"deploymentsInfo": found}, {"deploymentIds": ids}
            )
        if found and not ended:
            alias = {"FunctionVersion": version}
            if weights:
                alias["RoutingConfig"] = {"AdditionalVersionWeights": weights}
            stub("lambda").add_response("get_alias", alias, {"FunctionName": "f", "Name": "LIVE"})

        def since(session, function, alias, versions, start, moved, end, least):
            asked.append((function, alias, versions, start, moved, least))
            return tuple(Sample(v, *counts) for v, counts in zip(versions, samples, strict=True))

        monkeypatch.setattr(rollout_progress.version_errors, "since", since)
        return rollout_progress.watch(session, since=SINCE, **{**OF, **more})

    watch.asked = asked
    return watch


def test_half_way_the_share_and_the_errors_of_both_are_said(watched):
    progress = watched([info()], weights={"8": 0.5})
    assert progress.said == "50 % on version 8; 3 errors in 240 calls there, 1 in 250 on version 7"
    assert (progress.failing, progress.settled) == ("", True)
    assert watched.asked == [("f", "LIVE", ("7", "8"), SINCE, None, 20)]


def test_when_it_is_over_its_end_says_from_when_on_all_calls_are_the_new_versions(watched):
    over = SINCE + timedelta(minutes=5)
    progress = watched([info(status="Succeeded", completeTime=over)], version="8", samples=((9, 0), (1, 1)))
    assert progress.said == "100 % on version 8; 1 error in 1 call there, 0 in 9 on version 7"
    assert watched.asked[0][4] == over


def test_a_worse_version_is_failing(watched):
    progress = watched([info()], weights={"8": 0.1}, samples=((250, 0), (20, 20)))
    assert progress.failing.startswith("20 of 20 calls failed on version 8 (100.0 %), 0 in 250 on version 7")


def test_too_few_calls_settle_nothing_and_are_a_doubt(watched):
    progress = watched([info()], weights={"8": 0.1}, samples=((250, 0), (19, 19)))
    assert (progress.failing, progress.settled) == ("", False)
    assert progress.doubt == f"too few calls to judge by, 20 are wanted: {progress.said}"
    assert watched([info()], weights={"8": 0.1}, samples=((250, 0), (20, 0))).settled
    assert watched([info()], version="8", samples=((0, 0), (0, 0)), minimum_calls=0).settled


def test_before_traffic_moves_nothing_is_settled(watched):
    assert watched([]).said == "waiting for CodeDeploy to begin"
    progress = watched([info(status="Queued")])
    assert progress.said == "deployment d-2 Queued, no traffic has moved yet"
    assert (progress.failing, progress.settled) == ("", False)
    assert watched.asked == []


@pytest.mark.parametrize("status", ["Failed", "Stopped"])
def test_a_deployment_that_ended_badly_is_failing_with_its_reason(watched, status):
    error = {"code": "ALARM_ACTIVE", "message": "errors went off"}
    progress = watched([info(status=status, errorInformation=error)], ended=True)
    assert progress.failing == f"deployment d-2 {status.lower()}: ALARM_ACTIVE errors went off"
    assert watched([info(status=status)], ended=True).failing.endswith("it does not say")


def test_one_that_ended_badly_before_is_not_taken_for_this_one(watched):
    progress = watched([info(status="Stopped", after=-1)], ended=True)
    assert (progress.failing, progress.settled) == ("", False)


def test_the_newest_counts_and_a_rollback_does_not(watched):
    # The rollback is the newest of all, and says nothing of the version that is deployed.
    rollback = info("d-4", "Succeeded", after=9, creator="codeDeployRollback")
    found = [rollback, info("d-1", "Succeeded", after=-60), info("d-3", "Stopped", after=5)]
    assert watched(found, ended=True).failing.startswith("deployment d-3 stopped")


def test_what_cannot_be_read_is_a_doubt_and_not_the_end(stub, session):
    stub("codedeploy").add_client_error("list_deployments", "AccessDeniedException", "not you", 400)
    progress = rollout_progress.watch(session, since=SINCE, **OF)
    assert (progress.failing, progress.settled) == ("", False)
    assert progress.doubt.startswith(
        "it could not be watched: Deployments of group: ListDeployments answered"
    )
