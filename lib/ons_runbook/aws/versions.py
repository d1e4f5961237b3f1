"""Published versions of Lambda functions: what there is, what refers to each, and what differs.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html: a version is a snapshot of code and
configuration, and its number is never used again ·
https://docs.aws.amazon.com/lambda/latest/api/API_ListVersionsByFunction.html (in pages, $LATEST among them) ·
their packages: `version_packages`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd

from ons_runbook.aws.version_packages import LARGEST_PACKAGE, files, package
from ons_runbook.calls import side_by_side
from ons_runbook.errors import RunbookError
from ons_runbook.failures import reading
from ons_runbook.plan import State, readable
from ons_runbook.session import Session
from ons_runbook.tables import MOMENT, TEXT, WHOLE, table

__all__ = ["LARGEST_PACKAGE", "LATEST", "configurations", "differences", "package", "published", "version"]

LATEST = "$LATEST"

VERSIONS = {
    "function": TEXT,
    "version": TEXT,
    "modified": MOMENT,
    "description": TEXT,
    "code_sha256": TEXT,
    "code_size_bytes": WHOLE,
    "runtime": TEXT,
    "memory_mb": WHOLE,
    "timeout_s": WHOLE,
    "aliases": TEXT,
    "provisioned": WHOLE,
    "used_by": TEXT,
    "problem": TEXT,
}
DIFFERENCES = {"what": TEXT, "name": TEXT, "old": TEXT, "new": TEXT}

# Differ between any two versions and say nothing about what they do.
_OF_EACH = {
    *("FunctionArn", "Version", "LastModified", "RevisionId", "CodeSha256", "CodeSize", "MasterArn"),
    *("State", "StateReason", "StateReasonCode", "ResponseMetadata", "Environment"),
    *("LastUpdateStatus", "LastUpdateStatusReason", "LastUpdateStatusReasonCode"),
}


def published(session: Session, functions: Sequence[str]) -> pd.DataFrame:
    """The published versions of each function, newest first, in the order of `functions`; not $LATEST.

    Columns: function, version, modified (UTC, when what it is a snapshot of was last changed), description,
    code_sha256 (base64, as Lambda gives it), code_size_bytes, runtime, memory_mb, timeout_s, aliases that
    send calls to it (`LIVE`, or `LIVE (10 %)` of a weighted one), provisioned (concurrency kept ready for it,
    its aliases' included), used_by (what else refers to it: event source mappings, settings for asynchronous
    calls), problem. A function that could not be read has one row, with a problem and no version.
    """
    tasks: dict[str, Any] = {name: partial(_of_function, session, name) for name in functions}
    outcomes = side_by_side({"": partial(_mapped, session), **tasks})
    mapped = outcomes.pop("")
    rows: list[dict[str, Any]] = []
    for name, outcome in outcomes.items():
        error = outcome.error or mapped.error
        if isinstance(error, RunbookError):
            rows.append({"function": name, "problem": str(error)})
            continue
        for row in outcome.unwrap():
            used = [*row["used_by"], *mapped.unwrap().get((name, row["version"]), [])]
            rows.append({**row, "used_by": ", ".join(used) or None})
    return table(rows, VERSIONS, empty="No function has a published version.")


def _of_function(session: Session, function: str) -> list[dict[str, Any]]:
    found = configurations(session, function)
    aliases, provisioned = _aliases(session, function), _provisioned(session, function)
    asynchronous = _asynchronous(session, function)
    return [
        {
            "function": function,
            "version": number,
            "modified": pd.to_datetime(found[number]["LastModified"], utc=True),
            "description": found[number].get("Description") or None,
            "code_sha256": found[number].get("CodeSha256"),
            "code_size_bytes": found[number].get("CodeSize"),
            "runtime": found[number].get("Runtime"),
            "memory_mb": found[number].get("MemorySize"),
            "timeout_s": found[number].get("Timeout"),
            "aliases": ", ".join(_referring(aliases, number)) or None,
            "provisioned": sum(_kept_ready(aliases, provisioned, number)) or None,
            "used_by": ["settings for asynchronous calls"] if number in asynchronous else [],
        }
        for number in sorted(found.keys() - {LATEST}, key=int, reverse=True)
    ]


def configurations(session: Session, function: str) -> dict[str, dict[str, Any]]:
    """The configuration of each version by its number, $LATEST's among them. Raises NotFound, ReadError."""
    with reading(f"Versions of {function}", "lambda"):
        listed = session.pages("lambda", "ListVersionsByFunction", FunctionName=function)
        return {found["Version"]: found for page in listed for found in page["Versions"]}


def _aliases(session: Session, function: str) -> list[dict[str, Any]]:
    with reading(f"Aliases of {function}", "lambda"):
        listed = session.pages("lambda", "ListAliases", FunctionName=function)
        return [alias for page in listed for alias in page["Aliases"]]


def _referring(aliases: Sequence[Mapping[str, Any]], number: str) -> list[str]:
    """The aliases that send calls to a version, with their share when it is not all."""
    found = []
    for alias in aliases:
        weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
        if number in weights:
            found.append(f"{alias['Name']} ({weights[number]:.0%})")
        elif alias["FunctionVersion"] == number:
            rest = 1 - sum(weights.values())
            found.append(f"{alias['Name']} ({rest:.0%})" if weights else alias["Name"])
    return sorted(found)


