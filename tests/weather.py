"""Bad weather between a client and a sandbox: throttling, failures, lost answers, connections that hang.

A reverse proxy on this machine. It recognises the operation of each request, whatever the service's protocol,
and does what the first rule for it says; what no rule is for goes through unchanged.

    with Weather(env["AWS_ENDPOINT_URL"]) as weather:
        weather.lose_answer("lambda:UpdateAlias")
        … boto3.client("lambda", endpoint_url=weather.url) …
        assert weather.calls("UpdateAlias") == 1

Wire formats: https://smithy.io/2.0/aws/protocols/index.html · what throttling looks like:
https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html,
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html (SlowDown),
https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html (RequestLimitExceeded),
https://docs.aws.amazon.com/lambda/latest/api/CommonErrors.html
"""

import contextlib
import functools
import http.client
import json
import random
import re
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from botocore.loaders import create_loader
from botocore.model import ServiceModel

#: Nothing is held back longer, whoever forgets to release it.
HOLD_SECONDS = 120.0

# What requests are signed for, where that is not boto3's name of the service, or of one service only.
_SIGNED_FOR = {
    "monitoring": ("cloudwatch",),
    "states": ("stepfunctions",),
    "appconfig": ("appconfig", "appconfigdata"),
    "apigateway": ("apigateway", "apigatewayv2"),
    "timestream": ("timestream-query", "timestream-write"),
    "tagging": ("resourcegroupstaggingapi",),
    "s3express": ("s3",),
    "s3-object-lambda": ("s3",),
}
# About one connection, not about the message.
_OF_CONNECTION = {"connection", "keep-alive", "transfer-encoding", "content-length", "expect"}

_loader = create_loader()
_load = threading.Lock()


@dataclass(frozen=True)
class Call:
    """One request. `service` is boto3's name; "" with "GET /path" as operation when it is unsigned."""

    service: str
    operation: str
    protocol: str

    def named(self, name: str) -> bool:
        """Whether it is the operation of this name, with or without its service: "lambda:UpdateAlias"."""
        return name in (self.operation, f"{self.service}:{self.operation}")


Predicate = Callable[[Call], bool]


class Seen(NamedTuple):
    """A call that came by: what the sandbox, or else the weather, answered; None: nobody did.

    `forwarded`: the sandbox got it. `rule`: which kind of weather it met, "" for none.
    """

    service: str
    operation: str
    status: int | None
    forwarded: bool
    rule: str


