"""What CodeDeploy keeps: applications, their deployment groups, and deployments with what they deploy.

https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-resources.html
"""

import hashlib
import secrets
import string
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from ons_sandbox.mends import mended
from ons_sandbox.services import clock
from ons_sandbox.services.json_service import JsonService, ServiceError

Record = dict[str, Any]

service = JsonService("codedeploy")

ACTIVE = ("Created", "Queued", "InProgress", "Ready", "Baking")
LIFECYCLE = ("BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic")

# By account and region: "applications" and "deployments".
_stores: Any = mended("ministack.core.responses", "AccountRegionScopedDict").AccountRegionScopedDict()


@dataclass(frozen=True)
class AppSpec:
    """What a deployment to Lambda does: move an alias from one version to another."""

    function: str
    alias: str
    current: str
    target: str

    def content(self) -> str:
        """The AppSpec file."""
        properties = {
            "Name": self.function,
            "Alias": self.alias,
            "CurrentVersion": self.current,
            "TargetVersion": self.target,
        }
        resource = {self.function: {"Type": "AWS::Lambda::Function", "Properties": properties}}
        return yaml.safe_dump({"version": 0.0, "Resources": [resource]}, sort_keys=False)

    @classmethod
    def parse(cls, content: str) -> "AppSpec":
        """Read an AppSpec file, YAML or JSON. Raises ServiceError."""
        try:
            document = yaml.safe_load(content)
            ((resource,),) = [list(entry.values()) for entry in document["Resources"]]
            properties = resource["Properties"]
            if resource["Type"] != "AWS::Lambda::Function":
                raise ValueError(resource["Type"])
            names = ("Name", "Alias", "CurrentVersion", "TargetVersion")
            appspec = cls(*(str(properties[name]) for name in names))
        except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
            message = f"The AppSpec file is not valid for the Lambda compute platform: {error}"
            raise ServiceError("InvalidRevisionException", message) from None
        if document.get("Hooks"):
            raise unsupported("hooks in an AppSpec file")
        return appspec


@dataclass
class Group:
    """A deployment group. `settings` as the API takes and tells them."""

    application: str
    name: str
    settings: Record
    identifier: str = field(default_factory=lambda: str(uuid.uuid4()))
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class Application:
    """An application with its groups."""

    name: str
    platform: str
    created: float
    identifier: str = field(default_factory=lambda: str(uuid.uuid4()))
    groups: dict[str, Group] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class Deployment:
    """A deployment. Times in seconds since the epoch."""

    identifier: str
    group: Group
    appspec: AppSpec
    revision: Record
    """As it was given, with the content of the AppSpec file."""
    configuration: str
    created: float
    status: str = "Created"
    started: float | None = None
    completed: float | None = None
    weight: float = 0.0
    """Percent of the traffic that the target version gets."""
    updated: float = 0.0
    creator: str = "user"
    description: str = ""
    previous: Record | None = None
    """The revision that was deployed before."""
    error: Record | None = None
    rollback: Record | None = None
    auto_rollback: Record = field(default_factory=dict)
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def active(self) -> bool:
        """Whether it is still under way."""
        return self.status in ACTIVE

    def change(self, status: str | None = None, weight: float | None = None) -> None:
        """Note what happens now."""
        self.updated = clock.now()
        self.status = status or self.status
        self.weight = self.weight if weight is None else weight
        if not self.active:
            self.completed = self.updated


def applications() -> dict[str, Application]:
    """The current account's and region's applications by name."""
    return _store("applications")


def deployments() -> dict[str, Deployment]:
    """The current account's and region's deployments by id, oldest first."""
    return _store("deployments")


def clear() -> None:
    """Forget everything; what is under way ends where it is."""
    for _, found in _stores.all_items():
        for kept in found.values():
            if isinstance(kept, Deployment):
                kept.stopping.set()
    _stores.clear()


def new_deployment_id() -> str:
    """An identifier as CodeDeploy draws it: d-8F2KQ1W5Z."""
    return "d-" + "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(9))


def revision_of(appspec: AppSpec) -> Record:
    """The revision that deploys this."""
    content = appspec.content()
    digest = hashlib.sha256(content.encode()).hexdigest()
    return {"revisionType": "AppSpecContent", "appSpecContent": {"content": content, "sha256": digest}}


def application(parameters: Mapping[str, Any], key: str = "applicationName") -> Application:
    """The application that a call names. Raises ServiceError."""
    name = parameters.get(key)
    if not name:
        raise ServiceError("ApplicationNameRequiredException", "Application name is required.")
    if name not in applications():
        raise ServiceError("ApplicationDoesNotExistException", f"No application found for name: {name}")
    return applications()[name]


def group(parameters: Mapping[str, Any], key: str = "deploymentGroupName") -> Group:
    """The deployment group that a call names. Raises ServiceError."""
    owner, name = application(parameters), parameters.get(key)
    if not name:
        raise ServiceError("DeploymentGroupNameRequiredException", "Deployment group name is required.")
    if name not in owner.groups:
        message = f"No Deployment Group found for name: {name}"
        raise ServiceError("DeploymentGroupDoesNotExistException", message)
    return owner.groups[name]


def unsupported(what: str) -> ServiceError:
    """Something that the sandbox does not do."""
    message = f"The sandbox does not implement this codedeploy request: {what}"
    return ServiceError("NotImplemented", message, 501)


def _store(kind: str) -> dict[str, Any]:
    found: dict[str, Any] | None = _stores.get(kind)
    if found is None:
        found = _stores[kind] = {}
    return found
