"""The InfluxDB v2 HTTP API: which path is answered by what.

Paths, parameters and errors are those of the InfluxDB OSS v2 API reference
(https://docs.influxdata.com/influxdb/v2/api/); the words of errors are those of InfluxDB 2.7. What is not
here is answered 404 "path not found".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from . import annotated_csv, flux, line_protocol, predicate
from .errors import InfluxError
from .exchange import VERSION, AsgiApp, Request, Response, asgi_app, json_response
from .resources import Authorization, Authorizations, Organization, bucket_document, page
from .store import Store
from .times import format_rfc3339, parse_rfc3339

Handler = Callable[..., Response]
OPEN_PATHS = ("/health", "/ready", "/ping")


def create_app(store: Store, *, org: str, token: str) -> AsgiApp:
    """An ASGI app that speaks the InfluxDB v2 API over ``store``, for one organization and one token."""
    flux.prepare()
    return asgi_app(Server(store, org, token).answer)


class Server:
    """One InfluxDB server: a store, an organization and its tokens."""

    def __init__(self, store: Store, org: str, token: str) -> None:
        self._store = store
        self._organization = Organization(org, store.clock())
        self._authorizations = Authorizations([Authorization(token, "operator")])
        self._started = store.clock()
        self._routes: dict[str, dict[str, Handler]] = {
            "/health": {"GET": self._health},
            "/ready": {"GET": self._ready},
            "/ping": {"GET": self._ping, "HEAD": self._ping},
            "/api/v2/write": {"POST": self._write},
            "/api/v2/delete": {"POST": self._delete},
            "/api/v2/query": {"POST": self._query},
            "/api/v2/orgs": {"GET": self._organizations},
            "/api/v2/buckets": {"GET": self._buckets, "POST": self._create_bucket},
            "/api/v2/buckets/([^/]+)": {
                "GET": self._bucket,
                "PATCH": self._update_bucket,
                "DELETE": self._delete_bucket,
            },
            "/api/v2/authorizations": {"GET": self._list_authorizations},
            "/api/v2/authorizations/([^/]+)": {
                "GET": self._authorization,
                "PATCH": self._update_authorization,
            },
        }

    def answer(self, request: Request) -> Response:
        """Answer one request. Raises InfluxError for what is answered by an error."""
        if request.path not in OPEN_PATHS:
            self._authorizations.check(request.headers.get("authorization", ""))
        for pattern, handlers in self._routes.items():
            if match := re.fullmatch(pattern, request.path):
                if request.method not in handlers:
                    raise InfluxError("method not allowed", "allow: " + ", ".join(["OPTIONS", *handlers]))
                return handlers[request.method](request, *match.groups())
        raise InfluxError("not found", "path not found")

    # Is it there?

    def _health(self, request: Request) -> Response:
        return json_response(
            {
                "name": "influxdb",
                "message": "ready for queries and writes",
                "status": "pass",
                "checks": [],
                "version": VERSION,
                "commit": "sandbox",
            }
        )

    def _ready(self, request: Request) -> Response:
        seconds = (self._store.clock() - self._started) / 1e9
        started = format_rfc3339(self._started)
        return json_response({"status": "ready", "started": started, "up": f"{seconds:.3f}s"})

    def _ping(self, request: Request) -> Response:
        return Response(204)

    # Points

    def _write(self, request: Request) -> Response:
        self._check_organization(request)
        bucket = self._named_bucket(request)
        text = request.body.decode(errors="replace")
        self._store.write(bucket, line_protocol.parse(text, request.query.get("precision") or "ns"))
        return Response(204)

    def _delete(self, request: Request) -> Response:
        document = request.json()
        first, last = (_moment(document, name) for name in ("start", "stop"))
        chosen = predicate.parse(document.get("predicate") or "")
        self._check_organization(request)
        self._store.delete(self._named_bucket(request), first, last, chosen)
        return Response(204)

    def _query(self, request: Request) -> Response:
        try:
            self._check_organization(request)
            query, dialect = _query_and_dialect(request)
        except InfluxError as error:
            raise InfluxError("invalid", f"failed to decode request body: {error.message}") from error
        results = flux.run(query, self._store, self._organization.id)
        body = [piece for result in results for piece in annotated_csv.encode(result, dialect)]
        return Response(200, body, {"Content-Type": "text/csv; charset=utf-8"})

    # Resources

    def _organizations(self, request: Request) -> Response:
        name, id_ = request.query.get("org"), request.query.get("orgID")
        if name or id_:
            self._organization.check(name, id_)
        organizations, links = page([self._organization], request.query, request.path)
        return json_response({"links": links, "orgs": [one.document() for one in organizations]})

    def _buckets(self, request: Request) -> Response:
        query = request.query
        if query.get("org") or query.get("orgID"):
            self._check_organization(request)
        chosen = [
            bucket
            for bucket in self._store.buckets()
            if query.get("name", bucket.name) == bucket.name
            and _id(query.get("id", bucket.id)) == bucket.id
            and bucket.id > query.get("after", "")
        ]
        buckets, links = page(chosen, query, request.path)
        documents = [bucket_document(bucket, self._organization) for bucket in buckets]
        return json_response({"links": links, "buckets": documents})

    def _bucket(self, request: Request, id_: str) -> Response:
        return json_response(bucket_document(self._store.bucket(self._known(id_)), self._organization))

    def _create_bucket(self, request: Request) -> Response:
        document = request.json()
        if not document.get("orgID"):
            raise InfluxError("invalid", "organization id must be provided")
        self._organization.check(None, document["orgID"])
        bucket = self._store.create_bucket(
            document.get("name") or "",
            _retention(document).get("everySeconds") or 0,
            document.get("description") or "",
        )
        return json_response(bucket_document(bucket, self._organization), 201)

    def _update_bucket(self, request: Request, id_: str) -> Response:
        document = request.json()
        rule = _retention(document)
        bucket = self._store.update_bucket(
            self._known(id_),
            name=document.get("name"),
            description=document.get("description"),
            retention_seconds=rule.get("everySeconds"),
            shard_group_seconds=rule.get("shardGroupDurationSeconds"),
        )
        return json_response(bucket_document(bucket, self._organization))

    def _delete_bucket(self, request: Request, id_: str) -> Response:
        self._store.delete_bucket(self._known(id_))
        return Response(204)

    def _list_authorizations(self, request: Request) -> Response:
        documents = [one.document(self._organization) for one in self._authorizations.all()]
        return json_response({"links": {"self": request.path}, "authorizations": documents})

    def _authorization(self, request: Request, id_: str) -> Response:
        return json_response(self._authorizations.get(id_).document(self._organization))

    def _update_authorization(self, request: Request, id_: str) -> Response:
        changed = self._authorizations.set_status(id_, request.json().get("status", "active"))
        return json_response(changed.document(self._organization))

    # What requests name

    def _check_organization(self, request: Request) -> None:
        self._organization.check(request.query.get("org"), request.query.get("orgID"))

    def _named_bucket(self, request: Request) -> str:
        named = request.query.get("bucketID") or request.query.get("bucket")
        if not named:
            raise InfluxError("invalid", "Please provide either bucketID or bucket")
        return self._store.bucket(named).id

    def _known(self, bucket_id: str) -> str:
        if all(bucket.id != _id(bucket_id) for bucket in self._store.buckets()):
            raise InfluxError("not found", "bucket not found")
        return bucket_id


def _query_and_dialect(request: Request) -> tuple[flux.Query, annotated_csv.Dialect]:
    if request.headers.get("content-type", "").startswith("application/vnd.flux"):
        return flux.Query(request.body.decode(errors="replace")), annotated_csv.Dialect()
    try:
        document = request.json()
    except InfluxError as error:
        raise InfluxError(
            "invalid",
            "failed parsing request body as JSON; if sending a raw Flux script, set 'Content-Type: "
            f"application/vnd.flux' in your request headers: {error.message}",
        ) from error
    if document.get("type") not in (None, "", "flux"):
        raise InfluxError("invalid", f"unknown query type: {document['type']}")
    if not document.get("query"):
        raise InfluxError("invalid", "request body requires either query or AST")
    now = _moment(document, "now") if document.get("now") else None
    query = flux.Query(document["query"], document.get("extern"), now)
    return query, annotated_csv.Dialect.from_document(document.get("dialect") or {})


def _id(text: str) -> str:
    if len(text) != 16:
        raise InfluxError("invalid", "id must have a length of 16 bytes")
    return text


def _retention(document: dict[str, Any]) -> dict[str, Any]:
    """The bucket's rule of retention in a request: without rules nothing is said of it."""
    rules = document.get("retentionRules") or [{}]
    rule: dict[str, Any] = rules[0]
    return rule


def _moment(document: dict[str, Any], name: str) -> int:
    try:
        return parse_rfc3339(str(document.get(name, "")))
    except ValueError as error:
        raise InfluxError(
            "invalid",
            f"error decoding json body: invalid RFC3339Nano for field {name}, please format your time with "
            "RFC3339Nano format, example: 2009-01-02T23:00:00Z",
        ) from error
