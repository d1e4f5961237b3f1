"""A platform that reaches nothing, a session with AWS answers written by the test, and web servers."""

import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.stub import Stubber

from ons_runbook import kernel
from ons_runbook.platform import Platform, load_platform
from ons_runbook.redaction import Redactor
from ons_runbook.session import Identity, Session

ACCOUNT = "123456789012"
#: Nothing listens on the discard port.
NOWHERE = "http://127.0.0.1:9"

_CLEARED = (
    "AWS_",
    "RUNBOOK_",
    "INFLUXDB_",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
)


@pytest.fixture
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """No variable and no file of the developer's reaches the test."""
    for name in list(os.environ):
        if name.startswith(_CLEARED):
            monkeypatch.delenv(name)
    empty = tmp_path / "empty"
    empty.touch()
    monkeypatch.setenv("RUNBOOK_ENV_FILE", str(empty))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(empty))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(empty))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return monkeypatch


@pytest.fixture
def make_platform(clean_environment: pytest.MonkeyPatch) -> Callable[..., Platform]:
    """A sandbox platform; its settings can be overridden by keyword."""

    def make(**overrides: Any) -> Platform:
        settings = {
            "endpoint_url": NOWHERE,
            "influx_url": NOWHERE,
            "influx_token": "token-of-the-test",
            "api_endpoint": NOWHERE + "/{api_id}/{stage}",
        }
        return load_platform("sandbox", {**settings, **overrides})

    return make


@pytest.fixture
def make_session(make_platform: Callable[..., Platform]) -> Callable[..., Session]:
    """A session that already knows who is calling."""

    def make(**overrides: Any) -> Session:
        session = Session(make_platform(**overrides))
        session._verified = Identity(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/tester")
        return session

    return make


@pytest.fixture
def session(make_session: Callable[..., Session]) -> Session:
    """A session that reaches nothing."""
    return make_session()


@pytest.fixture
def stub(session: Session) -> Iterator[Callable[[str], Stubber]]:
    """Answers for the session's clients, held to botocore's models: `stub("lambda").add_response(…)`.

    Every answer must have been asked for when the test ends.
    """
    stubs: dict[str, Stubber] = {}

    def for_service(service: str) -> Stubber:
        if service not in stubs:
            stubs[service] = Stubber(session.client(service))
            stubs[service].activate()
        return stubs[service]

    yield for_service
    for each in stubs.values():
        each.assert_no_pending_responses()


Handler = Callable[[str, str, bytes], tuple[int, str | bytes]]


@pytest.fixture
def serve() -> Iterator[Callable[..., tuple[str, list[tuple[str, str, bytes]]]]]:
    """A web server on loopback: `url, seen = serve(lambda method, path, body: (200, "hello"))`."""
    servers: list[ThreadingHTTPServer] = []

    def start(
        answer: Handler, content_type: str = "application/json"
    ) -> tuple[str, list[tuple[str, str, bytes]]]:
        seen: list[tuple[str, str, bytes]] = []

        class Answering(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                seen.append((self.command, self.path, body))
                status, said = answer(self.command, self.path, body)
                data = said.encode() if isinstance(said, str) else said
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_GET

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}", seen

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def forget_secrets() -> Iterator[None]:
    """What one test's run must not show is no secret of the next."""
    yield
    kernel.protect(Redactor())
