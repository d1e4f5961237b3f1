"""The ONS Data Platform in miniature: its resources, its past, its life while the sandbox runs.

`names` says what everything is called, `build` creates the AWS resources, `energy` makes the values,
`history` writes the past, `traffic` goes on from there. Nothing here is imported before the server asks for
it.
"""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ons_sandbox.influx.store import Store


def seed(
    *,
    aws_url: str,
    influx_store: "Store",
    env: dict[str, str],
    now: datetime,
    seed: int,
    progress: Callable[[str], None],
) -> None:
    """Fill an empty account and an empty InfluxDB: a platform that has been running for months.

    Runs in a worker thread of the server's process, because the past cannot be written through the AWS API.
    The same seed and now give the same names, logs, metrics, files and points; ids that AWS draws at random
    are random.

    aws_url: where AWS answers. env: the variables that clients of the sandbox use. now: when the history ends
    (aware). progress: is told what is being done.
    """
    from ons_sandbox.platform import history
    from ons_sandbox.platform.build import build
    from ons_sandbox.platform.clients import Clients, share_service_models

    share_service_models()
    clients = Clients(aws_url, env)
    build(clients, env=env, seed=seed, progress=progress)
    history.write(influx_store=influx_store, now=now, seed=seed, progress=progress)
