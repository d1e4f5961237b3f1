"""The lock: one change at a time a platform, held in the platform itself, so that it binds every machine.

SSM has no conditional overwrite, but writing without overwrite is atomic: of two that write the same name one
gets ParameterAlreadyExists (https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html).
So the lock is a row of parameters with growing numbers below one path. The highest number holds; when that
one was released or has expired, the next number is free for whoever writes it first. Ages are told by the
service's own clock, since the clocks of two operators may disagree.
"""

import getpass
import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ons_runbook.errors import LockHeld, ReadError
from ons_runbook.failures import error_code, explain, reading
from ons_runbook.plan.sending import AnswerLost, send
from ons_runbook.session import Session
from ons_runbook.window import iso, utc_now

#: What the lock's own calls are; the gate is opened for them while a plan is applied.
OPERATIONS = ("ssm:PutParameter", "ssm:DeleteParameter")


@dataclass(frozen=True)
class Holder:
    """Who holds the lock, for which run, since when; `minutes` after its last sign of life it is free."""

    owner: str
    run: str
    procedure: str
    since: str
    minutes: float
    released: bool = False
    taken_from: str = ""
    reason: str = ""


@dataclass(frozen=True)
class _Seen:
    number: int
    holder: Holder
    age: timedelta

    @property
    def free(self) -> bool:
        return self.holder.released or self.age > timedelta(minutes=self.holder.minutes)


def owner() -> str:
    """Who is working here, as the lock and the journal say it: user@machine."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


class Lock:
    """The lock of a platform, for one run. Use inside of an opened gate."""

    def __init__(self, session: Session, run: str, procedure: str) -> None:
        platform = session.platform
        self._session = session
        self._path = platform.lock_parameter
        self._me = Holder(owner(), run, procedure, iso(utc_now()), platform.lock_minutes)
        self._number = 0
        self._renewed = utc_now()

    def take(self, take_over: str = "") -> Holder | None:
        """Get the lock, or raise LockHeld that says who has it, since when, and until when at the latest.

        `take_over` is "owner: reason": the lock of that owner is taken although it has not expired. Returns
        the holder that was followed, None when there was none.
        """
        seen = self._read()
        name, _, reason = (part.strip() for part in take_over.partition(":"))
        if seen and not seen.free:
            if name != seen.holder.owner or not reason:
                raise _held(seen)
            self._me = replace(self._me, taken_from=f"{seen.holder.owner}, {seen.holder.run}", reason=reason)
        self._number = seen.number + 1 if seen else 1
        if not self._write(overwrite=False):
            raise _held(self._read() or _Seen(self._number, self._me, timedelta(0)))
        if seen:
            self._delete(seen.number)
        return seen.holder if seen else None

    def keep(self) -> None:
        """Give a sign of life when it is time; raises LockHeld when somebody else has the lock by now."""
        seen = self._read()
        if seen is None or seen.number != self._number or seen.holder.run != self._me.run:
            raise _lost(seen)
        if utc_now() - self._renewed > timedelta(minutes=self._me.minutes / 4):
            self._write(overwrite=True)

    def release(self) -> None:
        """Let it go; what is left is a parameter that says so."""
        self._me = replace(self._me, released=True)
        self._write(overwrite=True)

    def _name(self, number: int) -> str:
        return f"{self._path}/{number:08d}"

    def _read(self) -> _Seen | None:
        found: dict[int, tuple[Mapping[str, Any], datetime]] = {}
        with reading(f"Lock {self._path}", "ssm"):
            for page in self._session.pages("ssm", "GetParametersByPath", Path=self._path):
                now = _date_of(page)
                for parameter in page["Parameters"]:
                    found[int(parameter["Name"].rpartition("/")[2])] = (parameter, now)
        if not found:
            return None
        number = max(found)
        parameter, now = found[number]
        try:
            holder = Holder(**json.loads(parameter["Value"]))
        except (ValueError, TypeError) as error:
            raise ReadError(f"The lock {self._name(number)} cannot be read.", "Delete it by hand.") from error
        return _Seen(number, holder, now - parameter["LastModifiedDate"])

    def _write(self, *, overwrite: bool) -> bool:
        """Whether it was written; only without `overwrite` can somebody else be first."""
        body = {
            "Name": self._name(self._number),
            "Value": json.dumps(asdict(self._me)),
            "Type": "String",
            "Description": "Held while a runbook changes this platform",
            "Overwrite": overwrite,
        }
        try:
            with self._sending("ParameterAlreadyExists"):
                send(self._session, "ssm", "PutParameter", body, again=lambda: not self._mine())
        except _Already:
            return self._mine()
        self._renewed = utc_now()
        return True

    def _mine(self) -> bool:
        seen = self._read()
        return seen is not None and seen.number == self._number and seen.holder == self._me

    def _delete(self, number: int) -> None:
        with suppress(_Already), self._sending("ParameterNotFound"):
            send(self._session, "ssm", "DeleteParameter", {"Name": self._name(number)}, again=lambda: True)

    @contextmanager
    def _sending(self, already: str) -> Iterator[None]:
        """Raise _Already for that error code, and for anything else an error that names the lock."""
        try:
            yield
        except (ClientError, BotoCoreError) as error:
            if error_code(error) == already:
                raise _Already from error
            raise explain(error, f"Lock {self._path}", "ssm") from error
        except AnswerLost as error:
            raise ReadError(f"Lock {self._path}: {error}.", "Nobody knows who has it: ask again.") from error


class _Already(Exception):
    """What was to be made is there, or what was to be deleted is not."""


def _date_of(answer: Mapping[str, Any]) -> datetime:
    try:
        return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"]).astimezone(UTC)
    except (KeyError, ValueError):
        return utc_now()


def _held(seen: _Seen) -> LockHeld:
    holder = seen.holder
    left = max(timedelta(0), timedelta(minutes=holder.minutes) - seen.age).total_seconds() / 60
    return LockHeld(
        f"{holder.owner} is changing this platform since {holder.since} "
        f"({holder.procedure}, run {holder.run}). Without a sign of life it is free in {left:.0f} min.",
        f"Nothing was changed. Ask {holder.owner}; or take the lock over with a reason: "
        f'"{holder.owner}: why" (--take-lock, or take_lock= of rb.apply).',
    )


def _lost(seen: _Seen | None) -> LockHeld:
    who = f"{seen.holder.owner} has it, for run {seen.holder.run}" if seen else "it is gone"
    why = f" ({seen.holder.reason})" if seen and seen.holder.reason else ""
    return LockHeld(
        f"This run no longer holds the lock: {who}{why}.", "It stops here; the journal says how far."
    )
