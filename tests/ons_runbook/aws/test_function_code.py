"""A function's code: states, and the actions on it.

https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html ·
https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
"""

import base64
from dataclasses import replace

import botocore.session
import pytest
from botocore.validate import ParamValidator

from ons_runbook.aws import function_code, version_packages
from ons_runbook.aws.function_code import SETTINGS, settings
from ons_runbook.plan import Found, Kept, changes_between
from ons_runbook.tables import table

NEW, OLD = (base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2))
LAMBDA = botocore.session.get_session().get_service_model("lambda")
# What is no setting: names, states, hashes, and what each version has for itself.
NO_SETTING = {
    *("FunctionName", "FunctionArn", "MasterArn", "Version", "RevisionId", "LastModified", "Description"),
    *("CodeSize", "CodeSha256", "State", "StateReason", "StateReasonCode", "LastUpdateStatus"),
    *("LastUpdateStatusReason", "LastUpdateStatusReasonCode", "SigningProfileVersionArn", "SigningJobArn"),
    # Which patch of the runtime it is: Lambda updates it by itself.
    *("RuntimeVersionConfig", "ConfigSha256"),
}


def configuration(version="$LATEST", code=NEW, **more):
    return {
        "FunctionName": "f",
        "Version": version,
        "CodeSha256": code,
        "CodeSize": 100,
        "LastModified": "2026-11-23T03:00:00.000+0000",
        "MemorySize": 128,
        **more,
    }


def add_configuration(stub, found, **more):
    stub("lambda").add_response("get_function_configuration", found, {"FunctionName": "f", **more})


def add_versions(stub, *found):
    stub("lambda").add_response("list_versions_by_function", {"Versions": list(found)}, {"FunctionName": "f"})


def add_nothing(stub, call):
    stub("lambda").add_client_error(call, "ResourceNotFoundException", "no", 404)


def test_every_member_that_botocore_knows_is_a_setting_or_none():
    members = set(LAMBDA.shape_for("FunctionConfiguration").members)
    assert not members - SETTINGS - NO_SETTING
    assert not SETTINGS & NO_SETTING


def test_settings_are_what_a_version_is_made_of_beside_its_code():
    one = configuration("7", OLD, Environment={"Variables": {"A": "1"}}, SnapStart={"ApplyOn": "None"})
    assert settings(one) == settings({**one, "Version": "8", "CodeSha256": NEW, "Description": "x"})
    assert settings(one) == settings({**one, "Layers": [], "KMSKeyArn": "", "SnapStart": {}})
    snapshot = {"ApplyOn": "None", "OptimizationStatus": "On"}
    assert settings(one) == settings({**one, "SnapStart": snapshot})
    others = [
        {"MemorySize": 256},
        {"Environment": {"Variables": {"A": "2"}}},
        {"Layers": [{"Arn": "arn:of:a:layer"}]},
        {"SnapStart": {"ApplyOn": "PublishedVersions"}},
    ]
    assert len({settings({**one, **other}) for other in [{}, *others]}) == 1 + len(others)


def test_nothing_of_a_variable_can_be_read_from_the_hash():
    assert "hunter2" not in settings(configuration(Environment={"Variables": {"A": "hunter2"}}))


def test_the_state_of_latest(stub, session):
    found = configuration(LastUpdateStatus="InProgress")
    add_configuration(stub, found)
    state = function_code.latest(session, function="f")
    assert state == {"code": NEW[:12], "last_update": "InProgress", "settings": settings(found)}
    add_nothing(stub, "get_function_configuration")
    assert function_code.latest(session, function="f") == dict.fromkeys(state)


def published(stub, session, *found, above=6, state="Active"):
    add_configuration(stub, configuration(MemorySize=512))
    add_versions(stub, configuration(), *found)
    ours = [one["Version"] for one in found if one["CodeSha256"] == NEW and int(one["Version"]) > above]
    if ours:
        add_configuration(stub, configuration(State=state), Qualifier=max(ours, key=int))
    return function_code.published(session, function="f", code_sha256=NEW, above=above)


def test_the_newest_version_of_a_code_above_a_number_is_found(stub, session):
    wanted = {"settings": settings(configuration(MemorySize=512))}
    none = {"published": False, "version": None, **wanted}
    assert published(stub, session) == none
    assert published(stub, session, configuration("6"), configuration("7", OLD)) == none
    found = [configuration(number) for number in ("6", "9", "10")]
    assert published(stub, session, *found) == {"published": True, "version": "10", **wanted}


@pytest.mark.parametrize(("state", "usable"), [("Inactive", True), ("Pending", False), ("Failed", False)])
def test_a_version_that_cannot_be_called_yet_is_not_published(stub, session, state, usable):
    found = published(stub, session, configuration("7"), state=state)
    assert (found["published"], found["version"]) == (usable, "7")


def test_without_the_function_nothing_is_published(stub, session):
    add_nothing(stub, "get_function_configuration")
    state = function_code.published(session, function="f", code_sha256=NEW, above=0)
    assert state == {"published": None, "version": None, "settings": None}


def test_an_update_that_failed_is_failing(stub, session):
    add_configuration(stub, configuration(LastUpdateStatus="InProgress"))
    progress = function_code.updating(session, since=None, function="f")
    assert (progress.said, progress.failing) == ("the update is InProgress", "")
    add_configuration(stub, configuration(LastUpdateStatus="Failed", LastUpdateStatusReason="no room"))
    assert function_code.updating(session, since=None, function="f").failing == "the update failed: no room"


