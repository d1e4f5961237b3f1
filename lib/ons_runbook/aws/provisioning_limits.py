"""What may be kept warm: which aliases, and how many environments of a function and an account.

https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html: a version or an alias of one, never
$LATEST, and not while the alias shifts traffic ·
https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html: not more than the function's reserved
concurrency, and a hundred of the account stay unreserved
"""

import difflib

from ons_runbook.aws import aliases
from ons_runbook.errors import ChangeRefused
from ons_runbook.failures import reading
from ons_runbook.plan import State
from ons_runbook.session import Session

#: Stays unreserved in an account; new accounts, with a limit not over that, keep less.
UNRESERVED, UNRESERVED_OF_SMALL = 100, 10


def check_function(session: Session, function: str) -> None:
    """Raise ChangeRefused with the nearest name when there is no such function."""
    client = session.client("lambda")
    with reading(f"Lambda function {function}", "lambda"):
        try:
            client.get_function_configuration(FunctionName=function)
        except client.exceptions.ResourceNotFoundException:
            pages = session.pages("lambda", "ListFunctions")
            known = sorted(one["FunctionName"] for page in pages for one in page["Functions"])
        else:
            return
    near = difflib.get_close_matches(function, known, n=1)
    raise ChangeRefused(
        f"There is no function {function}.{f' Did you mean {near[0]}?' if near else ''}",
        f"There are: {', '.join(known) or 'none'}.",
    )


def pointed(session: Session, function: str, alias: str) -> State:
    """Where the alias points; ChangeRefused when there is no such function or alias."""
    if alias == "$LATEST":
        raise ChangeRefused(
            f"{function}: $LATEST cannot be kept warm, only a version or an alias of one.",
            "Name an alias, such as LIVE.",
        )
    now: State = aliases.alias(session, function=function, alias=alias)
    if now["version"] is None:
        check_function(session, function)
        with reading(f"Aliases of {function}", "lambda"):
            pages = session.pages("lambda", "ListAliases", FunctionName=function)
            known = [one["Name"] for page in pages for one in page["Aliases"]]
        raise ChangeRefused(f"{function} has no alias {alias}.", f"There are: {', '.join(known) or 'none'}.")
    return now


def check_alias(function: str, alias: str, now: State) -> None:
    """Raise ChangeRefused for an alias, pointing as `now` says, that cannot be kept warm."""
    if now["version"] == "$LATEST":
        raise ChangeRefused(
            f"{function}:{alias} points at $LATEST, which cannot be kept warm.", "Publish a version."
        )
    if now["weights"]:
        raise ChangeRefused(
            f"{function}:{alias} shifts traffic between versions.", "Wait until its deployment is over."
        )


def check_limits(session: Session, function: str, alias: str, count: int) -> None:
    """Raise ChangeRefused when so many are more than the function or the account may have."""
    client = session.client("lambda")
    with reading(f"Concurrency of {function}", "lambda"):
        reserved = client.get_function_concurrency(FunctionName=function).get("ReservedConcurrentExecutions")
        limits = client.get_account_settings()["AccountLimit"]
        others = sum(
            one["RequestedProvisionedConcurrentExecutions"]
            for page in session.pages("lambda", "ListProvisionedConcurrencyConfigs", FunctionName=function)
            for one in page["ProvisionedConcurrencyConfigs"]
            if not one["FunctionArn"].endswith(f":{alias}")
        )
    total = limits["ConcurrentExecutions"]
    stays = UNRESERVED if total > UNRESERVED else UNRESERVED_OF_SMALL
    room = reserved if reserved is not None else limits["UnreservedConcurrentExecutions"] - stays
    if others + count > room:
        whose = (
            f"the function's reserved concurrency is {reserved}"
            if reserved is not None
            else f"of the account's {total}, {max(0, room)} can be given away ({stays} stay unreserved)"
        )
        elsewhere = f", besides {others} of its other versions" if others else ""
        raise ChangeRefused(
            f"{count} environments of {function}:{alias}{elsewhere} are too many: {whose}.",
            "Ask for fewer, or have the limit raised.",
        )
