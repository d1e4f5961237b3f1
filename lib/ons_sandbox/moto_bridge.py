"""moto inside MiniStack: the services that MiniStack lacks, or answers wrongly, are handed to moto.

One endpoint, one account and one audit trail serve every service, because moto's answers are handlers in
MiniStack's own table: its dispatcher has chosen the service before and records the call in CloudTrail after.
moto is entered as its own botocore stub enters it, so there is no second web server and no Flask.

Wire formats: https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html and aws-ec2-query-protocol.html.
Endpoint discovery: https://docs.aws.amazon.com/timestream/latest/developerguide/Using.API.endpoint-discovery.html
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

import botocore.session

from ons_sandbox.mends import mended, require

Answer = tuple[int, dict[str, str], bytes]
Handler = Callable[[str, str, dict[str, str], bytes, dict[str, Any]], Awaitable[Answer]]


@dataclass(frozen=True)
class MotoService:
    """How one service is told apart on the shared endpoint, and where moto thinks that it lives.

    `target` is the prefix of the JSON protocol's X-Amz-Target header (None: the EC2 query protocol).
    """

    host: str
    target: str | None = None


# Keys are MiniStack's names, which are the names that requests are signed for (botocore's signingName).
SERVICES = {
    "ec2": MotoService("ec2"),
    "codedeploy": MotoService("codedeploy", "CodeDeploy_20141006."),
    "ce": MotoService("ce", "AWSInsightsIndexService."),
    "timestream-influxdb": MotoService("timestream-influxdb", "AmazonTimestreamInfluxDB."),
    "timestream": MotoService("query.timestream", "Timestream_20181101."),
}

# moto keeps plain dictionaries without locks: one call at a time.
_moto = ThreadPoolExecutor(max_workers=1, thread_name_prefix="moto")


def install(endpoint: str) -> None:
    """Enter moto's services into MiniStack's tables.

    `endpoint` is the sandbox's own URL: Timestream's clients ask for the endpoint to use, and would leave
    for the real one. Raises MendError when MiniStack's tables are not what this expects.
    """
    app = mended("ministack.app", "SERVICE_HANDLERS", "_dispatch_service_request")
    router = mended("ministack.core.router", "SERVICE_PATTERNS", "detect_service", "_KNOWN_AWS_SERVICE_NAMES")
    require("ec2" in app.SERVICE_HANDLERS, "ministack.app.SERVICE_HANDLERS holds handlers by service")
    mended("moto.core.botocore_stubber", "BotocoreStubber.process_request")
    for name, service in SERVICES.items():
        app.SERVICE_HANDLERS[name] = _handler(name, service, endpoint)
        if service.target:
            router.SERVICE_PATTERNS[name] = {
                "target_prefixes": [service.target],
                "host_patterns": [service.host.replace(".", r"\.") + r"\."],
            }
    # The first call to a service that nobody serves would read every service model: seven seconds of silence.
    router._KNOWN_AWS_SERVICE_NAMES = frozenset(botocore.session.get_session().get_available_services())


def reset() -> None:
    """Forget everything that moto holds, in every account and region."""
    _moto.submit(_reset).result()


def _reset() -> None:
    from moto.core.base_backend import BackendDict
    from moto.core.model_instances import reset_model_data

    BackendDict.reset()
    reset_model_data()


def _handler(name: str, service: MotoService, endpoint: str) -> Handler:
    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any]
    ) -> Answer:
        if name == "timestream" and headers.get("x-amz-target", "").endswith(".DescribeEndpoints"):
            # With a scheme, or botocore would put https:// before it.
            return _json(200, {"Endpoints": [{"Address": endpoint, "CachePeriodInMinutes": 1440}]})
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(_moto, _ask_moto, name, service, method, path, headers, body)

    return handle


def _ask_moto(
    name: str, service: MotoService, method: str, path: str, headers: dict[str, str], body: bytes
) -> Answer:
    from botocore.awsrequest import AWSPreparedRequest
    from botocore.model import OperationNotFoundError
    from ministack.core.router import extract_region
    from moto.core.botocore_stubber import BotocoreStubber

    if name == "ec2":
        action = parse_qs(body.decode()).get("Action", [""])[0]
        if "InstanceType" in action:
            return _refusal(name, headers, action)
        _load_ec2()
    url = f"https://{service.host}.{extract_region(headers)}.amazonaws.com{path}"
    # Without the Host header, or moto would take the sandbox's own address for the region's.
    sent = {key: value for key, value in headers.items() if key != "host"}
    try:
        answer = BotocoreStubber().process_request(
            AWSPreparedRequest(method, url, sent, body, stream_output=False)
        )
    except (NotImplementedError, OperationNotFoundError) as error:
        return _refusal(name, headers, str(error))
    if answer is None:
        return _refusal(name, headers, f"{method} {path}")
    status, given, content = answer
    return status, dict(given), content.encode() if isinstance(content, str) else content


def _refusal(name: str, headers: dict[str, str], reason: str) -> Answer:
    """Say that the sandbox cannot do this, as an error that the clients can read and do not retry."""
    message = f"The sandbox does not implement this {name} operation: {reason}"
    if headers.get("x-amz-target"):
        return _json(501, {"__type": "NotImplemented", "message": message})
    errors = f"<Error><Code>NotImplemented</Code><Message>{escape(message)}</Message></Error>"
    xml = f"<Response><Errors>{errors}</Errors><RequestID>sandbox</RequestID></Response>"
    return 501, {"Content-Type": "text/xml;charset=UTF-8"}, xml.encode()


def _json(status: int, document: dict[str, Any]) -> Answer:
    return status, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(document).encode()


def _load_ec2() -> None:
    """Import moto's EC2 without its catalogues of machine types, which cost a second and 40 MB.

    Security groups and networks need none of them; `_ask_moto` refuses the operations that would read them.
    """
    if "moto.ec2.models" in sys.modules:
        return
    utils = mended("moto.utilities.utils", "load_resource")
    load = utils.load_resource
    try:
        utils.load_resource = lambda name: {} if "ec2/resources/instance_type" in name else load(name)
        import moto.ec2.models  # noqa: F401
    finally:
        utils.load_resource = load
