"""The one JSON document that a run leaves behind, and its schema (docs/result.schema.json, held by a test).

Programs read it: fields are only ever added within schema 1. `python -m ons_runbook.result` prints the
schema.
"""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from ons_runbook.checks import Check, Verdict
from ons_runbook.window import iso

#: How the result travels inside a notebook: an output of this MIME type.
RESULT_MIME = "application/vnd.ons-runbook.result+json"


def _aware(moment: datetime) -> str:
    return iso(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


Moment = Annotated[datetime, PlainSerializer(_aware, return_type=str, when_used="json")]


class _Part(BaseModel):
    # Readers of schema 1 must survive fields that a later version adds.
    model_config = ConfigDict(extra="ignore", populate_by_name=True, serialize_by_alias=True)


class WindowResult(_Part):
    """The window that was asked about, UTC."""

    start: Moment
    end: Moment


class CheckResult(_Part):
    """One check; see ons_runbook.checks.Check."""

    name: str
    verdict: Literal[Verdict.PASS, Verdict.WARN, Verdict.FAIL, Verdict.UNKNOWN]
    observed: str
    expected: str
    evidence: str = ""
    hint: str = ""

    @classmethod
    def of(cls, check: Check) -> "CheckResult":
        """The check as it stands in the result."""
        return cls(**asdict(check))


class CauseResult(_Part):
    """A possible cause with the evidence for and against it."""

    id: str
    title: str
    score: float
    evidence_for: list[str] = Field(default_factory=list, alias="for")
    against: list[str] = Field(default_factory=list)
    remedy: str = ""


class ActionResult(_Part):
    """One change of a plan."""

    service: str
    operation: str
    target: str
    before: Any = None
    after: Any = None
    undo: Any = None
    change: str = Field(default="", description="what differs between before and after, in words")
    risk: str = ""
    cost: str = ""
    undo_note: str = Field(default="", description="in what an undo differs, or why there is none")
    status: str = Field(
        default="", description="done, failed, not done, unknown, taken back; empty: proposed"
    )
    details: str = ""


class PlanResult(_Part):
    """What was proposed, and what became of it."""

    id: str
    status: Literal["proposed", "applied", "refused", "failed", "undone"]
    actions: list[ActionResult] = Field(default_factory=list)
    run: str = Field(
        default="", description="the run whose journal holds what was done; empty when nothing was"
    )
    reason: str = Field(default="", description="why it was refused, or what stopped it")
    left_alone: list[dict[str, str]] = Field(default_factory=list, description="target and why")


class ErrorResult(_Part):
    """Why the procedure itself broke: exception type, message, and the number of the code cell (from 1)."""

    type: str
    message: str
    cell: int | None = None


class ContactResult(_Part):
    """Whom to tell, by role."""

    role: str
    email: str = ""
    slack: str = ""
    phone: str = ""


class Result(_Part):
    """The result of one run, schema 1."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    procedure: str = Field(description="path without suffix, e.g. health/daily_health_check")
    title: str = Field(default="", description="the procedure's title as people know it")
    section: str = Field(default="", description="the folder, i.e. the section of the runbook")
    platform: str
    account: str | None = Field(default=None, description="AWS account id, null when it could not be asked")
    region: str | None = None
    identity: str | None = Field(
        default=None, description="the caller's ARN, null when it could not be asked"
    )
    run_id: str
    commit: str | None = None
    started: Moment
    finished: Moment
    window: WindowResult | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)
    verdict: Verdict
    checks: list[CheckResult] = Field(default_factory=list)
    causes: list[CauseResult] = Field(default_factory=list, description="most likely first; [] when healthy")
    plan: PlanResult | None = None
    error: ErrorResult | None = None
    whom_to_tell: list[ContactResult] = Field(default_factory=list, description="empty when all is well")
    durations: dict[str, float] = Field(default_factory=dict, description="seconds by name of the question")

    def to_json(self, *, indent: int | None = 2) -> str:
        """The document as text."""
        return self.model_dump_json(indent=indent)

    def to_dict(self) -> dict[str, Any]:
        """The document as plain values that JSON can hold."""
        return self.model_dump(mode="json")


def schema_text() -> str:
    """The JSON schema as it stands in docs/result.schema.json."""
    schema = Result.model_json_schema(mode="serialization", by_alias=True)
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(schema_text(), end="")
