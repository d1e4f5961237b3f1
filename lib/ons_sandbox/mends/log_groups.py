"""DescribeLogGroups gives at most fifty groups a page, and refuses to be asked for more.

MiniStack quietly takes any limit for fifty.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogGroups.html
"""

from typing import Any

from ons_sandbox.mends import mended

Answer = tuple[int, dict[str, Any], bytes]

MAX_PAGE = 50


def install() -> None:
    """Check the limit."""
    logs: Any = mended("ministack.services.cloudwatch_logs", "_describe_log_groups", "error_response_json")
    original = logs._describe_log_groups

    def describe_log_groups(data: dict[str, Any]) -> Answer:
        limit = data.get("limit", MAX_PAGE)
        if not 1 <= limit <= MAX_PAGE:
            bound = f"less than or equal to {MAX_PAGE}" if limit > MAX_PAGE else "greater than or equal to 1"
            message = (
                f"1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: "
                f"Member must have value {bound}"
            )
            refused: Answer = logs.error_response_json("InvalidParameterException", message, 400)
            return refused
        answer: Answer = original(data)
        return answer

    logs._describe_log_groups = describe_log_groups
