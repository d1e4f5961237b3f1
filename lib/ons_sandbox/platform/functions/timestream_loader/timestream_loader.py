"""Loads one processed Parquet file into InfluxDB (Amazon Timestream for InfluxDB).

Input: the EventBridge event "Object Created" of the processed bucket. Writing a point again overwrites it
with the same value, so a file may be loaded any number of times.
https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/
"""

import io
import logging
import os
import re
from typing import Any

from shared_utils import aws, influxdb

VERSION = "1.5.1"

logger = logging.getLogger()
logger.setLevel(os.environ.get("LOG_LEVEL", "INFO"))

# dataset: measurement, tags, field
SERIES: dict[str, tuple[str, tuple[str, ...], str]] = {
    "generation": ("generation_data", ("region", "energy_source"), "generation_mw"),
    "consumption": ("consumption_data", ("region",), "load_mw"),
    "transmission": ("transmission_data", ("from_region", "to_region"), "flow_mw"),
}
KEY = re.compile(r"dataset=(?P<dataset>\w+)/.+\.parquet")
ESCAPES = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ "})


class UnknownDataset(Exception):
    """The key names no dataset that has a measurement."""


class ColumnMissing(Exception):
    """The Parquet file lacks a column of its dataset."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Load one file; returns the measurement and the number of points."""
    # EventBridge carries the key as it is; only S3's own notifications encode it.
    bucket, key = event["detail"]["bucket"]["name"], event["detail"]["object"]["key"]
    match = KEY.fullmatch(key)
    if not match or match["dataset"] not in SERIES:
        raise UnknownDataset(f"{key!r}; known: {', '.join(sorted(SERIES))}")
    body = aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    lines = to_lines(match["dataset"], key, body)
    batches = influxdb.write(lines)
    measurement = SERIES[match["dataset"]][0]
    logger.info("SUCCESS measurement=%s points=%d batches=%d key=%s", measurement, len(lines), batches, key)
    return {"measurement": measurement, "points": len(lines), "key": key}


def to_lines(dataset: str, key: str, body: bytes) -> list[str]:
    """The file's rows as line protocol, in seconds."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    measurement, tags, field = SERIES[dataset]
    table = ParquetFile(io.BytesIO(body)).read()
    missing = {"time", field, *tags} - set(table.column_names)
    if missing:
        raise ColumnMissing(f"{key}: {', '.join(sorted(missing))}")
    # As whole seconds: to give Python's own times, Arrow would load pandas, which doubles cold start and
    # memory.
    seconds = table["time"].cast(pa.timestamp("s", tz="UTC")).cast(pa.int64()).to_pylist()
    lines = []
    for second, row in zip(seconds, table.drop_columns("time").to_pylist(), strict=True):
        labels = "".join(f",{name}={row[name].translate(ESCAPES)}" for name in sorted(tags))
        lines.append(f"{measurement}{labels} {field}={row[field]!r} {second}")
    return lines
