"""IAM: a role a function with no more than it needs, the pipeline's roles, and users with keys.

https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege
"""

import json
from typing import Any

from ons_sandbox.platform import names
from ons_sandbox.platform.clients import Clients

Statement = dict[str, Any]

# User: the ages of the keys in days.
USERS: dict[str, tuple[int, ...]] = {
    "ci-deployer": (41,),
    "grafana-reader": (203,),
    "ana.souza": (12,),
    "bruno.lima": (97, 388),
    "carla.mendes": (),
    "legacy-etl": (512,),
    "dashboard-export": (133,),
}
INACTIVE = {("bruno.lima", 388)}
# Key: hours since it was last used, and for what. One that is not here never was, but for what the audit
# trail says.
LAST_USED: dict[tuple[str, int], tuple[int, str]] = {
    ("ci-deployer", 41): (9 * 24, "lambda"),
    ("grafana-reader", 203): (1, "monitoring"),
    ("ana.souza", 12): (26, "s3"),
    ("bruno.lima", 97): (31 * 24, "s3"),
    ("bruno.lima", 388): (120 * 24, "sts"),
    ("legacy-etl", 512): (301 * 24, "s3"),
}
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


def create(aws: Clients, seed: int) -> None:
    """Create roles, users and access keys. The keys' ages are set with the other dates."""
    iam = aws("iam")
    for function in names.FUNCTIONS:
        _role(iam, function.role, "lambda.amazonaws.com", [_writes_logs(function), *_needs(function)])
    invoke = _allow(["lambda:InvokeFunction"], [names.ROUTER.live_arn, names.PROCESSOR.live_arn])
    _role(iam, names.STATE_MACHINE_ROLE, "states.amazonaws.com", [invoke])
    start = _allow(["states:StartExecution"], [names.STATE_MACHINE_ARN])
    _role(iam, names.EVENTS_ROLE, "events.amazonaws.com", [start])
    _role(iam, names.CODEDEPLOY_ROLE, "codedeploy.amazonaws.com", _deploys())
    for user, ages in USERS.items():
        iam.create_user(UserName=user, Tags=[{"Key": "Project", "Value": names.PROJECT}])
        iam.attach_user_policy(UserName=user, PolicyArn=READ_ONLY)
        for age in ages:
            key = iam.create_access_key(UserName=user)["AccessKey"]["AccessKeyId"]
            if (user, age) in INACTIVE:
                iam.update_access_key(UserName=user, AccessKeyId=key, Status="Inactive")
    deploy = _allow(
        ["lambda:UpdateFunctionCode", "lambda:PublishVersion", "lambda:GetFunction"],
        [f"arn:aws:lambda:{names.REGION}:{names.ACCOUNT}:function:*"],
    )
    iam.put_user_policy(UserName="ci-deployer", PolicyName="deploy", PolicyDocument=_document([deploy]))


def _needs(function: names.Function) -> list[Statement]:
    raw, processed = f"arn:aws:s3:::{names.RAW_BUCKET}/*", f"arn:aws:s3:::{names.PROCESSED_BUCKET}/*"
    secret = f"arn:aws:secretsmanager:{names.REGION}:{names.ACCOUNT}:secret:{names.INFLUX_SECRET}-*"
    flags = ["appconfig:StartConfigurationSession", "appconfig:GetLatestConfiguration"]
    configuration = f"arn:aws:appconfig:{names.REGION}:{names.ACCOUNT}:application/*"
    return {
        names.ROUTER: [],
        names.PROCESSOR: [
            _allow(["s3:GetObject", "s3:GetObjectVersion"], [raw]),
            _allow(["s3:PutObject"], [processed]),
            _allow(flags, [configuration]),
        ],
        names.LOADER: [
            _allow(["s3:GetObject"], [processed]),
            _allow(["secretsmanager:GetSecretValue"], [secret]),
        ],
        names.RAG: [
            _allow(["secretsmanager:GetSecretValue"], [secret]),
            _allow(flags, [configuration]),
        ],
    }[function]


def _deploys() -> list[Statement]:
    """What AWSCodeDeployRoleForLambda allows, for the functions, alarms and topic of the platform."""
    functions = [
        f"arn:aws:lambda:{names.REGION}:{names.ACCOUNT}:function:{one.name}" for one in names.FUNCTIONS
    ]
    return [
        _allow(
            ["lambda:UpdateAlias", "lambda:GetAlias", "lambda:GetProvisionedConcurrencyConfig"], functions
        ),
        _allow(["cloudwatch:DescribeAlarms"], ["*"]),
        _allow(["sns:Publish"], [names.TOPIC_ARN]),
    ]


def _writes_logs(function: names.Function) -> Statement:
    group = f"arn:aws:logs:{names.REGION}:{names.ACCOUNT}:log-group:{function.log_group}:*"
    return _allow(["logs:CreateLogStream", "logs:PutLogEvents"], [group])


def _role(iam: Any, name: str, service: str, statements: list[Statement]) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    iam.create_role(
        RoleName=name,
        AssumeRolePolicyDocument=_document([trust]),
        Tags=[{"Key": "Project", "Value": names.PROJECT}],
    )
    iam.put_role_policy(RoleName=name, PolicyName="least-privilege", PolicyDocument=_document(statements))


def _allow(actions: list[str], resources: list[str]) -> Statement:
    return {"Effect": "Allow", "Action": actions, "Resource": resources}


def _document(statements: list[Statement]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