class Answer(NamedTuple):
    """A whole HTTP answer."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class Rule:
    """One kind of weather. `reached` is set when a call has come to where it is held back."""

    def __init__(self, kind: str, applies: Predicate, times: float, answer: Callable[[Call], Answer]) -> None:
        self.kind = kind
        self.answer = answer
        self.hits = 0
        self.reached = threading.Event()
        self._released = threading.Event()
        self._applies = applies
        self._times = times

    def takes(self, call: Call) -> bool:
        """Whether this call is one for the rule; counts it then. Not thread-safe by itself."""
        if self.hits >= self._times or not self._applies(call):
            return False
        self.hits += 1
        return True

    def release(self) -> None:
        """Hold nothing back any longer."""
        self._released.set()

    def hold(self) -> None:
        """Wait until it is released."""
        self.reached.set()
        self._released.wait(HOLD_SECONDS)


class Weather:
    """The proxy in front of `url`, a sandbox's AWS endpoint or any HTTP server, with its rules and log."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.target = (parts.hostname or "", parts.port or 80)
        self.log: list[Seen] = []
        self.reached = threading.Event()
        self.problems: list[BaseException] = []
        self._rules: list[Rule] = []
        self._lock = threading.Lock()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """Where clients are to be sent."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def env(self, sandbox_env: Mapping[str, str]) -> dict[str, str]:
        """The sandbox's variables with this proxy for AWS and the platform's API; InfluxDB stays direct."""
        through = sandbox_env["RUNBOOK_API_ENDPOINT"].replace(sandbox_env["AWS_ENDPOINT_URL"], self.url)
        return {**sandbox_env, "AWS_ENDPOINT_URL": self.url, "RUNBOOK_API_ENDPOINT": through}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: BaseException | TracebackType | None) -> None:
        self.clear()
        self._server.shutdown()
        self._server.end_connections()
        self._server.server_close()
        self._thread.join(timeout=5)
        if kind is None and self.problems:
            raise self.problems[0]

    def throttle(
        self,
        share: float = 0.3,
        seed: int = 1,
        only: str | Predicate | None = None,
        times: float = float("inf"),
    ) -> Rule:
        """Answer this share of the calls with the service's own throttling error; they are not made.

        seed: which ones follows from it and the order of the calls. only: an operation, or a predicate.
        """
        draw, fits = random.Random(seed), _predicate(only)
        return self._add(
            "throttle", lambda call: fits(call) and draw.random() < share, times, _throttling_error
        )

    def fail(
        self,
        operation: str | Predicate,
        code: str,
        message: str = "Made by the weather.",
        status: int = 400,
        times: float = 1,
    ) -> Rule:
        """Answer the operation with this error, in its protocol; it is not made."""
        return self._add("fail", operation, times, lambda call: error(call, code, message, status))

    def lose_answer(self, operation: str | Predicate, times: float = 1) -> Rule:
        """Let the call be made, then close the connection without an answer."""
        return self._add("lose_answer", operation, times)

    def drop_before(self, operation: str | Predicate, times: float = 1) -> Rule:
        """Close the connection without an answer; the call is not made."""
        return self._add("drop_before", operation, times)

    def hang(self, operation: str | Predicate, times: float = 1) -> Rule:
        """Never make the call and never answer; the connection is closed when it is released."""
        return self._add("hang", operation, times)

    def hold_after(self, operation: str | Predicate, times: float = 1) -> Rule:
        """Let the call be made, and hold the answer back until it is released."""
        return self._add("hold_after", operation, times)

    def release(self) -> None:
        """Let go of everything that is held back."""
        for rule in list(self._rules):
            rule.release()

    def clear(self) -> None:
        """Fair weather from here on: no rules, and nothing held back."""
        with self._lock:
            rules, self._rules = self._rules, []
        for rule in rules:
            rule.release()
        self.reached.clear()

    def calls(self, operation: str, *, forwarded: bool = True) -> int:
        """How many calls of the operation the sandbox got (or, with `forwarded` False, did not get)."""
        return sum(
            operation in (seen.operation, f"{seen.service}:{seen.operation}") and seen.forwarded is forwarded
            for seen in list(self.log)
        )

    def _add(
        self,
        kind: str,
        operation: str | Predicate,
        times: float,
        answer: Callable[[Call], Answer] = lambda call: Answer(500, [], b""),
    ) -> Rule:
        rule = Rule(kind, _predicate(operation), times, answer)
        with self._lock:
            self._rules.append(rule)
        return rule

    def rule_for(self, call: Call) -> Rule | None:
        """The first rule that takes the call."""
        with self._lock:
            return next((rule for rule in self._rules if rule.takes(call)), None)


def _predicate(operation: str | Predicate | None) -> Predicate:
    if operation is None:
        return lambda call: True
    if isinstance(operation, str):
        name = operation
        return lambda call: call.named(name)
    return operation


class _Server(ThreadingHTTPServer):
    """Listens on any free port of this machine; one thread a connection, and none outlives the proxy."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, weather: Weather) -> None:
        self.weather = weather
        self._open: set[Any] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def end_connections(self) -> None:
        """End the connections that clients keep for their next call, and with them the threads."""
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        problem = sys.exception()
        # A client that was killed, or that has waited long enough, is what this is for.
        if problem is not None and not isinstance(problem, OSError):
            self.weather.problems.append(problem)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def _handle(self) -> None:
        weather, body = self.server.weather, self._body()
        call = recognise(self.command, self.path, dict(self.headers.items()), body)
        rule = weather.rule_for(call)
        kind = rule.kind if rule else ""

        def note(status: int | None, forwarded: bool) -> None:
            weather.log.append(Seen(call.service, call.operation, status, forwarded, kind))

        if rule and kind in ("throttle", "fail"):
            made_up = rule.answer(call)
            note(made_up.status, forwarded=False)
            self._send(made_up)
            return
        if rule and kind in ("drop_before", "hang"):
            note(None, forwarded=False)
            if kind == "hang":
                self._hold(rule)
            self.close_connection = True
            return
        answer = self._forward(body)
        note(answer.status if answer else None, forwarded=True)
        if rule and kind == "hold_after":
            self._hold(rule)
        if answer is None or kind == "lose_answer":
            self.close_connection = True
            return
        self._send(answer)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _handle

    def log_message(self, *_: Any) -> None:
        """The log is `Weather.log`."""

    def _hold(self, rule: Rule) -> None:
        self.server.weather.reached.set()
        rule.hold()

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            return b"".join(_chunks(self.rfile))
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _forward(self, body: bytes) -> Answer | None:
        """The sandbox's answer; None when it gave none. The Host header stays, since it is signed."""
        connection = http.client.HTTPConnection(*self.server.weather.target, timeout=HOLD_SECONDS)
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in _OF_CONNECTION:
                    connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(body)))
            connection.putheader("Connection", "close")
            connection.endheaders(body)
            answer = connection.getresponse()
            keep = {"content-length"} if self.command == "HEAD" else set()
            left_out = _OF_CONNECTION - keep
            headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in left_out]
            return Answer(answer.status, headers, answer.read())
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def _send(self, answer: Answer) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if self.command != "HEAD" and answer.status not in (204, 304):
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)


