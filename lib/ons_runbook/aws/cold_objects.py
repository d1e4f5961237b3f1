"""Which objects of the buckets a lifecycle rule would move to a cheaper storage class, and what that saves.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html: an object's days count from
when it was made, and are over at the midnight (UTC) after them · only current versions are moved, which
https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html lists. CloudWatch's daily counts (see
`storage`) know neither age nor size of an object, so the objects are listed, up to a bound.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pandas as pd

from ons_runbook.aws import lifecycle, storage_classes
from ons_runbook.aws.money import dollars, size
from ons_runbook.aws.storage_classes import LEAST_BYTES, StorageClass
from ons_runbook.calls import side_by_side
from ons_runbook.checks import Check, Verdict, covers, unknown
from ons_runbook.errors import ChangeRefused, RunbookError
from ons_runbook.session import Session
from ons_runbook.tables import NUMBER, TEXT, TRUTH, WHOLE, given, table, text
from ons_runbook.window import utc_now

MOVES = {
    "role": TEXT,
    "bucket": TEXT,
    "objects": WHOLE,
    "size_bytes": WHOLE,
    "too_small": WHOLE,
    "moves_objects": WHOLE,
    "moves_bytes": WHOLE,
    "later_objects": WHOLE,
    "later_bytes": WHOLE,
    "saves_usd": NUMBER,
    "once_usd": NUMBER,
    "saves_later_usd": NUMBER,
    "pays_back_months": NUMBER,
    "all_listed": TRUTH,
    "rules_of_others": TEXT,
    "our_rule": TEXT,
    "problem": TEXT,
}
#: Objects that are listed of one bucket at most: a thousand a request.
MOST_LISTED = 100_000


@dataclass
class _Sums:
    objects: int = 0
    size: int = 0

    def add(self, bytes_: int) -> None:
        self.objects += 1
        self.size += bytes_


def moves(
    session: Session,
    roles: Sequence[str],
    storage_class: str,
    after_days: int,
    *,
    now: datetime | None = None,
    most_listed: int = MOST_LISTED,
) -> pd.DataFrame:
    """What a rule that moves objects to `storage_class` after `after_days` days would do to the platform's
    buckets of these roles ("raw", "processed"); a row a bucket.

    Columns: role, bucket (missing: the platform has none of that role), objects and size_bytes (in class
    STANDARD), too_small (objects that are never moved), moves_objects and moves_bytes (old enough now),
    later_objects and later_bytes (large enough, and too young), saves_usd (a month, of what moves now,
    storage alone), once_usd (moving them), saves_later_usd (a month, when the others have moved as well),
    pays_back_months, all_listed (no: the bucket has more than `most_listed` objects, and the figures are too
    low), rules_of_others and our_rule (ids), problem. For a class that there is not, what depends on it is
    missing. `now` is for tests.
    """
    # S3 looks at an object's age at midnight.
    midnight = (now or utc_now()).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    border = midnight - timedelta(days=after_days)
    buckets = session.platform.buckets
    tasks = {
        role: partial(_row, session, buckets[role], _class(storage_class), border, most_listed)
        for role in roles
        if role in buckets
    }
    rows: list[dict[str, Any]] = [
        {"role": role, "problem": f"The platform has no bucket {role!r}; it has {', '.join(buckets)}."}
        for role in roles
        if role not in buckets
    ]
    for role, outcome in side_by_side(tasks).items():
        row: dict[str, Any] = {"role": role, "bucket": buckets[role]}
        if isinstance(outcome.error, RunbookError):
            rows.append(row | {"problem": str(outcome.error)})
        else:
            rows.append(row | outcome.unwrap())
    return table(rows, MOVES, empty="No bucket was asked for.")


_SIZES = ("role", "objects", "size_bytes", "too_small", "later_objects", "later_bytes")
_WORTH = ("role", "saves_usd", "once_usd", "pays_back_months", "saves_later_usd")


def sizes(moves: pd.DataFrame) -> pd.DataFrame:
    """Of `moves`, what each bucket holds and what of it would be moved."""
    return moves[[*_SIZES, "moves_objects", "moves_bytes", "all_listed", "problem"]]


def worth(moves: pd.DataFrame) -> pd.DataFrame:
    """Of `moves`, what each bucket's rule would save and cost, and which rules it has."""
    return moves[[*_WORTH, "rules_of_others", "our_rule"]]


def _class(name: str) -> StorageClass | None:
    try:
        return storage_classes.named(name)
    except ChangeRefused:
        # Refused where the plan is made; what the bucket holds can be told all the same.
        return None


def _row(
    session: Session, bucket: str, chosen: StorageClass | None, border: datetime, most_listed: int
) -> dict[str, Any]:
    rules = lifecycle.read(session, bucket)
    every, small, old, young = _Sums(), _Sums(), _Sums(), _Sums()
    cut = False
    with lifecycle.permitted(f"Objects of bucket {bucket}", "s3:ListBucket"):
        for page in session.pages("s3", "ListObjectsV2", Bucket=bucket):
            for item in page.get("Contents", []):
                if item.get("StorageClass", "STANDARD") != "STANDARD":
                    continue
                every.add(item["Size"])
                kind = (
                    small if item["Size"] < LEAST_BYTES else old if item["LastModified"] <= border else young
                )
                kind.add(item["Size"])
            if cut := every.objects >= most_listed and bool(page.get("IsTruncated")):
                break
    row = {
        "objects": every.objects,
        "size_bytes": every.size,
        "too_small": small.objects,
        "moves_objects": old.objects,
        "moves_bytes": old.size,
        "later_objects": young.objects,
        "later_bytes": young.size,
        "all_listed": not cut,
        "rules_of_others": ", ".join(rule["ID"] for rule in rules.others) or None,
        "our_rule": ", ".join(rule["ID"] for rule in rules.rules if rule not in rules.others) or None,
    }
    return row | (_money(session, chosen, old, young) if chosen else {})


def _money(session: Session, chosen: StorageClass, old: _Sums, young: _Sums) -> dict[str, Any]:
    saves = chosen.saves(session.platform, old.objects, old.size)
    once = chosen.moving(session.platform, old.objects)
    later = chosen.saves(session.platform, old.objects + young.objects, old.size + young.size)
    pays = {"pays_back_months": once / saves} if saves > 0 else {}
    return {"saves_usd": saves, "once_usd": once, "saves_later_usd": later, **pays}


def _names(roles: Sequence[str]) -> list[str]:
    return [f"storage.{role}" for role in roles]


@covers(_names)
def judge(moves: pd.DataFrame, roles: Sequence[str]) -> list[Check]:
    """Whether it is known of the buckets of `roles` what a rule would move; one that may not be read, or was
    not asked for, is unknown."""
    rows = {text(row["role"]): row for _, row in moves.iterrows()}
    return [_judge_one(role, rows.get(role)) for role in roles]


def _judge_one(role: str, row: "pd.Series[Any] | None") -> Check:
    name, expected = f"storage.{role}", "known what a rule would move"
    if row is None:
        return unknown(name, f"the platform has no bucket {role!r}", expected)
    if given(row["problem"]):
        return unknown(name, text(row["problem"]), expected)
    least = "" if row["all_listed"] else "at least "
    said = (
        f"{least}{row['objects']:,} objects, {size(int(row['size_bytes']))}: {row['moves_objects']:,} are "
        f"old and large enough, {row['later_objects']:,} too young, {row['too_small']:,} too small"
    )
    if given(row["saves_usd"]) and row["moves_objects"]:
        said += f"; saves {least}{dollars(float(row['saves_usd']))} USD a month"
    return Check(name, Verdict.PASS, said, expected)
