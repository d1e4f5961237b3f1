"""What a notebook begins and ends with.

papermill's types: https://papermill.readthedocs.io/en/latest/usage-execute.html (`-p flag false` passes a
bool, `-r` text; a number that begins with a zero is a number)
"""

import sys
import threading
import types

import pandas as pd
import pytest

from ons_runbook import context
from ons_runbook.checks import Check, Verdict, covers
from ons_runbook.context import Answer, begin
from ons_runbook.errors import AccountMismatch, ParameterError, PlatformError, ReadError, WindowError
from ons_runbook.result import Result
from ons_runbook.session import Identity, Session

WHO = """<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:iam::{account}:user/op</Arn><UserId>AIDA</UserId><Account>{account}</Account></GetCallerIdentityResult>
<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></GetCallerIdentityResponse>"""


@pytest.fixture
def variables(clean_environment):
    clean_environment.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    clean_environment.setenv("INFLUXDB_V2_URL", "http://127.0.0.1:9")
    clean_environment.setenv("INFLUXDB_V2_TOKEN", "harmless-looking-token")
    clean_environment.setenv("RUNBOOK_API_ENDPOINT", "http://127.0.0.1:9/{api_id}/{stage}")
    clean_environment.setenv("RUNBOOK_COMMIT", "abc1234")
    return clean_environment


@pytest.fixture
def known(variables, monkeypatch):
    """The caller's identity is known without asking."""

    def ask(session):
        return Identity("123456789012", "arn:aws:iam::123456789012:user/op")

    monkeypatch.setattr(Session, "_ask_identity", ask)
    return variables


@pytest.fixture
def rb(known):
    return begin("health/daily_health_check", platform="sandbox", window="2h", until="now")


@covers(["one.a", "one.b"])
def rule(value, limit):
    return [Check("one.a", Verdict.PASS, f"{value} of {limit}", "x"), Check("one.b", Verdict.WARN, "y", "z")]


class TestBegin:
    def test_the_banner_says_what_runs_on_what_as_whom(self, rb, capsys, known):
        begin("health/daily_health_check", window="1h", until="2026-11-23T03:00Z", other=1)
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == "Daily health check"
        assert {tuple(line.split(maxsplit=1)) for line in lines[1:]} == {
            ("platform", "sandbox"),
            ("account", "123456789012"),
            ("region", "us-east-1"),
            ("identity", "arn:aws:iam::123456789012:user/op"),
            ("window", "2026-11-23 02:00 to 03:00 UTC"),
            ("commit", "abc1234"),
            ("mode", "READ ONLY: nothing can be changed from here"),
        }

    def test_it_gives_platform_session_window_and_parameters(self, rb):
        assert rb.platform.name == "sandbox"
        assert rb.session.platform is rb.platform
        assert rb.window.minutes == 120
        assert rb.parameters == {"platform": "sandbox", "window": "2h", "until": "now"}

    def test_a_run_id_is_given_from_outside_or_made(self, rb, known):
        assert pd.Timestamp(rb.run_id.partition("-")[0], tz="UTC") is not None
        assert rb.run_id.split("-")[1] == "daily_health_check"
        known.setenv("RUNBOOK_RUN_ID", "20261123T030000Z-x-0000")
        assert begin("health/daily_health_check").run_id == "20261123T030000Z-x-0000"

    def test_an_endpoint_that_does_not_answer_is_told_and_not_raised(self, variables, capsys):
        begin("health/daily_health_check")
        assert "identity  AWS identity: nothing answers" in capsys.readouterr().out

    def test_another_account_is_raised(self, variables, serve):
        url, _ = serve(lambda *_: (200, WHO.format(account="999999999999")), "text/xml")
        variables.setenv("AWS_ENDPOINT_URL", url)
        with pytest.raises(AccountMismatch):
            begin("health/daily_health_check")

    @pytest.mark.parametrize(
        ("parameters", "error"),
        [
            ({"platform": "prodd"}, PlatformError),
            ({"window": "soon"}, WindowError),
            ({"until": "x"}, WindowError),
        ],
    )
    def test_bad_input_is_raised(self, parameters, error, known):
        with pytest.raises(error):
            begin("health/daily_health_check", **parameters)