def _chunks(stream: BufferedIOBase) -> Iterator[bytes]:
    """The chunks of a body whose length was not known; its trailers are read and dropped."""
    while size := int(stream.readline().partition(b";")[0], 16):
        yield stream.read(size)
        stream.readline()
    while stream.readline().strip():
        pass


def recognise(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Call:
    """Which operation of which service a request is, from its request line, headers and body."""
    path, _, query = target.partition("?")
    headers = {name.lower(): value for name, value in headers.items()}
    signed = unquote(headers.get("authorization") or query)
    scope = re.search(r"Credential=[^/,]+/\d{8}/[^/]+/([^/]+)/aws4_request", signed)
    # The second is of S3's older presigned addresses, which boto3 makes unless it is told otherwise.
    signed_for = scope[1] if scope else "s3" if "AWSAccessKeyId=" in query else None
    if signed_for is None:
        return Call("", f"{method} {path}", "none")
    services = _SIGNED_FOR.get(signed_for, (signed_for,))
    action = headers.get("x-amz-target", "")
    if "." in action:
        return _of_candidates(services, action.rpartition(".")[2], "json")
    rpc = re.fullmatch(r"/service/\w+/operation/(\w+)", path)
    if rpc:
        return _of_candidates(services, rpc[1], "cbor")
    form = query
    if "x-www-form-urlencoded" in headers.get("content-type", ""):
        form = body.decode("utf-8", errors="replace")
    named = re.search(r"(?:^|&)Action=(\w+)", form)
    if named:
        return _of_candidates(services, named[1], "ec2" if services[0] == "ec2" else "query")
    found = _rest_operation(services, method, path, query, headers)
    return found or Call(services[0], f"{method} {path}", "rest-json")


def _of_candidates(services: tuple[str, ...], operation: str, protocol: str) -> Call:
    """The first of the services signed for alike that has the operation."""
    if len(services) > 1:
        services = tuple(name for name in services if operation in _model(name).operation_names) or services
    return Call(services[0], operation, protocol)


class _Route(NamedTuple):
    rank: tuple[int, int, bool]
    operation: str
    method: str
    path: re.Pattern[str]
    query: dict[str, str]
    headers: list[str]


def _rest_operation(
    services: tuple[str, ...], method: str, path: str, query: str, headers: Mapping[str, str]
) -> Call | None:
    """The operation whose address in botocore's model says most about the request."""
    given = {name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()}
    for service in services:
        fitting = [
            route
            for route in _routes(service)
            if route.method == method
            and route.path.fullmatch(path.rstrip("/") or "/")
            and all(name in given and value in ("", given[name]) for name, value in route.query.items())
            and all(name in headers for name in route.headers)
        ]
        if fitting:
            route = max(fitting, key=lambda one: one.rank)
            return Call(service, route.operation, _model(service).resolved_protocol)
    return None


@functools.cache
def _routes(service: str) -> list[_Route]:
    if service not in _loader.list_available_services("service-2"):
        return []
    model = _model(service)
    return [_route(model.operation_model(name)) for name in model.operation_names]


def _route(operation: Any) -> _Route:
    """Where an operation lives: its path, and the parameters and headers without which it is another's."""
    address, _, static = operation.http["requestUri"].partition("?")
    literal = address.rstrip("/") or "/"
    pattern = "".join(
        ".+" if part.endswith("+}") else "[^/]+" if part.startswith("{") else re.escape(part)
        for part in re.split(r"(\{[^}]+\})", literal)
    )
    query = {name: value for name, _, value in (one.partition("=") for one in static.split("&") if one)}
    headers = []
    shape = operation.input_shape
    for member in shape.required_members if shape else ():
        place = shape.members[member].serialization
        if place.get("location") == "querystring":
            query.setdefault(place["name"], "")
        if place.get("location") == "header":
            headers.append(place["name"].lower())
    fixed = len(re.sub(r"\{.*?\}", "", literal))
    rank = (len(query) + len(headers), fixed, not operation.deprecated)
    return _Route(rank, operation.name, operation.http["method"], re.compile(pattern), query, headers)


@functools.cache
def _model(service: str) -> ServiceModel:
    with _load:
        return ServiceModel(_loader.load_service_model(service, "service-2"), service)


def error(call: Call, code: str, message: str, status: int) -> Answer:
    """An error as the call's protocol has it."""
    identifier = "weather"
    text = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    if call.service == "s3":
        xml = f"<Error>{text}<RequestId>{identifier}</RequestId></Error>"
    elif call.protocol == "ec2":
        xml = (
            f"<Response><Errors><Error>{text}</Error></Errors><RequestID>{identifier}</RequestID></Response>"
        )
    else:
        whole = f"<Error><Type>Sender</Type>{text}</Error><RequestId>{identifier}</RequestId>"
        xml = f"<ErrorResponse>{whole}</ErrorResponse>"
    headers, body = {
        "json": ({"Content-Type": "application/x-amz-json-1.1"}, {"__type": code, "message": message}),
        "cbor": (
            {"Content-Type": "application/cbor", "Smithy-Protocol": "rpc-v2-cbor"},
            _cbor({"__type": code, "message": message}),
        ),
        "rest-json": (
            {"Content-Type": "application/json", "X-Amzn-ErrorType": code},
            {"message": message},
        ),
        # InfluxDB's, and the platform's own API.
        "none": ({"Content-Type": "application/json"}, {"code": code, "message": message}),
    }.get(call.protocol, ({"Content-Type": "text/xml"}, xml.encode()))
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, [*headers.items(), ("x-amzn-RequestId", identifier)], content)


def _throttling_error(call: Call) -> Answer:
    """How the service says that it is called too often."""
    message = "Rate exceeded"
    if call.service == "s3":
        return error(call, "SlowDown", "Please reduce your request rate.", 503)
    if call.protocol == "ec2":
        return error(call, "RequestLimitExceeded", "Request limit exceeded.", 503)
    if call.service in ("lambda", "apigateway", "apigatewayv2"):
        return error(call, "TooManyRequestsException", message, 429)
    if call.protocol in ("query", "rest-xml"):
        return error(call, "Throttling", message, 400)
    return error(call, "ThrottlingException", message, 400 if call.protocol in ("json", "cbor") else 429)


def _cbor(members: Mapping[str, str]) -> bytes:
    """A map of short texts (RFC 8949)."""
    encoded = bytes([0xA0 + len(members)])
    for text in (part for member in members.items() for part in member):
        raw = text.encode()
        encoded += b"\x79" + len(raw).to_bytes(2, "big") + raw
    return encoded
