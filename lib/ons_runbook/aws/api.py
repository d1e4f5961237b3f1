"""The platform's API: does its health resource answer over HTTP, and how fast?

https://docs.aws.amazon.com/apigateway/latest/api/API_GetRestApis.html (in pages; names are not unique) ·
https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-call-api.html (the URL of a stage)
"""

from dataclasses import dataclass
from statistics import median

from ons_runbook import web
from ons_runbook.checks import Check, Verdict, covers, unknown
from ons_runbook.errors import NotFound, UnexpectedAnswer
from ons_runbook.failures import reading
from ons_runbook.platform import Platform
from ons_runbook.redaction import plain, shorten
from ons_runbook.session import Session
from ons_runbook.thresholds import Thresholds

NEXT = "troubleshooting/api_timeouts"

# The median of three is not moved by one cold start.
_SAMPLES = 3


@dataclass(frozen=True)
class ApiHealth:
    """What the health resource answered: the worst HTTP status, the median latency, the body's beginning."""

    api_id: str
    url: str
    status: int
    latency_ms: float
    samples: int
    body: str


def api_id(session: Session, name: str) -> str:
    """The id of the REST API called `name`. Raises NotFound; UnexpectedAnswer when several have the name."""
    with reading(f"REST API {name}", "apigateway"):
        pages = session.pages("apigateway", "GetRestApis", limit=500)
        found = [item["id"] for page in pages for item in page.get("items", []) if item["name"] == name]
    if not found:
        raise NotFound(
            f"There is no REST API called {name} in {session.region}.", "Check api_name and region."
        )
    if len(found) > 1:
        raise UnexpectedAnswer(
            f"{len(found)} REST APIs are called {name}: {', '.join(sorted(found))}.",
            "Nobody can tell which one is meant: put its id into api_endpoint instead of {api_id}.",
        )
    return str(found[0])


def endpoint(session: Session, platform: Platform) -> tuple[str, str]:
    """The API's id and the URL of its stage."""
    template = platform.api_endpoint
    identifier = api_id(session, platform.api_name) if "{api_id}" in template else ""
    for name, value in (("api_id", identifier), ("region", platform.region), ("stage", platform.api_stage)):
        template = template.replace("{" + name + "}", value)
    return identifier, template.rstrip("/")


def health(session: Session, platform: Platform, samples: int = _SAMPLES) -> ApiHealth:
    """GET the API's health resource `samples` times, one after the other.

    Raises NotFound or UnexpectedAnswer when the API cannot be told, Unreachable or NoAnswerInTime when
    nothing answers: then its health is unknown. A bad HTTP status is an answer.
    """
    identifier, base = endpoint(session, platform)
    url = base + platform.api_health_path
    answers = [web.get(url, f"API {platform.api_name}", direct=platform.is_sandbox) for _ in range(samples)]
    worst = max(answers, key=lambda answer: answer.status)
    latency = median(answer.milliseconds for answer in answers)
    body = shorten(plain(" ".join(worst.body.split())), 200)
    return ApiHealth(identifier, url, worst.status, latency, samples, body)


@covers(["api.status", "api.latency"])
def judge(health: ApiHealth, thresholds: Thresholds) -> list[Check]:
    """Whether the API answers 200, and in good time; the latency of an error says nothing."""
    evidence = f"{health.samples} requests to {health.url}"
    good = 200 <= health.status < 300
    observed = f"HTTP {health.status}" + ("" if good else f": {health.body}")
    hint = "" if good else _hint(health.status)
    status = Check("api.status", Verdict.PASS if good else Verdict.FAIL, observed, "HTTP 200", evidence, hint)
    expected = f"median under {thresholds.api_latency_warn_ms:.0f} ms"
    if not good:
        reason = f"HTTP {health.status}: the latency of an error says nothing"
        return [status, unknown("api.latency", reason, expected, evidence, f"Next: {NEXT}.")]
    verdict = Verdict.PASS
    if health.latency_ms >= thresholds.api_latency_warn_ms:
        verdict = Verdict.WARN
    if health.latency_ms >= thresholds.api_latency_fail_ms:
        verdict = Verdict.FAIL
    hint = "" if verdict is Verdict.PASS else f"Next: {NEXT}."
    return [status, Check("api.latency", verdict, f"{health.latency_ms:.0f} ms", expected, evidence, hint)]


def _hint(status: int) -> str:
    if status == 429:
        return f"The stage or the usage plan throttles. Next: {NEXT}."
    if status in (403, 404):
        return (
            "Check api_stage and api_health_path in the platform's settings, and that the stage is deployed."
        )
    return f"Next: {NEXT if status == 504 else 'troubleshooting/lambda_errors'}."
