"""Switching the cache of an API's stage on: the cluster, then the methods that are meant, and no other.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-caching.html: a cluster takes about
four minutes and is paid by the hour, whether used or not; with it, GET methods that the stage's default
settings cache are cached at once · https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html
"""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from ons_runbook.aws import api as apis
from ons_runbook.aws import api_cache_states as states
from ons_runbook.aws.api_cache_states import EVERY, NONE, OTHERS, READY, method_key, own_key
from ons_runbook.errors import ChangeRefused
from ons_runbook.plan import Action, Changes, LeftAlone, Reading, State
from ons_runbook.prices import HOURS_A_MONTH, price
from ons_runbook.session import Session
from ons_runbook.tables import given, text

_LONGEST_TTL_S = 3600
# Four minutes as AWS says, and as many again twice.
_CLUSTER_WAIT_S = 900

#: Where a setting stands, and its value; None to take all settings of a method away.
Patch = tuple[str, str | None]


@dataclass(frozen=True)
class _Stage:
    """The stage that is changed: the API's name and id, the stage's name, and its settings by method."""

    api: str
    identifier: str
    name: str
    settings: states.Settings

    @property
    def at(self) -> dict[str, str]:
        return {"api": self.identifier, "stage": self.name}


def changes(
    session: Session,
    methods: pd.DataFrame,
    *,
    api: str,
    stage: str,
    health_path: str,
    named: Sequence[str] = (),
    size: str = "0.5",
    ttl_s: int = 300,
) -> Changes:
    """What caches the methods that are worth it, or those named, and no other, health least of all.

    Args:
        methods: of `api_cache.methods`.
        api, stage: names.
        named: `GET /path` or `/path`; empty: those that the measurements justify.
        size: of a new cluster, in GB as API Gateway has them; an existing one keeps its size.
        ttl_s: seconds for which an answer is kept, 1 to 3600.

    Raises ChangeRefused for a method that is not there (with the nearest), is no GET, or is health, for an
    unknown size or time, and while the cluster is being made or deleted; NotFound without API or stage.
    """
    if not 1 <= ttl_s <= _LONGEST_TTL_S:
        raise ChangeRefused(f"An answer cannot be kept for {ttl_s} s.", f"Say 1 to {_LONGEST_TTL_S} seconds.")
    rows = {text(row["method"]): row for _, row in methods.iterrows()}
    chosen = [_chosen(one, rows, health_path) for one in named] or [
        name for name, row in rows.items() if given(row["worth_caching"]) and row["worth_caching"]
    ]
    identifier = apis.api_id(session, api)
    found = states.stage(session, identifier, stage)
    on = _Stage(api, identifier, stage, found.get("methodSettings") or {})
    now = states.cluster(session, **on.at)
    if now["status"] not in (READY, NONE):
        raise ChangeRefused(
            f"The cache of stage {stage} is {now['status']}.", "Wait a few minutes, then plan again."
        )
    done = {name: _method(session, on, name, None, rows[name])
            for name in _kept_out(rows, chosen, f"GET {health_path}", now["cluster"])}  # fmt: skip
    actions = [action for made in done.values() for action in made]
    if chosen and not now["cluster"]:
        actions.append(_cluster(session, on, now, size))
    for name in chosen:
        done[name] = _method(session, on, name, ttl_s, rows[name])
        actions += done[name]
    silent = chosen if not now["cluster"] else ()
    alone = [
        LeftAlone(name, text(row["reason"]))
        for name, row in rows.items()
        if not done.get(name) and name not in silent
    ]
    if now["cluster"] and now["size"] != size:
        alone.append(
            LeftAlone(f"cache of stage {stage}", f"has {now['size']} GB: another size would empty it")
        )
    return Changes(actions, alone, "No method has to be cached that is not.")


def _kept_out(rows: Mapping[str, Any], chosen: Sequence[str], health: str, cluster: bool) -> list[str]:
    """The GET methods that the stage's default would cache and nobody asked for; of those that have been
    cached so far, health alone."""
    if not chosen and not cluster:
        return []
    return [
        name
        for name in rows
        if name.startswith("GET ") and name not in chosen and (name == health or not cluster)
    ]


def _chosen(name: str, rows: dict[str, Any], health_path: str) -> str:
    wanted = name if " " in name else f"GET {name}"
    verb, _, path = wanted.partition(" ")
    if path == health_path:
        raise ChangeRefused(
            f"{health_path} is the health of the API: from a cache it would hide an outage.", "Leave it out."
        )
    if wanted not in rows:
        near = difflib.get_close_matches(wanted, rows, n=1)
        raise ChangeRefused(
            f"The API has no method {wanted}.{f' Did you mean {near[0]}?' if near else ''}",
            f"There are: {', '.join(rows) or 'none'}.",
        )
    if verb != "GET":
        raise ChangeRefused(
            f"{wanted} is no GET: what it answers depends on more than its address.",
            "Cache GET methods only.",
        )
    return wanted


