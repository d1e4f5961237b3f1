"""boto3 clients, made when they are first needed and kept as long as the execution environment.

https://docs.aws.amazon.com/lambda/latest/dg/best-practices.html (reuse of the execution environment)
"""

import functools
import logging
from typing import Any


@functools.cache
def client(service: str) -> Any:
    """The client of a service, with short timeouts: a function waits for nobody long."""
    # Imported late: a cold start that needs no AWS pays nothing for it.
    import boto3
    from botocore.config import Config

    # It tells at INFO where it found credentials and endpoints, on every cold start.
    logging.getLogger("botocore").setLevel(logging.WARNING)
    config = Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})
    return boto3.client(service, config=config)
