"""Ports as security groups have them: a protocol and a range, and which risky services are inside of it.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html: protocol -1 is all traffic, and
what is neither TCP, UDP nor ICMP has no ports. Risky ports:
https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html#ec2-19, and InfluxDB's own.
"""

import re
from dataclasses import dataclass
from typing import Self

ALL_TRAFFIC = "all traffic"
ICMP = ("icmp", "icmpv6")
_HIGHEST = 65535
_WITH_PORTS = ("tcp", "udp")
_NAMES = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6"}

#: TCP ports that must not be open to the world, and what answers there.
RISKY = {
    20: "FTP",
    21: "FTP",
    22: "SSH",
    23: "Telnet",
    25: "SMTP",
    110: "POP3",
    135: "RPC",
    143: "IMAP",
    445: "CIFS",
    1433: "SQL Server",
    1434: "SQL Server",
    3000: "web development",
    3306: "MySQL",
    3389: "RDP",
    4333: "ahsp",
    5000: "web development",
    5432: "PostgreSQL",
    5500: "fcp-addr-srvr1",
    5601: "OpenSearch Dashboards",
    8080: "proxy",
    8086: "InfluxDB",
    8088: "HTTP",
    8888: "HTTP",
    9200: "OpenSearch",
    9300: "OpenSearch",
}
_SHOWN = 3
_WRITTEN = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?(?:/(?:tcp|udp))?")


def is_port(text: str) -> bool:
    """Whether this could be what a rule opens: `22`, `22/tcp`, `5000-5010/udp`, or as `Ports` are written."""
    written = _WRITTEN.fullmatch(text)
    if not written:
        return text == ALL_TRAFFIC or text.startswith("protocol ")
    low, high = int(written[1]), int(written[2] or written[1])
    return low <= high <= _HIGHEST


@dataclass(frozen=True)
class Ports:
    """`protocol` is tcp, udp, icmp, icmpv6, `-1` for all traffic, or a number; `low` to `high` inclusive.

    What has no ports has all of them.
    """

    protocol: str
    low: int = 0
    high: int = _HIGHEST

    @classmethod
    def of(cls, protocol: str, low: int | None, high: int | None) -> Self:
        """The ports of a rule as EC2 tells it."""
        name = _NAMES.get(protocol, protocol)
        if name not in _WITH_PORTS or low is None or high is None:
            return cls(name)
        return cls(name, low, high)

    @classmethod
    def parse(cls, text: str) -> Self:
        """What is written as `443/tcp`, `5000-5010/udp`, `icmp` or `50`."""
        ports, _, protocol = text.partition("/")
        if not protocol:
            return cls(_NAMES.get(ports, ports))
        low, _, high = ports.partition("-")
        return cls(protocol, int(low), int(high or low))

    def __str__(self) -> str:
        if self.protocol == "-1":
            return ALL_TRAFFIC
        if self.protocol not in _WITH_PORTS:
            return self.protocol if self.protocol in ICMP else f"protocol {self.protocol}"
        ports = f"{self.low}" if self.low == self.high else f"{self.low}-{self.high}"
        return f"{ports}/{self.protocol}"

    def within(self, other: "Ports") -> bool:
        """Whether `other` has every port of this."""
        return self.protocol == other.protocol and other.low <= self.low and self.high <= other.high

    def meets(self, other: "Ports") -> bool:
        """Whether the two have a port in common."""
        if "-1" in (self.protocol, other.protocol):
            return True
        return self.protocol == other.protocol and self.low <= other.high and other.low <= self.high

    @property
    def risky(self) -> str:
        """The risky services inside of it, lowest port first, as people read them; empty without one."""
        if self.protocol not in ("tcp", "-1"):
            return ""
        inside = [f"{name} ({port})" for port, name in RISKY.items() if self.low <= port <= self.high]
        more = f" and {len(inside) - _SHOWN} more" if len(inside) > _SHOWN else ""
        return ", ".join(inside[:_SHOWN]) + more
