"""A small REST API for the tests of the API Gateway mends, and a caller of it."""

import json
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass
from typing import Any

from lambda_functions import arn

STAGE = "prod"


@dataclass(frozen=True)
class Answer:
    """What a caller got."""

    status: int
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True)
class Api:
    """A deployed REST API: GET /open, and POST /locked that needs an API key, both by one function."""

    emulator: Any
    id: str
    name: str

    def call(self, path: str, method: str = "GET", **headers: str) -> Answer:
        """Call the stage and wait for its answer."""
        url = f"{self.emulator.url}/_aws/execute-api/{self.id}/{STAGE}{path}"
        request = urllib.request.Request(url, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return _answer(response.status, response)
        except urllib.error.HTTPError as error:
            with error:
                return _answer(error.code, error)

    def set_stage(self, **settings: str) -> None:
        """Change settings of all methods, e.g. throttling_rateLimit="0" for /*/*/throttling/rateLimit."""
        operations = [
            {"op": "replace", "path": "/*/*/" + name.replace("_", "/"), "value": value}
            for name, value in settings.items()
        ]
        self.emulator.client("apigateway").update_stage(
            restApiId=self.id, stageName=STAGE, patchOperations=operations
        )

    def key(self) -> dict[str, Any]:
        """A new API key in a usage plan of its own for this stage."""
        client = self.emulator.client("apigateway")
        key: dict[str, Any] = client.create_api_key(name=f"k-{uuid.uuid4().hex[:8]}", enabled=True)
        plan = client.create_usage_plan(name=key["name"], apiStages=[{"apiId": self.id, "stage": STAGE}])
        client.create_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"], keyType="API_KEY")
        return key


def _answer(status: int, response: Any) -> Answer:
    text = response.read().decode()
    return Answer(
        status, {name.lower(): value for name, value in response.headers.items()}, json.loads(text or "null")
    )


def deploy_api(emulator: Any, function: str, **integration: Any) -> Api:
    """Create the API in front of `function` (a name, or `name:alias`) and deploy it to its stage."""
    client = emulator.client("apigateway")
    name = f"api-{uuid.uuid4().hex[:8]}"
    api = client.create_rest_api(name=name)["id"]
    root = client.get_resources(restApiId=api)["items"][0]["id"]
    for path, method, needs_key in (("open", "GET", False), ("locked", "POST", True)):
        resource = client.create_resource(restApiId=api, parentId=root, pathPart=path)["id"]
        target = {"restApiId": api, "resourceId": resource, "httpMethod": method}
        client.put_method(**target, authorizationType="NONE", apiKeyRequired=needs_key)
        client.put_integration(
            **target,
            type="AWS_PROXY",
            integrationHttpMethod="POST",
            uri=f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn(function)}/invocations",
            **integration,
        )
    client.create_deployment(restApiId=api, stageName=STAGE)
    return Api(emulator, api, name)
