"""How old the events of a group are.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogStreams.html
"""

from datetime import UTC, datetime, timedelta

import pytest

from ons_runbook.aws import log_ages
from ons_runbook.errors import AccessDenied

MIDNIGHT = datetime(2026, 11, 23, tzinfo=UTC)
ORDERED = {"logGroupName": "g", "orderBy": "LastEventTime"}


def stream(name, first=None, last=None):
    """A stream whose first and last event are so many days old."""
    times = {"firstEventTimestamp": first, "lastEventTimestamp": last}
    given = {
        key: int((MIDNIGHT - timedelta(days=days)).timestamp() * 1000)
        for key, days in times.items()
        if days is not None
    }
    return {"logStreamName": name, "creationTime": 1, "storedBytes": 0, **given}


@pytest.fixture
def ages(session, stub):
    def ages(*pages, stored=1000, days=30, newest=None):
        last = [newest] if newest else [page[-1] for page in pages[-1:] if page]
        logs = stub("logs")
        logs.add_response(
            "describe_log_streams", {"logStreams": last}, {**ORDERED, "descending": True, "limit": 1}
        )
        for number, page in enumerate(pages):
            token = {"nextToken": f"t{number}"} if number + 1 < len(pages) else {}
            asked = {**ORDERED, **({"nextToken": f"t{number - 1}"} if number else {})}
            logs.add_response("describe_log_streams", {"logStreams": page, **token}, asked)
        return log_ages.ages(session, "g", stored, days, MIDNIGHT)

    return ages


def test_what_expires_is_estimated_from_the_age_of_the_oldest_event(ages):
    found = ages([stream("a", 100, 99), stream("b", 40, 0)])
    assert found.expires_bytes == 700
    assert found.oldest == MIDNIGHT - timedelta(days=100)
    assert found.newest == MIDNIGHT
    assert (found.certain, found.nothing_left) == (True, False)


def test_streams_count_of_which_even_the_last_event_is_too_old(ages):
    assert ages([stream("a", 100, 31), stream("b", 99, 30), stream("c", 98, 1)]).streams_expire == 1


def test_all_pages_are_read_up_to_the_bound(ages, monkeypatch):
    found = ages([stream("a", 50, 50)], [stream("b", 70, 1)])
    assert found.oldest == MIDNIGHT - timedelta(days=70)
    assert found.certain


def test_beyond_the_bound_it_is_said_that_there_may_be_older_events(session, stub, monkeypatch):
    monkeypatch.setattr(log_ages, "MOST_STREAMS", 1)
    stub("logs").add_response("describe_log_streams", {"logStreams": [stream("z", 1, 0)]})
    stub("logs").add_response("describe_log_streams", {"logStreams": [stream("a", 50, 49)], "nextToken": "t"})
    found = log_ages.ages(session, "g", 1000, 30, MIDNIGHT)
    assert not found.certain
    assert found.oldest == MIDNIGHT - timedelta(days=50)


def test_nothing_expires_of_what_is_younger(ages):
    found = ages([stream("a", 14, 0)])
    assert (found.expires_bytes, found.streams_expire) == (0, 0)


def test_nothing_expires_of_what_began_after_midnight(ages):
    assert ages([stream("a", -0.3, -0.4)]).expires_bytes == 0


def test_a_group_that_nobody_writes_to_any_more_would_be_emptied(ages):
    found = ages([stream("a", 100, 31)])
    assert found.nothing_left


def test_a_group_whose_newest_event_is_just_young_enough_would_not_be_emptied(ages):
    assert not ages([stream("a", 100, 30)]).nothing_left


def test_an_empty_group_loses_nothing(ages):
    found = ages([], stored=0)
    assert (found.oldest, found.newest, found.expires_bytes, found.nothing_left) == (None, None, 0, False)


def test_bytes_without_a_known_age_stay_unknown(ages):
    found = ages([stream("a")], stored=5)
    assert found.expires_bytes is None


def test_streams_that_may_not_be_read_are_an_error(session, stub):
    stub("logs").add_client_error("describe_log_streams", "AccessDeniedException", "no", 400)
    with pytest.raises(AccessDenied, match="logs:DescribeLogStreams"):
        log_ages.ages(session, "g", 1, 30, MIDNIGHT)
