"""Changing how long a bucket keeps its points.

https://docs.influxdata.com/influxdb/v2/reference/internals/data-retention/: InfluxDB looks every 30 min for
shard groups that are wholly older than the period, and drops them; no period is shorter than an hour, nor
than the time that a shard group covers · https://docs.influxdata.com/influxdb/v2/api/v2/
(`PATCH /api/v2/buckets/{bucketID}`: a rule without everySeconds would set 30 days).
"""

import random
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import pandas as pd
from influxdb_client import BucketsService

from ons_runbook.checks import Check, Verdict, covers
from ons_runbook.errors import (
    ChangeFailed,
    ChangeRefused,
    CredentialsError,
    NoAnswerInTime,
    ReadError,
    Throttled,
    Unreachable,
)
from ons_runbook.influx import buckets
from ons_runbook.influx.buckets import Bucket, written
from ons_runbook.influx.client import _asking as asking
from ons_runbook.influx.client import client
from ons_runbook.influx.expiring import cut
from ons_runbook.plan import Action, Changes, LeftAlone, readable
from ons_runbook.plan.sending import AnswerLost
from ons_runbook.session import Session
from ons_runbook.sources import nearest
from ons_runbook.window import utc_now

_ATTEMPTS = 8
_FIRST_WAIT_S = 0.25
_LONGEST_WAIT_S = 15.0


@covers(["influxdb.retention"])
def judge(kept: pd.DataFrame, bucket: str) -> Check:
    """Whether the bucket is there, and how long it keeps its points."""
    name, expected = "influxdb.retention", f"a bucket {bucket} with a known retention"
    rows = kept[kept["bucket"] == bucket]
    if rows.empty:
        said = f"There is no bucket {bucket!r}. {nearest(bucket, kept['bucket'])}"
        return Check(name, Verdict.FAIL, said, expected, hint="Check the name, and influx_org.")
    row = rows.iloc[0]
    said = f"{bucket} keeps {row['retention']}, in shard groups of {row['shard_groups']}"
    return Check(name, Verdict.PASS, said, expected, f"{len(kept)} buckets")


def changes(session: Session, expiring: pd.DataFrame, *, bucket: str, period: str = "") -> Changes:
    """What gives a bucket another retention period; `expiring` is what was counted for the same two.

    Raises ChangeRefused for a bucket that is not there, a period that cannot be read, is shorter than
    InfluxDB allows, or would delete every point, and for a count that is of another period or day.
    """
    if not period:
        return Changes(nothing="No period was given: every bucket goes on as it is.")
    seconds = buckets.period(period)
    found = buckets.named(session, bucket)
    if seconds == found.seconds:
        return Changes(nothing=f"{bucket} keeps {written(seconds)} already.")
    _check_length(found, seconds)
    gone = cut(found, seconds, utc_now())
    deleted = _counted(found, expiring, gone and gone[1])
    action = _setting(found, seconds, _risk(found, expiring, deleted, gone))
    back = _setting(replace(found, seconds=seconds), found.seconds, _risk_of_undo(found, seconds))
    if deleted:
        # Also where people see little more than the target.
        target = f"{action.target} (deletes {_points(deleted)})"
        note = f"the period comes back, the {_points(deleted)} not: what was dropped is in backups only"
        action = replace(action, target=target, undo_note=note)
    return Changes([replace(action, undo=(back,))], _alone(found, seconds))


def _check_length(bucket: Bucket, seconds: int | None) -> None:
    if seconds is None:
        return
    if seconds < buckets.HOUR:
        raise ChangeRefused(
            f"{written(seconds)} is too short: InfluxDB keeps points for an hour at least.",
            "Choose 1h or more, or inf.",
        )
    if seconds < bucket.shard_seconds:
        raise ChangeRefused(
            f"{written(seconds)} is shorter than one shard group of {bucket.name}, which covers "
            f"{written(bucket.shard_seconds)}: InfluxDB refuses that.",
            f"Choose {written(bucket.shard_seconds)} or more, or have its shard groups made shorter first.",
        )


