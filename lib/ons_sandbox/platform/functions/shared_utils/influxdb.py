"""A small InfluxDB client over its HTTP API: batched writes with retry, queries, health.

https://docs.influxdata.com/influxdb/v2/api/ (write, query, health). Plain HTTP instead of the client library
keeps the cold start short.
"""

import csv
import json
import logging
import os
import time
from typing import Any

import urllib3

from shared_utils import aws

logger = logging.getLogger(__name__)

BATCH_SIZE = int(os.environ.get("INFLUXDB_BATCH_SIZE", "1000"))
RETRIES = int(os.environ.get("INFLUXDB_RETRIES", "3"))
TIMEOUT = float(os.environ.get("INFLUXDB_TIMEOUT_SECONDS", "10"))
RETRY_STATUS = (429, 500, 502, 503, 504)

_http = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(connect=3.0, read=TIMEOUT))
_token: str | None = None


class InfluxUnavailable(Exception):
    """InfluxDB did not answer, or answered that it is overloaded, after every retry."""


class InfluxUnauthorized(Exception):
    """InfluxDB refused the token."""


class PointsRejected(Exception):
    """InfluxDB refused some or all points: malformed, type conflict, or older than the retention period."""


class QueryFailed(Exception):
    """InfluxDB refused the query."""


def write(lines: list[str]) -> int:
    """Write line protocol with second precision, a batch at a time; returns the number of batches."""
    batches = [lines[start : start + BATCH_SIZE] for start in range(0, len(lines), BATCH_SIZE)]
    query = f"org={os.environ['INFLUXDB_ORG']}&bucket={os.environ['INFLUXDB_BUCKET']}&precision=s"
    for batch in batches:
        answer = _post(f"/api/v2/write?{query}", "\n".join(batch).encode(), "text/plain; charset=utf-8")
        if answer.status >= 400:
            raise PointsRejected(f"HTTP {answer.status}: {_message(answer)}")
    return len(batches)


def query(flux: str) -> list[dict[str, str]]:
    """Rows of a Flux query, from the annotated CSV, values as text."""
    body = json.dumps({"query": flux, "type": "flux", "dialect": {"header": True, "annotations": []}})
    path = f"/api/v2/query?org={os.environ['INFLUXDB_ORG']}"
    answer = _post(path, body.encode(), "application/json")
    if answer.status >= 400:
        raise QueryFailed(f"HTTP {answer.status}: {_message(answer)}")
    rows: list[dict[str, str]] = []
    for table in answer.data.decode().replace("\r\n", "\n").split("\n\n"):
        rows.extend(csv.DictReader(line for line in table.splitlines() if line and not line.startswith("#")))
    return rows


def health(timeout: float = 2.0) -> dict[str, Any]:
    """Status and latency of GET /health, never raising: an unreachable database is an answer too."""
    started = time.perf_counter()
    try:
        answer = _http.request("GET", os.environ["INFLUXDB_URL"] + "/health", timeout=timeout)
        status = "pass" if answer.status == 200 else "fail"
        detail = "" if answer.status == 200 else f"HTTP {answer.status}"
    except urllib3.exceptions.HTTPError as error:
        status, detail = "fail", type(error).__name__
    latency = round((time.perf_counter() - started) * 1000, 1)
    return {"status": status, "latency_ms": latency} | ({"detail": detail} if detail else {})


def _post(path: str, body: bytes, content_type: str) -> Any:
    url = os.environ["INFLUXDB_URL"] + path
    problem = ""
    for attempt in range(RETRIES + 1):
        if attempt:
            wait = 0.25 * 2**attempt
            logger.warning("InfluxDB retry %d/%d in %.1f s: %s", attempt, RETRIES, wait, problem)
            time.sleep(wait)
        try:
            headers = {"Authorization": f"Token {_read_token()}", "Content-Type": content_type}
            answer = _http.request("POST", url, body=body, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            problem = f"{type(error).__name__}: {error}"
            continue
        if answer.status in (401, 403):
            _forget_token()
            raise InfluxUnauthorized(f"HTTP {answer.status}: {_message(answer)}")
        if answer.status not in RETRY_STATUS:
            return answer
        problem = f"HTTP {answer.status}: {_message(answer)}"
    raise InfluxUnavailable(f"no success after {RETRIES + 1} attempts, last: {problem}")


def _read_token() -> str:
    global _token
    if _token is None:
        secret = aws.client("secretsmanager").get_secret_value(SecretId=os.environ["INFLUXDB_SECRET"])
        _token = json.loads(secret["SecretString"])["token"]
    return _token


def _forget_token() -> None:
    # The secret may have been rotated: the next invocation reads it again.
    global _token
    _token = None


def _message(answer: Any) -> str:
    try:
        return str(json.loads(answer.data)["message"])
    except (ValueError, KeyError, TypeError):
        return answer.data.decode("utf-8", "replace")[:200]
