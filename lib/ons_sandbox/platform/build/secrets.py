"""Secrets Manager and Parameter Store: the InfluxDB token, and the names that other programs look up.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/create_secret.html
"""

import json

from ons_sandbox.platform import names
from ons_sandbox.platform.clients import Clients


def create(aws: Clients, env: dict[str, str]) -> None:
    """Keep the InfluxDB token as a secret."""
    aws("secretsmanager").create_secret(
        Name=names.INFLUX_SECRET,
        Description="Token of the functions for the bucket energy_data",
        SecretString=json.dumps({"token": env["INFLUXDB_V2_TOKEN"], "org": names.INFLUX_ORG}),
    )


def publish_names(aws: Clients, api_id: str) -> None:
    """Publish what Terraform's outputs would say as parameters."""
    parameters = {
        "api_id": api_id,
        "api_stage": names.STAGE,
        "s3_raw_bucket_name": names.RAW_BUCKET,
        "s3_processed_bucket_name": names.PROCESSED_BUCKET,
        "step_function_arn": names.STATE_MACHINE_ARN,
        "deployment_sns_topic_arn": names.TOPIC_ARN,
        "influxdb_instance": names.INFLUX_INSTANCE,
    }
    for name, value in parameters.items():
        aws("ssm").put_parameter(Name=f"/{names.PROJECT}/prod/{name}", Value=value, Type="String")
