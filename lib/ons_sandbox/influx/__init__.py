"""A stand-in for InfluxDB OSS v2: its HTTP API, line protocol and Flux over DuckDB, for unchanged clients.

``Store`` keeps buckets and points, ``create_app`` serves them. What it answers was compared with InfluxDB
2.7.12, and the tests hold it to that. Where it differs on purpose or for good:

- Flux has the functions in ``flux.functions``; every other one is refused by name.
- An error anywhere in a query refuses the query; a real server may send the tables before the error first.
- A field has one type in its measurement for ever; a real server asks for that within a shard group only.
- What is older than the retention period is gone at once; a real server drops it by whole shard groups.
- ``quantile`` is exact where a t-digest estimates; ``stddev`` may differ in the last digit.
- Tokens are active or inactive; permissions are not told apart.
"""

from .app import create_app
from .store import Store

__all__ = ["Store", "create_app"]
