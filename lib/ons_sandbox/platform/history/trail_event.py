"""One record of CloudTrail before it is written, and the ones that people leave at the sign-in page.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-aws-console-sign-in-events.html
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from ons_sandbox.platform import names
from ons_sandbox.platform.history.callers import BROWSER, CLI, Record


@dataclass(frozen=True)
class Event:
    """One record of CloudTrail, before it is written."""

    at: datetime
    source: str
    """The service's short name: iam."""
    name: str
    user: Record
    parameters: Record = field(default_factory=dict)
    response: Record | None = None
    address: str = ""
    agent: str = CLI
    touched: tuple[tuple[str, str], ...] = ()
    """Name and type of each resource."""
    error: str | None = None
    more: Mapping[str, Any] = field(default_factory=dict)


def ago(now: datetime, days: int, hour: int, minute: int, second: int = 0) -> datetime:
    """A time of the day (UTC), that many days before now."""
    day = (now - timedelta(days=days)).astimezone(UTC)
    return day.replace(hour=hour, minute=minute, second=second, microsecond=0)


def sign_in(at: datetime, user: Record, *, mfa: bool, address: str = "", succeeded: bool = True) -> Event:
    """Somebody at the console's sign-in page."""
    told: Record = {
        "LoginTo": "https://console.aws.amazon.com/console/home?region=us-east-1&state=hashArgs",
        "MobileVersion": "No",
        "MFAUsed": "Yes" if mfa else "No",
    }
    if mfa:
        name = user.get("userName", "root-account-mfa-device")
        told["MFAIdentifier"] = f"arn:aws:iam::{names.ACCOUNT}:mfa/{name}"
    more: Record = {"additionalEventData": told, "eventType": "AwsConsoleSignIn"}
    if not succeeded:
        more["errorMessage"] = "Failed authentication"
    answer = {"ConsoleLogin": "Success" if succeeded else "Failure"}
    return Event(at, "signin", "ConsoleLogin", user, {}, answer, address, BROWSER, more=more)
