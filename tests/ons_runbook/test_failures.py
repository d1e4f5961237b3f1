"""What services and networks say, as errors that say what to do next.

Codes from https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html and the "Common Errors"
pages, such as https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/CommonErrors.html
"""

import pytest
import urllib3.exceptions
from botocore import exceptions as aws
from botocore.parsers import ResponseParserError

from ons_runbook import errors
from ons_runbook.failures import error_code, explain, reading


def client_error(code, message="said the service"):
    return aws.ClientError({"Error": {"Code": code, "Message": message}}, "GetAlias")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("AccessDenied", errors.AccessDenied),
        ("AccessDeniedException", errors.AccessDenied),
        ("UnauthorizedOperation", errors.AccessDenied),
        ("403", errors.AccessDenied),
        ("ExpiredToken", errors.CredentialsError),
        ("ExpiredTokenException", errors.CredentialsError),
        ("InvalidClientTokenId", errors.CredentialsError),
        ("UnrecognizedClientException", errors.CredentialsError),
        ("SignatureDoesNotMatch", errors.CredentialsError),
        ("ThrottlingException", errors.Throttled),
        ("TooManyRequestsException", errors.Throttled),
        ("SlowDown", errors.Throttled),
        ("ResourceNotFoundException", errors.NotFound),
        ("NoSuchBucket", errors.NotFound),
        ("404", errors.NotFound),
        ("StateMachineDoesNotExist", errors.NotFound),
        ("PermanentRedirect", errors.UnexpectedAnswer),
        ("ServiceException", errors.ReadError),
    ],
)
def test_a_code_of_the_service_becomes(code, kind):
    error = explain(client_error(code), "Alias LIVE of router", "lambda")
    assert type(error) is kind
    assert "Alias LIVE of router: GetAlias answered" in error.message
    assert "said the service" in error.message


@pytest.mark.parametrize(
    ("raised", "kind", "hint"),
    [
        (aws.NoCredentialsError(), errors.CredentialsError, "AWS_PROFILE"),
        (aws.ProfileNotFound(profile="nobody"), errors.CredentialsError, "AWS_PROFILE"),
        (aws.UnauthorizedSSOTokenError(), errors.CredentialsError, "aws sso login"),
        (aws.TokenRetrievalError(provider="sso", error_msg="expired"), errors.CredentialsError, "sso login"),
        (client_error("ExpiredToken"), errors.CredentialsError, "expired"),
        (aws.EndpointConnectionError(endpoint_url="http://x"), errors.Unreachable, "endpoint"),
        (aws.ConnectTimeoutError(endpoint_url="http://x"), errors.Unreachable, "network"),
        (aws.ReadTimeoutError(endpoint_url="http://x"), errors.NoAnswerInTime, "Ask again"),
        (ResponseParserError("no XML"), errors.UnexpectedAnswer, "endpoint"),
        (urllib3.exceptions.ReadTimeoutError(None, "http://x", "late"), errors.NoAnswerInTime, "Ask again"),  # type: ignore[arg-type]
        (urllib3.exceptions.ProtocolError("reset"), errors.Unreachable, "endpoint"),
        (ConnectionResetError("reset"), errors.Unreachable, "network"),
        (client_error("AccessDenied"), errors.AccessDenied, "lambda:GetAlias"),
        (aws.ParamValidationError(report="bad"), errors.ReadError, ""),
    ],
)
def test_what_is_raised_becomes_an_error_with_the_next_step(raised, kind, hint):
    with pytest.raises(kind) as caught, reading("Function router", "lambda"):
        raise raised
    assert hint in caught.value.hint
    assert "Function router" in caught.value.message
    assert caught.value.__cause__ is raised


def test_our_own_errors_and_mistakes_in_code_pass_as_they_are():
    with pytest.raises(errors.WindowError), reading("x"):
        raise errors.WindowError("w")
    with pytest.raises(KeyError), reading("x"):
        raise KeyError("k")


def test_a_message_over_several_lines_is_put_on_one():
    assert "one two" in explain(client_error("X", "one\n   two"), "r").message


def test_an_error_has_a_short_code_for_the_evidence():
    assert error_code(client_error("AccessDenied")) == "AccessDenied"
    assert error_code(aws.NoCredentialsError()) == "NoCredentialsError"


@pytest.mark.parametrize(
    ("service", "call", "permission"),
    [
        ("s3", "ListObjectsV2", "s3:ListBucket"),
        ("s3", "PutBucketLifecycleConfiguration", "s3:PutLifecycleConfiguration"),
        ("apigateway", "UpdateStage", "apigateway:PATCH"),
        ("stepfunctions", "StartExecution", "states:StartExecution"),
        ("lambda", "UpdateAlias", "lambda:UpdateAlias"),
    ],
)
def test_the_permission_is_named_as_iam_calls_it(service, call, permission):
    denied = aws.ClientError({"Error": {"Code": "AccessDenied", "Message": "No."}}, call)
    assert explain(denied, "it", service).hint == f"The identity needs the permission {permission}."
