"""InfluxDB 2: the guarded client, and what is asked of the database."""

from ons_runbook.influx.client import client, query
from ons_runbook.influx.freshness import judge_freshness, newest_points
from ons_runbook.influx.health import judge, status

__all__ = ["client", "judge", "judge_freshness", "newest_points", "query", "status"]
