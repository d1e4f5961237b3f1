"""How the versions behind an alias do now, and the rule on it."""

from datetime import timedelta

import pytest

from ons_runbook.aws import live_versions, version_history
from ons_runbook.checks import Verdict
from ons_runbook.errors import ReadError
from ons_runbook.tables import given
from ons_runbook.thresholds import Thresholds
from ons_runbook.window import Window

from .versioning import NOW, Account, days

DAY = Window.parse("1d", now=NOW)
MONTH = Window.parse("30d", now=NOW)
OF_ALIAS = {"FunctionName": "f", "Resource": "f:LIVE"}
LIMITS = Thresholds()


@pytest.fixture
def account(monkeypatch):
    monkeypatch.setattr(live_versions, "utc_now", lambda: NOW)
    account = Account(monkeypatch)
    for version in ("$LATEST", "5", "6", "7"):
        account.publish("f", version)
    account.alias("f", "7")
    account.deployed("f", "6", "7", days(10))
    return account


@pytest.fixture
def live(session):
    def live(window=DAY, since=None):
        history = version_history.history(session, "f", "LIVE", MONTH)
        found = live_versions.live(session, history, window, since).to_dict("records")
        return [{name: value for name, value in row.items() if given(value)} for row in found]

    return live


def test_the_version_that_ran(account, live):
    account.measured("Invocations", {days(0.5): 90, days(3): 1000}, **OF_ALIAS, ExecutedVersion="7")
    account.measured("Errors", {days(0.5): 9}, **OF_ALIAS, ExecutedVersion="7")
    (row,) = live()
    assert (row["calls"], row["errors"], row["error_rate_percent"]) == (90, 9, 10)
    assert row["since"] == days(1)


def test_one_that_went_live_within_the_window_counts_from_then(account, live):
    (row,) = live(MONTH)
    assert row["since"] == days(10)


def test_where_versions_are_not_told_apart_the_alias_tells_while_it_had_this_one_alone(account, live):
    account.measured("Invocations", {days(0.5): 90}, **OF_ALIAS)
    assert live()[0]["calls"] == 90


@pytest.mark.parametrize("how", ["moved by hand", "by this run", "shared"])
def test_else_nobody_knows(account, live, how):
    account.measured("Invocations", {days(0.001): 90, days(0.5): 90}, **OF_ALIAS)
    if how == "moved by hand":
        account.alias("f", "6")
    if how == "shared":
        account.alias("f", "7", v6=0.1)
    rows = live(since=days(0.1) if how == "by this run" else None)
    assert all("calls" not in row for row in rows)


def test_since_it_was_moved_whatever_was_before(account, live):
    account.alias("f", "6")
    account.measured("Invocations", {days(0.5): 500, NOW: 25}, **OF_ALIAS, ExecutedVersion="6")
    (row,) = live(since=NOW - timedelta(seconds=20))
    assert (row["version"], row["calls"]) == ("6", 25)
    assert row["since"] == NOW - timedelta(minutes=1), "CloudWatch counts by the minute"


def test_without_a_history_it_is_not_known(session):
    with pytest.raises(ReadError, match="Without its history"):
        live_versions.live(session, None, DAY)


class TestJudge:
    @pytest.fixture
    def judge(self, account, session):
        def judge(*samples):
            account.alias("f", "7", **({"v6": 0.1} if len(samples) == 2 else {}))
            for version, (calls, errors) in zip(("7", "6"), samples, strict=False):
                at = {"ExecutedVersion": version, **OF_ALIAS}
                account.measured("Invocations", {days(0.5): calls}, **at)
                account.measured("Errors", {days(0.5): errors}, **at)
            history = version_history.history(session, "f", "LIVE", MONTH)
            return live_versions.judge(live_versions.live(session, history, DAY), LIMITS)

        return judge

    @pytest.mark.parametrize(
        ("calls", "errors", "verdict"),
        [
            (20, 0, Verdict.PASS),
            (1000, 9, Verdict.PASS),
            (1000, 10, Verdict.WARN),
            (1000, 50, Verdict.FAIL),
            (19, 19, Verdict.WARN),
            (0, 0, Verdict.WARN),
        ],
    )
    def test_by_the_share_of_failed_calls(self, judge, calls, errors, verdict):
        assert judge((calls, errors)).verdict is verdict

    def test_too_few_calls_are_told(self, judge):
        check = judge((3, 0))
        assert "version 7: 3 calls since 2026-11-22T03:00:00Z, too few to tell" in check.observed
        assert "again" in check.hint

    def test_no_data_is_no_pass(self, judge):
        check = judge()
        assert check.verdict is Verdict.WARN
        assert "no calls known" in check.observed

    def test_the_worst_version_behind_the_alias_counts(self, judge):
        check = judge((1000, 0), (100, 50))
        assert check.verdict is Verdict.FAIL
        assert "version 7: 0 of 1000" in check.observed
        assert "version 6: 50 of 100 calls failed (50.0 %)" in check.observed

    def test_no_alias(self, account, session):
        history = version_history.history(session, "f", "LIVE", MONTH)
        account.aliases = {}
        check = live_versions.judge(live_versions.live(session, history, DAY), LIMITS)
        assert check.verdict is Verdict.FAIL
        assert "callers reach nothing" in check.observed
