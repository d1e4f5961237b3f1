"""Who calls: people, programs and roles, as CloudTrail writes them into its records.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
Addresses are of the ranges that are kept for documentation (RFC 5737).
"""

import hashlib
from datetime import UTC, datetime
from typing import Any

from ons_sandbox.mends import mended
from ons_sandbox.platform import names

Record = dict[str, Any]

ADDRESSES = {
    "ana.souza": "203.0.113.24",
    "bruno.lima": "203.0.113.31",
    "carla.mendes": "198.51.100.77",
    "ci-deployer": "192.0.2.10",
    "grafana-reader": "192.0.2.40",
}
ROOT_ADDRESS = "203.0.113.5"
FUNCTIONS_ADDRESS = "192.0.2.88"
STRANGER_ADDRESS = "198.51.100.201"

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CLI = "aws-cli/2.27.50 md/awscrt#0.26.1 ua/2.1 os/linux lang/python#3.13.4 cfg/retry-mode#standard"
CI = "Boto3/1.43.2 md/Botocore#1.43.2 ua/2.1 os/linux lang/python#3.11.9 exec-env/ci"
GRAFANA = "aws-sdk-go-v2/1.36.3 os/linux lang/go#1.24.2 exec-env/grafana"
LAMBDA = "Boto3/1.43.2 md/Botocore#1.43.2 ua/2.1 os/linux lang/python#3.11.9 exec-env/AWS_Lambda_python3.11"


class Callers:
    """The callers of the platform, with the ids and keys that IAM has for them."""

    def __init__(self) -> None:
        """Works inside the server's process only, after the users were made."""
        iam = mended("ministack.services.iam", "_users", "_roles", "_access_keys")
        self._users = {name: record["UserId"] for name, record in iam._users.items()}
        self._roles = {name: record["RoleId"] for name, record in iam._roles.items()}
        self._keys: dict[str, list[str]] = {}
        for key, record in iam._access_keys.items():
            self._keys.setdefault(record["UserName"], []).append(key)

    def key(self, user: str) -> str:
        """The user's newest access key; one that is gone when there is none."""
        return self._keys.get(user, [session_key(f"gone {user}").replace("ASIA", "AKIA", 1)])[0]

    def program(self, user: str) -> Record:
        """An IAM user who signs with an access key."""
        return {**self._user(user), "accessKeyId": self.key(user)}

    def person(self, user: str, since: datetime, *, mfa: bool) -> Record:
        """An IAM user in the console. since: when the session began."""
        context = {"creationDate": _stamp(since), "mfaAuthenticated": str(mfa).lower()}
        session = {"sessionContext": {"attributes": context}}
        return {**self._user(user), "accessKeyId": session_key(f"{user} {since}"), **session}

    def signing_in(self, user: str) -> Record:
        """An IAM user at the sign-in page: there is no key yet."""
        return self._user(user)

    def root(self) -> Record:
        """The root user of the account."""
        account = names.ACCOUNT
        return {
            "type": "Root",
            "principalId": account,
            "arn": f"arn:aws:iam::{account}:root",
            "accountId": account,
            "accessKeyId": "",
        }

    def role(self, role: str, session: str, since: datetime) -> Record:
        """Who assumed a role. since: when."""
        account, identifier = names.ACCOUNT, self._roles.get(role) or _identifier("AROA", role)
        issuer = {
            "type": "Role",
            "principalId": identifier,
            "arn": f"arn:aws:iam::{account}:role/{role}",
            "accountId": account,
            "userName": role,
        }
        attributes = {"creationDate": _stamp(since), "mfaAuthenticated": "false"}
        return {
            "type": "AssumedRole",
            "principalId": f"{identifier}:{session}",
            "arn": f"arn:aws:sts::{account}:assumed-role/{role}/{session}",
            "accountId": account,
            "accessKeyId": session_key(f"{role} {session} {since}"),
            "sessionContext": {"sessionIssuer": issuer, "attributes": attributes},
        }

    def _user(self, user: str) -> Record:
        return {
            "type": "IAMUser",
            "principalId": self._users.get(user) or _identifier("AIDA", user),
            "arn": f"arn:aws:iam::{names.ACCOUNT}:user/{user}",
            "accountId": names.ACCOUNT,
            "userName": user,
        }


def session_key(session: str) -> str:
    """The access key id of temporary credentials."""
    return _identifier("ASIA", session)


def _identifier(prefix: str, of: str) -> str:
    return prefix + hashlib.sha256(of.encode()).hexdigest()[:16].upper()


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
