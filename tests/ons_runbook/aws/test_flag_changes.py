"""Switching feature flags: what would be done, and what is refused.

https://docs.aws.amazon.com/appconfig/latest/userguide/appconfig-type-reference-feature-flags.html (names)
"""

import hashlib

import pytest

from ons_runbook.aws import flag_changes, flag_states
from ons_runbook.errors import ChangeRefused
from ons_runbook.plan import Action, Found, changes_between, planned

from .answering import valid
from .flag_answers import APP, ENV, NAMES, PROFILE, STRATEGY, AppConfig, deployment, document


@pytest.fixture
def appconfig(session):
    made = AppConfig(document(a=True, b=True, new_api=False, rules={"_variants": []}))
    made.asked = made.on(session)
    return made


@pytest.fixture
def changes(appconfig, session):
    return lambda *flags, **more: flag_changes.changes(session, list(flags), **NAMES, **more)


def test_nothing_named_reads_nothing(changes, appconfig):
    made = changes()
    assert (made.actions, appconfig.asked) == ((), [])
    assert "No flag was named" in made.nothing


def test_a_version_is_stored_from_what_is_live_and_then_deployed(changes, appconfig, session):
    store, deploy = changes("a=off", "b=off", reason="slow").actions
    place = {"ApplicationId": APP, "ConfigurationProfileId": PROFILE}
    sent = flag_states.written(flag_states.switched(appconfig.versions[1], {"a": False, "b": False}))
    content = store.parameters["Content"]
    assert (content.sha256, content.size) == (hashlib.sha256(sent).hexdigest(), len(sent))
    assert content.source.read(session) == sent
    assert {**store.parameters, "Content": None} == {
        **place,
        "Content": None,
        "ContentType": "application/json",
        "LatestVersionNumber": 1,
        "Description": "a off, b off: slow",
    }
    assert deploy.parameters == {
        **place,
        "EnvironmentId": ENV,
        "DeploymentStrategyId": STRATEGY,
        "ConfigurationVersion": Found(store.name, "version"),
        "Description": "a off, b off: slow",
    }
    valid(session, "appconfig", store.operation, {**store.parameters, "Content": sent})
    valid(session, "appconfig", deploy.operation, {**deploy.parameters, "ConfigurationVersion": "2"})
    assert {store.repeatable, deploy.repeatable} == {False}
    assert (store.undo, "stays in the history" in store.undo_note) == ((), True)


def test_states_are_of_the_named_flags_and_what_is_live(changes, appconfig, session):
    store, deploy = changes("a=off", "new_api=on").actions
    digests = [flag_states.digest(one) for one in (appconfig.versions[1], flag_states.switched(appconfig.versions[1], {"a": False, "new_api": True}))]  # fmt: skip  # noqa: E501
    assert store.before == {"version": "1", "document": digests[0], "flag a": "on", "flag new_api": "off"}
    assert store.after == {"document": digests[1], "flag a": "off", "flag new_api": "on"}
    assert deploy.before == {"version": "1", "under_way": None, "flag a": "on", "flag new_api": "off"}
    assert deploy.after == {
        "version": Found(store.name, "version"),
        "under_way": None,
        "flag a": "off",
        "flag new_api": "on",
    }
    assert store.resources == deploy.resources == ("flags", "a", "new_api")
    for action in (store, deploy):
        assert action.state.read(session).items() >= action.before.items()


def test_the_undo_deploys_what_was_live_and_each_deployment_can_be_stopped(changes, session):
    deploy = changes("a=off").actions[1]
    (back,) = deploy.undo
    assert (back.before, back.after) == (deploy.after, deploy.before)
    assert back.parameters["ConfigurationVersion"] == "1"
    for action in (deploy, back):
        stop = action.abort
        assert stop.parameters == {
            "ApplicationId": APP,
            "EnvironmentId": ENV,
            "DeploymentNumber": Found(action.name, "deployment"),
            "AllowRevert": True,
        }
        valid(session, "appconfig", stop.operation, {**stop.parameters, "DeploymentNumber": 2})
        assert stop.permissions == ("appconfig:StopDeployment",)
        assert stop.after == {"under_way": None, "version": action.before["version"]}
        assert action.watch.of == action.state.of


