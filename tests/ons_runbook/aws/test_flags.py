"""Feature flags as callers get them.

https://docs.aws.amazon.com/appconfig/2019-10-09/APIReference/API_appconfigdata_GetLatestConfiguration.html
"""

import pytest

from ons_runbook.aws import flags
from ons_runbook.errors import NotFound, ReadError, UnexpectedAnswer
from ons_runbook.platform import load_platform
from ons_runbook.session import Session

from .answering import answer, body, refusal
from .flag_answers import APP, ENV, NAMES, PROFILE, AppConfig, document

PLACE = (APP, ENV, PROFILE)


@pytest.fixture
def appconfig(session):
    made = AppConfig(
        document(
            a={"enabled": True, "limit": 2, "_updatedAt": "2026"},
            b={"enabled": False, "limit": 3},
            c={"_variants": [{"enabled": True}]},
            d=True,
        )
    )
    made.versions[1]["flags"]["a"]["description"] = "what a does"
    made.on(session)
    return made


def test_on_is_what_callers_get_and_attributes_of_flags_that_are_off_come_from_what_is_stored(
    appconfig, session
):
    appconfig.served = {
        "a": {"enabled": False, "limit": 9},
        "b": {"enabled": False},
        "c": {"_variants": []},
        "z": {"enabled": True},
    }
    found = flags.deployed(session, **NAMES)
    assert {name: str(dtype) for name, dtype in found.dtypes.items()} == flags.DEPLOYED
    rows = found.set_index("flag")
    assert list(rows.index) == ["a", "b", "c", "d", "z"]
    assert (rows.loc["a", "on"], rows.loc["a", "stored"], rows.loc["a", "attributes"]) == (
        False, "on", "limit: 9")  # fmt: skip
    assert (rows.loc["b", "on"], rows.loc["b", "attributes"]) == (False, "limit: 3")
    assert rows["on"].isna().to_dict() == {"a": False, "b": False, "c": True, "d": True, "z": False}
    assert rows["stored"].fillna("none").to_dict() == {
        "a": "on", "b": "off", "c": "by rules", "d": "on", "z": "none"}  # fmt: skip
    assert (rows.loc["a", "description"], rows.loc["a", "version"]) == ("what a does", "1")


def test_flags_that_appconfig_does_not_store_are_shown_as_they_are_served(appconfig, session):
    appconfig.profile["LocationUri"] = "s3://bucket/key"
    found = flags.deployed(session, **NAMES)
    assert list(found["flag"]) == ["a", "b", "c", "d"]
    assert found["stored"].isna().all()


def test_a_token_that_was_used_up_is_replaced_once(session):
    def latest(**_):
        asked.append("latest")
        used_up = len(asked) == 1
        return refusal(session, "appconfigdata", "BadRequestException") if used_up else {
            "Configuration": body(b"{}")
        }  # fmt: skip

    asked = []
    started = answer(
        session,
        "appconfigdata",
        StartConfigurationSession={"InitialConfigurationToken": "token"},
        GetLatestConfiguration=latest,
    )
    assert flags.served(session, *PLACE) == {}
    assert [operation for operation, _ in started].count("StartConfigurationSession") == 2
    answer(
        session,
        "appconfigdata",
        GetLatestConfiguration=refusal(session, "appconfigdata", "BadRequestException"),
    )
    with pytest.raises(ReadError, match="BadRequestException"):
        flags.served(session, *PLACE)


def test_what_is_refused_for_another_reason_is_not_asked_again(session):
    denied = refusal(session, "appconfigdata", "AccessDeniedException")
    asked = answer(session, "appconfigdata", StartConfigurationSession=denied)
    with pytest.raises(ReadError, match="AccessDenied"):
        flags.served(session, *PLACE)
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("content", "error"), [(b"", NotFound), (b"[]", UnexpectedAnswer), (b"on: 1", UnexpectedAnswer)]
)
def test_nothing_and_what_is_no_flags_is_an_error(session, content, error):
    answer(
        session,
        "appconfigdata",
        StartConfigurationSession={"InitialConfigurationToken": "token"},
        GetLatestConfiguration=lambda **_: {"Configuration": body(content)},
    )
    with pytest.raises(error):
        flags.served(session, *PLACE)


def test_what_callers_get_and_what_is_stored_should_be_the_same(appconfig, session):
    fine = flags.judge(flags.deployed(session, **NAMES))
    assert (fine.name, fine.verdict, fine.observed) == ("flags.served", "pass", "2 of 4 on, version 1")
    appconfig.served = {"a": {"enabled": False}, "b": {"enabled": False}, "c": {"_variants": []}}
    differs = flags.judge(flags.deployed(session, **NAMES))
    assert differs.verdict == "warn"
    assert differs.observed == "a is off and was stored as on; d is not served"
    assert flags.judge(flags.deployed(session, **NAMES).iloc[:0]).verdict == "unknown"


def test_the_sandboxs_flags_are_read_as_they_were_seeded(clean_environment, sandbox):
    for name, value in sandbox.env().items():
        clean_environment.setenv(name, value)
    p = load_platform("sandbox")
    found = flags.deployed(Session(p), p.flags_application, p.flags_environment, p.flags_profile)
    assert dict(zip(found["flag"], found["on"], strict=True)) == {
        "enable_new_api_endpoint": True,
        "enable_enhanced_processing": True,
        "enable_maintenance_mode": False,
    }
    assert flags.judge(found).verdict == "pass"
