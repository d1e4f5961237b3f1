"""Every page of a listing: the one paginator of the project.

https://boto3.amazonaws.com/v1/documentation/api/latest/guide/paginators.html; operations that botocore has no
paginator for (Cost Explorer's, for one) are followed by their tokens.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from botocore import xform_name
from botocore.exceptions import PaginationError

from ons_runbook.errors import UnexpectedAnswer

# How services call the token of the next page in their answers.
_TOKENS = ("nextToken", "NextToken", "NextMarker", "position", "NextPageToken", "NextContinuationToken")


def pages(
    client: Any, service: str, operation: str, parameters: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """The answers of `operation` (as the API calls it: "FilterLogEvents"), one page after the other.

    Raises UnexpectedAnswer when a token comes again, since the listing would never end.
    """
    seen: set[str] = set()
    try:
        for page in _pages(client, xform_name(operation), dict(parameters)):
            yield page
            token = next((str(page[name]) for name in _TOKENS if page.get(name)), None)
            if token is not None and token in seen:
                raise _endless(service, operation)
            seen.add(token or "")
    except PaginationError as error:
        raise _endless(service, operation) from error


def _pages(client: Any, method: str, parameters: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if client.can_paginate(method):
        yield from client.get_paginator(method).paginate(**parameters)
        return
    shape = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[method]).input_shape
    accepted = set(shape.members) if shape else set()
    page = getattr(client, method)(**parameters)
    yield page
    while more := _asking_for_more(page, accepted):
        page = getattr(client, method)(**{**parameters, **more})
        yield page


def _asking_for_more(page: dict[str, Any], accepted: set[str]) -> dict[str, Any]:
    # Most services take the token under the name they give it; some leave out the "Next".
    for given in (name for name in _TOKENS if page.get(name)):
        if taken := {given, given.removeprefix("Next")} & accepted:
            return {taken.pop(): page[given]}
    return {}


def _endless(service: str, operation: str) -> UnexpectedAnswer:
    return UnexpectedAnswer(
        f"{service}:{operation} gave the same page token twice: the listing would never end.",
        "Ask again, or over a shorter window.",
    )
