"""A mended emulator of our own: MiniStack under Hypercorn, every mend installed, in a clean environment.

`emulator` is one server for each test worker; tests keep apart by the names of their resources.
`Emulator.call` runs a function inside the server's process, for what has no AWS call (writing history,
looking at internal state).
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

LIBRARY = Path(__file__).parents[3] / "lib"
ACCOUNT = "123456789012"
REGION = "us-east-1"
START_DEADLINE_SECONDS = 60.0


@dataclass
class Emulator:
    """One running server: where it is, and what it takes to ask it something."""

    url: str
    pid: int
    home: Path
    account: str = ACCOUNT
    region: str = REGION
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """A boto3 client for `service` that talks to this server and does not retry."""
        if service not in self._clients:
            config = Config(retries={"total_max_attempts": 1}, read_timeout=60, connect_timeout=5)
            self._clients[service] = self.session().client(service, endpoint_url=self.url, config=config)
        return self._clients[service]

    def session(self) -> boto3.Session:
        """A boto3 session with credentials of its own: nothing ambient is used."""
        return boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=self.region)

    def environment(self) -> dict[str, str]:
        """The variables with which a program (the AWS CLI) finds this server and nothing else."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def call(self, function: str, **arguments: Any) -> Any:
        """Run `package.module:function` with JSON-able arguments inside the server; give back its answer."""
        body = json.dumps({"function": function, "arguments": arguments}).encode()
        request = urllib.request.Request(f"{self.url}/_test/call", data=body, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=120) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            raise RuntimeError(error.read().decode()) from None

    @staticmethod
    def eventually(question: Callable[[], Any], seconds: float = 20.0) -> Any:
        """Ask until the answer is true, and give it back; the last answer when the time is up."""
        deadline = time.monotonic() + seconds
        while True:
            answer = question()
            if answer or time.monotonic() > deadline:
                return answer
            time.sleep(0.05)


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """A mended MiniStack server for the whole test session of this worker."""
    home = tmp_path_factory.mktemp("emulator")
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        port = listener.getsockname()[1]
        process = _start(listener, port, home)
    try:
        running = Emulator(url=f"http://127.0.0.1:{port}", pid=process.pid, home=home)
        _wait_until_ready(running, process)
        yield running
    finally:
        _stop(process)


def _start(listener: socket.socket, port: int, home: Path) -> subprocess.Popen[bytes]:
    """The server's process; it inherits the listening socket, so the port cannot be lost on the way."""
    (home / "tmp").mkdir()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "TMPDIR": str(home / "tmp"),
        "STATE_DIR": str(home / "state"),
        "PYTHONPATH": str(LIBRARY),
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": REGION,
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "MOTO_ACCOUNT_ID": ACCOUNT,
        "CLOUDTRAIL_RECORDING": "1",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": "unix:///nonexistent/docker.sock",
        "LAMBDA_EXECUTOR": "local",
        "LOG_LEVEL": "WARNING",
    }
    with (home / "server.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("emulator_server.py")), str(listener.fileno())],
            env=environment,
            cwd=home,
            stdout=log,
            stderr=log,
            pass_fds=[listener.fileno()],
            start_new_session=True,  # the function workers that it starts end with it
        )


def _wait_until_ready(emulator: Emulator, process: subprocess.Popen[bytes]) -> None:
    def ready() -> bool:
        if process.poll() is not None:
            pytest.fail(f"the emulator ended at start:\n{(emulator.home / 'server.log').read_text()[-4000:]}")
        try:
            with urllib.request.urlopen(f"{emulator.url}/_ministack/health", timeout=5) as response:
                return bool(response.status == 200)
        except OSError:
            return False

    if not emulator.eventually(ready, START_DEADLINE_SECONDS):
        pytest.fail(f"the emulator did not start:\n{(emulator.home / 'server.log').read_text()[-4000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout=15)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
