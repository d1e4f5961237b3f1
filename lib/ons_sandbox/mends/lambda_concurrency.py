"""Reserved concurrency counts for every way into a function.

MiniStack looks for ReservedConcurrentExecutions on the record that is executed, and versions have none:
whoever calls an alias or a version is never throttled. On AWS the reservation is the function's, for all
its versions.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
"""

import inspect
from typing import Any

from ons_sandbox.mends import mended, require


def install() -> None:
    """Read the reservation of the function, whichever of its versions runs."""
    service = mended(
        "ministack.services.lambda_svc", "_reserved_concurrency", "_acquire_execution_slot", "_functions"
    )
    require(
        "_reserved_concurrency(func, config)" in inspect.getsource(service._acquire_execution_slot),
        "_acquire_execution_slot asks _reserved_concurrency(func, config)",
    )

    def reserved_concurrency(func: dict[str, Any], config: dict[str, Any]) -> int | None:
        function = service._functions.get(config.get("FunctionName", "")) or func
        reserved = function.get("concurrency")
        return None if reserved is None else int(reserved)

    service._reserved_concurrency = reserved_concurrency
