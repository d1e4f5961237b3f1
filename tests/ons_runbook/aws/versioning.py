"""An account with Lambda functions, their metrics and their deployments, for tests of what reads them.

It answers as botocore's models say, in pages of two, and holds every call to its model.
"""

import base64
import hashlib
import io
import zipfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from botocore.validate import validate_parameters

ACCOUNT = "arn:aws:lambda:us-east-1:123456789012:function"
BRASILIA = timezone(timedelta(hours=-3))
NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
Record = dict[str, Any]


def days(count: float) -> datetime:
    """So many days before NOW."""
    return NOW - timedelta(days=count)


def zipped(**files: str) -> bytes:
    """A zip of files by their name without suffix."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.py"), text)
    return buffer.getvalue()


def sha256(data: bytes) -> str:
    """As Lambda tells it."""
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


class Account:
    """What AWS answers. `errors` by operation name make that call fail with the code."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.versions: dict[str, dict[str, Record]] = {}
        self.aliases: dict[str, dict[str, Record]] = {}
        self.provisioned: dict[tuple[str, str], int] = {}
        self.asynchronous: list[tuple[str, str]] = []
        self.mappings: list[tuple[str, str]] = []
        self.permitted: list[tuple[str, str]] = []
        self.points: dict[tuple[str, frozenset[tuple[str, str]]], dict[datetime, float]] = {}
        self.deployments: dict[str, Record] = {}
        self.storage = (1_000, 10_000)
        self.errors: dict[str, str] = {}
        self.asked: list[tuple[str, Record]] = []

        def call(client: Any, operation: str, parameters: Record) -> Record:
            return self._call(client, operation, parameters)

        monkeypatch.setattr(BaseClient, "_make_api_call", call)

    def publish(self, function: str, version: str = "$LATEST", code: bytes = b"", **settings: Any) -> None:
        """Add a version; without more it is like any other."""
        qualifier = "" if version == "$LATEST" else f":{version}"
        self.versions.setdefault(function, {})[version] = {
            "FunctionName": function,
            "FunctionArn": f"{ACCOUNT}:{function}{qualifier}",
            "Version": version,
            "Runtime": "python3.11",
            "Handler": "app.handler",
            "Timeout": 30,
            "MemorySize": 256,
            "Description": f"release {version}",
            "LastModified": "2026-10-14T14:05:00.000+0000",
            "CodeSha256": sha256(code or f"{function} {version}".encode()),
            "CodeSize": len(code) or 1000,
            "PackageType": "Zip",
            "Architectures": ["x86_64"],
            "State": "Active",
            "LastUpdateStatus": "Successful",
            "Environment": {"Variables": {"LEVEL": "INFO"}},
            **settings,
        }

    def alias(self, function: str, version: str, name: str = "LIVE", **weights: float) -> None:
        """Point an alias; `v8=0.1` gives version 8 a tenth."""
        also = {number.removeprefix("v"): weight for number, weight in weights.items()}
        routing = {"RoutingConfig": {"AdditionalVersionWeights": also}} if also else {}
        self.aliases.setdefault(function, {})[name] = {"Name": name, "FunctionVersion": version, **routing}

    def deployed(
        self, function: str, old: str, new: str, at: datetime, status: str = "Succeeded", back: str = ""
    ) -> str:
        """Add a deployment that was over at a moment, or is not yet (InProgress); its id."""
        identifier = f"d-{len(self.deployments) + 1}"
        # botocore gives times in the zone of the machine.
        over = {} if status == "InProgress" else {"completeTime": at.astimezone(BRASILIA)}
        rollback = {"rollbackInfo": {"rollbackTriggeringDeploymentId": back}} if back else {}
        info = {"deploymentId": identifier, "status": status, "createTime": at - timedelta(minutes=5)}
        moved = {
            "functionName": function,
            "functionAlias": "LIVE",
            "currentVersion": old,
            "targetVersion": new,
        }
        self.deployments[identifier] = {"info": {**info, **over, **rollback}, "moved": moved}
        return identifier

    def measured(self, metric: str, values: Mapping[datetime, float], **dimensions: str) -> None:
        """Data points of an AWS/Lambda metric."""
        self.points[metric, frozenset(dimensions.items())] = dict(values)

    def _call(self, client: Any, operation: str, parameters: Record) -> Record:
        validate_parameters(parameters, client.meta.service_model.operation_model(operation).input_shape)
        self.asked.append((operation, parameters))
        if operation in self.errors:
            raise self._error(client, self.errors[operation], operation)
        answer: Record | None = getattr(self, f"_{operation}")(parameters)
        if answer is None:
            raise self._error(client, "ResourceNotFoundException", operation)
        return answer

    def _error(self, client: Any, code: str, operation: str) -> ClientError:
        body: Any = {"Error": {"Code": code, "Message": "as the test wants it"}}
        kind = getattr(client.exceptions, code, ClientError) if code.endswith("Exception") else ClientError
        error: ClientError = kind(body, operation)
        return error

    def _paged(self, member: str, items: list[Any], parameters: Record) -> Record:
        first = int(parameters.get("Marker", 0))
        more = {"NextMarker": str(first + 2)} if first + 2 < len(items) else {}
        return {member: items[first : first + 2], **more}

    def _ListVersionsByFunction(self, asked: Record) -> Record | None:
        found = self.versions.get(asked["FunctionName"])
        return None if found is None else self._paged("Versions", list(found.values()), asked)

    def _ListAliases(self, asked: Record) -> Record:
        return self._paged("Aliases", list(self.aliases.get(asked["FunctionName"], {}).values()), asked)

    def _GetAlias(self, asked: Record) -> Record | None:
        return self.aliases.get(asked["FunctionName"], {}).get(asked["Name"])

    def _arns(self, places: Mapping[tuple[str, str], Any] | list[tuple[str, str]], of: str) -> Iterator[str]:
        return (f"{ACCOUNT}:{name}:{qualifier}" for name, qualifier in places if name == of)

    def _ListProvisionedConcurrencyConfigs(self, asked: Record) -> Record:
        found = [
            {
                "FunctionArn": arn,
                "RequestedProvisionedConcurrentExecutions": self.provisioned[
                    asked["FunctionName"], arn.rpartition(":")[2]
                ],
            }
            for arn in self._arns(self.provisioned, asked["FunctionName"])
        ]
        return self._paged("ProvisionedConcurrencyConfigs", found, asked)

    def _ListFunctionEventInvokeConfigs(self, asked: Record) -> Record:
        found = [{"FunctionArn": arn} for arn in self._arns(self.asynchronous, asked["FunctionName"])]
        return self._paged("FunctionEventInvokeConfigs", found, asked)

    def _ListEventSourceMappings(self, asked: Record) -> Record:
        found = [
            {"UUID": f"mapping-{number}", "FunctionArn": f"{ACCOUNT}:{name}:{qualifier}".removesuffix(":")}
            for number, (name, qualifier) in enumerate(self.mappings)
        ]
        return self._paged("EventSourceMappings", found, asked)

    def _GetFunctionConfiguration(self, asked: Record) -> Record | None:
        return self.versions.get(asked["FunctionName"], {}).get(asked.get("Qualifier", "$LATEST"))

    def _GetPolicy(self, asked: Record) -> Record | None:
        place = asked["FunctionName"], asked["Qualifier"]
        return {"Policy": "{}"} if place in self.permitted else None

    def _GetAccountSettings(self, asked: Record) -> Record:
        used, quota = self.storage
        return {"AccountUsage": {"TotalCodeSize": used}, "AccountLimit": {"TotalCodeSize": quota}}

    def _GetMetricData(self, asked: Record) -> Record:
        results = []
        for query in asked["MetricDataQueries"]:
            wanted = query["MetricStat"]["Metric"]
            dimensions = frozenset((one["Name"], one["Value"]) for one in wanted["Dimensions"])
            points = {
                at: value
                for at, value in self.points.get((wanted["MetricName"], dimensions), {}).items()
                if asked["StartTime"] <= at < asked["EndTime"]
            }
            results.append({"Id": query["Id"], "Timestamps": list(points), "Values": list(points.values())})
        return {"MetricDataResults": results}

    def _ListDeployments(self, asked: Record) -> Record:
        within = asked.get("createTimeRange")
        return {
            "deployments": [
                identifier
                for identifier, one in reversed(self.deployments.items())
                if one["info"]["status"] in asked["includeOnlyStatuses"]
                if within is None or within["start"] <= one["info"]["createTime"] < within["end"]
            ]
        }

    def _BatchGetDeployments(self, asked: Record) -> Record:
        assert 1 <= len(asked["deploymentIds"]) <= 25
        return {"deploymentsInfo": [self.deployments[one]["info"] for one in asked["deploymentIds"]]}

    def _ListDeploymentTargets(self, asked: Record) -> Record:
        moved = self.deployments[asked["deploymentId"]]["moved"]
        return {"targetIds": [moved["functionName"]] if moved else []}

    def _BatchGetDeploymentTargets(self, asked: Record) -> Record:
        moved = self.deployments[asked["deploymentId"]]["moved"]
        return {"deploymentTargets": [{"lambdaTarget": {"lambdaFunctionInfo": moved}}]}


def changing(outcome: Any) -> list[tuple[str, Any, Any]]:
    """The actions of Changes in short: operation, before, after."""
    return [(action.operation, action.before, action.after) for action in outcome.actions]
