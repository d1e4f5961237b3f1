"""Routes a raw ONS file: checks its key, and says which processor takes it and where the result goes.

Input: the EventBridge event "Object Created" of the raw bucket, as the state machine hands it on.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

import logging
import os
import re
from datetime import datetime
from typing import Any

VERSION = "1.5.0"

logger = logging.getLogger()
logger.setLevel(os.environ.get("LOG_LEVEL", "INFO"))

PROCESSORS = {
    "generation": "structured_data_processor",
    "consumption": "structured_data_processor",
    "transmission": "structured_data_processor",
}
KEY = re.compile(
    r"(?P<dataset>[a-z]+)/(?P<day>\d{4}/\d{2}/\d{2})/(?P=dataset)_(?P<stamp>\d{8}T\d{4})Z\.csv", re.ASCII
)
SUSPICIOUS = re.compile(r"\.\./|[\x00-\x1f<>|;`$]")


class InvalidKey(Exception):
    """The object's key is not <dataset>/YYYY/MM/DD/<dataset>_YYYYMMDDTHHMMZ.csv."""


class UnknownDataset(Exception):
    """No processor is registered for the dataset in the key."""


class EmptyFile(Exception):
    """The object has no content."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return bucket, key, dataset, processor and the key of the processed file."""
    detail = event["detail"]
    bucket, obj = detail["bucket"]["name"], detail["object"]
    key = obj["key"]
    if SUSPICIOUS.search(key):
        logger.warning("SECURITY suspicious object key refused bucket=%s key=%r", bucket, key)
        raise InvalidKey(f"suspicious key {key!r}")
    match = KEY.fullmatch(key)
    if not match:
        raise InvalidKey(f"{key!r} is not <dataset>/YYYY/MM/DD/<dataset>_YYYYMMDDTHHMMZ.csv")
    dataset = match["dataset"]
    if dataset not in PROCESSORS:
        raise UnknownDataset(f"{dataset!r}; known: {', '.join(sorted(PROCESSORS))}")
    if obj.get("size") == 0:
        raise EmptyFile(key)
    instant = _instant(key, match)
    processor = PROCESSORS[dataset]
    folder = f"dataset={dataset}/{instant:year=%Y/month=%m/day=%d}"
    logger.info("PROCESSED key=%s dataset=%s processor=%s", key, dataset, processor)
    logger.info("SUCCESS routed %s of %s UTC", dataset, instant)
    return {
        "bucket": bucket,
        "key": key,
        "version_id": obj.get("version-id"),
        "dataset": dataset,
        "processor": processor,
        "processed_key": f"{folder}/{dataset}_{match['stamp']}Z.parquet",
    }


def _instant(key: str, match: re.Match[str]) -> datetime:
    try:
        instant = datetime.strptime(match["stamp"], "%Y%m%dT%H%M")  # noqa: DTZ007 - the key says UTC
    except ValueError as error:
        raise InvalidKey(f"{key!r}: {error}") from None
    if f"{instant:%Y/%m/%d}" != match["day"]:
        raise InvalidKey(f"{key!r}: folder and file name are of different days")
    return instant