def test_a_plan_of_it_can_be_journaled_and_read_again(changes, session):
    made = planned(session, "maintenance/update_feature_flags", changes("a=off"))
    assert tuple(Action.from_dict(action.as_dict()) for action in made.actions) == made.actions


def test_flags_that_are_so_already_are_left_alone(changes):
    made = changes("a=on", "b=off", "new_api=off")
    assert [one.target for one in made.left_alone] == ["flag a", "flag new_api"]
    differs = changes_between(made.actions[1].before, made.actions[1].after)
    assert differs.keys() - {"version"} == {"flag b"}
    same = changes("a=on")
    assert same.actions == ()
    assert "as asked for" in same.nothing


def test_the_newest_version_is_deployed_as_it_is_when_it_holds_just_this(changes, appconfig):
    appconfig.versions[2] = flag_states.switched(appconfig.versions[1], {"a": False})
    appconfig.versions[2]["values"]["a"]["_updatedAt"] = "2026"
    made = changes("a=off")
    (deploy,) = made.actions
    assert deploy.parameters["ConfigurationVersion"] == deploy.after["version"] == "2"
    assert made.left_alone[0].target == "version 2"


def test_a_newer_version_that_is_not_live_is_passed_over_and_said(changes, appconfig):
    appconfig.versions[2] = document(other=True)
    made = changes("a=off")
    assert made.actions[0].parameters["LatestVersionNumber"] == 2
    assert made.actions[0].parameters["Content"].source.of["base"] == "1"
    assert made.actions[0].before["version"] == "2"
    assert "newer than version 1 but not live" in made.left_alone[0].why


def test_a_new_flag_is_added_only_when_asked(changes, appconfig):
    with pytest.raises(
        ChangeRefused, match=r"no flag new_app\. Did you mean new_api\? There are: a, b, new_api"
    ):
        changes("new_app=on")
    store, deploy = changes("new_app=on", create=True).actions
    assert "flag new_app" not in {**store.before, **deploy.before}
    assert store.after["flag new_app"] == deploy.after["flag new_app"] == "on"


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["a"], "does not say on or off"),
        (["a=maybe"], "does not say on or off"),
        (["=on"], "cannot be a flag's name"),
        (["Able=on"], "cannot be a flag's name"),
        (["1a=on"], "cannot be a flag's name"),
        ([f"{'a' * 65}=on"], "cannot be a flag's name"),
        (["a b=on"], "cannot be a flag's name"),
        (["a=on", "a=off"], "asked to be on and off"),
        (["rules=on"], "rules decide who gets it"),
    ],
)
def test_what_cannot_be_meant_is_refused(changes, flags, said):
    with pytest.raises(ChangeRefused, match=said):
        changes(*flags, create=True)


def test_on_and_off_are_written_as_people_write_them():
    asked = flag_changes.asked([" a = ON ", "b=true", "c=False", "a=on"])
    assert asked == {"a": True, "b": True, "c": False}


@pytest.mark.parametrize("other", [{"LocationUri": "s3://b/k"}, {"Type": "AWS.Freeform"}])
def test_flags_that_are_stored_elsewhere_are_changed_there(changes, appconfig, other):
    appconfig.profile |= other
    with pytest.raises(ChangeRefused, match="no feature flags that AppConfig stores itself"):
        changes("a=off")


def test_while_a_deployment_goes_on_nothing_is_planned(changes, appconfig):
    appconfig.deployments.append(deployment(2, "BAKING", ConfigurationProfileId="other12"))
    with pytest.raises(ChangeRefused, match="Deployment 2 to production is under way"):
        changes("a=off")


def test_without_a_deployment_there_is_nothing_to_start_from(changes, appconfig):
    appconfig.deployments = []
    with pytest.raises(ChangeRefused, match="was ever deployed"):
        changes("a=off")