def validated(action, **found):
    """The action's parameters are those of the call, once what is found and kept is filled in."""
    real = {**action.parameters, **found}
    shape = LAMBDA.operation_model(action.operation).input_shape
    assert not ParamValidator().validate(real, shape).has_errors()


def test_updating_the_code_and_its_undo():
    code = Kept("01" * 32, 5, version_packages.package.at(function="f", version="7"))
    before = configuration(code=OLD, LastUpdateStatus="Successful")
    action = function_code.update("f", before, NEW, code)
    assert changes_between(action.before, action.after) == {"code": (OLD[:12], NEW[:12])}
    assert action.before["settings"] == settings(before)
    assert action.parameters["ZipFile"] is code
    validated(action, ZipFile=b"")
    (undo,) = action.undo
    assert undo.parameters["ZipFile"].sha256 == "02" * 32
    assert undo.parameters["ZipFile"].source == version_packages.package.at(function="f", version="$LATEST")
    assert undo.before == action.after
    # The settings are nobody's business when the code goes back.
    assert undo.after == {"code": OLD[:12], "last_update": "Successful"}


def test_after_an_update_that_failed_its_status_says_nothing_of_the_next():
    code = Kept("01" * 32, 5, version_packages.package.at(function="f", version="7"))
    failed = function_code.update("f", configuration(code=OLD, LastUpdateStatus="Failed"), NEW, code)
    assert failed.watch is None
    fine = function_code.update("f", configuration(code=OLD), NEW, code)
    assert fine.watch == function_code.updating.at(function="f")


def test_a_package_that_is_too_large_to_be_put_back_has_no_undo():
    code = Kept("01" * 32, 5, version_packages.package.at(function="f", version="7"))
    large = configuration(code=OLD, CodeSize=version_packages.LARGEST_PACKAGE + 1)
    action = function_code.update("f", large, NEW, code)
    assert action.undo == ()
    assert "too large" in action.undo_note
    largest = configuration(code=OLD, CodeSize=version_packages.LARGEST_PACKAGE)
    assert len(function_code.update("f", largest, NEW, code).undo) == 1


def test_publishing_and_its_undo_which_never_names_the_function_alone():
    action, number = function_code.publish("f", NEW, 6, "settings", "a ticket")
    assert number == Found("publish f", "version")
    assert action.parameters == {"FunctionName": "f", "CodeSha256": NEW, "Description": "a ticket"}
    validated(action)
    assert action.before == {"published": False, "settings": "settings"}
    (undo,) = action.undo
    assert undo.operation == "DeleteFunction"
    assert undo.parameters == {"FunctionName": "f", "Qualifier": number}
    validated(undo, Qualifier="7")
    assert undo.state == action.state == function_code.published.at(function="f", code_sha256=NEW, above=6)
    without = function_code.publish("f", NEW, 6, "settings", "")[0]
    assert without.parameters == {"FunctionName": "f", "CodeSha256": NEW}


def test_who_gets_which_code(stub, session):
    add_versions(stub, *[configuration(number, Description="") for number in ("$LATEST", "6", "7", "10")])
    routing = {"AdditionalVersionWeights": {"7": 0.1}}
    stub("lambda").add_response("get_alias", {"FunctionVersion": "6", "RoutingConfig": routing})
    frame = function_code.overview(session, "f", "LIVE")
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == function_code.OVERVIEW
    assert list(zip(frame["version"], frame["who_gets_it"], strict=True)) == [
        ("7", "10 % of the calls of LIVE"),
        ("6", "90 % of the calls of LIVE"),
        ("10", "nobody; it is the newest version"),
        ("$LATEST", "nobody; the next version is made of it"),
    ]
    assert set(frame["code"]) == {NEW[:12]}


def test_without_an_alias_nobody_gets_any(stub, session):
    add_versions(stub, configuration())
    add_nothing(stub, "get_alias")
    assert list(function_code.overview(session, "f", "LIVE")["version"]) == ["$LATEST"]


def test_what_is_carried_along_is_settings_and_variables_alone(monkeypatch, session):
    rows = [
        {"what": "code", "name": "SHA-256"},
        {"what": "configuration", "name": "Description"},
        {"what": "configuration", "name": "MemorySize", "old": "128", "new": "256"},
        {"what": "variable", "name": "A"},
        {"what": "file", "name": "app.py"},
    ]
    asked = []

    def differences(session, function, old, new):
        asked.append((function, old, new))
        return table(rows, function_code.versions.DIFFERENCES)

    monkeypatch.setattr(function_code.versions, "differences", differences)
    frame = function_code.carried_along(session, "f", "LIVE")
    assert list(frame["name"]) == ["MemorySize", "A"]
    assert asked == [("f", "LIVE", "$LATEST")]
    rows.clear()
    frame = function_code.carried_along(session, "f", "LIVE")
    assert frame.attrs["empty"] == "The settings of $LATEST are those of the version behind LIVE."


def test_actions_come_out_of_a_journal_as_they_went_in():
    code = Kept("01" * 32, 5, version_packages.package.at(function="f", version="7"))
    for action in (
        function_code.update("f", configuration(code=OLD), NEW, code),
        function_code.publish("f", NEW, 6, "settings", "")[0],
    ):
        assert type(action).from_dict(action.as_dict()) == replace(action)
