"""The servers that the tests talk to: what they need to know of one."""

from dataclasses import dataclass

from influxdb_client import InfluxDBClient


@dataclass(frozen=True)
class Influx:
    """Where a server is, and how to get in."""

    url: str
    org: str
    token: str

    def client(self) -> InfluxDBClient:
        """A new client, for a `with` block."""
        return InfluxDBClient(self.url, self.token, org=self.org)
