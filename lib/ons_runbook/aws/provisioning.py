"""Provisioned concurrency: environments of a function's alias that are kept warm, and setting their number.

https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html: it takes a minute or two, and is
paid for as long as it is configured, called or not
"""

from datetime import datetime
from typing import Any

import pandas as pd

from ons_runbook.aws.provisioning_limits import check_alias, check_function, check_limits, pointed
from ons_runbook.errors import ChangeRefused
from ons_runbook.failures import reading
from ons_runbook.plan import Action, Changes, LeftAlone, Progress, State, readable
from ons_runbook.platform import Platform
from ons_runbook.prices import HOURS_A_MONTH, Price, price
from ons_runbook.session import Session
from ons_runbook.tables import given, text

# AWS takes a minute or two for a few environments.
_WAIT_S = 600


@readable
def kept_warm(session: Session, *, function: str, alias: str) -> State:
    """How many environments are asked for, and READY, IN_PROGRESS or FAILED; None without."""
    client = session.client("lambda")
    with reading(f"Provisioned concurrency of {function}:{alias}", "lambda"):
        try:
            found = client.get_provisioned_concurrency_config(FunctionName=function, Qualifier=alias)
        except (
            client.exceptions.ProvisionedConcurrencyConfigNotFoundException,
            client.exceptions.ResourceNotFoundException,
        ):
            return {"environments": None, "status": None}
    return {
        "environments": found["RequestedProvisionedConcurrentExecutions"],
        "status": found["Status"],
    }


@readable
def allocation(session: Session, *, since: datetime, function: str, alias: str) -> Progress:
    """How many of the environments are there; failing when AWS says that it cannot have them."""
    client = session.client("lambda")
    with reading(f"Provisioned concurrency of {function}:{alias}", "lambda"):
        try:
            found = client.get_provisioned_concurrency_config(FunctionName=function, Qualifier=alias)
        except client.exceptions.ProvisionedConcurrencyConfigNotFoundException:
            return Progress("none is kept warm")
    asked = found["RequestedProvisionedConcurrentExecutions"]
    said = f"{found.get('AllocatedProvisionedConcurrentExecutions', 0)} of {asked} environments are there"
    if found["Status"] == "FAILED":
        return Progress(said, failing=f"they cannot be had: {found.get('StatusReason', 'no reason given')}")
    return Progress(said)


def configured(session: Session, function: str, alias: str) -> dict[str, Any]:
    """Memory (MB) and architecture behind an alias, what is kept warm of it, and what is reserved.

    Keys: memory_mb, architecture, kept_warm, status, reserved. Raises NotFound without function or alias.
    """
    client = session.client("lambda")
    with reading(f"Alias {alias} of {function}", "lambda"):
        found = client.get_function_configuration(FunctionName=function, Qualifier=alias)
        reserved = client.get_function_concurrency(FunctionName=function).get("ReservedConcurrentExecutions")
    now = kept_warm(session, function=function, alias=alias)
    return {
        "memory_mb": found["MemorySize"],
        "architecture": (found.get("Architectures") or ["x86_64"])[0],
        "kept_warm": now["environments"],
        "status": now["status"],
        "reserved": reserved,
    }


def _price(platform: Platform, architecture: str) -> Price:
    return price(platform, f"lambda_provisioned_{'arm' if architecture == 'arm64' else 'x86'}")


def monthly_usd(platform: Platform, environments: int, memory_mb: int, architecture: str) -> float:
    """What keeping so many environments warm costs a month, calls not counted (they get cheaper)."""
    gb_seconds = environments * memory_mb / 1024 * HOURS_A_MONTH * 3600
    return gb_seconds / 1e6 * _price(platform, architecture).usd