class TestTypes:
    @pytest.fixture(autouse=True)
    def _notebook(self, known, monkeypatch):
        notebook = types.ModuleType("__main__")
        notebook.__annotations__ = {
            "flag": bool,
            "account": str,
            "count": int,
            "share": float,
            "names": list[str],
        }
        notebook.__annotations__["maybe"] = str | None
        monkeypatch.setitem(sys.modules, "__main__", notebook)

    @pytest.mark.parametrize(
        "given",
        [
            {"flag": False},
            {"account": "012345678901"},
            {"count": 3},
            {"share": 0.5},
            {"share": 1},
            {"names": ["a"]},
            {"maybe": None},
            {"maybe": "x"},
            {"not_annotated": object()},
        ],
    )
    def test_a_value_of_the_annotated_type_passes(self, given):
        assert begin("health/x", **given).parameters == given

    @pytest.mark.parametrize(
        "given",
        [
            {"flag": "false"},
            {"flag": 0},
            {"account": 12345678901},
            {"count": "3"},
            {"count": 1.5},
            {"count": True},
            {"share": "0.5"},
            {"names": "a"},
            {"names": [1]},
            {"maybe": 1},
        ],
    )
    def test_any_other_is_refused_by_name(self, given):
        [name] = given
        with pytest.raises(ParameterError, match=rf"Parameter {name} is .* it must be .* -r passes text"):
            begin("health/x", **given)


class TestAsk:
    def test_answers_come_by_name_with_value_and_evidence(self, rb, serve):
        url, _ = serve(lambda *_: (200, "{}"))
        rb.session._made["client:lambda"] = Session(
            rb.platform.model_copy(update={"endpoint_url": url})
        ).client("lambda")
        answers = rb.ask(functions=lambda: rb.session.client("lambda").list_functions(), other=lambda: 2)
        assert answers.other.value == 2
        assert answers.functions.evidence.startswith("lambda:ListFunctions; 0.")
        assert answers.other.evidence.startswith("no call was answered")

    def test_an_exception_becomes_part_of_the_answer(self, rb):
        def denied():
            raise ReadError("Bucket raw: denied.", "Ask for s3:ListBucket.")

        answers = rb.ask(denied=denied, broken=lambda: {}["x"], fine=lambda: 1)
        assert answers.denied.reason() == "Bucket raw: denied. Ask for s3:ListBucket."
        assert answers.broken.reason() == "KeyError: 'x'"
        assert answers.fine.reason() == ""
        assert str(answers.denied).startswith("denied could not be read: Bucket raw: denied.")
        assert repr(answers) == "3 answers: denied, broken, fine; could not be read: denied, broken"

    def test_a_hung_question_is_given_up(self, rb):
        forever = threading.Event()
        answers = rb.ask(deadline=0.2, hung=forever.wait, fine=lambda: 1)
        assert "No answer within 0.2 s" in answers.hung.reason()
        assert answers.fine.value == 1
        forever.set()

    def test_an_answer_shows_its_table(self, rb):
        answers = rb.ask(functions=lambda: pd.DataFrame({"name": ["router"]}))
        data, _ = answers.functions._repr_mimebundle_()
        assert "<td>router</td>" in data["text/html"]

    def test_asking_for_an_answer_that_was_not_asked_names_those_that_were(self, rb):
        with pytest.raises(AttributeError, match="'other'; asked: one"):
            _ = rb.ask(one=lambda: 1).other

    def test_a_secret_read_meanwhile_is_known_from_then_on(self, rb):
        rb.ask(one=lambda: rb.session.keep_secret("another-harmless-value"))
        assert context.kernel.redact("another-harmless-value") == "[redacted]"


def answer(value=3, error=None):
    return Answer("one", value, error, "call; 0.1 s", 0.1)


