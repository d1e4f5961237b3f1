"""The past in CloudTrail: who changed what in the last two weeks, and who only looked.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

from datetime import datetime, timedelta

from ons_sandbox.mends.cloudtrail_lookup import put_event
from ons_sandbox.platform import names
from ons_sandbox.platform.history import trail_changes, trail_rhythm
from ons_sandbox.platform.history.callers import ADDRESSES, Callers

DAYS = timedelta(days=14)


def write(*, seed: int, now: datetime) -> int:
    """Write the events up to `now` (aware), when the history ends; gives their number.

    The users, the deployments and the dates must be written. Works inside the server's process only.
    """
    people = Callers()
    events = [
        *trail_changes.events(people, now - DAYS, now),
        *trail_rhythm.events(people, seed, now - DAYS, now),
    ]
    for event in sorted(events, key=lambda event: event.at):
        put_event(
            event.at.timestamp(),
            f"{event.source}.amazonaws.com",
            event.name,
            event.user,
            parameters=event.parameters,
            response=event.response,
            source_address=event.address or ADDRESSES.get(event.user.get("userName", ""), ""),
            user_agent=event.agent,
            region=names.REGION,
            error_code=event.error,
            touched=[{"ResourceName": name, "ResourceType": kind} for name, kind in event.touched],
            more=event.more,
        )
    return len(events)
