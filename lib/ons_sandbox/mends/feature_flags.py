"""AppConfig: feature flags are checked before they are stored, and deployments take accelerated time.

MiniStack stores any document for flags, loses a version's description and Latest-Version-Number, deploys a
version that does not exist, gives the first page of a list only, and counts in real minutes.

https://docs.aws.amazon.com/appconfig/2019-10-09/APIReference/API_CreateHostedConfigurationVersion.html
https://docs.aws.amazon.com/appconfig/2019-10-09/APIReference/API_BadRequestException.html
https://docs.aws.amazon.com/appconfig/2019-10-09/APIReference/API_StartDeployment.html
https://docs.aws.amazon.com/appconfig/2019-10-09/APIReference/API_ListDeployments.html
https://docs.aws.amazon.com/general/latest/gr/appconfig.html (the size of a hosted version)
"""

import base64
import binascii
import contextvars
import json
import re
from typing import Any

from ons_sandbox.mends import feature_flag_document, mended
from ons_sandbox.services import clock

Record = dict[str, Any]
Answer = tuple[int, dict[str, Any], bytes]

FLAGS = "AWS.AppConfig.FeatureFlags"
MAX_BYTES = 2 * 1024 * 1024
PAGE = 50

_LIST = re.compile(r"/(applications(/.+)?|deploymentstrategies)")
_headers: contextvars.ContextVar[dict[str, str]] = contextvars.ContextVar("appconfig_headers")


def install() -> None:
    """Check what is stored and deployed, list in pages, and let deployments follow the sandbox's clock."""
    service: Any = mended(
        "ministack.services.appconfig",
        *("handle_request", "_create_hosted_configuration_version", "_get_hosted_configuration_version"),
        *("_start_deployment", "_advance_deployment", "_retrieval_time_content", "_environment_deployments"),
        *("_DEPLOYMENT_MINUTE_SECONDS", "_config_profiles", "_hosted_versions", "_error"),
        *("_latest_hosted_version_number", "_list_deployments"),
    )
    _take_requests(service)
    _check_versions(service)
    _check_deployments(service)
    _keep_time(service)
    _serve(service)


def _take_requests(service: Any) -> None:
    original = service.handle_request

    async def handle_request(
        method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any]
    ) -> Answer:
        token = _headers.set(headers)
        try:
            if method != "GET" or not _LIST.fullmatch(path):
                answer: Answer = await original(method, path, headers, body, query_params)
                return answer
            return _page(
                service, query_params, await original(method, path, headers, body, {"max_results": "100000"})
            )
        finally:
            _headers.reset(token)

    service.handle_request = handle_request


def _page(service: Any, query: dict[str, Any], whole: Answer) -> Answer:
    """A page of a list; an answer that is none goes on as it is."""
    status, headers, body = whole
    if status != 200 or not body.startswith(b'{"Items"'):
        return whole
    asked = {key: value[0] if isinstance(value, list) else value for key, value in query.items()}
    try:
        most = int(asked.get("max_results", PAGE))
        start = int(base64.urlsafe_b64decode(asked["next_token"])) if asked.get("next_token") else 0
    except (ValueError, binascii.Error):
        most, start = 0, 0
    if not 1 <= most <= PAGE:
        refused: Answer = service._error(400, "BadRequestException", "Invalid max_results or next_token")
        return refused
    items = json.loads(body)["Items"]
    document: Record = {"Items": items[start : start + most]}
    if start + most < len(items):
        document["NextToken"] = base64.urlsafe_b64encode(str(start + most).encode()).decode()
    return status, headers, json.dumps(document).encode()


def _check_versions(service: Any) -> None:
    create, get = service._create_hosted_configuration_version, service._get_hosted_configuration_version

    def create_version(
        app_id: str, profile_id: str, body: bytes, content_type: str, version_label: str | None = None
    ) -> Answer:
        profile = service._config_profiles.get(f"{app_id}/{profile_id}")
        refusal = _refusal(service, profile, body, content_type) if profile else None
        if refusal:
            return refusal
        status, headers, content = create(app_id, profile_id, body, content_type, version_label)
        description = _headers.get().get("description")
        if status == 201 and description:
            version = service._hosted_versions[f"{app_id}/{profile_id}/{headers['Version-Number']}"]
            version["Description"] = headers["Description"] = description
        return status, headers, content

    def get_version(app_id: str, profile_id: str, version_number: int) -> Answer:
        status, headers, content = get(app_id, profile_id, version_number)
        version = service._hosted_versions.get(f"{app_id}/{profile_id}/{version_number}") or {}
        if version.get("Description"):
            headers["Description"] = version["Description"]
        return status, headers, content

    service._create_hosted_configuration_version = create_version
    service._get_hosted_configuration_version = get_version


