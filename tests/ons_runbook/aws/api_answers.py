"""API Gateway with one API and a stage, as its answers tell."""

from typing import Any

from ons_runbook.session import Session

from .answering import Asked, answer, refusal

DEFAULT = {
    "metricsEnabled": False,
    "loggingLevel": "OFF",
    "dataTraceEnabled": False,
    "throttlingBurstLimit": 200,
    "throttlingRateLimit": 100.0,
    "cachingEnabled": False,
    "cacheTtlInSeconds": 300,
}


def method(key: bool = False, authorizer: str = "NONE", cache_key: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "apiKeyRequired": key,
        "authorizationType": authorizer,
        "methodIntegration": {"cacheKeyParameters": [f"method.request.{one}" for one in cache_key]},
    }


class Gateway:
    """API `api` with stage `prod`; changed at will before it is asked."""

    def __init__(self) -> None:
        self.methods = {"/health": {"GET": method()}, "/query": {"POST": method(key=True)}}
        self.settings: dict[str, dict[str, Any]] = {"*/*": dict(DEFAULT)}
        self.cluster: dict[str, Any] = {"cacheClusterEnabled": False, "cacheClusterStatus": "NOT_AVAILABLE"}
        #: Requests and p95 latency (ms) of GET methods, by path.
        self.counted: dict[str, tuple[float, float] | None] = {}

    def on(self, session: Session) -> Asked:
        def stage(restApiId: str, stageName: str) -> Any:
            if (restApiId, stageName) != ("id1", "prod"):
                return refusal(session, "apigateway", "NotFoundException", 404)
            return {"stageName": "prod", "methodSettings": self.settings, **self.cluster}

        def resources(position: str = "", **_: Any) -> Any:
            # A page for each resource.
            paths = sorted(self.methods)
            path = position or paths[0]
            onward = paths[paths.index(path) + 1 :]
            page: dict[str, Any] = {"items": [{"path": path, "resourceMethods": self.methods[path]}]}
            return page | ({"position": onward[0]} if onward else {})

        return answer(
            session,
            "apigateway",
            GetRestApis={"items": [{"id": "id1", "name": "api"}]},
            GetStage=stage,
            GetStages={"item": [{"stageName": "prod"}]},
            GetResources=resources,
        )
