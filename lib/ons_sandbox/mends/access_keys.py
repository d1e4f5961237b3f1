"""IAM's users and access keys: in pages, and with the last use of each key.

MiniStack gives every user and key at once, keys of a user that there is not, and calls every key never used.
Here the last use is that of the newest call in the audit trail, or what `put_last_used` says of before.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccessKeyLastUsed.html
https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAccessKeys.html
https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListUsers.html
"""

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from ons_sandbox.mends import mended, require

Parameters = dict[str, Any]
Answer = tuple[int, dict[str, Any], bytes]

PAGE = 100
MAX_PAGE = 1000
_LAST_USED = "LastUsed"


def put_last_used(key: str, when: datetime, service: str, region: str) -> None:
    """Say when a key was last used, before the audit trail begins. service: as it signs, e.g. "s3".

    Works inside the server's process only.
    """
    iam: Any = mended("ministack.services.iam", "_access_keys")
    iam._access_keys[key][_LAST_USED] = {"at": when.timestamp(), "service": service, "region": region}


def install() -> None:
    """Answer ListUsers, ListAccessKeys, UpdateAccessKey and GetAccessKeyLastUsed."""
    iam: Any = mended(
        "ministack.services.iam",
        *("_users", "_access_keys", "_user_xml", "_xml", "_error", "_p", "_list_users", "_list_access_keys"),
        *("_get_access_key_last_used", "_update_access_key", "_IAM_HANDLERS"),
    )
    handlers = iam._IAM_HANDLERS
    trail: Any = mended("ministack.services.cloudtrail", "_get_event_queue")
    update = iam._update_access_key

    def list_users(parameters: Parameters) -> Answer:
        prefix = iam._p(parameters, "PathPrefix") or "/"
        names = sorted(name for name, user in iam._users.items() if user.get("Path", "/").startswith(prefix))

        def shown(name: str) -> str:
            return _untagged(iam._user_xml(name, boundary=False))

        return _page(iam, parameters, "ListUsers", "Users", names, shown)

    def list_access_keys(parameters: Parameters) -> Answer:
        user = iam._p(parameters, "UserName") or _caller(iam)
        if user not in iam._users:
            return _no_user(iam, user)
        own = [key for key, record in iam._access_keys.items() if record["UserName"] == user]

        def shown(key: str) -> str:
            return _key_xml(iam, key)

        return _page(iam, parameters, "ListAccessKeys", "AccessKeyMetadata", own, shown)

    def update_access_key(parameters: Parameters) -> Answer:
        user, status = iam._p(parameters, "UserName"), iam._p(parameters, "Status")
        if user and user not in iam._users:
            return _no_user(iam, user)
        if status not in ("Active", "Inactive", "Expired"):
            message = (
                f"1 validation error detected: Value '{status}' at 'status' failed to satisfy constraint: "
                "Member must satisfy enum value set: [Active, Inactive, Expired]"
            )
            refused: Answer = iam._error(400, "ValidationError", message, ns="iam")
            return refused
        answer: Answer = update(parameters)
        return answer

    def last_used(parameters: Parameters) -> Answer:
        return _last_used(iam, trail, iam._p(parameters, "AccessKeyId"))

    for name, handler in (
        ("ListUsers", list_users),
        ("ListAccessKeys", list_access_keys),
        ("UpdateAccessKey", update_access_key),
        ("GetAccessKeyLastUsed", last_used),
    ):
        require(name in handlers, f"iam._IAM_HANDLERS answers {name}")
        handlers[name] = handler


def _no_user(iam: Any, user: str) -> Answer:
    answer: Answer = iam._error(404, "NoSuchEntity", f"The user with name {user} cannot be found.", ns="iam")
    return answer


def _caller(iam: Any) -> str:
    """The user who signed the call: whose keys are listed when no user is named."""
    key = mended("ministack.core.iam_evaluator", "_verified_key")._verified_key.get()
    return str((iam._access_keys.get(key) or {}).get("UserName", "default"))


def _page(
    iam: Any,
    parameters: Parameters,
    operation: str,
    member: str,
    items: Sequence[str],
    shown: Callable[[str], str],
) -> Answer:
    """One page of a list, with the marker of the next."""
    try:
        most = int(iam._p(parameters, "MaxItems") or PAGE)
        marker = iam._p(parameters, "Marker")
        start = int(base64.b64decode(marker, validate=True)) if marker else 0
    except (ValueError, binascii.Error):
        most, start = 0, 0
    if not 1 <= most <= MAX_PAGE:
        refused: Answer = iam._error(400, "ValidationError", "Invalid MaxItems or Marker", ns="iam")
        return refused
    members = "".join(f"<member>{shown(item)}</member>" for item in items[start : start + most])
    more = "<IsTruncated>false</IsTruncated>"
    if start + most < len(items):
        onward = base64.b64encode(str(start + most).encode()).decode()
        more = f"<IsTruncated>true</IsTruncated><Marker>{onward}</Marker>"
    content = f"<{operation}Result><{member}>{members}</{member}>{more}</{operation}Result>"
    answer: Answer = iam._xml(200, f"{operation}Response", content, ns="iam")
    return answer


def _untagged(user: str) -> str:
    """A user as ListUsers tells of it: without tags."""
    return re.sub(r"<Tags>.*</Tags>", "", user, flags=re.DOTALL)


def _key_xml(iam: Any, key: str) -> str:
    record = iam._access_keys[key]
    members = ("AccessKeyId", "Status", "UserName", "CreateDate")
    return "".join(f"<{name}>{record[name]}</{name}>" for name in members)


def _last_used(iam: Any, trail: Any, key: str) -> Answer:
    record = iam._access_keys.get(key)
    if record is None:
        message = f"The Access Key with id {key} cannot be found."
        refused: Answer = iam._error(404, "NoSuchEntity", message, ns="iam")
        return refused
    used = _newest_call(trail, key) or record.get(_LAST_USED)
    told = "<Region>N/A</Region><ServiceName>N/A</ServiceName>"
    if used:
        when = datetime.fromtimestamp(used["at"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        told = f"<LastUsedDate>{when}</LastUsedDate><Region>{used['region']}</Region>"
        told += f"<ServiceName>{used['service']}</ServiceName>"
    content = f"<UserName>{record['UserName']}</UserName><AccessKeyLastUsed>{told}</AccessKeyLastUsed>"
    answer: Answer = iam._xml(
        200,
        "GetAccessKeyLastUsedResponse",
        f"<GetAccessKeyLastUsedResult>{content}</GetAccessKeyLastUsedResult>",
        ns="iam",
    )
    return answer


def _newest_call(trail: Any, key: str) -> dict[str, Any] | None:
    of_key = [event for event in list(trail._get_event_queue()) if event["AccessKeyId"] == key]
    if not of_key:
        return None
    newest = max(of_key, key=lambda event: float(event["EventTime"]))
    region = re.search(r'"awsRegion": "([^"]*)"', newest["CloudTrailEvent"])
    service = newest["EventSource"].partition(".")[0]
    return {"at": newest["EventTime"], "service": service, "region": region[1] if region else "us-east-1"}
