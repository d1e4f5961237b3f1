"""The lock, in a real parameter store: one holder, however many come at the same time.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
"""

import threading
from datetime import timedelta

import pytest

from ons_runbook.errors import LockHeld
from ons_runbook.guard import PLAN_KEY
from ons_runbook.plan import lock as module
from ons_runbook.plan.lock import OPERATIONS, Lock


@pytest.fixture
def opened(session):
    with session.gate.open(PLAN_KEY, OPERATIONS):
        yield session


def late(monkeypatch, minutes):
    """The service's clock goes on by so much."""
    real = module._date_of
    monkeypatch.setattr(module, "_date_of", lambda answer: real(answer) + timedelta(minutes=minutes))


def test_a_second_one_is_told_who_holds_it(opened):
    Lock(opened, "run-1", "test/a").take()
    with pytest.raises(LockHeld) as refused:
        Lock(opened, "run-2", "test/b").take()
    assert module.owner() in str(refused.value)
    assert "run run-1" in str(refused.value)
    assert "10 min" in str(refused.value)


def test_what_was_released_is_free_and_its_parameters_do_not_pile_up(opened):
    for number in range(4):
        lock = Lock(opened, f"run-{number}", "test/a")
        lock.take()
        lock.release()
    path = opened.platform.lock_parameter
    left = [p for page in opened.pages("ssm", "GetParametersByPath", Path=path) for p in page["Parameters"]]
    assert len(left) == 1


def test_a_holder_that_gave_no_sign_of_life_loses_it(opened, monkeypatch):
    dead = Lock(opened, "run-1", "test/a")
    dead.take()
    late(monkeypatch, 11)
    followed = Lock(opened, "run-2", "test/b").take()
    assert followed.run == "run-1"
    with pytest.raises(LockHeld, match=r"no longer holds.*run-2"):
        dead.keep()


def test_signs_of_life_keep_it(opened, monkeypatch):
    alive = Lock(opened, "run-1", "test/a")
    alive.take()
    monkeypatch.setattr(module, "utc_now", lambda: alive._renewed + timedelta(minutes=3))
    written = []
    real = alive._write
    monkeypatch.setattr(alive, "_write", lambda **how: written.append(how) or real(**how))
    alive.keep()
    assert written == [{"overwrite": True}]


@pytest.mark.parametrize("words", ["nobody@nowhere: it is dead", "{owner}", "{owner}:", ": it is dead"])
def test_it_is_taken_over_only_by_the_owners_name_and_with_a_reason(opened, words):
    Lock(opened, "run-1", "test/a").take()
    with pytest.raises(LockHeld):
        Lock(opened, "run-2", "test/b").take(words.format(owner=module.owner()))


def test_who_lost_it_is_told_by_whom_and_why(opened):
    lost = Lock(opened, "run-1", "test/a")
    lost.take()
    Lock(opened, "run-2", "test/b").take(f"{module.owner()}: its laptop: died")
    with pytest.raises(LockHeld, match=r"run-2 \(its laptop: died\)"):
        lost.keep()


def test_of_many_who_come_at_once_one_gets_it(opened, session):
    gate, got = threading.Barrier(8), []

    def try_it(number):
        with session.gate.open(PLAN_KEY, OPERATIONS):
            gate.wait(20)
            try:
                Lock(session, f"run-{number}", "test/a").take()
            except LockHeld:
                return
            got.append(number)

    threads = [threading.Thread(target=try_it, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(got) == 1


def test_of_many_who_take_a_dead_one_over_at_once_one_gets_it(opened, session, monkeypatch):
    short = session.platform.model_copy(update={"lock_minutes": 1e-6})
    with monkeypatch.context() as patch:
        patch.setattr(session, "platform", short)
        Lock(opened, "run-dead", "test/a").take()
    late(monkeypatch, 1)
    test_of_many_who_come_at_once_one_gets_it(opened, session)