class TestCheck:
    def test_verdicts_are_shown_and_kept_with_the_evidence_of_the_call(self, rb, capsys):
        rb.check(rule, answer(), limit=5)
        assert [(check.name, str(check.verdict)) for check in rb.checks] == [
            ("one.a", "pass"),
            ("one.b", "warn"),
        ]
        assert rb.checks[0].observed == "3 of 5"
        assert rb.checks[0].evidence == "call; 0.1 s"
        assert "✓ PASS    one.a: 3 of 5" in capsys.readouterr().out

    def test_without_a_value_what_the_rule_covers_is_unknown_with_the_reason(self, rb):
        rb.check(rule, answer(None, ReadError("Bucket raw: denied.")), limit=5)
        assert [(check.name, str(check.verdict), check.observed) for check in rb.checks] == [
            ("one.a", "unknown", "Bucket raw: denied."),
            ("one.b", "unknown", "Bucket raw: denied."),
        ]

    def test_a_rule_that_breaks_is_unknown_and_not_the_end(self, rb):
        rb.check(rule, answer(), limits=5)
        assert {str(check.verdict) for check in rb.checks} == {"unknown"}
        assert "The rule broke: TypeError" in rb.checks[0].observed

    def test_the_evidence_of_the_call_is_shown_once(self, rb, capsys):
        rb.check(rule, answer(), limit=5)
        assert capsys.readouterr().out.count("call; 0.1 s") == 1

    def test_verdicts_alone_are_the_same_at_every_run(self, rb):
        rb.check(rule, answer(), limit=5)
        assert rb.verdicts().text == "✓ PASS    one.a\n! WARN    one.b"

    def test_names_can_be_given(self, rb):
        rb.check(lambda value: Check("x", Verdict.PASS, "", ""), answer(None, ReadError("e")), names=["mine"])
        assert [check.name for check in rb.checks] == ["mine"]

    def test_one_check_need_not_be_a_list(self, rb):
        rb.check(lambda value: Check("x", Verdict.PASS, str(value), ""), answer())
        assert rb.checks[0].observed == "3"


class TestFinish:
    def test_the_result_says_it_all(self, rb):
        rb.check(rule, answer(), limit=5)
        rb.finish()
        assert isinstance(rb.result, Result)
        document = rb.result.to_dict()
        assert (document["procedure"], document["section"], document["title"]) == (
            "health/daily_health_check",
            "health",
            "Daily health check",
        )
        assert (document["platform"], document["account"], document["region"]) == (
            "sandbox",
            "123456789012",
            "us-east-1",
        )
        assert document["verdict"] == "warn"
        assert document["parameters"] == {"platform": "sandbox", "window": "2h", "until": "now"}
        assert document["commit"] == "abc1234"
        assert document["causes"] == []

    def test_when_all_is_well_nobody_is_to_be_told(self, rb, capsys):
        rb.check(lambda value: Check("x", Verdict.PASS, "fine", "fine"), answer())
        rb.finish()
        assert rb.result.verdict == "pass"
        assert rb.result.whom_to_tell == []
        out = capsys.readouterr().out
        assert "✓ PASS: Daily health check: 1 of 1 checks pass." in out
        assert "Whom to tell" not in out

    def test_when_something_is_bad_it_says_what_and_whom_to_tell(self, rb, capsys):
        rb.check(lambda value: Check("x", Verdict.FAIL, "broken", "whole"), answer())
        rb.finish()
        assert rb.result.verdict == "fail"
        assert rb.result.whom_to_tell[0].email == "ops-team@company.com"
        out = capsys.readouterr().out
        assert "✕ FAIL    x: broken" in out
        assert "#ops-alerts" in out

    def test_nothing_checked_is_unknown(self, rb, capsys):
        rb.finish()
        assert rb.result.verdict == "unknown"
        assert "nothing was checked" in capsys.readouterr().out

    def test_no_secret_is_in_the_result(self, known):
        rb = begin("health/x", note="harmless-looking-token", password="hunter22")
        rb.check(lambda value: Check("x", Verdict.PASS, "harmless-looking-token", ""), answer())
        rb.finish()
        assert "harmless-looking-token" not in rb.result.to_json()
        assert "hunter22" not in rb.result.to_json()

    def test_without_an_identity_the_account_is_not_made_up(self, variables):
        rb = begin("health/x")
        rb.finish()
        assert (rb.result.account, rb.result.identity) == (None, None)


class TestViews:
    def test_a_view_is_another_answer_of_the_same_call(self):
        seen = answer(3).view(lambda value, times: value * times, times=2)
        assert (seen.value, seen.evidence) == (6, "call; 0.1 s")

    def test_a_chart_is_drawn_from_the_value(self):
        drawn = answer(3).chart(lambda value, unit: context.show.note(f"{value} {unit}"), unit="ms")
        assert drawn.text == "3 ms"

    def test_of_an_error_there_is_nothing_to_see_but_the_reason(self):
        failed = answer(None, ReadError("Bucket raw: denied."))
        assert failed.view(len) is failed
        assert "denied" in failed.chart(len).text
