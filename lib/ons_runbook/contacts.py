"""Whom to tell: the escalation matrix and the emergency contacts of the source runbook, by role."""

from pydantic import BaseModel, ConfigDict, Field


class Contact(BaseModel):
    """Whom to tell, by role."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: str = Field(description="the team, as people call it")
    email: str = Field(default="", description="address")
    slack: str = Field(default="", description="channel")
    phone: str = Field(default="", description="number")


ESCALATION = (
    Contact(
        role="Level 1: operations team",
        email="ops-team@company.com",
        slack="#ops-alerts",
        phone="+1-555-OPS-TEAM",
    ),
    Contact(
        role="Level 2: engineering team",
        email="engineering@company.com",
        slack="#engineering-alerts",
        phone="+1-555-ENG-TEAM",
    ),
    Contact(
        role="Level 3: architecture team",
        email="architecture@company.com",
        slack="#architecture-alerts",
        phone="+1-555-ARCH-TEAM",
    ),
)
EMERGENCY = (
    Contact(role="Security incidents", email="security@company.com"),
    Contact(role="Data privacy", email="privacy@company.com"),
    Contact(role="Legal and compliance", email="legal@company.com"),
    Contact(role="Executive escalation", email="executives@company.com"),
)
