"""Sending one changing call: once, and again only when it is certain, or harmless, that it was not done.

What was refused for its pace was not done, and may be sent again after a wait
(https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html). When the answer was lost, or
the service broke while answering, nobody knows: the state decides, never a retry.
"""

import random
import time
from collections.abc import Callable, Mapping
from typing import Any

from botocore import xform_name
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    HTTPClientError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError

from ons_runbook.failures import THROTTLED, error_code
from ons_runbook.session import Session

_ATTEMPTS = 10
_FIRST_WAIT_S = 0.25
_LONGEST_WAIT_S = 20.0


class AnswerLost(Exception):
    """The call left, and nobody knows whether it was done; `__cause__` is what was raised."""


def send(
    session: Session,
    service: str,
    operation: str,
    parameters: Mapping[str, Any],
    *,
    again: Callable[[], bool] | None = None,
) -> dict[str, Any]:
    """Make one changing call, inside of an opened gate; what the service answers.

    Waits and sends again when the service refuses the pace. When the answer was lost, `again()` says whether
    the call was not done and may be sent once more; when it says no, the answer is empty; without it
    AnswerLost is raised. ClientError as the service gave it otherwise.
    """
    call = getattr(session.changing_client(service), xform_name(operation))
    try:
        return _paced(call, parameters)
    except AnswerLost:
        if again is None:
            raise
    return _paced(call, parameters) if again() else {}


def _paced(call: Callable[..., dict[str, Any]], parameters: Mapping[str, Any]) -> dict[str, Any]:
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return call(**parameters)
        except ClientError as error:
            if error_code(error) in THROTTLED and attempt < _ATTEMPTS:
                # Full jitter: two operators who were refused together must not come back together.
                ceiling = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2**attempt)
                time.sleep(random.uniform(_FIRST_WAIT_S, ceiling))  # noqa: S311 - spreading, not secrecy
                continue
            if _status(error) >= 500 and error_code(error) not in THROTTLED:
                raise AnswerLost(str(error)) from error
            raise
        except (HTTPClientError, ConnectionClosedError, ReadTimeoutError, ResponseParserError) as error:
            raise AnswerLost(f"{type(error).__name__}: {error}") from error
    raise AssertionError("the last attempt returns or raises")


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
