"""Lifecycle rules of buckets, and the one of ours that moves old objects to a cheaper storage class.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html replaces every rule
of the bucket: the rules of others go back with ours, as they are, and so does the bucket's default minimum
size, which would be reset otherwise. Ours have ids that begin with `ons-runbook-`. A change takes minutes to
be seen: https://docs.aws.amazon.com/AmazonS3/latest/userguide/how-to-set-lifecycle-configuration-intro.html ·
Rules that meet: https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-conflicts.html
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
from botocore.exceptions import ClientError

from ons_runbook.aws import storage_classes
from ons_runbook.aws.money import dollars, size
from ons_runbook.aws.storage_classes import LEAST_BYTES, StorageClass
from ons_runbook.errors import AccessDenied, ChangeRefused
from ons_runbook.failures import error_code, reading
from ons_runbook.plan import Action, Changes, LeftAlone, State, readable
from ons_runbook.session import Session
from ons_runbook.tables import given, text

OURS = "ons-runbook-"
RULE = f"{OURS}cold-storage"

Rule = Mapping[str, Any]

# Seconds until a changed configuration is seen by every reader.
_WAIT_S = 300.0


@dataclass(frozen=True)
class Configuration:
    """A bucket's rules in their order, as plain values, and the default minimum size when S3 says it."""

    rules: tuple[Rule, ...] = ()
    minimum: str | None = None

    @property
    def others(self) -> tuple[Rule, ...]:
        """The rules that this project did not make."""
        return tuple(rule for rule in self.rules if not rule["ID"].startswith(OURS))

    @property
    def state(self) -> State:
        """As a plan has it: our rules and those of others, by id. S3 keeps no configuration without rules."""
        others = {rule["ID"] for rule in self.others}
        by_id = {rule["ID"]: _without_id(rule) for rule in self.rules}
        found: State = {
            "our rules": {name: rule for name, rule in by_id.items() if name not in others},
            "rules of others": {name: rule for name, rule in by_id.items() if name in others},
        }
        return found | ({"smallest moved": self.minimum} if self.minimum else {})


def read(session: Session, bucket: str) -> Configuration:
    """The lifecycle configuration of a bucket, an empty one when there is none.

    Raises AccessDenied with the permission that is missing, NotFound, ReadError.
    """
    with permitted(f"Lifecycle rules of bucket {bucket}", "s3:GetLifecycleConfiguration"):
        try:
            found = session.client("s3").get_bucket_lifecycle_configuration(Bucket=bucket)
        except ClientError as error:
            if error_code(error) == "NoSuchLifecycleConfiguration":
                return Configuration()
            raise
    rules = tuple(_plain(rule) for rule in found.get("Rules", []))
    return Configuration(rules, found.get("TransitionDefaultMinimumObjectSize"))


@contextmanager
def permitted(resource: str, permission: str) -> Iterator[None]:
    """`reading` of S3, whose permissions are not called like its calls."""
    try:
        with reading(resource, "s3"):
            yield
    except AccessDenied as denied:
        raise AccessDenied(denied.message, f"The identity needs the permission {permission}.") from denied


