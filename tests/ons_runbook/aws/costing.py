"""Costs by the day, written by the test: a session whose Cost Explorer has them, without asking it."""

from datetime import date, datetime, timedelta

from ons_runbook.aws import costs
from ons_runbook.tables import table
from ons_runbook.window import Window

#: A Monday.
NOW = datetime.fromisoformat("2026-11-23T05:00:00+00:00")
TODAY = NOW.date()
DAY = timedelta(days=1)


def window(length="14d", now=NOW):
    return Window(Window.parse(length, now=now).start, now)


def history(monkeypatch, cost, days=90, last=TODAY - DAY, missing=()):
    """Let costs.history give `cost(service, day)` USD, for the `days` up to `last`; None is no cost."""
    rows = []
    for back in range(days):
        day = last - back * DAY
        if day in missing:
            continue
        for service in ("Lambda", "S3", "Glue"):
            usd = cost(service, day)
            if usd:
                estimated = day >= TODAY - DAY
                row = {"date": costs.moment(day), "service": service, "cost_usd": usd, "estimated": estimated}
                rows.append(row)
    frame = table(sorted(rows, key=lambda row: (row["date"], row["service"])), costs.COSTS)
    monkeypatch.setattr(costs, "history", lambda *_: frame)
    return frame


def usual(service, day):
    """S3 the same every day, Lambda less on weekends, Glue on Mondays only."""
    if service == "Glue":
        return 2.0 if day.weekday() == 0 else None
    if service == "Lambda":
        return 1.0 if day.weekday() >= 5 else 4.0
    return 3.0


def but(service, day, usd):
    """`usual`, with another cost of one service on one day."""
    return lambda s, d: usd if (s, d) == (service, day) else usual(s, d)


def day(text):
    return date.fromisoformat(text)
