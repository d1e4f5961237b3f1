"""Who the clients of a sandbox are: an IAM user with every permission and a key that everybody knows.

MiniStack checks keys, policies and the functions' roles (AUTH=true), so that a permission which is taken away
is missed. Somebody must be let in first; root would leave no name in the audit trail.
https://docs.aws.amazon.com/IAM/latest/UserGuide/root-user-best-practices.html
"""

from ons_sandbox.environment import ACCESS_KEY, OPERATOR, SECRET_KEY
from ons_sandbox.mends import mended, require

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


def admit() -> None:
    """Make the operator in an empty account.

    Inside the server's process only: through the API, IAM draws keys at random. Raises MendError.
    """
    iam = mended("ministack.services.iam", "_access_keys", "_create_user", "_attach_user_policy", "_now")
    user = {"UserName": [OPERATOR]}
    for status, _, body in (
        iam._create_user(user),
        iam._attach_user_policy({**user, "PolicyArn": [ADMINISTRATOR]}),
    ):
        require(status == 200, f"ministack.services.iam makes the user {OPERATOR}: {body!r}")
    iam._access_keys[ACCESS_KEY] = {
        "UserName": OPERATOR,
        "AccessKeyId": ACCESS_KEY,
        "SecretAccessKey": SECRET_KEY,
        "Status": "Active",
        "CreateDate": iam._now(),
    }
