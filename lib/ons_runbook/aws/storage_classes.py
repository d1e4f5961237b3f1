"""S3's storage classes that objects can be moved to: what they ask for, and what moving there saves.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html (smallest size, days charged) ·
https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html (days
in STANDARD before a move; the 40 KB that an archived object takes beside itself) ·
https://aws.amazon.com/s3/pricing/ (of the first 50 TB) · INTELLIGENT_TIERING is left out: what it saves
depends on how objects will be read, and cannot be stated before.
"""

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import pandas as pd

from ons_runbook.aws.money import GB
from ons_runbook.errors import ChangeRefused
from ons_runbook.platform import Platform
from ons_runbook.prices import Price, price
from ons_runbook.tables import NUMBER, TEXT, WHOLE, table

#: Bytes that an object must have to be moved by default, and is charged for in the infrequent-access classes.
LEAST_BYTES = 128 * 1024


@dataclass(frozen=True)
class StorageClass:
    """One class.

    Attributes:
        name: as S3 calls it.
        wait_days: days that an object must have been in STANDARD before it may be moved here.
        paid_days: days that are charged, even when the object is deleted or moved on earlier.
        restore: how long it takes until an object can be read again; empty when it can be read at once.
        own_overhead, standard_overhead: bytes charged beside each object, at its price and STANDARD's.
        caution: what else is different; empty when nothing is.
    """

    name: str
    wait_days: int
    paid_days: int
    restore: str = ""
    own_overhead: int = 0
    standard_overhead: int = 0
    caution: str = ""

    def price(self, platform: Platform, kind: str) -> Price:
        """Its price for `storage` (a GB and month), `transition` (1,000 objects) or `retrieval` (a GB)."""
        return price(platform, f"s3_{self.name.lower()}_{kind}")

    def saves(self, platform: Platform, objects: int, size: int) -> float:
        """USD a month that these objects (`size` bytes in all) cost less here than in STANDARD."""
        standard = price(platform, "s3_standard_storage").usd
        here = self.price(platform, "storage").usd
        paid_here = (size + objects * self.own_overhead) * here + objects * self.standard_overhead * standard
        return (size * standard - paid_here) / GB

    def moving(self, platform: Platform, objects: int) -> float:
        """USD that moving so many objects costs, once."""
        return objects / 1000 * self.price(platform, "transition").usd

    def assumption(self, platform: Platform) -> str:
        """The prices that a saving is reckoned with."""
        standard, here = price(platform, "s3_standard_storage"), self.price(platform, "storage")
        dates = " and ".join(dict.fromkeys((standard.as_of, here.as_of)))
        return f"{here.usd:g} instead of {standard.usd:g} USD per GB-month ({dates})"


_CLASSES = (
    StorageClass("STANDARD_IA", 30, 30),
    StorageClass("ONEZONE_IA", 30, 30, caution="it is lost with the one availability zone that it is in"),
    StorageClass("GLACIER_IR", 0, 90),
    StorageClass("GLACIER", 0, 90, "3 to 5 hours", 32 * 1024, 8 * 1024),
    StorageClass("DEEP_ARCHIVE", 0, 180, "up to 12 hours", 32 * 1024, 8 * 1024),
)
COMPARED = {
    "storage_class": TEXT,
    "usd_per_gb_month": NUMBER,
    "usd_per_1000_moved": NUMBER,
    "usd_per_gb_read": NUMBER,
    "after_days": WHOLE,
    "charged_days": WHOLE,
    "readable": TEXT,
    "prices_of": TEXT,
}
NAMES = tuple(each.name for each in _CLASSES)


def compared(platform: Platform) -> pd.DataFrame:
    """The classes beside STANDARD, a row each.

    Columns: storage_class, usd_per_gb_month, usd_per_1000_moved, usd_per_gb_read, after_days (in STANDARD, at
    least), charged_days (at least), readable (`at once`, or after how long a restore), prices_of (date).
    """
    standard = price(platform, "s3_standard_storage")
    rows: list[dict[str, Any]] = [
        {
            "storage_class": "STANDARD",
            "usd_per_gb_month": standard.usd,
            "readable": "at once",
            "prices_of": standard.as_of,
        }
    ]
    for each in _CLASSES:
        prices = {kind: each.price(platform, kind) for kind in ("storage", "transition", "retrieval")}
        rows.append(
            {
                "storage_class": each.name,
                "usd_per_gb_month": prices["storage"].usd,
                "usd_per_1000_moved": prices["transition"].usd,
                "usd_per_gb_read": prices["retrieval"].usd,
                "after_days": each.wait_days,
                "charged_days": each.paid_days,
                "readable": f"after a restore of {each.restore}" if each.restore else "at once",
                "prices_of": prices["storage"].as_of,
            }
        )
    return table(rows, COMPARED)


def named(name: str) -> StorageClass:
    """The class of that name. Raises ChangeRefused with the names that there are, the nearest one first."""
    found = next((each for each in _CLASSES if each.name == name), None)
    if found is None:
        wanted = str(name).upper().replace("-", "_").replace(" ", "_")
        near = get_close_matches(wanted, NAMES, n=1, cutoff=0.5)
        raise ChangeRefused(
            f"Objects cannot be moved to a storage class {name!r}{_known_but_not(wanted)}.",
            f"{f'Did you mean {near[0]}? ' if near else ''}Choose one of {', '.join(NAMES)}.",
        )
    return found


def _known_but_not(name: str) -> str:
    if name == "INTELLIGENT_TIERING":
        return ": what it saves depends on how the objects will be read"
    return ": that is where they are" if name == "STANDARD" else ""


def check_days(chosen: StorageClass, days: int) -> None:
    """Raise ChangeRefused when S3 would not move objects to the class after so few days."""
    if days < chosen.wait_days:
        raise ChangeRefused(
            f"S3 moves objects to {chosen.name} after {chosen.wait_days} days or more, not after {days}.",
            f"Choose {chosen.wait_days} days or more.",
        )
