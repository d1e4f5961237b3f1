"""CloudWatch alarms on functions, API, executions and InfluxDB.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html
https://docs.aws.amazon.com/timestream/latest/developerguide/timestream-for-influx-monitoring.html
"""

from typing import Any

from ons_sandbox.platform import names
from ons_sandbox.platform.clients import Clients


def create(aws: Clients) -> None:
    """Create every alarm; each tells the topic when it goes off and when it is over."""
    for alarm in definitions():
        aws("cloudwatch").put_metric_alarm(
            ActionsEnabled=True,
            AlarmActions=[names.TOPIC_ARN],
            OKActions=[names.TOPIC_ARN],
            ComparisonOperator="GreaterThanOrEqualToThreshold",
            **alarm,
        )


def definitions() -> list[dict[str, Any]]:
    """The alarms as PutMetricAlarm takes them."""
    # Three files arrive each half hour: when two of them fail it is an incident, one may be the file's.
    alarms = [
        _alarm(
            function.errors_alarm,
            f"Errors of {function.name}",
            ("AWS/Lambda", "Errors", {"FunctionName": function.name}),
            {"Statistic": "Sum", "Threshold": 5.0, "Period": 300}
            if function is names.RAG
            else {"Statistic": "Sum", "Threshold": 2.0, "Period": 1800},
        )
        for function in names.FUNCTIONS
    ]
    api = {"ApiName": names.API}
    alarms += [
        _alarm(
            names.API_5XX_ALARM,
            "The API answers 5xx",
            ("AWS/ApiGateway", "5XXError", api),
            {"Statistic": "Sum", "Threshold": 5.0, "Period": 300},
        ),
        _alarm(
            names.API_LATENCY_ALARM,
            "The API is slow: p95 of 5 s",
            ("AWS/ApiGateway", "Latency", api),
            {"ExtendedStatistic": "p95", "Threshold": 5000.0, "Period": 300, "EvaluationPeriods": 2},
        ),
        _alarm(
            names.EXECUTIONS_ALARM,
            "Files are not processed",
            ("AWS/States", "ExecutionsFailed", {"StateMachineArn": names.STATE_MACHINE_ARN}),
            {"Statistic": "Sum", "Threshold": 2.0, "Period": 1800},
        ),
        _alarm(
            names.INFLUX_CPU_ALARM,
            "InfluxDB is overloaded",
            ("AWS/Timestream/InfluxDB", "CPUUtilization", {"DbInstanceName": names.INFLUX_INSTANCE}),
            {"Statistic": "Average", "Threshold": 80.0, "Period": 300, "EvaluationPeriods": 3},
        ),
    ]
    return alarms


def _alarm(
    name: str, purpose: str, metric: tuple[str, str, dict[str, str]], rule: dict[str, Any]
) -> dict[str, Any]:
    namespace, metric_name, dimensions = metric
    return {
        "AlarmName": name,
        "AlarmDescription": purpose,
        "Namespace": namespace,
        "MetricName": metric_name,
        "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
        "EvaluationPeriods": 1,
        "TreatMissingData": "notBreaching",
        **rule,
    }
