"""When each version of each function was published, and which one was live at a time."""

from datetime import datetime, timedelta

from ons_sandbox.platform import names

# Days before now, oldest version first: one a package. The last is live.
AGES: dict[str, tuple[int, ...]] = {
    names.ROUTER.name: (212, 176, 131, 94, 66, 40),
    names.PROCESSOR.name: (212, 176, 140, 108, 71, 33, 9),
    names.LOADER.name: (205, 170, 133, 99, 58, 26, 12),
    names.RAG.name: (198, 160, 121, 83, 47, 19, 4),
}
# Deployments are made in working hours (UTC).
HOUR, MINUTES = (
    14,
    {names.ROUTER.name: 5, names.PROCESSOR.name: 20, names.LOADER.name: 35, names.RAG.name: 50},
)


def published(function: str, now: datetime) -> list[datetime]:
    """When each version was published and went live, version 1 first (aware, UTC)."""
    today = now.replace(hour=HOUR, minute=MINUTES[function], second=0, microsecond=0)
    return [today - timedelta(days=days) for days in AGES[function]]


def live(function: str, instant: datetime, now: datetime) -> str:
    """The version that the alias pointed to at `instant`, e.g. "6"."""
    before = [moment for moment in published(function, now) if moment <= instant]
    return str(max(len(before), 1))
