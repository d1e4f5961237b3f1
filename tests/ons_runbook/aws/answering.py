"""Answers of AWS by operation, for what is asked in an order that nobody knows.

Parameters are held to botocore's models, as a Stubber would.
"""

import io
from collections.abc import Callable, Mapping
from typing import Any

from botocore import xform_name
from botocore.response import StreamingBody
from botocore.validate import ParamValidator

from ons_runbook.session import Session

Asked = list[tuple[str, dict[str, Any]]]


def valid(session: Session, service: str, operation: str, parameters: Mapping[str, Any]) -> None:
    """Fail when botocore would not send these parameters."""
    model = session.client(service).meta.service_model.operation_model(operation)
    report = ParamValidator().validate(parameters, model.input_shape)
    assert not report.has_errors(), f"{operation}: {report.generate_report()}"


def refusal(session: Session, service: str, code: str, status: int = 400) -> Exception:
    """What botocore raises for an error code of a service."""
    kind = session.client(service).exceptions.from_code(code)
    metadata = {"HTTPStatusCode": status, "RequestId": "r", "HTTPHeaders": {}, "RetryAttempts": 0}
    error: Exception = kind({"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": metadata}, "Op")
    return error


def answer(session: Session, service: str, **answers: Callable[..., Any] | Any) -> Asked:
    """Answer each operation (`GetAlias=…`) by a value, an exception or a function of its parameters.

    Returns the list in which each call is noted.
    """
    asked: Asked = []
    client = session.client(service)

    def method(operation: str, given: Any) -> Callable[..., Any]:
        def call(**parameters: Any) -> Any:
            valid(session, service, operation, parameters)
            asked.append((operation, parameters))
            found = given(**parameters) if callable(given) else given
            if isinstance(found, Exception):
                raise found
            return found

        return call

    for operation, given in answers.items():
        setattr(client, xform_name(operation), method(operation, given))
    return asked


def body(content: bytes) -> StreamingBody:
    """Content as botocore streams it."""
    return StreamingBody(io.BytesIO(content), len(content))
