"""The past calls of the API."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import chain, pairwise

import pytest

from ons_sandbox.platform import names
from ons_sandbox.platform.history import calls, chance
from ons_sandbox.platform.history.invocations import Invocation

NOW = datetime(2026, 11, 23, 4, 10, tzinfo=UTC)
START = NOW - timedelta(days=14)


@pytest.fixture(scope="module")
def days() -> list[calls.Calls]:
    return list(calls.days(7, START, NOW))


@pytest.fixture(scope="module")
def api(days: list[calls.Calls]) -> list[calls.Call]:
    return [call for day in days for call in day.api]


@pytest.fixture(scope="module")
def invocations(days: list[calls.Calls]) -> list[Invocation]:
    return [invocation for day in days for invocation in day.invocations]


def test_the_same_seed_and_now_give_the_same_calls(days: list[calls.Calls]) -> None:
    assert list(calls.days(7, START, NOW)) == days


def test_another_seed_gives_other_calls(days: list[calls.Calls]) -> None:
    assert next(calls.days(8, START, NOW)) != days[0]


def test_a_day_long_past_is_the_same_an_hour_later(days: list[calls.Calls]) -> None:
    later = list(calls.days(7, START, NOW + timedelta(hours=1)))
    assert later[5] == days[5]


def test_everything_happened_between_start_and_now(api: list[calls.Call]) -> None:
    assert all(chance.ms(START) < call.at for call in api)
    assert all(call.at + call.latency < chance.ms(NOW) for call in api)
    assert [call.at for call in api] == sorted(call.at for call in api)


def test_the_api_is_probed_every_minute(invocations: list[Invocation]) -> None:
    probes = [one.at for one in invocations if calls.HEALTH in one.messages[0][1]]
    gaps = [later - earlier for earlier, later in pairwise(probes)]
    assert all(58_000 < gap < 62_000 for gap in gaps)
    assert chance.ms(NOW) - probes[-1] < 61_000


def test_questions_follow_the_working_week_and_the_working_day(api: list[calls.Call]) -> None:
    asked = [datetime.fromtimestamp(call.at / 1000, UTC) for call in api]
    by_weekday = Counter(moment.weekday() for moment in asked)
    probes = 24 * 60 * 2
    assert by_weekday[6] - probes < 0.4 * (by_weekday[2] - probes)
    by_hour = Counter(moment.hour for moment in asked if moment.weekday() < 5)
    assert by_hour[17] > 1.3 * by_hour[6]


def test_errors_are_rare_and_none_is_recent(invocations: list[Invocation]) -> None:
    failed = [one for one in invocations if one.fault]
    assert 0 < len(failed) < 0.003 * len(invocations)
    assert max(one.at for one in failed) < chance.ms(NOW - timedelta(hours=3))


def test_every_call_but_a_forbidden_one_reached_the_function(
    api: list[calls.Call], invocations: list[Invocation]
) -> None:
    reached = [call for call in api if call.integration is not None]
    assert {call.status for call in api if call.integration is None} == {403}
    assert [call.at for call in reached] == [one.at for one in invocations]
    for call, one in zip(reached, invocations, strict=True):
        assert call.latency > (call.integration or 0) >= one.duration
        assert (call.status == 502) == (one.fault is not None)


def test_some_questions_were_told_to_security(invocations: list[Invocation]) -> None:
    lines = list(chain.from_iterable(one.messages for one in invocations))
    security = [text for _, text in lines if text.startswith("SECURITY ")]
    assert 3 <= len(security) <= 4


def test_only_the_first_call_of_an_environment_was_a_cold_start(invocations: list[Invocation]) -> None:
    began = {invocations[0].stream}  # before the history does
    for one in invocations:
        assert (one.init is not None) == (one.stream not in began)
        began.add(one.stream)
    assert 50 < len(began) < 300


def test_the_version_changed_when_the_last_one_was_published(invocations: list[Invocation]) -> None:
    versions = [one.version for one in invocations]
    assert set(versions) == {"6", "7"}
    assert versions == sorted(versions)
    assert all(f"[{one.version}]" in one.stream for one in invocations)
    assert all(one.function is names.RAG for one in invocations)
