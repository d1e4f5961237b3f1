"""InfluxDB's error codes, and the HTTP status that travels with each.

Every error of the v2 API is a JSON object ``{"code": …, "message": …}``: see "InfluxDB API / Errors" in the
InfluxDB OSS v2 documentation (https://docs.influxdata.com/influxdb/v2/api/). The tree:

    InfluxError
     ├─ BucketNotFound
     ├─ PartialWrite       some points of a batch were dropped
     └─ FluxError          (flux/errors.py) a query cannot be answered
"""

from __future__ import annotations

STATUS = {
    "invalid": 400,
    "unauthorized": 401,
    "not found": 404,
    "method not allowed": 405,
    "conflict": 422,
    "unprocessable entity": 422,
    "internal error": 500,
    "not implemented": 501,
}


class InfluxError(Exception):
    """What the HTTP API answers as ``{"code": …, "message": …}``."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    @property
    def status(self) -> int:
        """The HTTP status that goes with the code."""
        return STATUS[self.code]


class BucketNotFound(InfluxError):
    """There is no bucket of that name or id."""

    def __init__(self, bucket: str) -> None:
        super().__init__("not found", f'bucket "{bucket}" not found')


class PartialWrite(InfluxError):
    """Some points of a batch were dropped (``dropped`` says how many); the others are stored."""

    def __init__(self, reason: str, dropped: int) -> None:
        super().__init__(
            "unprocessable entity",
            f"failure writing points to database: partial write: {reason} dropped={dropped}",
        )
        self.dropped = dropped
