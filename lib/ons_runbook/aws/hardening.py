"""Closing ports and deactivating keys in one plan, so that one reading and one approval are enough.

Ports first: they are what strangers try.
"""

import pandas as pd

from ons_runbook.aws import access_key_changes, security_groups
from ons_runbook.plan import Changes
from ons_runbook.session import Session


def changes(
    session: Session,
    rules: pd.DataFrame,
    attached: pd.DataFrame,
    keys: pd.DataFrame,
    *,
    close: str = "all",
    users: str = "all",
    older_than_days: int = 90,
    in_use_days: int = 30,
    leave_used: bool = False,
) -> Changes:
    """What closes the chosen ports and deactivates the chosen users' old keys.

    `rules`, `attached` and `keys` are what `security_groups` and `access_keys` read. Arguments and errors as
    in `security_groups.changes` and `access_key_changes.changes`.
    """
    both = (
        security_groups.changes(session, rules, attached, close),
        access_key_changes.changes(
            session,
            keys,
            users,
            older_than_days=older_than_days,
            in_use_days=in_use_days,
            leave_used=leave_used,
        ),
    )
    return Changes(
        [action for one in both for action in one.actions],
        [alone for one in both for alone in one.left_alone],
        " ".join(one.nothing for one in both),
    )
