"""The newest point's age.

https://docs.influxdata.com/flux/v0/stdlib/universe/last/ · annotated CSV:
https://docs.influxdata.com/influxdb/v2/reference/syntax/annotated-csv/
"""

import json
from datetime import UTC, datetime

import pytest

from ons_runbook import influx
from ons_runbook.checks import names_covered
from ons_runbook.influx.freshness import NEWEST
from ons_runbook.tables import table
from ons_runbook.thresholds import Thresholds

UNTIL = datetime(2026, 11, 23, 3, 20, tzinfo=UTC)
HEAD = (
    "#datatype,string,long,dateTime:RFC3339\r\n#group,false,false,false\r\n#default,_result,,\r\n"
    ",result,table,_time\r\n"
)


def bound(body):
    parts = [part["assignment"] for part in json.loads(body)["extern"]["body"]]
    return {part["id"]["name"]: part["init"].get("value") for part in parts}


@pytest.fixture
def ask(make_session, serve):
    """Ask a database that answers each measurement with a moment, nothing, or a status."""

    def asking(**answers):
        def answer(_, __, body):
            said = answers[bound(body)["_measurement"]]
            if isinstance(said, int):
                return said, '{"code": "internal error", "message": "broken"}'
            return 200, HEAD + f",,0,{said}\r\n" if said else ""

        url, seen = serve(answer, "text/csv")
        frame = influx.newest_points(make_session(influx_url=url), "energy_data", list(answers), UNTIL)
        return frame, seen

    return asking


def test_each_measurement_has_its_newest_point_and_its_age(ask):
    frame, _ = ask(generation_data="2026-11-23T03:00:00Z", consumption_data="2026-11-23T02:30:00Z")
    assert frame["measurement"].tolist() == ["generation_data", "consumption_data"]
    assert frame["age_minutes"].tolist() == [20.0, 50.0]
    assert frame["newest"][0] == datetime(2026, 11, 23, 3, tzinfo=UTC)


def test_it_asks_for_a_bounded_time_that_ends_at_the_windows_end(ask):
    _, seen = ask(generation_data="2026-11-23T03:00:00Z")
    assert bound(seen[0][2])["_stop"].startswith("2026-11-23T03:20:00")
    assert bound(seen[0][2])["_start"].startswith("2026-11-16T03:20:00")


def test_no_point_is_missing_and_not_old(ask):
    frame, _ = ask(generation_data="")
    assert frame["newest"].isna().all()
    assert frame["age_minutes"].isna().all()
    assert frame["problem"].isna().all()


def test_one_that_cannot_be_asked_does_not_hide_the_others(ask):
    frame, _ = ask(generation_data=500, consumption_data="2026-11-23T03:00:00Z")
    assert "broken" in frame["problem"][0]
    assert frame["age_minutes"][1] == 20


def judged(*rows):
    frame = table([{"measurement": f"m{n}", **row} for n, row in enumerate(rows)], NEWEST)
    frame.attrs["lookback"] = "7 days"
    return influx.judge_freshness(frame, Thresholds())


def old(minutes):
    return {"age_minutes": minutes, "newest": datetime(2026, 11, 23, 0, 8, tzinfo=UTC)}


@pytest.mark.parametrize(
    ("ages", "verdict"),
    [((5, 59.9), "pass"), ((5, 60), "warn"), ((89.9, 5), "warn"), ((5, 90), "fail"), ((192, 400), "fail")],
)
def test_the_oldest_decides(ages, verdict):
    assert judged(*map(old, ages)).verdict == verdict


def test_it_says_how_old_of_what_and_since_when():
    check = judged(old(5), old(192))
    assert check.observed == "3 h 12 min old (m1, 2026-11-23 00:08 UTC)"
    assert check.expected == "newest point under 90 min old"
    assert "influxdb_write_failures" in check.hint


def test_nothing_within_the_lookback_fails():
    check = judged(old(5), {})
    assert check.verdict == "fail"
    assert check.observed == "no point of m1 within 7 days"


def test_what_could_not_be_asked_is_unknown_unless_another_fails():
    assert judged(old(5), {"problem": "denied"}).verdict == "unknown"
    assert judged(old(100), {"problem": "denied"}).verdict == "fail"
    assert judged({"problem": "denied"}).observed == "denied"


def test_nothing_asked_is_unknown():
    assert judged().verdict == "unknown"


def test_the_rule_covers_what_it_gives():
    assert names_covered(influx.judge_freshness, {}) == [judged(old(1)).name]
