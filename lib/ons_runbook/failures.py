"""What botocore and urllib3 raise, as errors of our own tree that say what to do next.

https://boto3.amazonaws.com/v1/documentation/api/latest/guide/error-handling.html, the "Common Errors" page
of each service's API reference, https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html and
https://urllib3.readthedocs.io/en/stable/reference/urllib3.exceptions.html
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import urllib3.exceptions as http
from botocore import exceptions as aws
from botocore.parsers import ResponseParserError

from ons_runbook.errors import (
    AccessDenied,
    CredentialsError,
    NoAnswerInTime,
    NotFound,
    ReadError,
    RunbookError,
    Throttled,
    UnexpectedAnswer,
    Unreachable,
)

_CREDENTIAL_CODES = {
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "InvalidToken",
    "InvalidClientTokenId",
    "InvalidAccessKeyId",
    "UnrecognizedClientException",
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "IncompleteSignature",
    "AuthFailure",
}
_DENIED_CODES = {
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
    "AuthorizationError",
    "NotAuthorized",
    "Forbidden",
    "403",
}
#: Codes of a service that refuses the pace: the call was not made.
THROTTLED = {
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestLimitExceeded",
    "TooManyRequestsException",
    "RequestThrottled",
    "RequestThrottledException",
    "ProvisionedThroughputExceededException",
    "EC2ThrottledException",
    "SlowDown",
    "BandwidthLimitExceeded",
    "429",
}
_MISSING = (
    "NotFound",
    "NotFoundException",
    "DoesNotExist",
    "DoesNotExistException",
    "NoSuchBucket",
    "NoSuchKey",
    "NoSuchEntity",
    "404",
)
_ELSEWHERE = {
    "PermanentRedirect",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "301",
}
_CREDENTIAL_ERRORS = (
    aws.NoCredentialsError,
    aws.PartialCredentialsError,
    aws.CredentialRetrievalError,
    aws.TokenRetrievalError,
    aws.SSOError,
    aws.ProfileNotFound,
    aws.ConfigNotFound,
    aws.NoAuthTokenError,
)


@contextmanager
def reading(resource: str, service: str = "") -> Iterator[None]:
    """Turn what botocore and urllib3 raise inside the block into ReadError or CredentialsError.

    `resource` is what is being read, as people call it ("Lambda function lambda_router"); `service` completes
    the name of the permission in the hint.
    """
    try:
        yield
    except RunbookError:
        raise
    except (aws.BotoCoreError, aws.ClientError, ResponseParserError, http.HTTPError, OSError) as error:
        raise explain(error, resource, service) from error


# How urllib3 begins its messages: an object's representation, of which people need the address.
_POOL = re.compile(r"HTTPS?Connection(?:Pool)?\(host='([^']*)', port=(\w+)\): ")


def error_code(error: BaseException) -> str:
    """The service's error code of a ClientError, else the name of the exception's type."""
    if isinstance(error, aws.ClientError):
        return str(error.response.get("Error", {}).get("Code") or "Unknown")
    return type(error).__name__


def explain(error: Exception, resource: str, service: str = "") -> RunbookError:
    """The error of our own tree that says what `error` means for `resource`, and what to do next."""
    if isinstance(error, aws.ClientError):
        return _explain_code(error, resource, service)
    detail = _POOL.sub(r"\1:\2: ", " ".join(str(error).split()))
    if isinstance(error, _CREDENTIAL_ERRORS):
        return CredentialsError(f"{resource}: {detail}.", _login_hint(error))
    if isinstance(error, aws.ReadTimeoutError | http.ReadTimeoutError | TimeoutError):
        return NoAnswerInTime(
            f"{resource}: no answer in time ({detail}).", "Ask again; the service may be slow."
        )
    if isinstance(error, ResponseParserError | http.DecodeError):
        return UnexpectedAnswer(
            f"{resource}: the answer cannot be understood ({detail}).", "Is this the right endpoint?"
        )
    if isinstance(error, aws.EndpointConnectionError | aws.HTTPClientError | http.HTTPError | OSError):
        return Unreachable(
            f"{resource}: nothing answers ({detail}).",
            "Check the endpoint and the network; for the sandbox: runbook sandbox status.",
        )
    return ReadError(f"{resource}: {type(error).__name__}: {detail}.")


def _explain_code(error: aws.ClientError, resource: str, service: str) -> RunbookError:
    code, call = error_code(error), error.operation_name
    said = " ".join(str(error.response.get("Error", {}).get("Message") or "").split()) or code
    message = f"{resource}: {call} answered {code}: {said}"
    if code in _CREDENTIAL_CODES:
        return CredentialsError(message, _login_hint(error))
    if code in _DENIED_CODES:
        permission = _permission(service, call)
        return AccessDenied(message, f"The identity needs the permission {permission}.")
    if code in THROTTLED:
        return Throttled(message, "Ask again in a minute, or over a shorter window.")
    if code.endswith(_MISSING):
        return NotFound(message, "Check the name in the platform's settings, and the region.")
    if code in _ELSEWHERE:
        return UnexpectedAnswer(message, "It lives in another region than the platform's settings say.")
    return ReadError(message)


# Where the permission is not called as the operation is
# (https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html).
_PERMISSIONS = {
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "s3:DeleteBucketLifecycle": "s3:PutLifecycleConfiguration",
    "s3:GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "s3:PutBucketNotificationConfiguration": "s3:PutBucketNotification",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
}
# API Gateway's permissions are HTTP verbs on resources
# (https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-iam-policy-examples.html).
_VERBS = {"Get": "GET", "Update": "PATCH", "Create": "POST", "Put": "PUT", "Delete": "DELETE"}


def _permission(service: str, call: str) -> str:
    if service == "apigateway":
        return next((f"apigateway:{verb}" for word, verb in _VERBS.items() if call.startswith(word)), call)
    prefix = "states" if service == "stepfunctions" else service
    name = f"{prefix}:{call}" if service else call
    return _PERMISSIONS.get(name, name)


def _login_hint(error: Exception) -> str:
    if isinstance(error, aws.SSOError | aws.TokenRetrievalError | aws.NoAuthTokenError):
        return "Log in again: aws sso login (with --profile NAME when you use one)."
    if isinstance(error, aws.ProfileNotFound):
        return "Set AWS_PROFILE to a profile of ~/.aws/config, or unset it."
    if isinstance(error, aws.ClientError) and "Expired" in error_code(error):
        return "The credentials have expired: get new ones (aws sso login, or assume the role again)."
    if isinstance(error, aws.ClientError):
        return (
            "The credentials are not valid: check AWS_PROFILE, the AWS_… variables, and this machine's clock."
        )
    return "Give some: AWS_PROFILE=…, aws sso login, or a role. To try without an account: platform sandbox."
