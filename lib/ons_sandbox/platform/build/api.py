"""API Gateway (REST): GET /health and, with a key, POST /query, both answered by the query function.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-create-api-as-simple-proxy-for-lambda.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-usage-plans.html
"""

import hashlib
from typing import Any

from ons_sandbox.platform import names
from ons_sandbox.platform.clients import Clients

# The emulator's own way to choose an id, which AWS draws at random.
CHOSEN_ID = "ms-custom-id"
THROTTLE = {"rateLimit": 50.0, "burstLimit": 100}
QUOTA = {"limit": 100_000, "period": "MONTH"}
STAGE_THROTTLE = {"rateLimit": "100", "burstLimit": "200"}


def api_id(seed: int) -> str:
    """The API's id: ten letters and digits, the same for the same seed."""
    return hashlib.sha256(f"api {seed}".encode()).hexdigest()[:10]


def create(aws: Clients, seed: int) -> None:
    """Create and deploy the API with stage, key and usage plan."""
    gateway = aws("apigateway")
    api = gateway.create_rest_api(
        name=names.API,
        description="Questions on Brazil's generation, load and transmission",
        endpointConfiguration={"types": ["REGIONAL"]},
        tags={"Project": names.PROJECT, CHOSEN_ID: api_id(seed)},
    )
    _deploy(aws, api["id"], api.get("rootResourceId") or _root(gateway, api["id"]))
    key = gateway.create_api_key(
        name=names.API_KEY,
        description="Dashboard and analysts",
        enabled=True,
        value=hashlib.sha256(f"api key {seed}".encode()).hexdigest()[:40],
    )["id"]
    plan = gateway.create_usage_plan(
        name=names.USAGE_PLAN,
        throttle=THROTTLE,
        quota=QUOTA,
        apiStages=[{"apiId": api["id"], "stage": names.STAGE}],
    )["id"]
    gateway.create_usage_plan_key(usagePlanId=plan, keyId=key, keyType="API_KEY")


def _root(gateway: Any, api: str) -> str:
    resources = gateway.get_resources(restApiId=api)["items"]
    return str(next(resource["id"] for resource in resources if resource["path"] == "/"))


def _deploy(aws: Clients, api: str, root: str) -> None:
    gateway = aws("apigateway")
    _method(aws, api, root, "health", "GET", key_required=False)
    _method(aws, api, root, "query", "POST", key_required=True)
    gateway.create_deployment(restApiId=api, stageName=names.STAGE, description="Initial deployment")
    gateway.update_stage(
        restApiId=api,
        stageName=names.STAGE,
        patchOperations=[
            {"op": "replace", "path": f"/*/*/throttling/{name}", "value": value}
            for name, value in STAGE_THROTTLE.items()
        ],
    )


def _method(aws: Clients, api: str, root: str, path: str, verb: str, *, key_required: bool) -> None:
    gateway = aws("apigateway")
    resource = gateway.create_resource(restApiId=api, parentId=root, pathPart=path)["id"]
    place = {"restApiId": api, "resourceId": resource, "httpMethod": verb}
    gateway.put_method(**place, authorizationType="NONE", apiKeyRequired=key_required)
    gateway.put_integration(
        **place,
        type="AWS_PROXY",
        integrationHttpMethod="POST",
        timeoutInMillis=29_000,
        uri=f"arn:aws:apigateway:{names.REGION}:lambda:path/2015-03-31/functions/"
        f"{names.RAG.live_arn}/invocations",
    )
    aws("lambda").add_permission(
        FunctionName=names.RAG.name,
        Qualifier=names.ALIAS,
        StatementId=f"api-{path}",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=f"arn:aws:execute-api:{names.REGION}:{names.ACCOUNT}:{api}/*/{verb}/{path}",
    )
