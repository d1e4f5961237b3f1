"""Who changed what others may do, who signed in at the console, and what the root user did.

Sign-ins: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-aws-console-sign-in-events.html
(the region of a sign-in depends on where and how somebody signs in). Root:
https://docs.aws.amazon.com/securityhub/latest/userguide/cloudwatch-controls.html (CloudWatch.1, CIS 1.7/4.3).
Events appear within about five minutes.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pandas as pd

from ons_runbook.aws import access_calls
from ons_runbook.aws.trail import GLOBAL_REGION, Lookup, Record, look_up, unread_sentence
from ons_runbook.checks import Check, Verdict, covers, worst
from ons_runbook.session import Session
from ons_runbook.tables import MOMENT, TEXT, TRUTH, given, table, text
from ons_runbook.thresholds import Thresholds
from ons_runbook.window import Window

NEXT = "emergency/security_incident_response"

EVENTS = {
    "time": MOMENT,
    "event": TEXT,
    "category": TEXT,
    "who": TEXT,
    "target": TEXT,
    "error": TEXT,
    "source_ip": TEXT,
    "mfa": TRUTH,
    "identity_type": TEXT,
    "user_agent": TEXT,
    "event_id": TEXT,
}
#: Where a sign-in by the global endpoint may be recorded, besides the platform's own region.
SIGN_IN_REGIONS = (GLOBAL_REGION, "us-east-2", "eu-north-1", "ap-southeast-2")
_SHOWN = 5


def access_changes(session: Session, window: Window) -> pd.DataFrame:
    """Every call of the window that changed, or tried to change, who may do what, newest first.

    The calls are those of `access_calls.GROUPS`; IAM and Organizations are asked for where they are recorded
    (us-east-1), the others in the platform's region. Columns: time (UTC), event, category, who (user, or
    role/session), target, error (missing when it worked), source_ip, mfa (of the caller's session),
    identity_type, user_agent, event_id. `frame.attrs["unread"]`: lookups that failed, with the reason.
    Raises WindowError, AccessDenied, ReadError.
    """
    lookups = [Lookup(GLOBAL_REGION, "EventName", n) for n in access_calls.names(everywhere=True)]
    lookups += [Lookup(session.region, "EventName", n) for n in access_calls.names(everywhere=False)]
    found = look_up(session, list(dict.fromkeys(lookups)), window)
    rows = []
    for record in found.records:
        # Other services have calls of the same name: an AppConfig or Logs policy is not IAM's.
        if group := access_calls.group_of(record["source"], record["event"]):
            rows.append(record | {"category": group.category})
    return _events(rows, found.unread, f"Nobody changed who may do what in {window}.")


def console_logins(
    session: Session, window: Window, regions: Sequence[str] = SIGN_IN_REGIONS
) -> pd.DataFrame:
    """Every attempt to sign in at the console, newest first; columns as in `access_changes`.

    `category` is success or failure; `mfa` is missing for those whom somebody else signs in (federated users
    and assumed roles): the second factor is then their identity provider's, and AWS records No for all.
    """
    lookups = [
        Lookup(region, "EventName", "ConsoleLogin") for region in {session.region: 0} | dict.fromkeys(regions)
    ]
    found = look_up(session, lookups, window)
    rows = [record | {"category": _outcome(record)} for record in found.records]
    return _events(rows, found.unread, f"Nobody signed in at the console in {window}.")


def _outcome(record: Record) -> str:
    return "failure" if record["answer"].get("ConsoleLogin") == "Failure" or record["error"] else "success"


def root_use(session: Session, window: Window) -> pd.DataFrame:
    """What the account's root user did, newest first; columns as in `access_changes`.

    What a service does in root's name (`invokedBy`, AwsServiceEvent) is left out, as in AWS's own control.
    Asked in us-east-1, where root signs in, and in the platform's region. `category` is the service.
    """
    regions = dict.fromkeys([GLOBAL_REGION, session.region])
    found = look_up(session, [Lookup(region, "Username", "root") for region in regions], window)
    rows = [
        record | {"category": record["source"].removesuffix(".amazonaws.com")}
        for record in found.records
        if record["identity_type"] == "Root"
        and not record["invoked_by"]
        and record["event_type"] != "AwsServiceEvent"
    ]
    return _events(rows, found.unread, f"The root user did nothing in {window}.")


def _events(rows: list[dict[str, Any]], unread: dict[str, str], nothing: str) -> pd.DataFrame:
    missing = f" But this is not all: {unread_sentence(unread)}." if unread else ""
    frame = table(rows, EVENTS, empty=nothing + missing)
    frame.attrs["unread"] = unread
    return frame


@covers(["security.access_changes"])
def judge_access_changes(changes: pd.DataFrame) -> Check:
    """Whether anybody changed who may do what. Each change warns: a person has to know it as wanted.

    A refused attempt warns as well. What could not be looked up makes it unknown, and names what was found.
    """
    said = [_said(row) for _, row in changes.iterrows()]
    verdict = Verdict.WARN if said else Verdict.PASS
    observed = f"{len(said)} changes: {_list(said)}" if said else "none"
    return _check("security.access_changes", "no change, or only wanted ones", verdict, observed, changes)


@covers(["security.console_logins"])
def judge_console_logins(logins: pd.DataFrame, thresholds: Thresholds) -> Check:
    """Whether everybody who signed in used a second factor, and nobody's password is being tried.

    A success without MFA fails; `sign_in_failures_warn` failures of one user warn. Federated sign-ins and
    assumed roles are counted only: their second factor is not AWS's to see.
    """
    succeeded = logins[logins["category"] == "success"]
    without = succeeded[succeeded["mfa"].eq(False).fillna(False)]
    failures = Counter(text(who, "an unknown user") for who in logins[logins["category"] == "failure"]["who"])
    tried = {who: number for who, number in failures.items() if number >= thresholds.sign_in_failures_warn}
    elsewhere = int((~succeeded["identity_type"].isin(["IAMUser", "Root"])).sum())
    said = [f"without MFA: {_list([_said(row) for _, row in without.iterrows()])}"] if len(without) else []
    if tried:
        said.append("failed: " + _list([f"{who} {number} times" for who, number in tried.items()]))
    said.append(f"{len(succeeded)} succeeded, {sum(failures.values())} failed")
    if elsewhere:
        said.append(f"{elsewhere} by an identity provider, whose second factor AWS does not see")
    verdicts = [Verdict.FAIL] * bool(len(without)) + [Verdict.WARN] * bool(tried) + [Verdict.PASS]
    expected = f"MFA at every sign-in, fewer than {thresholds.sign_in_failures_warn} failures of one user"
    return _check("security.console_logins", expected, worst(verdicts), "; ".join(said), logins)


@covers(["security.root_use"])
def judge_root_use(uses: pd.DataFrame) -> Check:
    """Whether the root user was used, which fails. Only attempts that were refused warn."""
    said = [_said(row) for _, row in uses.iterrows()]
    did = [not given(row["error"]) for _, row in uses.iterrows()]
    verdict = Verdict.FAIL if any(did) else Verdict.WARN if said else Verdict.PASS
    observed = f"{len(said)} calls: {_list(said)}" if said else "not used"
    return _check("security.root_use", "the root user is not used", verdict, observed, uses)


def _check(name: str, expected: str, verdict: Verdict, observed: str, events: pd.DataFrame) -> Check:
    # A frame that does not say what was looked up came from elsewhere: nothing is known of what it misses.
    unread: Mapping[str, str] = events.attrs.get("unread", {"the events": "nothing says what was looked up"})
    if unread:
        verdict = worst([verdict, Verdict.UNKNOWN])
        observed = "; ".join([*([observed] if len(events) else []), unread_sentence(dict(unread))])
    hint = ""
    if len(events) and verdict is not Verdict.PASS:
        hint = f"Ask those named whether it was them; if nobody knows: {NEXT}."
    elif verdict is Verdict.UNKNOWN:
        hint = "Ask again in a few minutes; the identity needs cloudtrail:LookupEvents in each region asked."
    return Check(name, verdict, observed, expected, "" if unread else f"{len(events)} events", hint)


def _said(row: "pd.Series[Any]") -> str:
    about = f" {text(row['target'])}" if given(row["target"]) else ""
    error = f" (refused: {text(row['error'])})" if given(row["error"]) else ""
    return (
        f"{text(row['who'], 'somebody')} {text(row['event'])}{about}{error} "
        f"from {text(row['source_ip'], 'an unknown address')} at {row['time']:%Y-%m-%d %H:%M} UTC"
    )


def _list(said: Sequence[str]) -> str:
    more = f" and {len(said) - _SHOWN} more" if len(said) > _SHOWN else ""
    return "; ".join(said[:_SHOWN]) + more


@covers(["security.log_lines"])
def judge_security_lines(counts: pd.DataFrame, window: Window, thresholds: Thresholds) -> Check:
    """Whether the functions logged many SECURITY lines: `security_lines_warn` a day, or more, warn.

    `counts` is what `logs.count_by_function` gives. A log group that could not be read is unknown.
    """
    most = thresholds.security_lines_warn * max(1.0, window.duration / timedelta(days=1))
    problems = [text(problem) for problem in counts["problem"] if given(problem)]
    lines = int(counts["lines"].sum())
    counted = counts[counts["lines"].fillna(0) > 0]
    said = ", ".join(f"{row['function']} {row['lines']}" for _, row in counted.iterrows()) or "none"
    verdicts = [Verdict.WARN if lines >= most else Verdict.PASS]
    verdicts += [Verdict.UNKNOWN] * bool(problems or counts.empty)
    verdict = worst(verdicts)
    hint = (
        "" if verdict is Verdict.PASS else f"Read the lines: what was refused, and from where. Next: {NEXT}."
    )
    observed = "; ".join([*dict.fromkeys(problems), f"SECURITY lines: {said}"])
    expected = f"fewer than {most:g} SECURITY lines"
    return Check("security.log_lines", verdict, observed, expected, str(window), hint)
