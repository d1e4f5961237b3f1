"""Lambda aliases: the version that callers get, how its calls go, and moving it.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-aliases.html ·
https://docs.aws.amazon.com/lambda/latest/api/API_UpdateAlias.html: an empty map of weights takes the routing
away, leaving it out keeps it ·
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-view.html: Resource is `function:alias`, and
with ExecutedVersion the version that ran; that CloudWatch has the second for an alias without weights is not
promised.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

import pandas as pd

from ons_runbook.aws import metrics
from ons_runbook.failures import reading
from ons_runbook.plan import Action, State, readable
from ons_runbook.session import Session
from ons_runbook.window import Window

#: Invocations and errors by the start of their period (UTC).
Points = tuple[dict[datetime, float], dict[datetime, float]]
#: The key of an alias's calls as a whole, whichever version ran.
ALL = ""

_METRICS = ("Invocations", "Errors")
# Up to here the finest period there is; for longer windows an hour is fine enough to tell versions apart.
_FINE = timedelta(days=1)
_HOUR = 3600
# A chart of single minutes of a function that is called six times an hour is a comb.
_FEW_MINUTES = 300


@readable
def alias(session: Session, function: str, alias: str) -> State:
    """The alias as it is: version (None without alias or function), weights by further version."""
    client = session.client("lambda")
    with reading(f"Alias {alias} of {function}", "lambda"):
        try:
            found = client.get_alias(FunctionName=function, Name=alias)
        except client.exceptions.ResourceNotFoundException:
            return {"version": None, "weights": {}}
    weights = found.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    return {"version": found["FunctionVersion"], "weights": dict(weights)}


def calls(
    session: Session, function: str, alias: str, versions: Iterable[str], window: Window
) -> dict[str, Points]:
    """Calls through an alias by the version that ran, and under `ALL` whichever ran. Raises ReadError.

    A version of which CloudWatch has no data has no points: nobody knows, which is not none.
    """
    of = {"FunctionName": function, "Resource": f"{function}:{alias}"}
    names = (ALL, *versions)
    wanted = {
        (version, name): metrics.metric(
            "AWS/Lambda", name, "Sum", **of, **({"ExecutedVersion": version} if version else {})
        )
        for version in names
        for name in _METRICS
    }
    period = None if window.duration <= _FINE else _HOUR
    found = metrics.series(session, wanted, window, period)
    return {version: (found[version, _METRICS[0]], found[version, _METRICS[1]]) for version in names}


def over_time(session: Session, function: str, alias: str, window: Window) -> pd.DataFrame:
    """Calls through an alias and how many failed, as `metrics.table` gives them: time, name, value."""
    of = {"FunctionName": function, "Resource": f"{function}:{alias}"}
    names = dict(zip(("calls", "failed"), _METRICS, strict=True))
    wanted = {said: metrics.metric("AWS/Lambda", name, "Sum", **of) for said, name in names.items()}
    return metrics.table(session, wanted, window, max(metrics.period_for(window), _FEW_MINUTES))


def move(function: str, name: str, before: State, version: str, *, why: str = "") -> Action:
    """The action that points an alias at `version` for all calls; its undo brings back the old routing.

    `before` without `weights`: they are being moved by a deployment, which cannot be brought back. `why` is a
    sentence on the version, that stays true.
    """
    after: State = {"version": version, "weights": {}}
    if "weights" not in before:
        note = "The share of traffic that a stopped deployment had moved is not given back: deploy it again."
        return _pointing(function, name, before, after, (), why, note)
    back = _pointing(function, name, after, before, ())
    return _pointing(function, name, before, after, (back,), why)


def _pointing(
    function: str,
    name: str,
    before: State,
    after: State,
    undo: tuple[Action, ...],
    why: str = "",
    note: str = "",
) -> Action:
    risk = f"Every caller of {function} gets version {after['version']} from the next call on."
    return Action(
        name=f"point {function}:{name} at {after['version']}",
        target=f"alias {name} of {function}",
        service="lambda",
        operation="UpdateAlias",
        parameters={
            "FunctionName": function,
            "Name": name,
            "FunctionVersion": after["version"],
            "RoutingConfig": {"AdditionalVersionWeights": after["weights"]},
        },
        state=alias.at(function=function, alias=name),
        before=before,
        after=after,
        risk=f"{risk} {why}".strip(),
        undo=undo,
        undo_note=note,
        resources=(function,),
    )
