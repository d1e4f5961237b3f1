"""The buckets of InfluxDB: which there are, and how long each keeps its points.

https://docs.influxdata.com/influxdb/v2/api/v2/ (`/api/v2/buckets`; 0 seconds are for ever) ·
https://docs.influxdata.com/influxdb/v2/reference/internals/data-retention/ · periods as people write them,
after https://docs.influxdata.com/influxdb/v2/reference/glossary/#duration, with a year of 365 days.
"""

import re
from dataclasses import dataclass
from typing import Any

import pandas as pd
from influxdb_client import BucketsService

from ons_runbook.errors import ChangeRefused, NotFound
from ons_runbook.influx.client import _asking as asking
from ons_runbook.influx.client import client
from ons_runbook.plan import State, readable
from ons_runbook.session import Session
from ons_runbook.sources import nearest
from ons_runbook.tables import MOMENT, TEXT, table

KEPT = {"bucket": TEXT, "retention": TEXT, "shard_groups": TEXT, "type": TEXT, "created": MOMENT}

HOUR = 3600
DAY = 24 * HOUR
FOREVER = "inf"
_UNITS = {"y": 365 * DAY, "w": 7 * DAY, "d": DAY, "h": HOUR, "m": 60, "s": 1}
# A week is written in days: 84d says more than 12w.
_WRITTEN = {unit: seconds for unit, seconds in _UNITS.items() if unit != "w"}
_PERIOD = re.compile(r"(?:[0-9]{1,9}[ywdhms])+")
_PART = re.compile(r"([0-9]+)([ywdhms])")
# InfluxDB counts nanoseconds in 64 bits.
_LONGEST = (2**63 - 1) // 10**9
_A_PAGE = 100


@dataclass(frozen=True)
class Bucket:
    """One bucket; `seconds` is its retention period, None for ever."""

    id: str
    name: str
    type: str
    seconds: int | None
    shard_seconds: int
    created: Any = None

    @property
    def state(self) -> State:
        """What a plan compares: both durations as people write them."""
        shards = written(self.shard_seconds) if self.shard_seconds else None
        return {"retention": written(self.seconds), "shard_groups": shards}


def kept(session: Session) -> pd.DataFrame:
    """Every bucket and how long it keeps its points, the system's own last, one row a bucket.

    Columns: bucket, retention (`7y`, `30d`, `inf`), shard_groups (the time that one shard group covers),
    type (user, or system for InfluxDB's own), created (UTC). Raises ReadError.
    """
    rows = [
        {"bucket": one.name, **one.state, "type": one.type, "created": one.created} for one in known(session)
    ]
    rows.sort(key=lambda row: (row["type"] == "system", row["bucket"]))
    return table(rows, KEPT, empty=f"The organization {session.platform.influx_org} has no bucket.")


def known(session: Session) -> list[Bucket]:
    """Every bucket of the platform's organization. Raises ReadError."""
    with asking(session):
        api = client(session).buckets_api()
        return [_bucket(one) for one in api.find_buckets_iter(org=session.platform.influx_org, limit=_A_PAGE)]


def named(session: Session, name: str) -> Bucket:
    """The bucket of this name. Raises ChangeRefused with the nearest name when it is none, and ReadError."""
    buckets = {one.name: one for one in known(session)}
    if name not in buckets:
        raise ChangeRefused(
            f"There is no bucket {name!r}. {nearest(name, buckets)}", "Check the name, and influx_org."
        )
    return buckets[name]


def _bucket(found: Any) -> Bucket:
    # A bucket that never had a period has no rule at all.
    rule = next(iter(found.retention_rules or ()), None)
    seconds = (rule.every_seconds or None) if rule else None
    shard = (rule.shard_group_duration_seconds or 0) if rule else 0
    return Bucket(found.id, found.name, found.type or "user", seconds, shard, found.created_at)


@readable
def state(session: Session, *, bucket: str) -> State:
    """The bucket of this id: retention and shard_groups; both None when there is none."""
    try:
        with asking(session):
            found = BucketsService(client(session).api_client).get_buckets_id(bucket)
    except NotFound:
        return {"retention": None, "shard_groups": None}
    return _bucket(found).state


def period(text: str) -> int | None:
    """The seconds of a retention period such as `7y`, `30d`, `12w`, `24h` or `1d12h`; None for `inf`.

    Raises ChangeRefused for anything else, nothing at all included: InfluxDB's 0, which is for ever, is too
    easily meant otherwise.
    """
    text = text.strip().lower()
    if text == FOREVER:
        return None
    seconds = sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    if not _PERIOD.fullmatch(text) or seconds == 0:
        raise ChangeRefused(
            f"{text!r} is not a retention period.",
            "Write numbers and units: 7y (of 365 days), 12w, 30d, 24h; or inf, to keep everything.",
        )
    if seconds > _LONGEST:
        raise ChangeRefused(
            f"{text} is longer than InfluxDB can count ({_LONGEST // _UNITS['y']}y).", "Write inf."
        )
    return seconds


def written(seconds: int | None) -> str:
    """Seconds as a period: `7y`, `30d`, `1d12h`; `inf` for None."""
    if seconds is None:
        return FOREVER
    parts = []
    for unit, size in _WRITTEN.items():
        # Years only when nothing is left over: 400d says more than 1y35d.
        if unit == "y" and seconds % size:
            continue
        count, seconds = divmod(seconds, size)
        parts += [f"{count}{unit}"] if count else []
    return "".join(parts)
