"""What Timestream for InfluxDB keeps: instances and backups, each on its way from one state to the next."""

from dataclasses import dataclass, field
from typing import Any

from ons_sandbox.mends import mended
from ons_sandbox.services import clock
from ons_sandbox.services.json_service import JsonService, ServiceError

Record = dict[str, Any]

service = JsonService("timestream-influxdb", model="timestream-influxdb")

# By account and region: id -> resource.
_stores: Any = mended("ministack.core.responses", "AccountRegionScopedDict").AccountRegionScopedDict()


@dataclass
class Resource:
    """An instance or a backup. `record` is what the API tells."""

    record: Record
    tags: dict[str, str] = field(default_factory=dict)
    _next: Record = field(default_factory=dict)
    _due: float = 0.0

    def become(self, record: Record, after_minutes: float) -> None:
        """Take over these values after so many minutes of AWS."""
        self._next, self._due = record, clock.now() + clock.real_seconds(after_minutes * 60)

    def settle(self) -> None:
        """Take over what is due."""
        if self._next and clock.now() >= self._due:
            self.record |= self._next
            self._next = {}


def instances() -> dict[str, Resource]:
    """The current account's and region's instances by id, as they are now."""
    return _settled("instances")


def backups() -> dict[str, Resource]:
    """The current account's and region's backups by id, as they are now."""
    return _settled("backups")


def clear() -> None:
    """Forget everything."""
    _stores.clear()


def find(resources: dict[str, Resource], kind: str, identifier: str) -> Resource:
    """One resource. Raises ServiceError."""
    if identifier not in resources:
        message = f"{kind} {identifier} was not found."
        raise ServiceError("ResourceNotFoundException", message, resourceId=identifier, resourceType=kind)
    return resources[identifier]


def conflict(kind: str, identifier: str, message: str) -> ServiceError:
    """The refusal of what does not fit the resource's state."""
    return ServiceError("ConflictException", message, resourceId=identifier, resourceType=kind)


def _settled(kind: str) -> dict[str, Resource]:
    found: dict[str, Resource] | None = _stores.get(kind)
    if found is None:
        found = _stores[kind] = {}
    for identifier, resource in list(found.items()):
        resource.settle()
        if resource.record["status"] == "DELETED":
            del found[identifier]
    return found
