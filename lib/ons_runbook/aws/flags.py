"""Feature flags: what is switched on now, read as callers read it, and what is stored of them.

Through AppConfig's data plane (`GetConfiguration` is deprecated), where a token is good for one call:
https://docs.aws.amazon.com/appconfig/2019-10-09/APIReference/API_appconfigdata_GetLatestConfiguration.html ·
what is stored, with the attributes of flags that are off as well:
https://docs.aws.amazon.com/appconfig/latest/userguide/appconfig-type-reference-feature-flags.html
"""

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from ons_runbook.aws.flag_deployments import place, standing
from ons_runbook.checks import Check, Verdict, covers
from ons_runbook.errors import NotFound, RunbookError, UnexpectedAnswer
from ons_runbook.failures import reading
from ons_runbook.session import Session
from ons_runbook.tables import TEXT, TRUTH, given, table, text

#: AppConfig's own notes in a document, which come back although nobody sent them.
NOTES = ("_createdAt", "_updatedAt")
ON, OFF, BY_RULES = "on", "off", "by rules"

DEPLOYED = {
    "flag": TEXT,
    "on": TRUTH,
    "stored": TEXT,
    "attributes": TEXT,
    "description": TEXT,
    "version": TEXT,
}

Document = dict[str, Any]


def served(session: Session, application: str, environment: str, profile: str) -> Document:
    """What callers get now: by flag, `enabled` and the attributes of those that are on.

    Raises NotFound when nothing was deployed, UnexpectedAnswer for what is no feature flags.
    """
    client = session.client("appconfigdata")
    for last in (False, True):
        try:
            with reading(f"Flags of {environment}", "appconfigdata"):
                token = client.start_configuration_session(
                    ApplicationIdentifier=application,
                    EnvironmentIdentifier=environment,
                    ConfigurationProfileIdentifier=profile,
                )["InitialConfigurationToken"]
                answer = client.get_latest_configuration(ConfigurationToken=token)
                content = answer["Configuration"].read()
            break
        except NotFound:
            raise
        except RunbookError as error:
            # A call that was repeated after its answer was lost comes with a token that is used up.
            if last or not isinstance(error.__cause__, client.exceptions.BadRequestException):
                raise
    if not content:
        raise NotFound(f"AppConfig serves nothing to {environment}.", "Deploy a first version of the flags.")
    return parsed(content, f"What AppConfig serves to {environment}")


def stored(session: Session, application: str, profile: str, version: str) -> tuple[Document, str]:
    """A hosted version's document (`flags` and `values`), and its content type."""
    with reading(f"Version {version} of the flags", "appconfig"):
        answer = session.client("appconfig").get_hosted_configuration_version(
            ApplicationId=application, ConfigurationProfileId=profile, VersionNumber=int(version)
        )
        content = answer["Content"].read()
    return parsed(content, f"Version {version} of the flags"), str(answer["ContentType"])


def parsed(content: bytes, what: str) -> Document:
    """JSON with an object in it; UnexpectedAnswer for anything else."""
    try:
        found = json.loads(content)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise UnexpectedAnswer(f"{what} is no feature flags.", "Is the profile one of feature flags?")
    return found


def switch(value: Any) -> str:
    """`on`, `off`, or `by rules` for a flag with variants, which is on for some callers."""
    if not isinstance(value, Mapping):
        return OFF
    if "_variants" in value:
        return BY_RULES
    return ON if value.get("enabled") else OFF


def deployed(session: Session, application: str, environment: str, profile: str) -> pd.DataFrame:
    """Every flag as it is deployed now, one row a flag.

    Columns: flag, on (what callers get; missing when rules decide, or when they do not get the flag), stored
    (`on`, `off` or `by rules` in the version that is live), attributes, description, version (that is live).
    Raises NotFound, UnexpectedAnswer, AccessDenied, ReadError.
    """
    where = place(session, application, environment, profile)
    got = served(session, where.application, where.environment, where.profile)
    now = standing(session, where.application, where.environment, where.profile, where.profile_name)
    document: Document = {}
    if where.hosted and now.version:
        document, _ = stored(session, where.application, where.profile, now.version)
    definitions, values = document.get("flags", {}), document.get("values", {})
    rows = [
        {
            "flag": name,
            "on": {ON: True, OFF: False}.get(switch(got[name])) if name in got else None,
            "stored": switch(values.get(name)) if name in definitions else None,
            "attributes": _attributes({**values.get(name, {}), **got.get(name, {})}),
            "description": definitions.get(name, {}).get("description"),
            "version": now.version,
        }
        for name in [*definitions, *sorted(got.keys() - definitions.keys())]
    ]
    return table(rows, DEPLOYED, empty="There is no flag.")


def _attributes(value: Mapping[str, Any]) -> str | None:
    hidden = ("enabled", "_variants", *NOTES)
    return ", ".join(f"{key}: {json.dumps(v)}" for key, v in value.items() if key not in hidden) or None


@covers(["flags.served"])
def judge(deployed: pd.DataFrame) -> Check:
    """Whether callers get what the version that is live says; without any flag it is unknown."""
    expected = "every flag as the version that is live says"
    if deployed.empty:
        return Check("flags.served", Verdict.UNKNOWN, "there is no flag", expected)
    differ = [
        f"{row['flag']} is {ON if row['on'] else OFF} and was stored as {row['stored']}"
        for _, row in deployed.iterrows()
        if given(row["on"]) and given(row["stored"]) and row["stored"] != (ON if row["on"] else OFF)
    ]
    absent = [text(row["flag"]) for _, row in deployed.iterrows() if not _got(row)]
    wrong = differ + [f"{name} is not served" for name in absent]
    if wrong:
        hint = "A deployment that goes on explains it; else read the flags again in a minute."
        return Check("flags.served", Verdict.WARN, "; ".join(wrong), expected, "", hint)
    on = int(deployed["on"].fillna(False).sum())
    version = text(deployed["version"].iloc[0], "unknown")
    return Check("flags.served", Verdict.PASS, f"{on} of {len(deployed)} on, version {version}", expected)


def _got(row: "pd.Series[Any]") -> bool:
    return given(row["on"]) or text(row["stored"]) == BY_RULES
