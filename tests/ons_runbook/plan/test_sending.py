"""A changing call goes out once; again only when it certainly was not done.

https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
"""

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError, ReadTimeoutError

from ons_runbook.plan import sending
from ons_runbook.plan.sending import AnswerLost, send


def error(code: str, status: int = 400) -> ClientError:
    answer = {"Error": {"Code": code, "Message": "."}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "UpdateAlias")


class Service:
    """A session whose only client answers what it is told to."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.calls = 0

    def changing_client(self, service):
        return self

    def update_alias(self, **_):
        self.calls += 1
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    made = []
    monkeypatch.setattr(sending.time, "sleep", made.append)
    return made


def test_what_is_refused_for_its_pace_is_sent_again_after_a_wait_that_grows(pauses):
    service = Service(*[error("ThrottlingException")] * 6, {"ok": 1})
    assert send(service, "lambda", "UpdateAlias", {}) == {"ok": 1}
    assert service.calls == 7
    assert len(pauses) == 6
    assert all(pause <= 20 for pause in pauses)


def test_a_service_that_never_takes_the_call_is_given_up(pauses):
    service = Service(*[error("TooManyRequestsException", 429)] * 20)
    with pytest.raises(ClientError):
        send(service, "lambda", "UpdateAlias", {})
    assert service.calls == 10


@pytest.mark.parametrize("refusal", [error("AccessDenied", 403), EndpointConnectionError(endpoint_url="x")])
def test_a_refusal_or_a_dead_endpoint_is_not_tried_again(refusal):
    service = Service(refusal, {"ok": 1})
    with pytest.raises(type(refusal)):
        send(service, "lambda", "UpdateAlias", {}, again=lambda: True)
    assert service.calls == 1


LOST = [
    ConnectionClosedError(endpoint_url="x"),
    ReadTimeoutError(endpoint_url="x"),
    error("InternalFailure", 500),
    error("ServiceUnavailable", 503),
]


@pytest.mark.parametrize("loss", LOST, ids=lambda loss: type(loss).__name__)
def test_a_lost_answer_is_never_followed_by_a_blind_second_call(loss):
    service = Service(loss, {"ok": 1})
    with pytest.raises(AnswerLost):
        send(service, "lambda", "UpdateAlias", {})
    assert service.calls == 1


@pytest.mark.parametrize(("again", "calls", "answer"), [(True, 2, {"ok": 1}), (False, 1, {})])
def test_after_a_lost_answer_the_caller_says_whether_it_goes_out_again(again, calls, answer):
    service = Service(LOST[0], {"ok": 1})
    assert send(service, "lambda", "UpdateAlias", {}, again=lambda: again) == answer
    assert service.calls == calls


def test_slow_down_is_a_pace_and_not_a_breakdown():
    service = Service(error("SlowDown", 503), {"ok": 1})
    assert send(service, "lambda", "UpdateAlias", {}) == {"ok": 1}
