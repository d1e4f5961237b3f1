"""Switching feature flags on and off: what would be stored and deployed, and what is refused.

What a flag may be called, and flags with variants:
https://docs.aws.amazon.com/appconfig/latest/userguide/appconfig-type-reference-feature-flags.html ·
one deployment at a time: https://docs.aws.amazon.com/appconfig/latest/userguide/appconfig-deploying.html
"""

import difflib
import re
from collections.abc import Mapping, Sequence

from ons_runbook.aws import flag_actions, flag_states
from ons_runbook.aws.flag_deployments import Place, place
from ons_runbook.aws.flags import BY_RULES, Document, stored, switch
from ons_runbook.errors import ChangeRefused
from ons_runbook.plan import Changes, Found, LeftAlone, State
from ons_runbook.session import Session

_TYPE = "AWS.AppConfig.FeatureFlags"
_NAME = re.compile(r"[a-z][a-zA-Z\d_-]{0,63}")
_WORDS = {"on": True, "true": True, "off": False, "false": False}


def changes(
    session: Session,
    flags: Sequence[str],
    *,
    application: str,
    environment: str,
    profile: str,
    strategy: str = "",
    create: bool = False,
    reason: str = "",
) -> Changes:
    """What switches the named flags: one new version of what is live, and its deployment.

    Args:
        flags: `enable_x=on`, `enable_y=off`, …
        application, environment, profile: name or id.
        strategy: deployment strategy, name or id; empty takes that of the last deployment.
        create: add flags that are not there.
        reason: stands in the descriptions of version and deployment.

    Raises ChangeRefused for a flag that is not there (with the nearest name), a malformed name, a flag that
    rules decide, an unknown strategy, flags stored elsewhere, a deployment under way; ReadError.
    """
    wanted = asked(flags)
    if not wanted:
        return Changes(nothing="No flag was named: say which, as in enable_x=off.")
    where = _place_of_flags(session, application, environment, profile)
    at = {"application": where.application, "profile": where.profile}
    now = flag_states.live(session, **at, environment=where.environment, name=where.profile_name)
    _check_ready(where, now)
    document, content_type = stored(session, where.application, where.profile, now["version"])
    _check_names(document, wanted, create)
    due = {name: on for name, on in wanted.items() if not _is(document, name, on)}
    alone = [LeftAlone(f"flag {name}", f"it is {flag_actions.word(wanted[name])} already")
             for name in wanted if name not in due]  # fmt: skip
    if not due:
        return Changes((), alone, "Every flag that was named is as asked for.")
    how = flag_actions.strategy(session, where, now["deployment"], strategy)
    said = flag_actions.description(due, reason)
    made = flag_states.switched(document, due)
    latest = flag_states.newest(session, **at)
    if latest["document"] == flag_states.digest(made):
        alone.append(LeftAlone(f"version {latest['version']}", "it holds just this: it is deployed as it is"))
        return Changes(
            [flag_actions.switching(session, where, how, now, due, latest["version"], said)], alone
        )
    if latest["version"] != now["version"]:
        alone.append(_passed_over(latest["version"], now["version"]))
    store = flag_actions.storing(where, now["version"], due, made, latest, content_type, said)
    deploy = flag_actions.switching(session, where, how, now, due, Found(store.name, "version"), said)
    return Changes([store, deploy], alone)


def asked(flags: Sequence[str]) -> dict[str, bool]:
    """`enable_x=on` as {"enable_x": True}; ChangeRefused for what cannot be read, or asks for both."""
    wanted: dict[str, bool] = {}
    for one in flags:
        name, _, word = (part.strip() for part in one.partition("="))
        if word.lower() not in _WORDS:
            raise ChangeRefused(f"{one!r} does not say on or off.", "Write name=on or name=off.")
        if not _NAME.fullmatch(name):
            raise ChangeRefused(
                f"{name!r} cannot be a flag's name.",
                "It begins with a small letter; then letters, digits, _ and -; at most 64 in all.",
            )
        if wanted.setdefault(name, _WORDS[word.lower()]) is not _WORDS[word.lower()]:
            raise ChangeRefused(f"{name} is asked to be on and off.", "Name it once.")
    return wanted


def _place_of_flags(session: Session, application: str, environment: str, profile: str) -> Place:
    where = place(session, application, environment, profile)
    if where.type != _TYPE or not where.hosted:
        raise ChangeRefused(
            f"Profile {where.profile_name} holds no feature flags that AppConfig stores itself "
            f"(type {where.type or 'unknown'}).",
            "Change it where it is stored.",
        )
    return where


def _check_ready(where: Place, now: State) -> None:
    if now["under_way"] is not None:
        raise ChangeRefused(
            f"Deployment {now['under_way']} to {where.environment_name} is under way.",
            "There is one at a time: wait until it is over, or have it stopped, then plan again.",
        )
    if now["version"] is None:
        raise ChangeRefused(
            f"Nothing of {where.profile_name} was ever deployed to {where.environment_name}.",
            "Deploy a first version (Terraform, or the console): there is nothing to start from.",
        )


def _check_names(document: Document, wanted: Mapping[str, bool], create: bool) -> None:
    known = list(document.get("flags", {}))
    for name in wanted:
        if name not in known and not create:
            near = difflib.get_close_matches(name, known, n=1)
            meant = f" Did you mean {near[0]}?" if near else ""
            raise ChangeRefused(
                f"There is no flag {name}.{meant} There are: {', '.join(known) or 'none'}.",
                "Correct the name; to add a flag, say create.",
            )
        if switch(document.get("values", {}).get(name)) == BY_RULES:
            raise ChangeRefused(
                f"{name} has variants: rules decide who gets it.",
                "It is neither on nor off as a whole: change its rules in the console.",
            )


def _is(document: Document, name: str, on: bool) -> bool:
    there = name in document.get("flags", {})
    return there and switch(document.get("values", {}).get(name)) == flag_actions.word(on)


def _passed_over(newest: str, live: str) -> LeftAlone:
    return LeftAlone(
        f"version {newest}",
        f"it is newer than version {live} but not live: the plan starts from what is live",
    )
