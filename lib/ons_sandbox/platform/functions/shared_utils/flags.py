"""Feature flags from AWS AppConfig, cached for half a minute.

https://docs.aws.amazon.com/appconfig/latest/userguide/appconfig-retrieving-the-configuration.html
"""

import json
import logging
import os
import time
from typing import Any

from shared_utils import aws

logger = logging.getLogger(__name__)

CACHE_SECONDS = float(os.environ.get("FLAG_CACHE_SECONDS", "30"))

_token = ""
_flags: dict[str, Any] = {}
_read_at = float("-inf")


def enabled(name: str) -> bool:
    """Whether the flag is on. One that cannot be read keeps its last known state, and is off before that."""
    if time.monotonic() - _read_at > CACHE_SECONDS:
        _refresh()
    return bool(_flags.get(name, {}).get("enabled", False))


def _refresh() -> None:
    global _token, _flags, _read_at
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        appconfig = aws.client("appconfigdata")
        if not _token:
            _token = appconfig.start_configuration_session(
                ApplicationIdentifier=os.environ["APPCONFIG_APPLICATION"],
                EnvironmentIdentifier=os.environ["APPCONFIG_ENVIRONMENT"],
                ConfigurationProfileIdentifier=os.environ["APPCONFIG_PROFILE"],
            )["InitialConfigurationToken"]
        answer = appconfig.get_latest_configuration(ConfigurationToken=_token)
        _token = answer["NextPollConfigurationToken"]
        document = answer["Configuration"].read()
        if document:  # empty when nothing changed since the last poll
            _flags = json.loads(document)
    except (BotoCoreError, ClientError, ValueError) as error:
        _token = ""
        logger.warning("Feature flags could not be read, keeping the last known: %s", error)
    _read_at = time.monotonic()
