"""What makes the platform quicker, in one plan."""

import pytest

from ons_runbook.aws import api_caching, optimizations, provisioning
from ons_runbook.plan import Changes, LeftAlone


@pytest.fixture
def build(monkeypatch, session):
    """The changes, and what either half was asked for."""
    asked = {}

    def half(name):
        def changes(_, frame, **given):
            asked[name] = (frame, given)
            return Changes([f"{name} action"], [LeftAlone(name, "why")], f"no {name}.")

        return changes

    monkeypatch.setattr(provisioning, "changes", half("warm"))
    monkeypatch.setattr(api_caching, "changes", half("cache"))

    def built(**given):
        asked.clear()
        return optimizations.changes(session, "recommended", "methods", **given), asked

    return built


def test_both_halves_are_asked_with_the_platforms_names(build):
    made, asked = build()
    assert made.actions == ["warm action", "cache action"]
    assert [one.target for one in made.left_alone] == ["warm", "cache"]
    assert made.nothing == "no warm. no cache."
    assert asked["warm"] == ("recommended", {"alias": "LIVE", "function": "", "environments": None})
    names = {"api": "ons-data-platform-api", "stage": "prod", "health_path": "/health"}
    assert asked["cache"] == ("methods", {**names, "named": (), "size": "0.5", "ttl_s": 300})


@pytest.mark.parametrize(
    ("given", "halves"),
    [
        ({"function": "f"}, ["warm"]),
        ({"keep_warm": 0}, ["warm"]),
        ({"cache": ["/a"]}, ["cache"]),
        ({"function": "f", "cache": ["/a"]}, ["warm", "cache"]),
    ],
)
def test_what_is_named_is_planned_alone(build, given, halves):
    assert list(build(**given)[1]) == halves


def test_a_number_of_zero_is_a_number(build):
    _, asked = build(function="f", keep_warm=0)
    assert asked["warm"][1]["environments"] == 0
    _, asked = build(cache=["/a"], cache_size="1.6", ttl_s=60)
    assert (asked["cache"][1]["named"], asked["cache"][1]["size"], asked["cache"][1]["ttl_s"]) == (
        ["/a"], "1.6", 60)  # fmt: skip
