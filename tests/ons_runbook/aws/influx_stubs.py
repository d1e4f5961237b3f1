"""What Timestream for InfluxDB answers in these tests.

https://docs.aws.amazon.com/ts-influxdb/latest/ts-influxdb-api/API_GetDbInstance.html
"""

from collections.abc import Callable
from typing import Any

from botocore.stub import Stubber

NAME, ID = "ons-influxdb-prod", "abcdef1234"
ARN = f"arn:aws:timestream-influxdb:us-east-1:123456789012:db-instance/{ID}"


def instance(**changed: Any) -> dict[str, Any]:
    """An instance as GetDbInstance tells it."""
    return {
        "id": ID,
        "name": NAME,
        "arn": ARN,
        "status": "AVAILABLE",
        "endpoint": f"{ID}.timestream-influxdb.us-east-1.on.aws",
        "dbInstanceType": "db.influx.medium",
        "dbStorageType": "InfluxIOIncludedT1",
        "allocatedStorage": 100,
        "deploymentType": "SINGLE_AZ",
        "vpcSubnetIds": ["subnet-0a1f3c5e7b9d20461"],
        **changed,
    }


def add_listing(stub: Callable[[str], Stubber], *names: str, **more: Any) -> None:
    """One page of ListDbInstances; `more` are further members of the answer."""
    items = [{"id": ID if name == NAME else f"id{name}"[:10], "name": name, "arn": ARN} for name in names]
    stub("timestream-influxdb").add_response("list_db_instances", {"items": items, **more})


def add_instance(stub: Callable[[str], Stubber], **changed: Any) -> None:
    """What asking for the instance of that name answers."""
    add_listing(stub, NAME)
    stub("timestream-influxdb").add_response("get_db_instance", instance(**changed), {"identifier": ID})
