"""How old things are: the build has just created everything, but the platform has been there for months.

There is no AWS call that makes something older, so the dates are set in the emulators' state, each in the
form in which it lies there.
"""

from collections.abc import Iterable, MutableMapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ons_sandbox.mends import mended
from ons_sandbox.mends.access_keys import put_last_used
from ons_sandbox.platform import names, releases
from ons_sandbox.platform.build.api import CHOSEN_ID
from ons_sandbox.platform.build.identities import LAST_USED, USERS

BORN = timedelta(days=214)
"""Age of everything that has no date of its own."""
# Ages in days of the deployments of feature flags, oldest first.
FLAG_DEPLOYMENTS = (187, 62, 21)
# The alarms were tuned, and have been quiet, since.
ALARMS = timedelta(days=31)

Record = MutableMapping[str, Any]


def write(now: datetime) -> None:
    """Date everything that the build created, and forget that it was created today."""
    born = now - BORN
    _functions(now)
    _keys(now, born)
    _flags(now)
    _others(now, born)
    _cover_tracks()


def _functions(now: datetime) -> None:
    functions = mended("ministack.services.lambda_svc", "_functions")._functions
    for function in names.FUNCTIONS:
        record = functions[function.name]
        moments = releases.published(function.name, now)
        versions = [record["versions"][str(number)]["config"] for number in range(1, len(moments) + 1)]
        for config, moment in zip([*versions, record["config"]], [*moments, moments[-1]], strict=True):
            _date(config, moment, "LastModified")
            # As after the half second that the emulator takes for it.
            config.update(State="Active", StateReason="", StateReasonCode="", LastUpdateStatus="Successful")


def _keys(now: datetime, born: datetime) -> None:
    iam = mended("ministack.services.iam", "_users", "_roles", "_access_keys")
    for record in [*iam._users.values(), *iam._roles.values()]:
        _date(record, born, "CreateDate")
    for user, ages in USERS.items():
        keys = [key for key in iam._access_keys.values() if key["UserName"] == user]
        for key, age in zip(keys, ages, strict=True):
            _date(key, now - timedelta(days=age), "CreateDate")
            if (user, age) in LAST_USED:
                hours, service = LAST_USED[user, age]
                put_last_used(key["AccessKeyId"], now - timedelta(hours=hours), service, names.REGION)
        _date(iam._users[user], min([born, *(now - timedelta(days=age) for age in ages)]), "CreateDate")


def _flags(now: datetime) -> None:
    deployments = list(mended("ministack.services.appconfig", "_deployments")._deployments.values())
    for deployment, age in zip(deployments, FLAG_DEPLOYMENTS, strict=True):
        moment = (now - timedelta(days=age)).replace(hour=13, minute=30)
        _date(deployment, moment, "StartedAt", "CompletedAt", "_StartedEpoch", "_CompletedEpoch")
        for event in deployment["_Events"]:
            _date(event, moment, "OccurredAt")


def _others(now: datetime, born: datetime) -> None:
    for module, container, fields in (
        ("apigateway_v1", "_rest_apis", ("createdDate",)),
        ("apigateway_v1", "_api_keys", ("createdDate", "lastUpdatedDate")),
        ("stepfunctions", "_state_machines", ("creationDate",)),
        ("s3", "_buckets", ("created",)),
        ("cloudwatch_logs", "_log_groups", ("creationTime",)),
        ("secretsmanager", "_secrets", ("CreatedDate", "LastChangedDate")),
        ("ssm", "_parameters", ("LastModifiedDate",)),
    ):
        for record in _records(module, container):
            _date(record, born, *fields)
    for module, container in (("apigateway_v1", "_stages_v1"), ("apigateway_v1", "_deployments_v1")):
        for records in _records(module, container):
            for record in records.values():
                _date(record, born, "createdDate", "lastUpdatedDate")
    for alarm in _records("cloudwatch", "_alarms"):
        changed = (
            "StateUpdatedTimestamp",
            "StateTransitionedTimestamp",
            "AlarmConfigurationUpdatedTimestamp",
        )
        _date(alarm, now - ALARMS, *changed)


def _cover_tracks() -> None:
    """Forget what only a sandbox has: the calls that built it, and the tag that chose the API's id."""
    mended("ministack.services.cloudtrail", "_events")._events.clear()
    for api in _records("apigateway_v1", "_rest_apis"):
        api["tags"].pop(CHOSEN_ID, None)


def _records(module: str, container: str) -> Iterable[Record]:
    found: Any = getattr(mended(f"ministack.services.{module}", container), container)
    return list(found.values())


def _date(record: Record, moment: datetime, *fields: str) -> None:
    """Set those of the fields that the record has, as text or number as it was before."""
    for field in fields:
        before = record.get(field)
        if isinstance(before, str):
            text = moment.astimezone(UTC).isoformat(timespec="milliseconds")[:23]
            # "…:05Z", "…:05.000Z" or "…:05.000+0000": whatever the service writes.
            body = len("2026-01-01T00:00:00.000") if "." in before else len("2026-01-01T00:00:00")
            record[field] = text[:body] + before[body:]
        elif isinstance(before, int | float):
            seconds = moment.timestamp()
            milliseconds = before > 1e11
            record[field] = type(before)(seconds * 1000 if milliseconds else seconds)
