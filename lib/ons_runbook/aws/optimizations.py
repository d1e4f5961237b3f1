"""What makes the platform quicker, in one plan: functions kept warm, and answers of the API cached."""

import pandas as pd

from ons_runbook.aws import api_caching, provisioning
from ons_runbook.plan import Changes
from ons_runbook.session import Session


def changes(
    session: Session,
    recommended: pd.DataFrame,
    methods: pd.DataFrame,
    *,
    function: str = "",
    keep_warm: int = -1,
    cache: list[str] | None = None,
    cache_size: str = "0.5",
    ttl_s: int = 300,
) -> Changes:
    """What `provisioning.changes` and `api_caching.changes` give for the platform's alias, API and stage.

    `keep_warm` is -1 for as many as are recommended. When only a function, or only methods to cache are
    named, nothing is planned for the other. Raises what the two raise.
    """
    platform = session.platform
    named = bool(function or cache or keep_warm >= 0)
    parts = []
    if function or keep_warm >= 0 or not named:
        count = None if keep_warm < 0 else keep_warm
        parts.append(
            provisioning.changes(
                session, recommended, alias=platform.alias, function=function, environments=count
            )
        )
    if cache or not named:
        parts.append(
            api_caching.changes(
                session,
                methods,
                api=platform.api_name,
                stage=platform.api_stage,
                health_path=platform.api_health_path,
                named=cache or (),
                size=cache_size,
                ttl_s=ttl_s,
            )
        )
    return Changes(
        [action for part in parts for action in part.actions],
        [one for part in parts for one in part.left_alone],
        " ".join(part.nothing for part in parts),
    )
