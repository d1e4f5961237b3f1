"""The past in CodeDeploy: an application, a group for each function, and one deployment for each version.

Each version was deployed seconds after it was published, and the alias moved then: see `releases`.
https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-steps-lambda.html
"""

from datetime import datetime, timedelta

from ons_sandbox.platform import names, releases
from ons_sandbox.platform.packages import packages
from ons_sandbox.services import codedeploy, codedeploy_groups, codedeploy_store
from ons_sandbox.services.codedeploy_store import Application, AppSpec, Group

APPLICATION = f"{names.PROJECT}-lambda-app"
ROLE = f"arn:aws:iam::{names.ACCOUNT}:role/{names.CODEDEPLOY_ROLE}"
BORN = timedelta(days=214)

ALL_AT_ONCE = "CodeDeployDefault.LambdaAllAtOnce"
CANARY = "CodeDeployDefault.LambdaCanary10Percent5Minutes"
# Who calls the API would notice a bad version at once; files can be processed again.
CONFIGURATIONS = {
    names.ROUTER: ALL_AT_ONCE,
    names.PROCESSOR: CANARY,
    names.LOADER: ALL_AT_ONCE,
    names.RAG: CANARY,
}
# From the publication of a version to its deployment, and how long that took.
AFTER = timedelta(seconds=11)
TOOK = {ALL_AT_ONCE: timedelta(seconds=9), CANARY: timedelta(minutes=5, seconds=12)}


def group_name(function: names.Function) -> str:
    """The deployment group of a function."""
    return f"{function.name}-deployment-group"


def write(*, now: datetime) -> None:
    """Write application, groups and deployments. now: when the history ends (aware).

    Works inside the server's process only, on an empty CodeDeploy.
    """
    tags = {"Project": names.PROJECT, "Environment": "prod"}
    application = Application(APPLICATION, "Lambda", (now - BORN).timestamp(), tags=dict(tags))
    codedeploy_store.applications()[APPLICATION] = application
    for function in names.FUNCTIONS:
        group = Group(APPLICATION, group_name(function), _settings(function), tags=dict(tags))
        application.groups[group.name] = group
        _deploy(function, group, now)


def _deploy(function: names.Function, group: Group, now: datetime) -> None:
    """Every version but the first replaced the one before."""
    moments, published = releases.published(function.name, now), packages(function.name)
    configuration = CONFIGURATIONS[function]
    for number in range(2, len(moments) + 1):
        created = moments[number - 1] + AFTER
        codedeploy.put_deployment(
            group,
            AppSpec(function.name, names.ALIAS, str(number - 1), str(number)),
            created=created.timestamp(),
            completed=(created + TOOK[configuration]).timestamp(),
            description=published[number - 1].description,
            configuration=configuration,
        )


def _settings(function: names.Function) -> codedeploy_store.Record:
    alarms = [{"name": function.errors_alarm}]
    return {
        **codedeploy_groups.DEFAULTS,
        "serviceRoleArn": ROLE,
        "deploymentConfigName": CONFIGURATIONS[function],
        "alarmConfiguration": {"enabled": True, "ignorePollAlarmFailure": False, "alarms": alarms},
        "autoRollbackConfiguration": {
            "enabled": True,
            "events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"],
        },
        "triggerConfigurations": [
            {
                "triggerName": f"{names.PROJECT}-deployments",
                "triggerTargetArn": names.TOPIC_ARN,
                "triggerEvents": ["DeploymentSuccess", "DeploymentFailure", "DeploymentRollback"],
            }
        ],
    }
