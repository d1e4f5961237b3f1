"""What may be kept warm.

https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html
https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html (what stays unreserved)
"""

import pytest

from ons_runbook.aws import provisioning
from ons_runbook.errors import ChangeRefused

from .lambda_answers import Lambda, other


@pytest.fixture
def aws(session):
    made = Lambda()
    made.on(session)
    return made


@pytest.fixture
def keeping(aws, session):
    return lambda count: provisioning.keeping(session, "rag", "LIVE", count)


def test_an_alias_that_cannot_be_kept_warm_is_refused(keeping, aws):
    aws.alias = {"FunctionVersion": "7", "RoutingConfig": {"AdditionalVersionWeights": {"6": 0.1}}}
    with pytest.raises(ChangeRefused, match="shifts traffic"):
        keeping(1)
    aws.alias = {"FunctionVersion": "$LATEST"}
    with pytest.raises(ChangeRefused, match=r"points at \$LATEST"):
        keeping(1)


@pytest.mark.parametrize(
    ("limits", "reserved", "others", "most", "said"),
    [
        ((1000, 1000), None, [], 900, "of the account's 1000, 900 can be given away"),
        ((1000, 400), None, [], 300, "300 can be given away"),
        ((16, 16), None, [], 6, "6 can be given away (10 stay unreserved)"),
        ((1000, 1000), 5, [], 5, "the function's reserved concurrency is 5"),
        ((1000, 1000), 5, [other("7", 2)], 3, "besides 2 of its other versions"),
        ((1000, 1000), 5, [other("LIVE", 2)], 5, "reserved concurrency is 5"),
    ],
)
def test_limits_of_account_and_function_are_kept(keeping, aws, limits, reserved, others, most, said):
    aws.limits = dict(zip(("ConcurrentExecutions", "UnreservedConcurrentExecutions"), limits, strict=True))
    aws.reserved = {"ReservedConcurrentExecutions": reserved} if reserved else {}
    aws.others = others
    assert keeping(most) is not None
    with pytest.raises(ChangeRefused) as refused:
        keeping(most + 1)
    assert said in str(refused.value)