def changes(
    session: Session,
    recommended: pd.DataFrame,
    *,
    alias: str,
    function: str = "",
    environments: int | None = None,
) -> Changes:
    """What keeps as much warm as is recommended; or, of one named function, as many as are asked for.

    Args:
        recommended: of `concurrency.recommended`.
        alias: that is kept warm, when `function` does not name another (`name:alias`).
        function: only this one; empty: every one in the table.
        environments: so many instead (0: none); needs a function.

    Raises ChangeRefused for an unknown function (with the nearest name), an alias that is not there, shifts
    traffic or is $LATEST, a number over the limits, and while environments are still being allocated; of
    functions that are not named these are left alone.
    """
    if not function and environments is not None:
        raise ChangeRefused("A number to keep warm was given, and no function.", "Name the function.")
    advice = {text(row["function"]): row for _, row in recommended.iterrows()}
    actions, alone = [], []
    for name in [function] if function else list(advice):
        target, qualifier = _parts(name, alias)
        count, reason = environments, "as asked for"
        if count is None:
            row = advice.get(target)
            if row is None:
                check_function(session, target)
                raise ChangeRefused(f"{target} was not measured.", "Say how many to keep warm.")
            count, reason = row["recommended"], text(row["reason"])
        if not given(count):
            alone.append(LeftAlone(target, f"nobody can tell what it needs: {reason}"))
            continue
        try:
            action = keeping(session, target, qualifier, int(count))
        except ChangeRefused as refused:
            if function:
                raise
            alone.append(LeftAlone(target, str(refused)))
            continue
        if action is None:
            alone.append(LeftAlone(target, f"{int(count)} kept warm, as it should be: {reason}"))
        else:
            actions.append(action)
    return Changes(actions, alone, "Of every function as much is kept warm as it needs.")


def _parts(name: str, alias: str) -> tuple[str, str]:
    function, colon, qualifier = name.partition(":")
    if not function or (colon and not qualifier):
        raise ChangeRefused(f"{name!r} is no function with an alias.", "Write function, or function:ALIAS.")
    return function, qualifier or alias


def keeping(session: Session, function: str, alias: str, count: int) -> Action | None:
    """The action that keeps `count` environments of an alias warm; None when it is so already.

    Raises ChangeRefused as `changes` does.
    """
    where = pointed(session, function, alias)
    now = kept_warm(session, function=function, alias=alias)
    if now["status"] == "IN_PROGRESS":
        raise ChangeRefused(
            f"{function}:{alias}: AWS is still allocating {now['environments']} environments.",
            "Wait until it is READY, then plan again.",
        )
    after: State = {"environments": count or None, "status": "READY" if count else None}
    if now == after:
        return None
    if count:
        check_alias(function, alias, where)
        check_limits(session, function, alias, count)
    found = configured(session, function, alias)
    # What FAILED is not brought back: what was wanted before it is not known.
    before = now if now["status"] == "READY" else {"environments": None, "status": None}
    back = _setting(session.platform, function, alias, found, after, before)
    return _setting(session.platform, function, alias, found, now, after, back)


def _setting(
    platform: Platform,
    function: str,
    alias: str,
    found: dict[str, Any],
    before: State,
    after: State,
    back: Action | None = None,
) -> Action:
    count, was = after["environments"] or 0, before["environments"] or 0
    at = {"function": function, "alias": alias}
    memory, architecture = found["memory_mb"], found["architecture"]
    usd = [monthly_usd(platform, number, memory, architecture) for number in (was, count)]
    assumption = f"{count - was:+d} × {memory} MB {_price(platform, architecture).assumption}"
    call = {"FunctionName": function, "Qualifier": alias}
    return Action(
        name=f"keep {count} of {function}:{alias} warm",
        target=f"{function}:{alias}",
        service="lambda",
        operation="PutProvisionedConcurrencyConfig" if count else "DeleteProvisionedConcurrencyConfig",
        parameters={**call, "ProvisionedConcurrentExecutions": count} if count else call,
        state=kept_warm.at(**at),
        before=before,
        after=after,
        risk="Callers notice nothing; it is paid for until it is taken away, and follows the alias."
        if count
        else "First calls start cold again.",
        undo=(back,) if back else (),
        cost=f"{usd[1] - usd[0]:+,.2f} USD a month for {assumption}",
        resources=(function,),
        wait_s=_WAIT_S,
        watch=allocation.at(**at),
        abort=back,
    )
