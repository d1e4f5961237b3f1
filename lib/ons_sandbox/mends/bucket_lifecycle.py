"""S3 lifecycle configurations: kept as they were put, and refused when S3 would refuse them.

MiniStack loses the Prefix of a rule in the older form (which then is a rule on the whole bucket), the default
minimum size of transitions and the ids of rules without one, and takes rules without an action, of the same
id, or that move objects too early.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
"""

import contextvars
import itertools
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any

from ons_sandbox.mends import mended

Answer = tuple[int, dict[str, Any], bytes]

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
MINIMUM = "x-amz-transition-default-minimum-object-size"
MINIMA = ("all_storage_classes_128K", "varies_by_storage_class")
MAX_RULES, MAX_ID = 1000, 255
ACTIONS = (
    *("Expiration", "Transition", "NoncurrentVersionExpiration", "NoncurrentVersionTransition"),
    "AbortIncompleteMultipartUpload",
)
IN_FILTER = ("Prefix", "Tag", "ObjectSizeGreaterThan", "ObjectSizeLessThan", "And")
# The order in which objects can go from class to class.
CLASSES = ("STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE")
# Days that an object stays where it was before it may go to these.
DAYS_BEFORE = {"STANDARD_IA": 30, "ONEZONE_IA": 30}

_headers: contextvars.ContextVar[dict[str, str]] = contextvars.ContextVar("s3_headers")


class Refusal(Exception):
    """A configuration that S3 does not take: the error's code and message."""

    def __init__(self, message: str, code: str = "InvalidRequest") -> None:
        super().__init__(message)
        self.code, self.message = code, message


def install() -> None:
    """Answer the calls about lifecycle configurations."""
    s3: Any = mended(
        "ministack.services.s3",
        *("handle_request", "_buckets", "_bucket_lifecycle", "_no_such_bucket", "_error", "_MALFORMED_XML"),
        *("_get_bucket_lifecycle", "_put_bucket_lifecycle"),
    )
    handle, get = s3.handle_request, s3._get_bucket_lifecycle

    async def handle_request(
        method: str, path: str, headers: dict[str, str], *arguments: Any, **named: Any
    ) -> Answer:
        token = _headers.set(headers)
        try:
            answer: Answer = await handle(method, path, headers, *arguments, **named)
            return answer
        finally:
            _headers.reset(token)

    def get_lifecycle(name: str) -> Answer:
        kept = s3._bucket_lifecycle.get(name)
        if name not in s3._buckets or kept is None:
            answer: Answer = get(name)
            return answer
        return 200, {"Content-Type": "application/xml", MINIMUM: kept["minimum"]}, kept["body"].encode()

    def put_lifecycle(name: str, body: bytes) -> Answer:
        if name not in s3._buckets:
            missing: Answer = s3._no_such_bucket(name)
            return missing
        minimum = _headers.get({}).get(MINIMUM, MINIMA[0])
        try:
            kept = {"body": configuration(body), "minimum": _minimum(minimum)}
        except Refusal as refusal:
            message = refusal.message or s3._MALFORMED_XML
            refused: Answer = s3._error(refusal.code, message, 400, f"/{name}")
            return refused
        s3._bucket_lifecycle[name] = kept
        return 200, {MINIMUM: minimum}, b""

    s3.handle_request = handle_request
    s3._get_bucket_lifecycle, s3._put_bucket_lifecycle = get_lifecycle, put_lifecycle


def _minimum(value: str) -> str:
    if value not in MINIMA:
        raise Refusal(f"Invalid value for {MINIMUM}: {value}", "InvalidArgument")
    return value


def configuration(body: bytes) -> str:
    """A configuration as S3 keeps it: checked, with an id for every rule. Raises Refusal."""
    try:
        # A document type could make entities that grow without end.
        if b"<!DOCTYPE" in body:
            raise ET.ParseError("a document type")
        root = ET.fromstring(body)  # noqa: S314
    except ET.ParseError:
        raise _malformed() from None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    rules = root.findall("Rule")
    if root.tag != "LifecycleConfiguration" or not 1 <= len(rules) <= MAX_RULES:
        raise _malformed()
    for rule in rules:
        _check_rule(rule)
        identifier = rule.find("ID")
        if identifier is None:
            identifier = ET.Element("ID")
            rule.insert(0, identifier)
        identifier.text = identifier.text or str(uuid.uuid4())
    _check_ids([str(rule.findtext("ID")) for rule in rules])
    root.set("xmlns", NAMESPACE)
    return ET.tostring(root, encoding="unicode", xml_declaration=True)


def _malformed() -> Refusal:
    return Refusal("", "MalformedXML")