def _counted(bucket: Bucket, expiring: pd.DataFrame, before: datetime | None) -> int:
    """How many points would be deleted; ChangeRefused when nobody counted that, or nothing would be left."""
    known = expiring["deleted_before"].dropna().unique().tolist()
    if expiring["deleted"].isna().any() or (len(expiring) and known != ([before] if before else [])):
        raise ChangeRefused(
            f"What {bucket.name} would lose was counted for another period, or on another day.", "Ask again."
        )
    deleted = int(expiring["deleted"].sum())
    if deleted and deleted == int(expiring["points"].sum()):
        raise ChangeRefused(
            f"That would delete everything in {bucket.name}: {_points(deleted)}, all from before "
            f"{_moment(before)}.",
            "Choose a longer period. To delete a bucket on purpose, delete it by its name.",
        )
    return deleted


def _risk(
    bucket: Bucket, expiring: pd.DataFrame, deleted: int, gone: tuple[datetime, datetime] | None
) -> str:
    """Of what is shown here nothing may change by itself: it is part of what is approved."""
    if gone is None:
        return "Nothing is deleted. The disk fills further: look at its utilisation."
    late = "Points that old which are loaded later are refused."
    if not deleted:
        return f"Nothing in {bucket.name} is as old as that yet. {late}"
    losing = expiring[expiring["deleted"] > 0]
    each = ", ".join(f"{int(row['deleted']):,} of {row['measurement']}" for _, row in losing.iterrows())
    span = f"from {_moment(max(losing['oldest'].min(), gone[0]))} to before {_moment(gone[1])}"
    return f"Deletes {_points(deleted)} for good ({each}), {span}. {late}"


def _risk_of_undo(bucket: Bucket, seconds: int | None) -> str:
    if bucket.seconds is not None and (seconds is None or seconds > bucket.seconds):
        return f"Deletes for good whatever is older than {written(bucket.seconds)} by then."
    return "Brings back the period, and not what InfluxDB has dropped meanwhile."


def _points(number: int) -> str:
    return f"{number:,} point{'' if number == 1 else 's'}"


def _moment(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _alone(bucket: Bucket, seconds: int | None) -> list[LeftAlone]:
    usual = _usual_shard_seconds(seconds)
    if bucket.shard_seconds in (0, usual):
        return []
    usually = f"usual for {written(seconds)} is {written(usual)}"
    why = f"they go on to cover {written(bucket.shard_seconds)} each, and are dropped whole; {usually}"
    return [LeftAlone(f"shard groups of bucket {bucket.name}", why)]


def _usual_shard_seconds(seconds: int | None) -> int:
    """https://docs.influxdata.com/influxdb/v2/reference/internals/shards/#shard-group-duration"""
    if seconds is None or seconds > 180 * buckets.DAY:
        return 7 * buckets.DAY
    return buckets.DAY if seconds >= 2 * buckets.DAY else buckets.HOUR


def _setting(bucket: Bucket, seconds: int | None, risk: str) -> Action:
    return Action(
        name=f"retention of {bucket.name}",
        target=f"retention of bucket {bucket.name}",
        service="influxdb",
        operation=f"PATCH /api/v2/buckets/{bucket.id}",
        parameters={"retentionRules": [{"type": "expire", "everySeconds": seconds or 0}]},
        state=buckets.state.at(bucket=bucket.id),
        before={"retention": written(bucket.seconds)},
        after={"retention": written(seconds)},
        risk=risk,
        resources=(bucket.name, bucket.id),
        performer=update.at(bucket=bucket.id),
    )


@readable
def update(session: Session, *, bucket: str, parameters: Mapping[str, Any]) -> None:
    """Send the change of a bucket, known by its id; waits and sends again while InfluxDB refuses the pace.

    Raises AnswerLost when nobody knows whether it was done, ChangeFailed when InfluxDB refuses it.
    """
    service = BucketsService(client(session).api_client)
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with asking(session):
                service.patch_buckets_id(bucket, dict(parameters))
            return
        except Throttled as error:
            if attempt == _ATTEMPTS:
                raise ChangeFailed(error.message, error.hint) from error
            ceiling = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2**attempt)
            time.sleep(random.uniform(_FIRST_WAIT_S, ceiling))  # noqa: S311 - spreading, not secrecy
        except ValueError as error:  # not a bucket's document, whatever its status
            raise AnswerLost(f"InfluxDB's answer cannot be understood: {error}") from error
        except (ReadError, CredentialsError) as error:
            # A plain ReadError is what the server broke on.
            if isinstance(error, NoAnswerInTime | Unreachable) or type(error) is ReadError:
                raise AnswerLost(error.message) from error
            raise ChangeFailed(
                error.message, "The token must be allowed to write buckets (write:buckets)."
            ) from error