def _cluster(session: Session, on: _Stage, now: State, size: str) -> Action:
    known = session.client("apigateway").meta.service_model.shape_for("CacheClusterSize").enum
    if size not in known:
        raise ChangeRefused(f"API Gateway has no cache of {size} GB.", f"There are: {', '.join(known)}.")
    cost = price(session.platform, f"api_cache_{size.replace('.', '_')}_gb")
    after: State = {"cluster": True, "size": size, "status": READY}
    state = states.cluster.at(**on.at)
    disable: list[Patch] = [("/cacheClusterEnabled", "false")]
    off = _patching(on, "no cache cluster", "cache cluster", state, after, now, disable)
    made = _patching(
        on,
        f"cache cluster of {size} GB",
        "cache cluster",
        state,
        now,
        after,
        [("/cacheClusterEnabled", "true"), ("/cacheClusterSize", size)],
        off,
    )
    return replace(
        made,
        risk="It takes about four minutes, while requests go on, and is paid until it is taken away.",
        undo_note="the stage remembers the size, which costs nothing",
        cost=f"+{cost.usd * HOURS_A_MONTH:,.2f} USD a month {cost.assumption}",
    )


def _method(session: Session, on: _Stage, name: str, ttl_s: int | None, row: Any) -> list[Action]:
    """Cache a method for so many seconds, or (None) not at all; nothing when it is so."""
    verb, _, path = name.partition(" ")
    at = states.method.at(**on.at, path=path, verb=verb)
    now: State = at.read(session)
    if now["cached"] == (ttl_s is not None) and ttl_s in (None, now["ttl_s"]):
        return []
    own = own_key(on.settings, path, verb)
    place = f"/{own or method_key(path, verb)}"
    wanted: State = {"cached": ttl_s is not None} | ({} if ttl_s is None else {"ttl_s": ttl_s})
    before = {key: now[key] for key in ("own_settings", *wanted)}
    patches: list[Patch] = _caching(place, wanted)
    back: list[Patch] = _caching(place, before)
    if own is None:
        # Its own settings replace those of all methods, the throttle included: they are copied.
        default = on.settings.get(EVERY, {})
        copied = [(key, end, default[member]) for key, member, end in OTHERS if member in default]
        patches = [(f"{place}/{end}", _value(value)) for _, end, value in copied] + patches
        back = [(place, None)]
        before |= {key: value for key, _, value in copied}
    after = {**before, **wanted, "own_settings": True}
    how = "not cached" if ttl_s is None else f"cached for {ttl_s} s"
    inverse = _patching(on, f"{name} as it was", name, at, after, before, back)
    made = _patching(on, f"{name} {how}", name, at, before, after, patches, inverse)
    return [replace(made, risk=_risk(row, ttl_s, own is not None))]


def _caching(place: str, state: State) -> list[Patch]:
    ends = (("cached", "enabled"), ("ttl_s", "ttlInSeconds"))
    return [(f"{place}/caching/{end}", _value(state[key])) for key, end in ends if key in state]


def _value(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _risk(row: Any, ttl_s: int | None, own: bool) -> str:
    said = []
    if ttl_s is not None:
        if given(row["needs"]):
            said.append(f"It needs {text(row['needs'])}: callers get each other's answers.")
        told_apart = text(row["cache_key"], "none")
        said.append(f"Answers are up to {ttl_s} s old; parameters that tell them apart: {told_apart}.")
    if not own:
        said.append("From then on a change of the whole stage's throttle or log level does not reach it.")
    return " ".join(said) or "Every request reaches the function."


def _patching(
    on: _Stage,
    name: str,
    what: str,
    state: Reading,
    before: State,
    after: State,
    patches: Sequence[Patch],
    undo: Action | None = None,
) -> Action:
    operations = [
        {"op": "remove", "path": path} if value is None else {"op": "replace", "path": path, "value": value}
        for path, value in patches
    ]
    return Action(
        name=name,
        target=f"{what} of {on.api}/{on.name}",
        service="apigateway",
        operation="UpdateStage",
        parameters={"restApiId": on.identifier, "stageName": on.name, "patchOperations": operations},
        state=state,
        before=before,
        after=after,
        risk="Requests reach the function again.",
        undo=(undo,) if undo else (),
        resources=(on.api, on.name),
        wait_s=_CLUSTER_WAIT_S,
    )
