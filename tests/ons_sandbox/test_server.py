"""The server process: what it listens on, what it lets through to functions, how it ends.

What a function may see: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
"""

import contextlib
import http.client
import io
import json
import os
import signal
import subprocess
import threading
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from ons_sandbox import Sandbox, process
from sandboxes import Clients, clients_of, wait_until


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox of the test's own, to be ended by it."""
    with Sandbox(tmp_path, platform=False) as running:
        yield running


def control(sandbox: Sandbox, method: str, name: str, headers: dict[str, str] | None = None) -> Any:
    address = urlsplit(sandbox.env()["AWS_ENDPOINT_URL"])
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
    connection.request(method, f"/_sandbox/{name}", headers=headers or {})
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def function(clients: Clients, name: str, source: str) -> None:
    """A Lambda function of one file, with a role that may do nothing."""
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = clients("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as package:
        package.writestr("handler.py", source)
    clients("lambda").create_function(
        FunctionName=name,
        Runtime="python3.11",
        Handler="handler.handle",
        Role=role,
        Code={"ZipFile": archive.getvalue()},
        Timeout=60,
    )


def listening(pid: int) -> list[str]:
    """The local addresses (hexadecimal, as in /proc/net/tcp) on which a process listens or has UDP open."""
    sockets = {str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()}
    found = []
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if f"socket:[{fields[9]}]" in sockets and (fields[3] == "0A" or table.startswith("udp")):
                found.append(fields[1])
    return found


def descendants(pid: int) -> set[int]:
    children = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True)
    pairs = [(int(line.split()[0]), int(line.split()[1])) for line in children.stdout.splitlines()]
    found = {pid}
    while more := {child for child, parent in pairs if parent in found} - found:
        found |= more
    return found - {pid}


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads Linux's /proc")
def test_nothing_listens_on_anything_but_loopback(empty_sandbox: Sandbox, empty_clients: Clients) -> None:
    for service, call in {"ec2": "describe_security_groups", "lambda": "list_functions"}.items():
        getattr(empty_clients(service), call)()
    addresses = listening(empty_sandbox.status().pid or 0)
    assert len(addresses) == 2
    assert all(address.startswith("0100007F:") for address in addresses)


def test_a_function_sees_nothing_of_the_environment_of_who_started_the_sandbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_OWN_SECRET", "open sesame")
    monkeypatch.setenv("AWS_PROFILE", "production")
    with Sandbox(tmp_path, platform=False) as sandbox:
        clients = clients_of(sandbox)
        function(clients, "look", "import os\ndef handle(event, context): return dict(os.environ)")
        answer = clients("lambda").invoke(FunctionName="look")
        seen = json.loads(answer["Payload"].read())
    assert "MY_OWN_SECRET" not in seen
    assert "AWS_PROFILE" not in seen
    assert seen["AWS_ENDPOINT_URL"] == sandbox_url(seen)
    assert seen["HOME"] == str(tmp_path / "tmp")


def sandbox_url(seen: dict[str, str]) -> str:
    return f"http://127.0.0.1:{seen['GATEWAY_PORT']}"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["told to stop", "killed"])
def test_no_function_outlives_the_server_even_in_the_middle_of_a_call(own: Sandbox, number: int) -> None:
    clients = clients_of(own)
    function(clients, "idle", "def handle(event, context): return 1")
    function(clients, "busy", "import time\ndef handle(event, context): time.sleep(50)")
    clients("lambda").invoke(FunctionName="idle")
    server = own.status().pid or 0
    before = descendants(server)
    assert before

    def call() -> None:
        # Cut off, or told that its function died: whichever comes first.
        with contextlib.suppress(BotoCoreError, ClientError):
            clients("lambda").invoke(FunctionName="busy")

    busy = threading.Thread(target=call)
    busy.start()
    wait_until(lambda: descendants(server) > before, "the busy function runs")
    workers = {pid: process.birth(pid) for pid in descendants(server)}
    os.kill(server, number)
    wait_until(lambda: process.birth(server) is None, "the server ended", seconds=10)
    wait_until(
        lambda: not any(born and process.alive(pid, born) for pid, born in workers.items()),
        "no function is left",
    )
    busy.join()
    assert "by force" not in (own.home / "server.log").read_text()


def test_clients_are_a_named_user(empty_clients: Clients) -> None:
    arn = empty_clients("sts").get_caller_identity()["Arn"]
    assert arn == "arn:aws:iam::123456789012:user/runbook-operator"


def test_a_function_may_do_only_what_its_role_allows(empty_clients: Clients) -> None:
    # https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html
    source = "import boto3\ndef handle(event, context): boto3.client('s3').list_buckets(); return 'done'"
    function(empty_clients, "confined", source)
    refused = json.loads(empty_clients("lambda").invoke(FunctionName="confined")["Payload"].read())
    assert "AccessDenied" in refused["errorMessage"]
    assert "assumed-role/confined" in refused["errorMessage"]
    allow = {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    empty_clients("iam").put_role_policy(RoleName="confined", PolicyName="list", PolicyDocument=document)
    assert json.loads(empty_clients("lambda").invoke(FunctionName="confined")["Payload"].read()) == "done"


def test_a_key_that_nobody_was_given_is_refused(empty_sandbox: Sandbox) -> None:
    # https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList
    stranger = boto3.client(
        "s3",
        endpoint_url=empty_sandbox.env()["AWS_ENDPOINT_URL"],
        aws_access_key_id="stranger",
        aws_secret_access_key="anything",
        region_name="us-east-1",
    )
    with pytest.raises(ClientError, match="InvalidAccessKeyId"):
        stranger.list_buckets()


def test_influxdb_can_be_unreachable_while_aws_answers(own: Sandbox) -> None:
    url = own.env()["INFLUXDB_V2_URL"]
    assert control(own, "POST", "influx/stop")[1]["services"]["influxdb"] == "stopped"
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(url, timeout=5)
    assert own.status().ready
    assert control(own, "POST", "influx/start")[1]["services"]["influxdb"] == "running"
    with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:
        assert answer.status == 200


def test_a_reset_empties_every_service(own: Sandbox) -> None:
    clients = clients_of(own)
    clients("s3").create_bucket(Bucket="of-yesterday")
    clients("codedeploy").create_application(applicationName="of-yesterday", computePlatform="Lambda")
    own.reset()
    assert clients("s3").list_buckets()["Buckets"] == []
    assert clients("codedeploy").list_applications()["applications"] == []


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://evil.example"}, {"Host": "evil.example"}, {"Host": "rebound.example:4566"}]
)
def test_a_web_page_cannot_control_the_sandbox(empty_sandbox: Sandbox, headers: dict[str, str]) -> None:
    status, answer = control(empty_sandbox, "POST", "influx/stop", headers)
    assert status == 403
    assert "only programs on this machine" in answer["error"]
    assert empty_sandbox.status().services["influxdb"] == "running"


def test_an_unknown_control_endpoint_names_those_there_are(empty_sandbox: Sandbox) -> None:
    status, answer = control(empty_sandbox, "GET", "resett")
    assert status == 404
    assert "POST /_sandbox/reset" in answer["error"]
