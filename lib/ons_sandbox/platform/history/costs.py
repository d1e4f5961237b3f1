"""What the platform costs a day, by service: the rhythm of weeks, a slow growth, and one bad day.

The bad day is nine days before the history ends: AmazonCloudWatch costs three times as much as on other such
days, because the release of that day logged every row. The first of each month carries the Tax of the month
before. Prices are of the order that AWS lists for us-east-1; names are those of Cost Explorer.

https://docs.aws.amazon.com/cost-management/latest/userguide/ce-exploring-data.html
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from ons_sandbox.platform import names
from ons_sandbox.platform.history import chance
from ons_sandbox.services import cost_explorer, cost_query
from ons_sandbox.services.cost_query import Charge

DAYS = 90
ANOMALY_AGE = timedelta(days=9)
ANOMALY_SERVICE = "AmazonCloudWatch"
ANOMALY_FACTOR = 3.0
TAX_RATE = 0.0965


@dataclass(frozen=True)
class Usage:
    """How a service is used. `cost` in USD on a working day now, `price` in USD a unit of usage."""

    cost: float
    price: float
    weekend: float = 1.0
    """Saturdays and Sundays against working days."""
    growth: float = 0.0
    """A day; 0.002 is 0.2 %."""
    noise: float = 0.02
    only_on: int | None = None
    """The one weekday with costs (Monday is 0)."""


SERVICES: dict[str, Usage] = {
    "Amazon Timestream": Usage(3.32, 0.12, noise=0.001),
    "Amazon Simple Storage Service": Usage(1.62, 0.023, growth=0.0021, noise=0.01),
    "AmazonCloudWatch": Usage(1.18, 0.5, weekend=0.81, growth=0.0008, noise=0.03),
    "EC2 - Other": Usage(1.08, 0.045, noise=0.002),
    "AWS Lambda": Usage(0.87, 0.0000166667, weekend=0.72, growth=0.0011, noise=0.025),
    "AWS Step Functions": Usage(0.61, 0.000025, growth=0.0003, noise=0.01),
    "Amazon API Gateway": Usage(0.39, 0.0000035, weekend=0.38, growth=0.0014, noise=0.04),
    "AWS Glue": Usage(0.44, 0.44, noise=0.05, only_on=0),
    "AWS Key Management Service": Usage(0.067, 0.000003, noise=0.01),
    "AWS CloudTrail": Usage(0.052, 0.00002, weekend=0.85, noise=0.03),
    "AWS Cost Explorer": Usage(0.05, 0.01, weekend=0.4, noise=0.15),
    "AWS Secrets Manager": Usage(0.027, 0.4, noise=0.002),
    "CloudWatch Events": Usage(0.0042, 0.000001, noise=0.02),
    "Amazon Simple Notification Service": Usage(0.0031, 0.0000005, noise=0.1),
}


def write(*, seed: int, now: datetime) -> None:
    """Let Cost Explorer answer from the platform's costs: from 90 days before `now`, and on from there.

    now: when the history ends (aware). Works inside the server's process only.
    """
    cost_explorer.use(Costs(seed, now.astimezone(UTC).date()))


class Costs:
    """The platform's ledger."""

    def __init__(self, seed: int, until: date) -> None:
        """until: the day on which the history ends. Later days have costs as well, when they come."""
        self._seed, self._until = seed, until
        self.first_day = until - timedelta(days=DAYS)
        self.anomaly = until - ANOMALY_AGE
        self._day = functools.lru_cache(maxsize=500)(self._new_day)

    def charges(self, day: date) -> Sequence[Charge]:
        """The charges of a day."""
        return self._day(day)

    def _new_day(self, day: date) -> tuple[Charge, ...]:
        if day < self.first_day:
            return ()
        charges = [self._charge(service, usage, day) for service, usage in SERVICES.items()]
        charges += [self._tax(day)] if day.day == 1 and day > self.first_day else []
        return tuple(charge for charge in charges if charge.cost)

    def _charge(self, service: str, usage: Usage, day: date) -> Charge:
        midnight = datetime.combine(day, time(), UTC)
        draw = chance.of_day(self._seed, f"cost {service}", midnight)
        cost = usage.cost * (1 + usage.growth * (day - self._until).days)
        cost *= usage.weekend if day.weekday() >= 5 else 1.0
        cost *= 1 + usage.noise * draw.uniform(-1, 1)
        if usage.only_on is not None and day.weekday() != usage.only_on:
            cost = 0.0
        if day == self.anomaly and service == ANOMALY_SERVICE:
            cost *= ANOMALY_FACTOR
        return Charge(service, "Usage", round(cost, 10), round(cost / usage.price, 10), names.ACCOUNT)

    def _tax(self, first: date) -> Charge:
        """AWS books the tax of a month under its own service name, on the first of the next."""
        month = cost_query.days(max((first - timedelta(days=1)).replace(day=1), self.first_day), first)
        used = sum(charge.cost for day in month for charge in self.charges(day) if charge.service != "Tax")
        return Charge("Tax", "Tax", round(used * TAX_RATE, 10), 0.0, names.ACCOUNT)
