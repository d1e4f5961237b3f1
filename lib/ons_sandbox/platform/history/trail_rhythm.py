"""What is in CloudTrail every day: people who sign in and look, programs and functions that read.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np

from ons_sandbox.platform import names
from ons_sandbox.platform.history import callers, chance
from ons_sandbox.platform.history.callers import ADDRESSES, BROWSER, CI, GRAFANA, LAMBDA, Callers, Record
from ons_sandbox.platform.history.trail_event import Event, sign_in

# When they begin to work (UTC), and on how many days of a working week.
WORKING_HOURS = {"ana.souza": (11, 0.95), "bruno.lima": (12, 0.8), "carla.mendes": (13, 0.0)}
LOOKS: tuple[tuple[str, str, Record], ...] = (
    ("monitoring", "DescribeAlarms", {"maxRecords": 100}),
    ("lambda", "ListFunctions20150331", {}),
    ("lambda", "GetFunction20150331v2", {"functionName": names.PROCESSOR.name}),
    ("logs", "DescribeLogGroups", {"limit": 50}),
    ("logs", "DescribeLogStreams", {"logGroupName": names.ROUTER.log_group}),
    ("states", "ListExecutions", {"stateMachineArn": names.STATE_MACHINE_ARN}),
    ("s3", "ListBuckets", {}),
    ("codedeploy", "ListDeployments", {}),
    ("timestream-influxdb", "ListDbInstances", {}),
    ("ce", "GetCostAndUsage", {"granularity": "DAILY", "metrics": ["UnblendedCost"]}),
)
DASHBOARD_EVERY = timedelta(minutes=30)
NIGHTLY = (2, 10)


def events(people: Callers, seed: int, start: datetime, now: datetime) -> Iterator[Event]:
    """Everything with start < time <= now (aware, UTC)."""
    for day in chance.days(start, now):
        draw = chance.of_day(seed, "trail", day)
        found = [
            *_people(people, draw, day),
            *_nightly(people, draw, day),
            *_dashboard(people, day),
            *_functions(people, draw, day),
        ]
        yield from (event for event in found if start < event.at <= now)


def _people(people: Callers, draw: np.random.Generator, day: datetime) -> Iterator[Event]:
    """People sign in with MFA, and look at a few things."""
    for user, (hour, presence) in WORKING_HOURS.items():
        minutes, luck = int(draw.integers(0, 50)), float(draw.random())
        looks = draw.integers(0, len(LOOKS), 7).tolist()
        pauses = draw.integers(1, 40, 7).tolist()
        if day.weekday() >= 5 or luck > presence:
            continue
        at = day.replace(hour=hour) + timedelta(minutes=minutes)
        yield sign_in(at, people.signing_in(user), mfa=True)
        identity = people.person(user, at, mfa=True)
        for look, pause in zip(looks, pauses, strict=True):
            at += timedelta(minutes=pause)
            source, name, asked = LOOKS[look]
            yield Event(at, source, name, identity, asked, agent=BROWSER)


def _nightly(people: Callers, draw: np.random.Generator, day: datetime) -> Iterator[Event]:
    """The deployment program compares what is deployed with what should be."""
    hour, minute = NIGHTLY
    at = day.replace(hour=hour, minute=minute) + timedelta(seconds=int(draw.integers(0, 90)))
    user = people.program("ci-deployer")
    yield Event(at, "sts", "GetCallerIdentity", user, agent=CI)
    for function in names.FUNCTIONS:
        at += timedelta(seconds=2)
        asked = {"functionName": function.name}
        touched = ((function.name, "AWS::Lambda::Function"),)
        yield Event(at, "lambda", "GetFunction20150331v2", user, asked, agent=CI, touched=touched)


def _dashboard(people: Callers, day: datetime) -> Iterator[Event]:
    """The dashboard asks for the alarms."""
    user = people.program("grafana-reader")
    for number in range(timedelta(days=1) // DASHBOARD_EVERY):
        at = day + number * DASHBOARD_EVERY + timedelta(seconds=11)
        prefix = {"alarmNamePrefix": names.PROJECT}
        address = ADDRESSES["grafana-reader"]
        yield Event(at, "monitoring", "DescribeAlarms", user, prefix, None, address, GRAFANA)


def _functions(people: Callers, draw: np.random.Generator, day: datetime) -> Iterator[Event]:
    """A function that starts cold reads the database's token."""
    starts = {names.LOADER: 48, names.RAG: 4}
    for function, count in starts.items():
        apart = timedelta(days=1) / count
        late = draw.integers(0, 5, count).tolist()
        for number in range(count):
            at = day + number * apart + timedelta(minutes=4, seconds=int(late[number]))
            role = people.role(function.role, function.name, at - timedelta(seconds=2))
            asked = {"secretId": names.INFLUX_SECRET}
            secret = ((names.INFLUX_SECRET, "AWS::SecretsManager::Secret"),)
            yield Event(
                at,
                "secretsmanager",
                "GetSecretValue",
                role,
                asked,
                address=callers.FUNCTIONS_ADDRESS,
                agent=LAMBDA,
                touched=secret,
            )
