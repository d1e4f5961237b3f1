"""What the management part of the API hands out: organization, buckets, authorizations, as JSON.

See the InfluxDB OSS v2 API reference, "Organizations", "Buckets" and "Authorizations (API tokens)"
(https://docs.influxdata.com/influxdb/v2/api/). There is one organization. A token is active or inactive;
what it may do otherwise is not told apart.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from .buckets import Bucket, resource_id
from .errors import InfluxError
from .times import format_rfc3339

LIMIT_DEFAULT, LIMIT_LARGEST = 20, 100


@dataclass(frozen=True, slots=True)
class Organization:
    """The one organization of the server; ``created`` is in nanoseconds since 1970."""

    name: str
    created: int

    @property
    def id(self) -> str:
        """Its id, which follows from the name."""
        return resource_id("organization", self.name)

    def check(self, name: str | None, id_: str | None) -> None:
        """Raise InfluxError when a request names another organization, or none."""
        if not name and not id_:
            raise InfluxError("invalid", "Please provide either orgID or org")
        if name and name not in (self.name, self.id):
            raise InfluxError("not found", f'organization name "{name}" not found')
        if id_ and id_ != self.id:
            raise InfluxError("not found", f'organization id "{id_}" not found')

    def document(self) -> dict[str, Any]:
        """The JSON that the API gives."""
        return {
            "id": self.id,
            "name": self.name,
            "description": "",
            "createdAt": format_rfc3339(self.created),
            "updatedAt": format_rfc3339(self.created),
            "links": {"self": f"/api/v2/orgs/{self.id}", "buckets": f"/api/v2/buckets?org={self.name}"},
        }


@dataclass(frozen=True, slots=True)
class Authorization:
    """One token, and whether it is ``active`` or ``inactive``."""

    token: str
    description: str
    status: str = "active"

    @property
    def id(self) -> str:
        """Its id, which follows from the token."""
        return resource_id("authorization", self.token)

    def document(self, organization: Organization) -> dict[str, Any]:
        """The JSON that the API gives."""
        return {
            "id": self.id,
            "token": self.token,
            "status": self.status,
            "description": self.description,
            "org": organization.name,
            "orgID": organization.id,
            "permissions": [
                {"action": action, "resource": {"type": type_}}
                for type_ in ("authorizations", "buckets", "orgs")
                for action in ("read", "write")
            ],
            "links": {"self": f"/api/v2/authorizations/{self.id}"},
        }


class Authorizations:
    """The tokens that the server knows. Safe to use from several threads."""

    def __init__(self, tokens: Iterable[Authorization]) -> None:
        self._lock = threading.Lock()
        self._by_id = {one.id: one for one in tokens}

    def all(self) -> list[Authorization]:
        """Every one, active or not."""
        with self._lock:
            return list(self._by_id.values())

    def get(self, id_: str) -> Authorization:
        """The one with this id. Raises InfluxError."""
        with self._lock:
            if id_ not in self._by_id:
                raise InfluxError("not found", "authorization not found")
            return self._by_id[id_]

    def set_status(self, id_: str, status: str) -> Authorization:
        """Activate or deactivate. Raises InfluxError for another status or an unknown id."""
        if status not in ("active", "inactive"):
            raise InfluxError("invalid", f"invalid status: {status}")
        changed = replace(self.get(id_), status=status)
        with self._lock:
            self._by_id[id_] = changed
        return changed

    def check(self, header: str) -> None:
        """Raise InfluxError unless the Authorization header carries an active token."""
        scheme, _, token = header.partition(" ")
        active = {one.token for one in self.all() if one.status == "active"}
        if scheme not in ("Token", "Bearer") or token.strip() not in active:
            raise InfluxError("unauthorized", "unauthorized access")


def bucket_document(bucket: Bucket, organization: Organization) -> dict[str, Any]:
    """The JSON that the API gives for a bucket."""
    path = f"/api/v2/buckets/{bucket.id}"
    return {
        "id": bucket.id,
        "orgID": organization.id,
        "type": bucket.type,
        "name": bucket.name,
        "description": bucket.description,
        "retentionRules": [
            {
                "type": "expire",
                "everySeconds": bucket.retention_seconds,
                "shardGroupDurationSeconds": bucket.shard_group_seconds,
            }
        ],
        "createdAt": format_rfc3339(bucket.created),
        "updatedAt": format_rfc3339(bucket.updated),
        "links": {
            "self": path,
            "org": f"/api/v2/orgs/{organization.id}",
            "write": f"/api/v2/write?org={organization.id}&bucket={bucket.id}",
        },
        "labels": [],
    }


def page(items: list[Any], query: Mapping[str, str], path: str) -> tuple[list[Any], dict[str, str]]:
    """The page of ``items`` that ``limit`` and ``offset`` ask for, and the links to it and its neighbours."""
    limit = _number(query, "limit", LIMIT_DEFAULT)
    offset = _number(query, "offset", 0)
    if not 1 <= limit <= LIMIT_LARGEST:
        raise InfluxError("invalid", f"limit must be between 1 and {LIMIT_LARGEST}")

    def link(at: int) -> str:
        return f"{path}?{urlencode({**query, 'limit': limit, 'offset': at})}"

    links = {"self": link(offset)}
    if offset > 0:
        links["prev"] = link(max(offset - limit, 0))
    if offset + limit < len(items):
        links["next"] = link(offset + limit)
    return items[offset : offset + limit], links


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not text.isdecimal():
        raise InfluxError("invalid", f"{name} is invalid")
    return int(text)
