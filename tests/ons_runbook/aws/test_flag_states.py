"""Feature flags as a plan compares and watches them.

AppConfig adds notes of times to what is stored:
https://github.com/hashicorp/terraform-provider-aws/pull/44847
"""

import copy
from datetime import timedelta

import pytest

from ons_runbook.aws import flag_states

from .answering import answer
from .flag_answers import APP, ENV, NOW, PROFILE, AppConfig, deployment, document

PLACE = {"application": APP, "environment": ENV, "profile": PROFILE, "name": "flags"}
STORE = {"application": APP, "profile": PROFILE}
STOP = {"ApplicationId": APP, "EnvironmentId": ENV, "DeploymentNumber": 2, "AllowRevert": True}


@pytest.fixture
def appconfig(session):
    made = AppConfig(document(a=True, b=False), document(a=False, b={"enabled": False, "limit": 1}))
    made.asked = made.on(session)
    return made


def test_a_digest_differs_with_everything_but_appconfigs_own_notes():
    given = document(a=True, b={"enabled": False, "limit": 1})
    noted = copy.deepcopy(given)
    noted["flags"]["a"] |= {"_createdAt": "2026", "_updatedAt": "2026"}
    noted["values"]["b"] |= {"_createdAt": "2026", "_updatedAt": "2026"}
    assert flag_states.digest(noted) == flag_states.digest(given)
    assert noted["flags"]["a"]["_createdAt"] == "2026", "the document itself is left as it is"
    changed = [copy.deepcopy(given) for _ in range(4)]
    changed[0]["values"]["b"]["limit"] = 2
    changed[1]["values"]["a"]["enabled"] = False
    changed[2]["flags"]["a"]["description"] = "other"
    changed[3]["flags"]["c"] = {"name": "c"}
    assert len({flag_states.digest(one) for one in [given, *changed]}) == 5


def test_switching_touches_the_named_flags_only():
    given = document(a={"enabled": False, "limit": 1, "_createdAt": "1", "_updatedAt": "2"}, b=True)
    given["values"]["b"]["_updatedAt"] = "3"
    before = copy.deepcopy(given)
    made = flag_states.switched(given, {"a": True, "new": False})
    assert given == before
    assert made["values"] == {
        "a": {"enabled": True, "limit": 1, "_createdAt": "1"},
        "b": before["values"]["b"],
        "new": {"enabled": False},
    }
    assert made["flags"] == {**before["flags"], "new": {"name": "new"}}
    assert made["version"] == "1"


def test_a_flag_without_a_value_gets_one():
    given = {"version": "1", "flags": {"a": {"name": "A", "description": "d"}}}
    made = flag_states.switched(given, {"a": True})
    assert made == {**given, "values": {"a": {"enabled": True}}}


def test_the_bytes_come_again_from_the_version_they_were_made_from(appconfig, session):
    appconfig.versions[1]["flags"]["a"]["description"] = "geração"
    sent = flag_states.content(session, **STORE, base="1", wanted={"b": True})
    assert sent == flag_states.written(flag_states.switched(appconfig.versions[1], {"b": True}))
    assert "geração" in sent.decode()


def test_the_newest_version_has_the_highest_number_of_all_pages(appconfig, session):
    appconfig.versions[10] = appconfig.versions[2]

    def pages(NextToken=None, **_):
        if NextToken:
            return {"Items": [{"VersionNumber": 9}]}
        return {"Items": [{"VersionNumber": 10}, {"VersionNumber": 2}], "NextToken": "more"}

    answer(session, "appconfig", ListHostedConfigurationVersions=pages)
    assert flag_states.newest(session, **STORE) == {
        "version": "10",
        "document": flag_states.digest(appconfig.versions[2]),
        "flag a": "off",
        "flag b": "off",
    }
    answer(session, "appconfig", ListHostedConfigurationVersions={"Items": []})
    assert flag_states.newest(session, **STORE) == {"version": None, "document": None}


def test_live_is_what_completed_and_what_callers_get(appconfig, session):
    appconfig.deployments = [deployment(1), deployment(2, "DEPLOYING")]
    appconfig.served = {"a": {"enabled": True}, "b": {"_variants": []}}
    assert flag_states.live(session, **PLACE) == {
        "version": "1",
        "deployment": 2,
        "under_way": 2,
        "flag a": "on",
        "flag b": "by rules",
    }


def test_without_a_deployment_nobody_is_asked_what_callers_get(appconfig, session):
    appconfig.deployments = []
    assert flag_states.live(session, **PLACE) == {"version": None, "deployment": None, "under_way": None}


def test_progress_is_told_and_a_rollback_fails_with_its_reason(appconfig, session):
    def progress(one, since=NOW):
        appconfig.deployments = [deployment(1), one]
        return flag_states.progress(session, since=since, **PLACE)

    going = progress(deployment(2, "DEPLOYING", StartedAt=NOW, PercentageComplete=40.0))
    assert (going.said, going.failing, going.settled) == (
        "deployment 2 is DEPLOYING, 40 % of callers",
        "",
        True,
    )
    events = [{"EventType": "ROLLBACK_STARTED", "Description": "alarm a"}]
    rolled = deployment(2, "ROLLED_BACK", StartedAt=NOW, EventLog=events)
    assert progress(rolled).failing == "AppConfig took deployment 2 back: alarm a"
    assert progress(deployment(2, "REVERTED", StartedAt=NOW)).failing.endswith("it does not say why")
    assert progress({**rolled, "State": "ROLLING_BACK"}).failing == ""


def test_an_older_rollback_is_not_this_deployments(appconfig, session):
    """Clocks differ by some seconds: what began a little before this machine's time is ours."""
    rolled = deployment(2, "ROLLED_BACK", StartedAt=NOW)
    appconfig.deployments = [deployment(1), rolled]
    assert flag_states.progress(session, since=NOW + timedelta(seconds=90), **PLACE).failing == ""
    assert flag_states.progress(session, since=NOW + timedelta(seconds=30), **PLACE).failing != ""
    appconfig.deployments = []
    assert flag_states.progress(session, since=NOW, **PLACE).failing == ""


@pytest.mark.parametrize(
    ("state", "sent"),
    [
        ("DEPLOYING", True),
        ("BAKING", True),
        ("COMPLETE", True),
        ("ROLLING_BACK", False),
        ("ROLLED_BACK", False),
    ],
)
def test_what_appconfig_took_back_itself_is_not_stopped(appconfig, session, monkeypatch, state, sent):
    appconfig.deployments = [deployment(1), deployment(2, state)]
    calls = []
    monkeypatch.setattr(
        flag_states, "send", lambda *given, **more: calls.append((given[1:], more["again"]()))
    )
    flag_states.stop(session, parameters=STOP)
    assert calls == ([(("appconfig", "StopDeployment", STOP), True)] if sent else [])
