"""A stage of a REST API as its cache needs it: the cluster, and what is set for each method.

https://docs.aws.amazon.com/apigateway/latest/api/API_Stage.html: settings of a method stand under its path,
with `/` written as `~1`, and its verb (`~1health/GET`); those of `*/*` are for methods that have none of
their own · https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html
"""

from collections.abc import Mapping
from typing import Any

from ons_runbook.errors import NotFound
from ons_runbook.failures import reading
from ons_runbook.plan import State, readable
from ons_runbook.session import Session

EVERY = "*/*"
READY, NONE = "AVAILABLE", "NOT_AVAILABLE"
TTL_S = 300  # what API Gateway takes when nothing is set

# What a method's settings say besides caching: key in a state, member of the settings, end of a patch's path.
OTHERS = (
    ("rate_limit", "throttlingRateLimit", "throttling/rateLimit"),
    ("burst_limit", "throttlingBurstLimit", "throttling/burstLimit"),
    ("log_level", "loggingLevel", "logging/loglevel"),
    ("data_trace", "dataTraceEnabled", "logging/dataTrace"),
    ("metrics", "metricsEnabled", "metrics/enabled"),
)

Settings = Mapping[str, Mapping[str, Any]]


def stage(session: Session, api: str, name: str) -> dict[str, Any]:
    """A stage as GetStage gives it; `api` is the API's id. NotFound names the stages that there are."""
    client = session.client("apigateway")
    with reading(f"Stage {name} of API {api}", "apigateway"):
        try:
            found: dict[str, Any] = client.get_stage(restApiId=api, stageName=name)
        except client.exceptions.NotFoundException:
            known = ", ".join(one["stageName"] for one in client.get_stages(restApiId=api)["item"])
            raise NotFound(
                f"API {api} has no stage {name}; there is: {known or 'none'}.",
                "Check api_stage in the platform's settings.",
            ) from None
    return found


def method_key(path: str, verb: str) -> str:
    """`~1health/GET` for GET /health."""
    return f"{path.replace('~', '~0').replace('/', '~1')}/{verb}"


def own_key(settings: Settings, path: str, verb: str) -> str | None:
    """The key of the method's own settings, None when it has none; Terraform writes paths without slash."""
    return next(
        (key for key in (method_key(path, verb), f"{path.lstrip('/')}/{verb}") if key in settings), None
    )


def effective(settings: Settings, path: str, verb: str) -> Mapping[str, Any]:
    """What counts for a method: its own settings, else those of all."""
    own = own_key(settings, path, verb)
    return settings[own] if own else settings.get(EVERY, {})


@readable
def cluster(session: Session, *, api: str, stage: str) -> State:
    """Whether the stage has a cache cluster, its size (GB, None without) and its status."""
    found = _stage(session, api, stage)
    there = bool(found.get("cacheClusterEnabled"))
    return {
        "cluster": there,
        "size": found.get("cacheClusterSize") if there else None,
        "status": found.get("cacheClusterStatus", NONE),
    }


@readable
def method(session: Session, *, api: str, stage: str, path: str, verb: str) -> State:
    """Whether a method has settings of its own, whether and how long it is cached, and what else counts."""
    settings = _stage(session, api, stage).get("methodSettings") or {}
    found = effective(settings, path, verb)
    return {
        "own_settings": own_key(settings, path, verb) is not None,
        "cached": bool(found.get("cachingEnabled")),
        "ttl_s": found.get("cacheTtlInSeconds", TTL_S),
        **{name: found.get(member) for name, member, _ in OTHERS},
    }


# Under another name, as the argument is called like the function.
_stage = stage
