"""The operations runbook of the ONS Data Platform as executable notebooks: what a notebook imports.

    from ons_runbook import begin, checks, influx, show
    from ons_runbook.aws import alarms, api, buckets, lambdas, logs

Names are resolved when they are first used, so that the command line starts without pandas and boto3.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ons_runbook.context import begin

__all__ = ["begin"]


def __getattr__(name: str) -> Any:
    if name == "begin":
        return import_module("ons_runbook.context").begin
    raise AttributeError(f"module 'ons_runbook' has no attribute {name!r}")
