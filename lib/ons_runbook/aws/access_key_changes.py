"""Deactivating access keys that are too old, and activating them again; never deleting one.

What was deactivated can be activated again, what was deleted is gone:
https://docs.aws.amazon.com/IAM/latest/UserGuide/id-credentials-access-keys-update.html (a second key first,
then deactivate, delete when nobody has missed it). An action names its key by the fingerprint; the id is
looked up when it is due.
"""

import difflib
from collections.abc import Mapping
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any

import pandas as pd

from ons_runbook.aws import access_keys
from ons_runbook.aws.access_keys import ACTIVE, INACTIVE
from ons_runbook.errors import ChangeRefused, NotFound
from ons_runbook.plan import Action, Changes, LeftAlone, readable
from ons_runbook.plan.sending import send
from ons_runbook.session import Session
from ons_runbook.tables import given, text
from ons_runbook.window import utc_now


def changes(
    session: Session,
    keys: pd.DataFrame,
    users: str = "all",
    *,
    older_than_days: int = 90,
    in_use_days: int = 30,
    leave_used: bool = False,
) -> Changes:
    """What deactivates the active keys older than `older_than_days`, of `users`: all, none, or names.

    A key that was used in the last `in_use_days` is in use: its risk says so, or it stays when `leave_used`.
    This run's own key, what is protected, and a key of which nobody knows when it was used stay, and are
    said. Raises ChangeRefused for a number of days that cannot be, or a user that there is not.
    """
    for name, days, least in (("older_than_days", older_than_days, 1), ("in_use_days", in_use_days, 0)):
        if days < least:
            raise ChangeRefused(f"{name} is {days}.", f"It is a number of days: {least} or more.")
    chosen = _chosen(users, list(keys.attrs["users"]))
    used_since = utc_now() - timedelta(days=in_use_days)
    actions: list[Action] = []
    alone: list[LeftAlone] = []
    for _, row in access_keys.older(keys, older_than_days).iterrows():
        in_use = bool(given(row["last_used"]) and row["last_used"] > used_since)
        if why := _kept(row, chosen, session.platform.protected, in_use and leave_used):
            alone.append(LeftAlone(_target(row), why))
        else:
            back = _put(row, INACTIVE, ACTIVE, "Whoever holds this old key can use it again.")
            actions.append(_put(row, ACTIVE, INACTIVE, _risk(row, in_use), back))
    unread = [text(row["user"]) for _, row in keys.iterrows() if not given(row["fingerprint"])]
    alone += [LeftAlone(f"access keys of {user}", "they could not be read") for user in unread]
    nothing = f"No active access key older than {older_than_days} days is to be deactivated."
    return Changes(actions, alone, nothing)


def _chosen(users: str, known: list[str]) -> set[str]:
    words = [word.strip() for word in users.split(",") if word.strip()]
    if words in (["all"], ["none"]):
        return set(known) if words == ["all"] else set()
    for word in words or [users]:
        if word not in known:
            nearest = difflib.get_close_matches(word, known, 1)
            meant = f"Did you mean {nearest[0]}? " if nearest else ""
            raise ChangeRefused(
                f"There is no IAM user {word!r}.", f"{meant}There are: {', '.join(known)}; or all, or none."
            )
    return set(words)


def _target(row: "pd.Series[Any]") -> str:
    return f"access key {text(row['key'])} of {text(row['user'])}"


def _kept(row: "pd.Series[Any]", chosen: set[str], protected: tuple[str, ...], left: bool) -> str:
    """Why an old key stays as it is; empty when it is to be deactivated."""
    user = text(row["user"])
    reasons = {
        "it is inactive already: delete it by hand when nobody has missed it": row["status"] != ACTIVE,
        "this very run uses it": bool(row["own"]),
        "the settings protect its user": any(fnmatchcase(user, pattern) for pattern in protected),
        "its user is not among those chosen": user not in chosen,
        "nobody knows when it was last used": given(row["problem"]),
        "it is in use: give its holder a second key first": left,
    }
    return next((why for why, applies in reasons.items() if applies), "")


def _risk(row: "pd.Series[Any]", in_use: bool) -> str:
    # Neither its age nor the time of its last use: they change by themselves, and the plan would with them.
    if in_use:
        return (
            "IN USE: whatever signs with it fails from the next call on; give its holder another key first."
        )
    if given(row["last_used"]):
        return (
            f"Whatever uses it only now and then would fail; its last use was on {row['last_used']:%Y-%m-%d}."
        )
    return "IAM knows of no use at all; what holds it and never ran would fail when it does."


def _put(row: "pd.Series[Any]", before: str, after: str, risk: str, *undo: Action) -> Action:
    user, of = text(row["user"]), access_keys.identity(row)
    return Action(
        name=f"{'deactivate' if after == INACTIVE else 'activate'} {text(row['key'])} of {user}",
        target=_target(row),
        service="iam",
        operation="UpdateAccessKey",
        parameters={"UserName": user, "Status": after},
        state=access_keys.key.at(**of),
        before={"status": before},
        after={"status": after},
        risk=risk,
        undo=undo,
        resources=(user,),
        performer=put_status.at(**of),
        opens=("iam:UpdateAccessKey",),
    )


@readable
def put_status(session: Session, *, user: str, fingerprint: str, parameters: Mapping[str, Any]) -> None:
    """UpdateAccessKey for the one key of the user that has this fingerprint. Raises NotFound."""
    if (found := access_keys.find(session, user, fingerprint)) is None:
        raise NotFound(f"{user} no longer has this access key.", "Run the procedure again.")
    send(session, "iam", "UpdateAccessKey", {**parameters, "AccessKeyId": found["AccessKeyId"]})
