"""CloudWatch Logs: the platform's log groups, some of them kept for ever by mistake, and two of other owners.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/Working-with-log-groups-and-streams.html
"""

from ons_sandbox.platform import names
from ons_sandbox.platform.clients import Clients

OF_OTHERS = ("/aws/lambda/billing-export", "/ecs/legacy-crm")


def create(aws: Clients, api_id: str) -> None:
    """Create the groups; those with a number of days are kept that long, the others for ever."""
    groups: dict[str, int | None] = {
        names.ROUTER.log_group: 30,
        names.PROCESSOR.log_group: 30,
        names.LOADER.log_group: None,
        names.RAG.log_group: None,
        f"/aws/vendedlogs/states/{names.STATE_MACHINE}": 30,
        f"API-Gateway-Execution-Logs_{api_id}/{names.STAGE}": None,
        **dict.fromkeys(OF_OTHERS),
    }
    logs = aws("logs")
    for group, days in groups.items():
        owner = "finance" if group in OF_OTHERS else names.PROJECT
        logs.create_log_group(logGroupName=group, tags={"Project": owner})
        if days:
            logs.put_retention_policy(logGroupName=group, retentionInDays=days)
