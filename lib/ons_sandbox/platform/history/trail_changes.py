"""The changes in CloudTrail, and the sign-ins that somebody should look at.

They are those of which the platform shows the traces: ana.souza's new key, the deploy policy of ci-deployer,
the bastion's open port, the deployments in CodeDeploy, the flags in AppConfig. Nothing of it happened in the
last day, when a healthy platform has nothing to report.
https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-integration.html
https://docs.aws.amazon.com/lambda/latest/dg/logging-using-cloudtrail.html
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from ons_sandbox.platform import names
from ons_sandbox.platform.build import network
from ons_sandbox.platform.history import callers, dates, deployments
from ons_sandbox.platform.history.callers import BROWSER, CI, Callers, Record
from ons_sandbox.platform.history.trail_event import Event, ago, sign_in
from ons_sandbox.services import codedeploy_store

# The account's root user was needed once, long ago; CloudTrail keeps ninety days.
ROOT_USE = timedelta(days=61)
KEPT = timedelta(days=89)
BASTION = f"{names.PROJECT}-bastion"
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
TRACING = "arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess"


def events(people: Callers, start: datetime, now: datetime) -> Iterator[Event]:
    """The changes up to `now` (aware), when the history ends.

    start: deployments before it are left out. The rare ones are told of as long as CloudTrail keeps them.
    """
    yield from _root(people, now)
    yield from _keys(people, now)
    yield from _policies(people, now)
    yield from _network_and_buckets(people, now)
    yield from _sign_ins(people, now)
    yield from _releases(people, start)
    yield from _flags(people, now)


def _root(people: Callers, now: datetime) -> Iterator[Event]:
    at = (now - ROOT_USE).replace(hour=12, minute=4, second=11, microsecond=0)
    yield sign_in(at, people.root(), mfa=True, address=callers.ROOT_ADDRESS)
    contact = {"alternateContactType": "SECURITY", "name": "Security", "title": "Operations"}
    yield Event(
        at + timedelta(minutes=6),
        "account",
        "PutAlternateContact",
        people.root(),
        contact,
        address=callers.ROOT_ADDRESS,
        agent=BROWSER,
    )


def _keys(people: Callers, now: datetime) -> Iterator[Event]:
    """ana.souza rotated her key: the one that she has is as old as this."""
    ana, at = "ana.souza", now - timedelta(days=12)
    user = people.person(ana, at - timedelta(minutes=9), mfa=True)
    old = callers.session_key("ana.souza's last key").replace("ASIA", "AKIA", 1)
    made = {"accessKeyId": people.key(ana), "status": "Active", "userName": ana}
    created = {**made, "createDate": f"{at:%b %d, %Y %I:%M:%S %p}"}
    yield iam(at, "CreateAccessKey", user, {"userName": ana}, {"accessKey": created})
    old_key = {"userName": ana, "accessKeyId": old}
    inactive = {**old_key, "status": "Inactive"}
    yield iam(at + timedelta(minutes=22), "UpdateAccessKey", user, inactive)
    yield iam(at + timedelta(hours=3, minutes=5), "DeleteAccessKey", user, old_key)


def _policies(people: Callers, now: datetime) -> Iterator[Event]:
    begun = ago(now, 10, 13, 2)
    bruno = people.person("bruno.lima", begun, mfa=True)
    document = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["lambda:UpdateFunctionCode", "lambda:PublishVersion", "lambda:GetFunction"],
                "Resource": f"arn:aws:lambda:{names.REGION}:{names.ACCOUNT}:function:*",
            }
        ],
    }
    put = {"userName": "ci-deployer", "policyName": "deploy", "policyDocument": json.dumps(document)}
    yield iam(begun + timedelta(minutes=7), "PutUserPolicy", bruno, put)
    begun = ago(now, 6, 18, 5)
    ana = people.person("ana.souza", begun, mfa=True)
    tracing = {"roleName": names.RAG.role, "policyArn": TRACING}
    yield iam(begun + timedelta(minutes=3), "AttachRolePolicy", ana, tracing)
    yield iam(begun + timedelta(hours=1, minutes=41), "DetachRolePolicy", ana, tracing)
    begun = ago(now, 3, 14, 40)
    bruno = people.person("bruno.lima", begun, mfa=True)
    carla = {"userName": "carla.mendes", "policyArn": READ_ONLY}
    yield iam(begun + timedelta(minutes=2), "AttachUserPolicy", bruno, carla)


def _network_and_buckets(people: Callers, now: datetime) -> Iterator[Event]:
    """The bastion was opened for a migration and left so; a bucket's policy was put, and taken back."""
    begun = ago(now, 9, 11, 15)
    user = people.person("bruno.lima", begun, mfa=True)
    permission = {
        "ipProtocol": "tcp",
        "fromPort": 22,
        "toPort": 22,
        "ipRanges": {"items": [{"cidrIp": network.WORLD}]},
        "ipv6Ranges": {"items": [{"cidrIpv6": network.WORLD_6}]},
    }
    opened = {"groupName": BASTION, "ipPermissions": {"items": [permission]}}
    group = ((BASTION, "AWS::EC2::SecurityGroup"),)
    at = begun + timedelta(minutes=4)
    yield Event(
        at, "ec2", "AuthorizeSecurityGroupIngress", user, opened, {"_return": True}, "", BROWSER, group
    )
    begun = ago(now, 8, 16, 20)
    user = people.person("carla.mendes", begun, mfa=False)
    bucket = ((names.PROCESSED_BUCKET, "AWS::S3::Bucket"),)
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::210987654321:root"},
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{names.PROCESSED_BUCKET}/*",
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    put = {"bucketName": names.PROCESSED_BUCKET, "bucketPolicy": policy, "policy": ""}
    yield Event(begun + timedelta(minutes=5), "s3", "PutBucketPolicy", user, put, None, "", BROWSER, bucket)
    user = people.person("ana.souza", ago(now, 8, 16, 30), mfa=True)
    gone = {"bucketName": names.PROCESSED_BUCKET, "policy": ""}
    yield Event(ago(now, 8, 16, 52), "s3", "DeleteBucketPolicy", user, gone, None, "", BROWSER, bucket)


def _sign_ins(people: Callers, now: datetime) -> Iterator[Event]:
    """carla.mendes has no MFA device; somebody tried bruno.lima's password from elsewhere."""
    for days, hour in ((8, 16), (2, 13)):
        yield sign_in(ago(now, days, hour, 20), people.signing_in("carla.mendes"), mfa=False)
    for second in (7, 31, 58):
        at, user = ago(now, 5, 2, 44, second), people.signing_in("bruno.lima")
        yield sign_in(at, user, mfa=False, address=callers.STRANGER_ADDRESS, succeeded=False)


def _releases(people: Callers, start: datetime) -> Iterator[Event]:
    """New code, its version, its deployment, and the alias that CodeDeploy moved for it."""
    user = people.program("ci-deployer")
    for deployment in codedeploy_store.deployments().values():
        created, appspec = datetime.fromtimestamp(deployment.created, UTC), deployment.appspec
        if created < start:
            continue
        function = ((appspec.function, "AWS::Lambda::Function"),)
        published = created - deployments.AFTER
        name = {"functionName": appspec.function}
        version = {**name, "version": appspec.target}
        code = {**name, "publish": False, "dryRun": False}
        at = published - timedelta(seconds=14)
        yield Event(
            at, "lambda", "UpdateFunctionCode20150331v2", user, code, name, agent=CI, touched=function
        )
        about = {**name, "description": deployment.description}
        at = published
        yield Event(at, "lambda", "PublishVersion20150331", user, about, version, agent=CI, touched=function)
        asked = {
            "applicationName": deployment.group.application,
            "deploymentGroupName": deployment.group.name,
            "deploymentConfigName": deployment.configuration,
            "description": deployment.description,
            "revision": codedeploy_store.revision_of(appspec),
        }
        answer = {"deploymentId": deployment.identifier}
        yield Event(created, "codedeploy", "CreateDeployment", user, asked, answer, agent=CI)
        service = people.role(deployments.ROLE.rpartition("/")[2], deployment.identifier, created)
        moved = {**name, "name": appspec.alias, "functionVersion": appspec.target}
        completed = datetime.fromtimestamp(deployment.completed or deployment.created, UTC)
        by = "codedeploy.amazonaws.com"
        yield Event(
            completed - timedelta(seconds=3),
            "lambda",
            "UpdateAlias20150331",
            service | {"invokedBy": by},
            moved,
            moved,
            address=by,
            agent=by,
            touched=function,
        )


def _flags(people: Callers, now: datetime) -> Iterator[Event]:
    """The deployments of feature flags that CloudTrail has not forgotten."""
    for days in dates.FLAG_DEPLOYMENTS:
        at = (now - timedelta(days=days)).replace(hour=13, minute=30)
        if at < now - KEPT:
            continue
        user = people.person("ana.souza", at - timedelta(minutes=25), mfa=True)
        profile = {"applicationId": names.FLAG_APPLICATION, "configurationProfileId": names.FLAG_PROFILE}
        yield Event(
            at - timedelta(minutes=1),
            "appconfig",
            "CreateHostedConfigurationVersion",
            user,
            {**profile, "contentType": "application/json", "content": "HIDDEN_DUE_TO_SECURITY_REASONS"},
            agent=BROWSER,
        )
        deployed = {**profile, "environmentId": names.FLAG_ENVIRONMENT}
        yield Event(at, "appconfig", "StartDeployment", user, deployed, agent=BROWSER)


def iam(at: datetime, name: str, user: Record, parameters: Record, response: Record | None = None) -> Event:
    """A change in IAM, made in the console."""
    return Event(at, "iam", name, user, parameters, response, agent=BROWSER)
