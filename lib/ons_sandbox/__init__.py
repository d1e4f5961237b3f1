"""A working miniature of the ONS Data Platform on one machine, behind the APIs of AWS and InfluxDB.

`Sandbox` is the handle; `python -m ons_sandbox` is the process behind it (started by the handle).
"""

from ons_sandbox.instance import Sandbox, SandboxError, SandboxStatus

__all__ = ["Sandbox", "SandboxError", "SandboxStatus"]