def _refusal(service: Any, profile: Record, body: bytes, content_type: str) -> Answer | None:
    expected = _headers.get().get("latest-version-number")
    latest = service._latest_hosted_version_number(profile["ApplicationId"], profile["Id"])
    if expected is not None and int(expected) != latest:
        message = f"The latest version of the configuration profile is {latest}, not {expected}."
        conflict: Answer = service._error(409, "ConflictException", message)
        return conflict
    if len(body) > MAX_BYTES:
        return _too_large(len(body))
    if profile["Type"] != FLAGS:
        return None
    if content_type.split(";")[0].strip() != "application/json":
        message = "The content type of feature flags is application/json."
        refused: Answer = service._error(400, "BadRequestException", message)
        return refused
    try:
        problems = feature_flag_document.problems(body)
    except feature_flag_document.UnknownToSandbox as unknown:
        message = f"The sandbox does not implement {unknown}"
        refused = service._error(501, "NotImplemented", message)
        return refused
    return _invalid(problems) if problems else None


def _invalid(problems: list[feature_flag_document.Problem]) -> Answer:
    details = [
        {"Constraint": "schema", "Location": problem.location, "Reason": problem.reason, "Type": "INVALID"}
        for problem in problems
    ]
    told = "; ".join(f"{problem.location or '/'}: {problem.reason}" for problem in problems)
    document = {
        "Message": f"Invalid configuration: {told}",
        "Reason": "InvalidConfiguration",
        "Details": {"InvalidConfiguration": details},
    }
    headers = {"Content-Type": "application/json", "x-amzn-errortype": "BadRequestException"}
    return 400, headers, json.dumps(document).encode()


def _too_large(size: int) -> Answer:
    document = {
        "Message": "The configuration is too large.",
        "Measure": "KILOBYTES",
        "Limit": MAX_BYTES / 1024,
        "Size": size / 1024,
    }
    headers = {"Content-Type": "application/json", "x-amzn-errortype": "PayloadTooLargeException"}
    return 413, headers, json.dumps(document).encode()


def _check_deployments(service: Any) -> None:
    start, listed = service._start_deployment, service._list_deployments

    def start_deployment(app_id: str, env_id: str, body: Record) -> Answer:
        profile, version = body.get("ConfigurationProfileId", ""), str(body.get("ConfigurationVersion", ""))
        record = service._config_profiles.get(f"{app_id}/{profile}")
        if record and record["LocationUri"] == "hosted":
            number = _number(service, app_id, profile, version)
            if number is None:
                message = f"Configuration version {version} of configuration profile {profile} not found"
                refused: Answer = service._error(404, "ResourceNotFoundException", message)
                return refused
            body = {**body, "ConfigurationVersion": number}
        answer: Answer = start(app_id, env_id, body)
        return answer

    def list_deployments(app_id: str, env_id: str, query: Record) -> Answer:
        """ListDeployments: in descending order of their numbers."""
        status, headers, body = listed(app_id, env_id, query)
        if status == 200:
            body = json.dumps({"Items": json.loads(body)["Items"][::-1]}).encode()
        return status, headers, body

    service._start_deployment = start_deployment
    service._list_deployments = list_deployments


def _number(service: Any, app_id: str, profile_id: str, version: str) -> str | None:
    """The number of a hosted version that is named by number or label."""
    versions = service._hosted_versions
    if f"{app_id}/{profile_id}/{version}" in versions:
        return version
    for key, record in versions.items():
        if key.startswith(f"{app_id}/{profile_id}/") and record.get("VersionLabel") == version:
            return str(record["VersionNumber"])
    return None


def _keep_time(service: Any) -> None:
    original = service._advance_deployment

    def advance(record: Record, now: float) -> None:
        # Each deployment keeps the pace at which it began.
        service._DEPLOYMENT_MINUTE_SECONDS = record.setdefault("_MinuteSeconds", clock.real_seconds(60))
        original(record, now)

    service._advance_deployment = advance


def _serve(service: Any) -> None:
    original = service._retrieval_time_content

    def content(app_id: str, profile_id: str, stored: bytes) -> bytes:
        profile = service._config_profiles.get(f"{app_id}/{profile_id}") or {}
        if profile.get("Type") == FLAGS:
            return feature_flag_document.served(stored)
        freeform: bytes = original(app_id, profile_id, stored)
        return freeform

    service._retrieval_time_content = content
