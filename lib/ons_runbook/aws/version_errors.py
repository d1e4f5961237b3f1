"""Errors of two versions behind one alias, compared while traffic moves from the one to the other.

The rule: a new version is worse when, over at least the wanted number of calls, it has more errors than
`errors_tolerated`, and

- the old one had as many calls: the new one's error rate is at least `error_rate_warn_percent`, and if both
  were alike, so many of the errors would fall on it once in a thousand times or less (`NO_CHANCE`; Fisher's
  exact test, https://www.itl.nist.gov/div898/handbook/prc/section3/prc33.htm, so rare because it is asked
  again and again);
- the old one had fewer, so that there is nothing to compare with: the new one's error rate is at least
  `error_rate_fail_percent`.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html (Resource, and ExecutedVersion for
the versions behind a weighted alias; Invocations and Errors come each minute) ·
https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import exp, lgamma

from ons_runbook.aws import aliases
from ons_runbook.aws.aliases import ALL, Points
from ons_runbook.session import Session
from ons_runbook.thresholds import Thresholds
from ons_runbook.window import Window

#: What happens by chance as rarely as this is taken for no chance.
NO_CHANCE = 0.001
#: What the old version did before the deployment counts this far back, when it has too few calls since.
BEFORE = timedelta(hours=1)

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Sample:
    """Calls of one version, and how many of them failed. `where`: since when, if not since the deployment."""

    version: str
    calls: int = 0
    errors: int = 0
    where: str = ""

    @property
    def rate(self) -> float:
        """The share of calls that failed, 0 to 1; 0 without calls."""
        return self.errors / self.calls if self.calls else 0.0

    def __str__(self) -> str:
        return f"{self.errors} in {self.calls} on version {self.version}{self.where}"


def since(
    session: Session,
    function: str,
    alias: str,
    versions: tuple[str, str],
    start: datetime,
    moved: datetime | None,
    end: datetime,
    least: int,
) -> tuple[Sample, Sample]:
    """Calls through the alias to the old and the new of two versions, from `start` to `end` (aware).

    moved: when the new one got all calls; None while it does not. The old one's calls of the hour before are
    added when there are fewer than `least` since `start`. A minute counts when CloudWatch has both its calls
    and its errors: they need not arrive together. Raises ReadError.
    """
    old, new = versions
    edge = _minute(start)
    # That CloudWatch tells versions apart for an alias without weights is not promised: before the first
    # minute every call went to the old version, and from the first whole one after `moved` on to the new.
    alone = _minute(moved) + _MINUTE if moved else end + _MINUTE
    found = aliases.calls(session, function, alias, versions, Window(edge - BEFORE, end + _MINUTE))
    before = Sample(old, *_counted(found[old], edge, alone))
    weighted, whole = _counted(found[new], edge, alone), _counted(found[ALL], alone, end + _MINUTE)
    after = Sample(new, weighted[0] + whole[0], weighted[1] + whole[1])
    if before.calls >= max(1, least):
        return before, after
    calls, errors = _counted(found[ALL], edge - BEFORE, edge)
    included = ", the hour before included"
    return Sample(old, before.calls + calls, before.errors + errors, included), after


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def _counted(points: Points, first: datetime, last: datetime) -> tuple[int, int]:
    """Calls and errors of the minutes from `first` up to `last`."""
    calls, errors = points
    both = [minute for minute in calls.keys() & errors.keys() if first <= minute < last]
    return round(sum(calls[minute] for minute in both)), round(sum(errors[minute] for minute in both))


def worse(old: Sample, new: Sample, least: int, limits: Thresholds) -> str:
    """Why the new version is clearly worse than the old one; empty when it is not, or cannot be told."""
    if new.calls < max(1, least) or new.errors <= limits.errors_tolerated:
        return ""
    said = f"{new.errors} of {new.calls} calls failed on version {new.version} ({100 * new.rate:.1f} %)"
    if old.calls < max(1, least):
        if 100 * new.rate < limits.error_rate_fail_percent:
            return ""
        return f"{said}, and version {old.version} had too few to compare with"
    chance = _chance(old, new)
    if 100 * new.rate < limits.error_rate_warn_percent or chance > NO_CHANCE:
        return ""
    than = f"{old} ({100 * old.rate:.1f} %)"
    return f"{said}, {than}: more than chance"


def _chance(old: Sample, new: Sample) -> float:
    """How likely it is that so many of the errors, or more, fall on the new version when both are alike."""
    calls, errors = old.calls + new.calls, old.errors + new.errors
    all_ways = _log_ways(calls, errors)
    return sum(
        exp(_log_ways(new.calls, count) + _log_ways(old.calls, errors - count) - all_ways)
        for count in range(new.errors, min(errors, new.calls) + 1)
    )


def _log_ways(many: int, chosen: int) -> float:
    """The logarithm of the number of ways to choose some of many."""
    return lgamma(many + 1) - lgamma(chosen + 1) - lgamma(many - chosen + 1)
