"""Scaling a Timestream for InfluxDB instance: another class, more storage.

https://docs.aws.amazon.com/ts-influxdb/latest/ts-influxdb-api/API_UpdateDbInstance.html: a change begins at
once, there is nothing to apply later ·
https://docs.aws.amazon.com/timestream/latest/developerguide/timestream-for-influx-managing-modifying-db.html:
allocated storage can only grow, and a change may restart InfluxDB.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ons_runbook.aws.influx_instance import BROKEN, NEXT, READY, SERVICE, VCPUS, classes, named, shape
from ons_runbook.errors import ChangeRefused
from ons_runbook.failures import reading
from ons_runbook.plan import Action, Changes, LeftAlone, Progress, State, readable
from ons_runbook.prices import HOURS_A_MONTH, price
from ons_runbook.session import Session
from ons_runbook.sources import nearest

# AWS does not say how long a change takes. Terraform's provider gives it 30 min
# (https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/timestreaminfluxdb_db_instance);
# here it is half as much again, since nothing is won by giving up on a change that goes on.
_WAIT_S = 45 * 60
_PARAMETERS = {"class": "dbInstanceType", "storage_gib": "allocatedStorage"}
_RESTART = "InfluxDB may restart, and not answer for minutes: what is loaded or asked meanwhile fails."


@readable
def state(session: Session, *, instance: str, of: str) -> State:
    """The instance of this id: status, and `of` ("class", or "storage_gib"); both None when there is none.

    One value at a time, so that taking back the class does not depend on the storage.
    """
    client = session.client(SERVICE)
    with reading(f"InfluxDB instance {instance}", SERVICE):
        try:
            facts = client.get_db_instance(identifier=instance)
        except client.exceptions.ResourceNotFoundException:
            return {"status": None, of: None}
    return {"status": facts["status"], of: facts[_PARAMETERS[of]]}


@readable
def progress(session: Session, *, instance: str, since: datetime) -> Progress:
    """How a change of the instance of this id is coming along: it fails as soon as the instance is broken."""
    status = state(session, instance=instance, of="class")["status"]
    broken = status is None or status in BROKEN
    return Progress(str(status), failing=f"its status is {status}" if broken else "")


def changes(session: Session, *, instance: str, instance_class: str = "", storage_gib: int = 0) -> Changes:
    """What gives the instance of that name another class, more storage, or both; "" and 0 leave it as it is.

    Two changes rather than one: the class can be taken back, storage cannot, and what can comes first.
    Raises ChangeRefused for an instance that is not there, not AVAILABLE or part of a cluster, a class that
    the service does not have, and storage that is less than there is or more than there can be.
    """
    asked = {"class": instance_class, "storage_gib": storage_gib}
    if not any(asked.values()):
        return Changes(nothing="Nothing was asked for: give an instance_class, a storage_gib, or both.")
    facts = named(session, instance)
    before = {key: facts[parameter] for key, parameter in _PARAMETERS.items()}
    if instance_class:
        _check_class(instance_class, classes(session))
    if storage_gib:
        _check_storage(instance, before["storage_gib"], storage_gib, shape(session, "AllocatedStorage"))
    due = {key: value for key, value in asked.items() if value and value != before[key]}
    if due:
        _check_ready(instance, facts)
    scaling = _Scaling(session, instance, facts)
    return Changes(
        [scaling.to(key, before[key], value) for key, value in due.items()],
        [
            LeftAlone(_target(key, instance), f"it is {_said(key, before[key])} already")
            for key, value in asked.items()
            if value and key not in due
        ],
        f"{instance} is a {before['class']} with {before['storage_gib']} GiB already.",
    )


def _said(key: str, value: Any) -> str:
    return f"{value} GiB" if key == "storage_gib" else str(value)


def _target(key: str, instance: str) -> str:
    return f"{key.removesuffix('_gib')} of InfluxDB instance {instance}"


def _check_class(wanted: str, known: Sequence[str]) -> None:
    if wanted not in known:
        raise ChangeRefused(
            f"{wanted!r} is not an instance class of Timestream for InfluxDB. {nearest(wanted, known)}",
            "The table of classes shows what each would bring.",
        )


def _check_storage(instance: str, now: int, wanted: int, shape: Any) -> None:
    least, most = shape.metadata["min"], shape.metadata["max"]
    if wanted < now:
        raise ChangeRefused(
            f"{instance} has {now} GiB of storage, and {wanted} GiB is less: storage can only grow.",
            "For less, make a new instance, copy the data there, and delete this one.",
        )
    if not least <= wanted <= most:
        raise ChangeRefused(
            f"{wanted} GiB of storage cannot be had.", f"The service has {least} to {most} GiB."
        )


def _check_ready(instance: str, facts: dict[str, Any]) -> None:
    if cluster := facts.get("dbClusterId"):
        raise ChangeRefused(
            f"{instance} is part of the cluster {cluster}, which is scaled as a whole.",
            "This procedure scales instances that stand alone.",
        )
    if (status := facts["status"]) != READY:
        raise ChangeRefused(
            f"{instance} is {status}, and can be changed only when it is {READY}.",
            f"Next: {NEXT}." if status in BROKEN else "Wait for that, then plan again.",
        )


@dataclass(frozen=True)
class _Scaling:
    """What the actions on one instance have in common."""

    session: Session
    instance: str
    facts: dict[str, Any]

    def to(self, key: str, before: Any, after: Any) -> Action:
        """The action that changes the class (its undo brings the old one back), or the storage, for good."""
        action = self._action(key, before, after)
        if key == "storage_gib":
            note = f"AWS cannot shrink storage: {after} GiB stay, and are paid for, whatever is undone"
            return replace(action, undo_note=note)
        smaller = VCPUS.get(after, 0) < VCPUS.get(before, 0)
        risk = f"{_RESTART} There will be less CPU and memory: is it enough?" if smaller else _RESTART
        return replace(action, risk=risk, undo=(self._action(key, after, before),))

    def _action(self, key: str, before: Any, after: Any) -> Action:
        identifier = self.facts["id"]
        return Action(
            name=f"{key.removesuffix('_gib')} of {self.instance}",
            target=_target(key, self.instance),
            service=SERVICE,
            operation="UpdateDbInstance",
            parameters={"identifier": identifier, _PARAMETERS[key]: after},
            state=state.at(instance=identifier, of=key),
            before={"status": READY, key: before},
            after={"status": READY, key: after},
            risk=_RESTART,
            cost=self._cost(key, before, after),
            resources=(self.instance, identifier),
            wait_s=_WAIT_S,
            watch=progress.at(instance=identifier),
        )

    def _cost(self, key: str, before: Any, after: Any) -> str:
        platform = self.session.platform
        if key == "class":
            if not {before, after} <= VCPUS.keys():
                return "not known: there is no price here for one of these classes"
            assumed = price(platform, "influxdb_vcpu_hour")
            units = (VCPUS[after] - VCPUS[before]) * HOURS_A_MONTH
        else:
            if (kind := self.facts.get("dbStorageType")) != "InfluxIOIncludedT1":
                return f"not known: there is no price here for storage of type {kind}"
            assumed = price(platform, "influxdb_storage_gb_month")
            units = after - before
        standby = self.facts.get("deploymentType") == "WITH_MULTIAZ_STANDBY"
        twice = ", twice for the standby" if standby else ""
        return f"{units * assumed.usd * (1 + standby):+,.2f} USD a month {assumed.assumption}{twice}"
