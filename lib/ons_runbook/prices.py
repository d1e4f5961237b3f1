"""What things cost: the price assumptions that plans state, each with its date and the page that it is from.

prices.toml holds list prices of us-east-1; `prices` in a platform's settings overrides them (another region,
a negotiated rate). An estimate is there to decide by, not a bill.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from ons_runbook.platform import Platform

HOURS_A_MONTH = 730


@dataclass(frozen=True)
class Price:
    """US dollars for one `unit`, as of a date (YYYY-MM-DD) from a page, or from the platform's settings."""

    usd: float
    unit: str
    as_of: str
    source: str

    @property
    def assumption(self) -> str:
        """The price as a plan states it."""
        return f"at {self.usd:.10g} USD per {self.unit} ({self.as_of})"


def price(platform: Platform, name: str) -> Price:
    """The price of that name; KeyError for one that is not in prices.toml."""
    known = _listed()[name]
    if name in platform.prices:
        return Price(platform.prices[name], known.unit, "platform settings", "platform settings")
    return known


@cache
def _listed() -> dict[str, Price]:
    listed = tomllib.loads(files("ons_runbook").joinpath("prices.toml").read_text("utf-8"))
    return {name: Price(**facts) for name, facts in listed.items()}
