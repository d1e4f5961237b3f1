"""The services that the sandbox answers itself, because moto keeps no state for them or answers by queue.

Each module has `install()`, which puts its operations in front of moto's handler (what it does not know goes
on to moto), and `reset()`. `clock` says how much faster than on AWS what takes minutes there goes here.
"""

from ons_sandbox.services import codedeploy, cost_explorer, security_groups, timestream_influxdb

__all__ = ["SERVICES", "install", "reset"]

SERVICES = (cost_explorer, codedeploy, timestream_influxdb, security_groups)


def install() -> None:
    """Put every service in front of moto's; after `moto_bridge.install`, once a process. Raises MendError."""
    for service in SERVICES:
        service.install()


def reset() -> None:
    """Forget everything that the services hold, and end what they have under way."""
    for service in SERVICES:
        service.reset()
