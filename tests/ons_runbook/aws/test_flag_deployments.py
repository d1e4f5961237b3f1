"""Where flags live, and what was deployed of them.

https://docs.aws.amazon.com/appconfig/2019-10-09/APIReference/API_ListDeployments.html: newest first
"""

from datetime import timedelta

import pytest

from ons_runbook.aws import flag_deployments, trail
from ons_runbook.checks import names_covered
from ons_runbook.errors import AccessDenied, NotFound, UnexpectedAnswer

from . import flag_answers as world
from .answering import answer
from .flag_answers import APP, ENV, NAMES, NOW, PROFILE, AppConfig, deployment

PLACE = (APP, ENV, PROFILE, "flags")


@pytest.fixture
def appconfig(session):
    made = AppConfig(world.document(a=True), world.document(a=False))
    made.asked = made.on(session)
    return made


@pytest.fixture
def people(monkeypatch):
    """What CloudTrail has of StartDeployment; an exception stands for what cannot be read."""
    records = []

    def look_up(_, lookups, window):
        assert [lookup.value for lookup in lookups] == ["StartDeployment"]
        if isinstance(records, list) and records and isinstance(records[0], Exception):
            raise records[0]
        return trail.Found([one for one in records if window.start <= one["time"] < window.end], {})

    monkeypatch.setattr(trail, "look_up", look_up)
    return records


def call(at, who="ana", source="appconfig.amazonaws.com", error=None):
    return {"time": at, "who": who, "source": source, "error": error}


@pytest.mark.parametrize("given", [NAMES, {"application": APP, "environment": ENV, "profile": PROFILE}])
def test_a_place_is_found_by_names_and_by_ids(appconfig, session, given):
    appconfig.monitors = [{"AlarmArn": "arn:aws:cloudwatch:us-east-1:123456789012:alarm:a"}]
    found = flag_deployments.place(session, **given)
    assert (found.application, found.environment, found.profile) == (APP, ENV, PROFILE)
    assert (found.environment_name, found.profile_name, found.alarms) == ("production", "flags", 1)
    assert (found.hosted, found.type) == (True, "AWS.AppConfig.FeatureFlags")


def test_what_is_not_there_is_told_with_what_is(appconfig, session):
    with pytest.raises(NotFound, match=r"no AppConfig environment 'prod' in us-east-1; there is: production"):
        flag_deployments.place(session, **{**NAMES, "environment": "prod"})


def test_of_two_with_one_name_the_id_decides_and_listings_go_on_for_pages(appconfig, session):
    def pages(NextToken=None, **_):
        if NextToken:
            return {"Items": [{"Id": APP, "Name": "ons"}]}
        return {"Items": [{"Id": "other12", "Name": "ons"}], "NextToken": "more"}

    answer(session, "appconfig", ListApplications=pages)
    with pytest.raises(
        UnexpectedAnswer, match=f"Several AppConfig applications are called ons: other12, {APP}"
    ):
        flag_deployments.place(session, **NAMES)
    assert flag_deployments.place(session, **{**NAMES, "application": APP}).application == APP


def test_live_is_what_completed_last_and_reading_goes_no_further(appconfig, session):
    appconfig.deployments = [
        deployment(1),
        deployment(2),
        deployment(3, "ROLLED_BACK"),
        deployment(4, "REVERTED"),
        deployment(5, "DEPLOYING", ConfigurationProfileId="other12"),
    ]
    now = flag_deployments.standing(session, *PLACE)
    assert (now.version, now.newest["DeploymentNumber"], now.under_way["DeploymentNumber"]) == ("2", 4, 5)

    def pages(NextToken=None, **_):
        assert NextToken is None, "the rest of the history is of no interest"
        return {"Items": [deployment(2)], "NextToken": "more"}

    answer(session, "appconfig", ListDeployments=pages)
    assert flag_deployments.standing(session, *PLACE).version == "2"


def test_summaries_without_the_profiles_id_are_told_apart_by_its_name(appconfig, session):
    of_others = {"ConfigurationProfileId": None, "ConfigurationName": "others"}
    appconfig.deployments = [deployment(1, ConfigurationProfileId=None), deployment(2, **of_others)]
    assert flag_deployments.standing(session, *PLACE).version == "1"


def test_never_deployed_is_nothing_live(appconfig, session):
    appconfig.deployments = [deployment(1, "BAKING")]
    now = flag_deployments.standing(session, *PLACE)
    assert (now.live, now.version, now.under_way["State"]) == (None, None, "BAKING")


def test_history_names_who_started_each_deployment_and_what_came_of_it(appconfig, session, people):
    rolled = [{"EventType": "ROLLBACK_STARTED", "Description": "alarm a"}, {"EventType": "BAKE_TIME_STARTED"}]
    appconfig.deployments = [
        deployment(1),
        deployment(2, "ROLLED_BACK", EventLog=rolled, Description="why"),
        deployment(3, ConfigurationProfileId="other12"),
    ]
    two = NOW - timedelta(days=8)
    people += [
        call(two + timedelta(seconds=2)),
        call(two + timedelta(seconds=1), "bea", error="AccessDenied"),
        call(two, "amplify", source="amplify.amazonaws.com"),
        call(two + timedelta(minutes=1), "carla"),
    ]
    found = flag_deployments.history(session, **NAMES)
    assert {name: str(dtype) for name, dtype in found.dtypes.items()} == flag_deployments.HISTORY
    assert list(found["deployment"]) == [2, 1]
    newest = found.iloc[0]
    assert (newest["who"], newest["note"], newest["description"]) == ("ana", "alarm a", "why")
    assert found["who"].isna().tolist() == [False, True]
    assert len(flag_deployments.history(session, **NAMES, limit=1)) == 1


def test_without_cloudtrail_nobody_is_known_and_it_says_why(appconfig, session, people):
    people.append(AccessDenied("no", "ask"))
    found = flag_deployments.history(session, **NAMES)
    assert found["who"].isna().all()
    assert set(found["problem"]) == {"no ask"}


@pytest.mark.parametrize(
    ("newest", "verdict", "said"),
    [
        (deployment(2), "pass", "deployment 2 of version 2 is COMPLETE"),
        (deployment(2, "DEPLOYING"), "warn", "is DEPLOYING"),
        (deployment(2, "ROLLED_BACK"), "warn", "is ROLLED_BACK"),
    ],
)
def test_a_deployment_that_is_not_complete_warns(appconfig, session, people, newest, verdict, said):
    appconfig.deployments = [deployment(1), newest]
    check = flag_deployments.judge_deployment(flag_deployments.history(session, **NAMES))
    assert (check.verdict, check.name) == (verdict, "flags.deployment")
    assert said in check.observed
    assert ("Wait" in check.hint) == (newest["State"] == "DEPLOYING")


def test_the_reason_of_a_rollback_is_told_and_never_deployed_warns(appconfig, session, people):
    rolled = [{"EventType": "ROLLBACK_STARTED", "Description": "alarm a"}]
    appconfig.deployments = [deployment(1, "ROLLED_BACK", EventLog=rolled)]
    found = flag_deployments.history(session, **NAMES)
    assert flag_deployments.judge_deployment(found).observed.endswith("ROLLED_BACK: alarm a")
    assert flag_deployments.judge_deployment(found.iloc[:0]).verdict == "warn"
    assert names_covered(flag_deployments.judge_deployment, {}) == ["flags.deployment"]