def _plain(value: Any) -> Any:
    """With dates as text, which botocore takes as well and a journal can hold."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {name: _plain(member) for name, member in value.items()}
    return [_plain(member) for member in value] if isinstance(value, list) else value


def _without_id(rule: Rule) -> dict[str, Any]:
    # What it does, and to what, first: a plan shows the beginning.
    first = {name: rule[name] for name in ("Transitions", "Filter") if name in rule}
    return first | {name: value for name, value in rule.items() if name != "ID"}


@readable
def configuration(session: Session, bucket: str) -> State:
    """All lifecycle rules of a bucket by their ids, ours apart, and the default minimum size."""
    return read(session, bucket).state


def rule(chosen: StorageClass, after_days: int) -> dict[str, Any]:
    """Our rule: every object that is not too small goes to the class so many days after it was made."""
    return {
        "ID": RULE,
        "Status": "Enabled",
        # Said and not left to the bucket's default, which may let small objects go where they cost more.
        "Filter": {"ObjectSizeGreaterThan": LEAST_BYTES - 1},
        "Transitions": [{"Days": after_days, "StorageClass": chosen.name}],
    }


def tier(session: Session, moves: pd.DataFrame, *, storage_class: str, after_days: int) -> Changes:
    """Have each bucket move its old objects to a cheaper class, by a rule of ours beside those it has.

    `moves` is what `cold_objects.moves` gave for the same class and days. A bucket is left alone when it
    could not be read, when the rule would move nothing or save nothing, or when a rule of others is in its
    way; the rules of others are listed, and kept. Raises ChangeRefused for a class that there is not, or too
    few days; AccessDenied, ReadError.
    """
    chosen = storage_classes.named(storage_class)
    storage_classes.check_days(chosen, after_days)
    actions: list[Action] = []
    alone: list[LeftAlone] = []
    for _, row in moves.iterrows():
        bucket = text(row["bucket"])
        if not bucket:
            raise ChangeRefused(text(row["problem"]), "Choose from those.")
        if given(row["problem"]):
            alone.append(LeftAlone(f"bucket {bucket}", text(row["problem"])))
            continue
        found = read(session, bucket)
        why = _reason_to_leave(found, row, rule(chosen, after_days), chosen)
        if why:
            alone.append(LeftAlone(f"bucket {bucket}", why))
        else:
            actions.append(_with_rule(session, bucket, found, rule(chosen, after_days), row))
        alone += [
            LeftAlone(f"rule {other['ID']} of bucket {bucket}", "it is of others, and stays as it is")
            for other in found.others
        ]
    return Changes(actions, alone, "No bucket would gain by a rule.")


def _reason_to_leave(
    found: Configuration, row: "pd.Series[Any]", wanted: dict[str, Any], chosen: StorageClass
) -> str:
    if any(dict(one) == wanted for one in found.rules):
        return f"its rule {RULE} does so already"
    if not row["moves_objects"] + row["later_objects"]:
        return (
            f"nothing would be moved: none of the {row['objects']:,} objects listed has {size(LEAST_BYTES)}"
        )
    if row["saves_later_usd"] <= 0:
        return f"its objects would cost more in {chosen.name} than they do now"
    days = wanted["Transitions"][0]["Days"]
    return next(filter(None, (_in_the_way(other, days, chosen) for other in found.others)), "")


def _in_the_way(other: Rule, days: int, chosen: StorageClass) -> str:
    """Why a rule of others and ours do not go together; empty when they do."""
    if other["Status"] != "Enabled":
        return ""
    if other.get("Transitions"):
        return f"rule {other['ID']} of others moves objects already: nobody knows which of the two would win"
    expiration = other.get("Expiration", {})
    if "Date" in expiration:
        return f"rule {other['ID']} of others deletes objects on {expiration['Date'][:10]}"
    deleted = expiration.get("Days")
    if deleted is None or deleted >= days + chosen.paid_days:
        return ""
    if deleted > days:
        return (
            f"rule {other['ID']} of others deletes objects after {deleted} days, and {chosen.name} charges "
            f"for {chosen.paid_days} days from the move on"
        )
    # Of part of the bucket it is welcome: those objects are gone before they would be moved.
    return f"rule {other['ID']} of others deletes objects before that" if _of_all(other) else ""


def _of_all(other: Rule) -> bool:
    return other.get("Filter", {"Prefix": other.get("Prefix", "")}) in ({}, {"Prefix": ""})


def _with_rule(
    session: Session, bucket: str, found: Configuration, wanted: dict[str, Any], row: "pd.Series[Any]"
) -> Action:
    kept = [one for one in found.rules if one["ID"] != RULE]
    after = Configuration((*kept, wanted), found.minimum)
    chosen = storage_classes.named(wanted["Transitions"][0]["StorageClass"])
    return _setting(
        session,
        bucket,
        found,
        after,
        _risk(session, wanted, chosen),
        undo=(
            _setting(session, bucket, after, found, f"Objects of {bucket} stay in the class they are in."),
        ),
        undo_note=f"what was moved by then stays in {chosen.name} until it is copied back",
        cost=_saving(session, chosen, row),
    )


def _setting(
    session: Session, bucket: str, before: Configuration, after: Configuration, risk: str, **more: Any
) -> Action:
    # The owner is named, since somebody else may own a bucket of a name that the settings have wrong.
    where: dict[str, Any] = {"Bucket": bucket, "ExpectedBucketOwner": session.account}
    minimum = {"TransitionDefaultMinimumObjectSize": after.minimum} if after.minimum else {}
    whole = {"LifecycleConfiguration": {"Rules": [dict(one) for one in after.rules]}, **minimum}
    return Action(
        name=f"lifecycle of {bucket}",
        target=f"lifecycle rules of bucket {bucket}",
        service="s3",
        operation="PutBucketLifecycleConfiguration" if after.rules else "DeleteBucketLifecycle",
        parameters=where | (whole if after.rules else {}),
        state=configuration.at(bucket=bucket),
        before=before.state,
        after=after.state,
        risk=risk,
        resources=(bucket,),
        wait_s=_WAIT_S,
        **more,
    )


def _risk(session: Session, wanted: dict[str, Any], chosen: StorageClass) -> str:
    fee = chosen.price(session.platform, "retrieval")
    parts = [
        f"Objects of {size(LEAST_BYTES)} and more go to {chosen.name} after "
        f"{wanted['Transitions'][0]['Days']} days. Reading them costs {fee.usd:g} USD per {fee.unit} then "
        f"({fee.as_of}), and deleting one within {chosen.paid_days} days is charged as if it had stayed."
    ]
    if chosen.restore:
        parts.append(
            f"Reading needs a restore first, of {chosen.restore}: replays and copies fail until then."
        )
    if chosen.caution:
        parts.append(f"In {chosen.name} {chosen.caution}.")
    return " ".join(parts)


def _saving(session: Session, chosen: StorageClass, row: "pd.Series[Any]") -> str:
    assumed = chosen.assumption(session.platform)
    if not row["moves_objects"]:
        return f"saves nothing yet: no object is old enough; {assumed}"
    fee = chosen.price(session.platform, "transition")
    return (
        f"saves {dollars(float(row['saves_usd']))} USD: {size(int(row['moves_bytes']))} in "
        f"{row['moves_objects']:,} objects are old enough; {assumed}. Moving them: "
        f"{dollars(float(row['once_usd']))} USD once, {fee.assumption}"
    )
