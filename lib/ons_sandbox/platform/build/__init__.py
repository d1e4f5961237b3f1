"""Builds the platform's AWS resources through the AWS API, as its Terraform would.

One module a concern; each has `create(aws, …)`. What depends on nothing of another concern goes side by side.
The network alone is made later, when somebody asks for it.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from ons_sandbox.platform.build import (
    alarms,
    api,
    buckets,
    flags,
    functions,
    identities,
    logs,
    network,
    notices,
    pipeline,
    secrets,
)
from ons_sandbox.platform.clients import Clients


def build(aws: Clients, *, env: dict[str, str], seed: int, progress: Callable[[str], None]) -> None:
    """Create every resource, in an empty account.

    env: the sandbox's variables; functions get the InfluxDB address and organisation from it.
    seed: from which generated ids and worthless secrets follow.
    """
    progress("creating roles, buckets and settings")
    network.create_when_asked()
    with ThreadPoolExecutor(4, thread_name_prefix="build") as pool:
        independent = [
            pool.submit(identities.create, aws, seed),
            pool.submit(buckets.create, aws),
            pool.submit(flags.create, aws),
            pool.submit(secrets.create, aws, env),
            pool.submit(notices.create, aws),
        ]
        for made in independent:
            made.result()
        progress("publishing functions")
        functions.create(aws, env)
        progress("connecting pipeline, API and alarms")
        api_id = api.api_id(seed)
        dependent = [
            pool.submit(pipeline.create, aws),
            pool.submit(api.create, aws, seed),
            pool.submit(logs.create, aws, api_id),
            pool.submit(secrets.publish_names, aws, api_id),
            pool.submit(alarms.create, aws),
        ]
        for made in dependent:
            made.result()