def _check_ids(identifiers: list[str]) -> None:
    if any(len(identifier) > MAX_ID for identifier in identifiers):
        raise Refusal(f"ID length should not exceed allowed limit of {MAX_ID}", "InvalidArgument")
    for identifier in identifiers:
        if identifiers.count(identifier) > 1:
            message = f"Rule ID must be unique. Found same ID for more than one rule: {identifier}"
            raise Refusal(message, "InvalidArgument")


def _check_rule(rule: ET.Element) -> None:
    if rule.findtext("Status") not in ("Enabled", "Disabled"):
        raise _malformed()
    found, prefix = rule.find("Filter"), rule.find("Prefix")
    if (found is None) == (prefix is None):
        raise _malformed()
    if found is not None and (len(found) > 1 or any(part.tag not in IN_FILTER for part in found)):
        raise _malformed()
    if not any(rule.find(action) is not None for action in ACTIONS):
        raise Refusal("At least one action needs to be specified in a rule", "InvalidRequest")
    for name in ("Transition", "NoncurrentVersionTransition"):
        _check_transitions(rule, name)
    _check_days(rule)
    _check_expiration(rule)
    tagged = rule.find("Filter/Tag") is not None or rule.find("Filter/And/Tag") is not None
    if tagged and rule.find("AbortIncompleteMultipartUpload") is not None:
        raise Refusal("AbortIncompleteMultipartUpload cannot be specified with Tags.")


def _check_days(rule: ET.Element) -> None:
    """Days are whole numbers, and only a transition can be at once."""
    for element in rule.iter():
        if element.tag not in ("Days", "NoncurrentDays", "DaysAfterInitiation"):
            continue
        if not (element.text or "").strip().lstrip("-").isdecimal():
            raise _malformed()
        action = next(parent.tag for parent in rule.iter() if element in list(parent))
        if int(str(element.text)) < (0 if action == "Transition" else 1):
            message = f"'{element.tag}' for {action} action must be a positive integer"
            raise Refusal(message, "InvalidArgument")


def _steps(rule: ET.Element, name: str) -> Iterator[tuple[str, int | None]]:
    """Storage class and days (None for a date) of each transition."""
    for transition in rule.findall(name):
        days = transition.findtext("NoncurrentDays" if name.startswith("Noncurrent") else "Days")
        yield str(transition.findtext("StorageClass")), int(days) if days else None


def _check_transitions(rule: ET.Element, name: str) -> None:
    try:
        steps = list(_steps(rule, name))
    except ValueError:
        raise _malformed() from None
    if any(storage not in CLASSES for storage, _ in steps):
        raise _malformed()
    for transition in rule.findall(name):
        if (transition.find("Days") is None) == (transition.find("Date") is None) and name == "Transition":
            raise _malformed()
    names = [storage for storage, _ in steps]
    if len(set(names)) < len(names):
        raise Refusal(
            f"'StorageClass' must be different for '{name}' actions in same 'Rule'", "InvalidRequest"
        )
    days = "NoncurrentDays" if name.startswith("Noncurrent") else "Days"
    for storage, wait in steps:
        least = DAYS_BEFORE.get(storage, 0)
        if wait is not None and wait < least:
            message = (
                f"'{days}' in {name} action must be greater than or equal to {least} for storageClass "
                f"'{storage}'"
            )
            raise Refusal(message, "InvalidArgument")
    ordered = sorted(((wait, storage) for storage, wait in steps if wait is not None), key=_by_class)
    for (early, first), (late, second) in itertools.pairwise(ordered):
        # From STANDARD_IA and ONEZONE_IA objects go on after thirty days.
        least = early + (30 if first in DAYS_BEFORE else 1)
        if late < least:
            message = (
                f"'{days}' in the '{name}' action for StorageClass '{second}' for filter must be "
                f"{least - early} days more than 'filter' in the '{name}' action for StorageClass '{first}'"
            )
            raise Refusal(message, "InvalidArgument")


def _by_class(step: tuple[int, str]) -> int:
    return CLASSES.index(step[1])


def _check_expiration(rule: ET.Element) -> None:
    expiration = rule.find("Expiration")
    if expiration is None:
        return
    if len(expiration) != 1 or expiration[0].tag not in ("Days", "Date", "ExpiredObjectDeleteMarker"):
        raise _malformed()
    days = expiration.findtext("Days")
    later = [wait for _, wait in _steps(rule, "Transition") if wait is not None]
    if days and later and int(days) <= max(later):
        message = (
            "'Days' in the Expiration action for filter must be greater than 'Days' in the Transition action"
        )
        raise Refusal(message, "InvalidArgument")
