"""Answers the platform's API: GET /health, and POST /query with a question on the energy data.

Input and output: the REST API's Lambda proxy integration.
https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

import json
import logging
import os
import re
import time
import unicodedata
from datetime import UTC, datetime
from typing import Any

from shared_utils import flags, influxdb

VERSION = "2.1.0"

logger = logging.getLogger()
logger.setLevel(os.environ.get("LOG_LEVEL", "INFO"))

REGIONS = ("Sudeste/Centro-Oeste", "Sul", "Nordeste", "Norte")
# dataset: measurement, field, the tag that names the region, words in a question that mean it
DATASETS: dict[str, tuple[str, str, str, tuple[str, ...]]] = {
    "generation": ("generation_data", "generation_mw", "region", ("generat", "geracao", "produc")),
    "consumption": ("consumption_data", "load_mw", "region", ("consum", "load", "carga", "demand")),
    "transmission": ("transmission_data", "flow_mw", "from_region", ("transmi", "flow", "intercambio")),
}
INJECTION = re.compile(r"\|>|\bimport\b|\bdrop\b|\bdelete\b|<script", re.IGNORECASE)


class BadQuestion(Exception):
    """The caller's fault: answered with 400 and the reason."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one API call."""
    started = time.perf_counter()
    route = f"{event['httpMethod']} {event['resource']}"
    try:
        status, body = ROUTES[route](event)
    except BadQuestion as problem:
        status, body = 400, {"message": str(problem)}
    milliseconds = (time.perf_counter() - started) * 1000
    if status < 400:
        logger.info("SUCCESS %s %d in %.0f ms", route, status, milliseconds)
    elif status < 500:
        logger.warning("REFUSED %s %d: %s", route, status, body["message"])
    else:
        logger.error("ERROR %s %d: %s", route, status, body.get("message", body))
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    return {"statusCode": status, "headers": headers, "body": json.dumps(body, ensure_ascii=False)}


def health(event: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Healthy when the database answers."""
    database = influxdb.health(timeout=2.0)
    healthy = database["status"] == "pass"
    body = {
        "status": "healthy" if healthy else "unhealthy",
        "version": VERSION,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "maintenance": flags.enabled("enable_maintenance_mode"),
        "checks": {"influxdb": database},
    }
    return (200 if healthy else 503), body


def query(event: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """The newest values of the dataset that the question is about, in the region it names or in all."""
    if flags.enabled("enable_maintenance_mode"):
        return 503, {"message": "The platform is being maintained. Please try again later."}
    dataset, region = understand(event)
    measurement, field, place, _ = DATASETS[dataset]
    with_series = flags.enabled("enable_new_api_endpoint")
    # Nothing of the question goes into the query: the names are our own, and the region is filtered here.
    start = "-24h" if with_series else "-6h"
    flux = (
        f'from(bucket: "{os.environ["INFLUXDB_BUCKET"]}") |> range(start: {start}) '
        f'|> filter(fn: (r) => r._measurement == "{measurement}" and r._field == "{field}")'
    )
    rows = [row for row in influxdb.query(flux) if region in (None, row[place])]
    if not rows:
        return 404, {"message": f"No {dataset} in the last hours."}
    newest = max(row["_time"] for row in rows)
    values = {_series(row): round(float(row["_value"]), 1) for row in rows if row["_time"] == newest}
    total = round(sum(values.values()), 1)
    body: dict[str, Any] = {
        "answer": f"{dataset.capitalize()} in {region or 'Brazil'} at {newest}: {total:,.1f} MW.",
        "dataset": dataset,
        "region": region,
        "time": newest,
        "values_mw": values,
    }
    if with_series:
        body["series"] = _totals(rows)
    return 200, body


def understand(event: dict[str, Any]) -> tuple[str, str | None]:
    """Dataset and region (None = all) of a request's body."""
    try:
        asked = json.loads(event.get("body") or "")
        question = str(asked.get("question", ""))
    except (ValueError, AttributeError):
        raise BadQuestion("The body must be a JSON object with question, or dataset and region.") from None
    if INJECTION.search(question):
        source = event.get("requestContext", {}).get("identity", {}).get("sourceIp", "unknown")
        logger.warning(
            "SECURITY query language in a question refused source=%s question=%.80r", source, question
        )
        raise BadQuestion("The question must be plain text.")
    plain = _plain(question)
    named = (name for name, (*_, words) in DATASETS.items() if any(word in plain for word in words))
    dataset = asked.get("dataset") or next(named, "generation")
    if dataset not in DATASETS:
        raise BadQuestion(f"Unknown dataset; known: {', '.join(DATASETS)}.")
    region = asked.get("region") or next((name for name in REGIONS if _mentions(plain, name)), None)
    if region is not None and region not in REGIONS:
        raise BadQuestion(f"Unknown region; known: {', '.join(REGIONS)}.")
    return dataset, region


def _mentions(plain: str, region: str) -> bool:
    return any(re.search(rf"\b{re.escape(name)}\b", plain) for name in _plain(region).split("/"))


def _plain(text: str) -> str:
    return unicodedata.normalize("NFD", text).encode("ascii", "ignore").decode().lower()


def _series(row: dict[str, str]) -> str:
    tags = ("region", "energy_source", "from_region", "to_region")
    return " / ".join(row[tag] for tag in tags if row.get(tag))


def _totals(rows: list[dict[str, str]]) -> list[dict[str, Any]]:
    totals: dict[str, float] = {}
    for row in rows:
        totals[row["_time"]] = totals.get(row["_time"], 0.0) + float(row["_value"])
    return [{"time": instant, "mw": round(total, 1)} for instant, total in sorted(totals.items())]


ROUTES = {"GET /health": health, "POST /query": query}
