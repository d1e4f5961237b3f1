"""A ledger with plain numbers, put into the server's process by the tests of Cost Explorer."""

from datetime import UTC, date, datetime, timedelta

from ons_sandbox.services import cost_explorer
from ons_sandbox.services.cost_query import Charge

ACCOUNT = "123456789012"


class Plain:
    """Lambda costs 1 USD a day, S3 2; five days ago nothing happened, three days ago Tax of 30 came."""

    def __init__(self, today: date, days: int) -> None:
        self.today, self.first_day = today, today - timedelta(days=days)

    def charges(self, day: date) -> list[Charge]:
        if day < self.first_day or day == self.today - timedelta(days=5):
            return []
        found = [
            Charge("AWS Lambda", "Usage", 1.0, 100.0, ACCOUNT),
            Charge("Amazon Simple Storage Service", "Usage", 2.0, 10.0, ACCOUNT),
        ]
        if day == self.today - timedelta(days=3):
            found.append(Charge("Tax", "Tax", 30.0, 0.0, ACCOUNT))
        return found


def use(days: int = 90) -> str:
    """Answer from a plain ledger of so many days; gives today's date."""
    today = datetime.now(UTC).date()
    cost_explorer.use(Plain(today, days))
    return today.isoformat()
