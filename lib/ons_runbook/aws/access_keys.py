"""Access keys of IAM users: how old, whether active, and when they were last used for what.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAccessKeys.html ·
https://docs.aws.amazon.com/IAM/latest/APIReference/API_AccessKeyLastUsed.html (no date: not used since IAM
began to look, in 2015). The root user's keys are not in these lists.

People know a key by its user and the last four characters of its id, programs by the SHA-256 of the id: so no
id stands where tables, journals and reports are read.
"""

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pandas as pd

from ons_runbook.calls import side_by_side
from ons_runbook.checks import Check, Verdict, covers, worst
from ons_runbook.errors import NotFound, RunbookError
from ons_runbook.failures import reading
from ons_runbook.plan import Plan, State, readable
from ons_runbook.session import Session
from ons_runbook.tables import MOMENT, TEXT, TRUTH, WHOLE, given, table, text
from ons_runbook.window import utc_now

KEYS = {
    "user": TEXT,
    "key": TEXT,
    "status": TEXT,
    "age_days": WHOLE,
    "last_used": MOMENT,
    "used_for": TEXT,
    "region": TEXT,
    "own": TRUTH,
    "problem": TEXT,
    "created": MOMENT,
    "fingerprint": TEXT,
}
ACTIVE, INACTIVE = "Active", "Inactive"
_PAGE = 1000
# IAM is one service for the whole account, and soon refuses the pace.
_AT_ONCE = 4
_SHOWN = 5


def listing(session: Session) -> pd.DataFrame:
    """Every access key of every IAM user of the account, oldest first.

    Columns: user, key (the end of its id), status (Active, Inactive), age_days, last_used (UTC; missing when
    it never was), used_for and region (of the last use), own (the key that this very run uses), problem (why
    a user's keys or a last use could not be read), created (UTC), fingerprint (SHA-256 of the id, hex).
    `attrs["users"]` names every user. Raises AccessDenied, ReadError when users cannot be listed.
    """
    with reading("IAM users", "iam"):
        pages = session.pages("iam", "ListUsers", MaxItems=_PAGE)
        users = [user["UserName"] for page in pages for user in page["Users"]]
    own = own_id(session)
    outcomes = side_by_side({user: partial(_of, session, user, own) for user in users}, workers=_AT_ONCE)
    rows: list[dict[str, Any]] = []
    for user, outcome in outcomes.items():
        if isinstance(outcome.error, RunbookError):
            rows.append({"user": user, "problem": str(outcome.error)})
        else:
            rows += outcome.unwrap()
    rows.sort(key=lambda row: (-row.get("age_days", 0), row["user"]))
    frame = table(rows, KEYS, empty="No IAM user has an access key.")
    frame.attrs["users"] = users
    return frame


def _of(session: Session, user: str, own: str) -> list[dict[str, Any]]:
    return [_described(session, key, own) for key in of_user(session, user)]


def of_user(session: Session, user: str) -> list[dict[str, Any]]:
    """The access keys of one user as IAM has them. Raises NotFound without the user, ReadError."""
    with reading(f"Access keys of {user}", "iam"):
        pages = session.pages("iam", "ListAccessKeys", UserName=user)
        return [key for page in pages for key in page["AccessKeyMetadata"]]


def _described(session: Session, key: Mapping[str, Any], own: str) -> dict[str, Any]:
    identifier, user = key["AccessKeyId"], key["UserName"]
    row = {
        "user": user,
        "key": f"…{identifier[-4:]}",
        "status": key["Status"],
        "age_days": (utc_now() - key["CreateDate"]).days,
        "own": identifier == own,
        "created": key["CreateDate"],
        "fingerprint": fingerprint(identifier),
    }
    try:
        with reading(f"Last use of {row['key']} of {user}", "iam"):
            used = session.client("iam").get_access_key_last_used(AccessKeyId=identifier)["AccessKeyLastUsed"]
    except RunbookError as error:
        return row | {"problem": str(error)}
    if "LastUsedDate" not in used:  # service and region are "N/A" then
        return row
    return row | {
        "last_used": used["LastUsedDate"],
        "used_for": used["ServiceName"],
        "region": used["Region"],
    }


def own_id(session: Session) -> str:
    """The id of the key that signs this run's calls.

    A presigned URL names it, and making one sends nothing:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    """
    url = session.client("sts").generate_presigned_url("get_caller_identity")
    return parse_qs(urlsplit(url).query)["X-Amz-Credential"][0].partition("/")[0]


def fingerprint(identifier: str) -> str:
    """How a journal knows which key is meant."""
    return hashlib.sha256(identifier.encode()).hexdigest()


@readable
def key(session: Session, *, user: str, fingerprint: str) -> State:
    """The status of one key; None when there is no such user or key."""
    found = find(session, user, fingerprint)
    return {"status": found["Status"] if found else None}


def find(session: Session, user: str, wanted: str) -> dict[str, Any] | None:
    """The user's key of that fingerprint, None when there is no such user or key."""
    try:
        keys = of_user(session, user)
    except NotFound:
        return None
    return next((one for one in keys if fingerprint(one["AccessKeyId"]) == wanted), None)


def identity(row: "pd.Series[Any]") -> dict[str, str]:
    """The arguments of `key` for a row of the listing."""
    return {"user": text(row["user"]), "fingerprint": text(row["fingerprint"])}


def older(keys: pd.DataFrame, days: int) -> pd.DataFrame:
    """The keys that were made more than so many days ago, whatever their status."""
    return keys[keys["created"] < utc_now() - timedelta(days=days)]


def overview(keys: pd.DataFrame) -> pd.DataFrame:
    """The keys without what only programs need."""
    shown = keys.drop(columns=["created", "fingerprint"])
    shown.attrs = keys.attrs
    return shown


@covers(["security.old_keys"])
def judge(keys: pd.DataFrame, plan: Plan | None, older_than_days: int) -> Check:
    """Whether each active key is at most so old; the rest warns, in the plan or not.

    What could not be read makes it unknown.
    """
    expected = f"no active key is older than {older_than_days} days"
    found = [row for _, row in older(keys, older_than_days).iterrows() if row["status"] == ACTIVE]
    closing = [action.state for action in plan.actions] if plan else []
    left = [row for row in found if key.at(**identity(row)) not in closing]
    problems = [text(problem) for problem in keys["problem"] if given(problem)]
    said = "none is older"
    if found:
        about = "and not in the plan" if left else "and in the plan"
        said = f"old, active {about}: {', '.join(_cut([_said(row) for row in left or found]))}"
    verdicts = [Verdict.WARN] * bool(found) + [Verdict.UNKNOWN] * bool(problems) + [Verdict.PASS]
    hint = "Give its holder a second key, see that it is used, then deactivate the old one." if left else ""
    seen = f"{int(keys['fingerprint'].notna().sum())} keys of {len(keys.attrs['users'])} users"
    observed = "; ".join([*_cut(problems), said])
    return Check("security.old_keys", worst(verdicts), observed, expected, seen, hint)


def _said(row: "pd.Series[Any]") -> str:
    return f"{text(row['key'])} of {text(row['user'])} ({row['age_days']} days)"


def _cut(said: list[str]) -> list[str]:
    return [*said[:_SHOWN], *([f"{len(said) - _SHOWN} more"] if len(said) > _SHOWN else [])]