def _provisioned(session: Session, function: str) -> dict[str, int]:
    """Provisioned concurrency by qualifier, a version's number or an alias's name."""
    with reading(f"Provisioned concurrency of {function}", "lambda"):
        listed = session.pages("lambda", "ListProvisionedConcurrencyConfigs", FunctionName=function)
        found = [config for page in listed for config in page["ProvisionedConcurrencyConfigs"]]
    wanted = "RequestedProvisionedConcurrentExecutions"
    return {_qualifier(config["FunctionArn"]): config[wanted] for config in found}


def _kept_ready(
    aliases: Sequence[Mapping[str, Any]], provisioned: Mapping[str, int], number: str
) -> Iterator[int]:
    yield provisioned.get(number, 0)
    for alias in aliases:
        if alias["FunctionVersion"] == number:
            yield provisioned.get(alias["Name"], 0)


def _asynchronous(session: Session, function: str) -> set[str]:
    with reading(f"Settings for asynchronous calls of {function}", "lambda"):
        listed = session.pages("lambda", "ListFunctionEventInvokeConfigs", FunctionName=function)
        return {
            _qualifier(config["FunctionArn"])
            for page in listed
            for config in page["FunctionEventInvokeConfigs"]
        }


def _mapped(session: Session) -> dict[tuple[str, str], list[str]]:
    """Event source mappings by function and qualifier: asked for by function, AWS may leave out qualified."""
    found: dict[tuple[str, str], list[str]] = {}
    with reading("Event source mappings", "lambda"):
        for page in session.pages("lambda", "ListEventSourceMappings"):
            for mapping in page["EventSourceMappings"]:
                arn = mapping.get("FunctionArn", "")
                name = arn.split(":")[6] if arn.count(":") >= 6 else arn
                found.setdefault((name, _qualifier(arn)), []).append(
                    f"event source mapping {mapping['UUID']}"
                )
    return found


def _qualifier(arn: str) -> str:
    """What stands behind the function in an ARN; empty when nothing does."""
    return ":".join(arn.split(":")[7:])


@readable
def version(session: Session, function: str, version: str) -> State:
    """A version as it is: code (SHA-256 in base64; None when it is not there), aliases, provisioned."""
    client = session.client("lambda")
    with reading(f"Version {version} of {function}", "lambda"):
        try:
            found = client.get_function_configuration(FunctionName=function, Qualifier=version)
        except client.exceptions.ResourceNotFoundException:
            return {"code": None, "aliases": [], "provisioned": 0}
    aliases = _aliases(session, function)
    ready = sum(_kept_ready(aliases, _provisioned(session, function), version))
    return {"code": found["CodeSha256"], "aliases": _referring(aliases, version), "provisioned": ready}


def differences(session: Session, function: str, old: str, new: str) -> pd.DataFrame:
    """What differs between two versions of a function (or `$LATEST`): nothing that is the same has a row.

    Columns: what (`code`, `configuration`, `variable` of the environment, `file` in the package), name, old,
    new. Values of variables are not told, only that they differ. Files are told by their size. When the
    packages cannot be read, a row `file` says why. Raises NotFound, ReadError.
    """
    client = session.client("lambda")
    with reading(f"Versions {old} and {new} of {function}", "lambda"):
        before = client.get_function_configuration(FunctionName=function, Qualifier=old)
        after = client.get_function_configuration(FunctionName=function, Qualifier=new)
    rows: list[dict[str, Any]] = []
    if before["CodeSha256"] != after["CodeSha256"]:
        rows.append(_row("code", "SHA-256", before["CodeSha256"], after["CodeSha256"]))
    rows += _compared_settings(_settings(before), _settings(after))
    rows += _compared_variables(_variables(before), _variables(after))
    if before["CodeSha256"] != after["CodeSha256"]:
        rows += _compared_files(session, function, old, new)
    return table(rows, DIFFERENCES, empty=f"Versions {old} and {new} of {function} do not differ.")


def _row(what: str, name: str, old: str | None, new: str | None) -> dict[str, Any]:
    return {"what": what, "name": name, "old": old, "new": new}


def _settings(found: Mapping[str, Any]) -> dict[str, str]:
    """Settings as text, without those that are empty: services tell "" and nothing apart in no useful way."""
    return {
        name: value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        for name, value in found.items()
        if name not in _OF_EACH and value not in (None, "", [], {})
    }


def _variables(found: Mapping[str, Any]) -> dict[str, str]:
    variables: dict[str, str] = (found.get("Environment") or {}).get("Variables") or {}
    return variables


def _unlike(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return [name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]


def _compared_settings(old: Mapping[str, str], new: Mapping[str, str]) -> list[dict[str, Any]]:
    return [_row("configuration", name, old.get(name), new.get(name)) for name in _unlike(old, new)]


def _compared_variables(old: Mapping[str, str], new: Mapping[str, str]) -> list[dict[str, Any]]:
    rows = []
    for name in _unlike(old, new):
        became = None if name not in new else "another value" if name in old else "set"
        rows.append(_row("variable", name, "set" if name in old else None, became))
    return rows


def _compared_files(session: Session, function: str, old: str, new: str) -> list[dict[str, Any]]:
    try:
        before, after = (files(package(session, function=function, version=number)) for number in (old, new))
    except RunbookError as error:
        return [_row("file", "not compared", None, str(error))]
    sizes = _size(before), _size(after)
    return [_row("file", name, sizes[0].get(name), sizes[1].get(name)) for name in _unlike(before, after)]


def _size(files: Mapping[str, tuple[int, int]]) -> dict[str, str]:
    return {name: f"{size:,} bytes" for name, (size, _) in files.items()}
