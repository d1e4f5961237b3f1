"""Lambda: the four functions, every published version of each, and the alias on the newest.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html
https://docs.aws.amazon.com/lambda/latest/dg/configuration-aliases.html
"""

import time
from typing import Any

from ons_sandbox.platform import names
from ons_sandbox.platform.clients import Clients
from ons_sandbox.platform.packages import packages


def create(aws: Clients, env: dict[str, str]) -> None:
    """Create and publish every function. env: the sandbox's variables, for the InfluxDB address."""
    for function in names.FUNCTIONS:
        _create(aws("lambda"), function, _environment(function, env))


def _create(client: Any, function: names.Function, variables: dict[str, str]) -> None:
    first, *later = packages(function.name)
    client.create_function(
        FunctionName=function.name,
        Description=function.description,
        Runtime="python3.11",
        Handler=f"{function.name}.handler",
        Role=f"arn:aws:iam::{names.ACCOUNT}:role/{function.role}",
        Timeout=function.timeout,
        MemorySize=function.memory,
        Environment={"Variables": variables},
        Code={"ZipFile": first.content},
        Tags={"Project": names.PROJECT, "Environment": "prod"},
    )
    published = _publish(client, function, first.description)
    for package in later:
        client.update_function_code(FunctionName=function.name, ZipFile=package.content)
        published = _publish(client, function, package.description)
    client.create_alias(
        FunctionName=function.name,
        Name=names.ALIAS,
        FunctionVersion=published["Version"],
        Description="What everything calls",
    )


def _publish(client: Any, function: names.Function, description: str) -> dict[str, Any]:
    """Publish what was just created or updated, as soon as that is over."""
    # Not botocore's waiter: it looks once a second, and this takes a few milliseconds while it is built.
    while client.get_function_configuration(FunctionName=function.name)["LastUpdateStatus"] == "InProgress":
        time.sleep(0.002)
    published: dict[str, Any] = client.publish_version(FunctionName=function.name, Description=description)
    return published


def _environment(function: names.Function, env: dict[str, str]) -> dict[str, str]:
    influx = {
        "INFLUXDB_URL": env["INFLUXDB_V2_URL"],
        "INFLUXDB_ORG": names.INFLUX_ORG,
        "INFLUXDB_BUCKET": names.INFLUX_BUCKET,
        "INFLUXDB_SECRET": names.INFLUX_SECRET,
    }
    flags = {
        "APPCONFIG_APPLICATION": names.FLAG_APPLICATION,
        "APPCONFIG_ENVIRONMENT": names.FLAG_ENVIRONMENT,
        "APPCONFIG_PROFILE": names.FLAG_PROFILE,
    }
    own = {
        names.ROUTER: {},
        names.PROCESSOR: {"PROCESSED_BUCKET": names.PROCESSED_BUCKET, **flags},
        names.LOADER: influx,
        # API Gateway waits 29 s at most: two attempts, and time left to answer.
        names.RAG: {**influx, **flags, "INFLUXDB_RETRIES": "1", "INFLUXDB_TIMEOUT_SECONDS": "8"},
    }[function]
    return {"LOG_LEVEL": "INFO", **own}
