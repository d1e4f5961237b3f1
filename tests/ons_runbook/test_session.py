"""The session: whose credentials, which endpoints, how often it tries, and what it remembers."""

import threading

import pytest

from ons_runbook import session as module
from ons_runbook.calls import recording
from ons_runbook.errors import (
    AccountMismatch,
    CredentialsError,
    PlatformError,
    ReadError,
    Unreachable,
)
from ons_runbook.platform import load_platform
from ons_runbook.session import Session

WHO = """<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:iam::{account}:user/op</Arn><UserId>AIDA</UserId><Account>{account}</Account></GetCallerIdentityResult>
<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></GetCallerIdentityResponse>"""


@pytest.fixture
def prod(clean_environment):
    clean_environment.setenv("RUNBOOK_EXPECTED_ACCOUNT", "123456789012")
    return clean_environment


class TestSandbox:
    def test_credentials_of_this_machine_are_never_used(self, make_platform, clean_environment, serve):
        clean_environment.setenv("AWS_ACCESS_KEY_ID", "ambient-key-id")
        clean_environment.setenv("AWS_SECRET_ACCESS_KEY", "ambient-secret")
        clean_environment.setenv("AWS_PROFILE", "a-profile-that-is-not-there")
        url, _ = serve(lambda *_: (200, WHO.format(account="123456789012")), "text/xml")
        session = Session(make_platform(endpoint_url=url))
        keys = session.client("sts")._request_signer._credentials
        assert keys.access_key == "sandbox-operator"
        assert session.account == "123456789012"

    def test_endpoints_of_this_machine_for_one_service_are_never_used(self, make_platform, clean_environment):
        clean_environment.setenv("AWS_ENDPOINT_URL_S3", "https://s3.example.com")
        assert Session(make_platform()).client("s3").meta.endpoint_url == "http://127.0.0.1:9"

    def test_a_proxy_of_this_machine_is_never_used(self, make_session, clean_environment, serve):
        clean_environment.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        url, seen = serve(lambda *_: (200, "{}"))
        make_session(endpoint_url=url).client("lambda").list_functions()
        assert len(seen) == 1

    def test_a_redirect_to_elsewhere_is_not_followed(self, make_session, serve):
        url, _ = serve(lambda *_: (200, "{}"))
        client = make_session(endpoint_url=url).client("lambda")

        def lead_away(request, **_):
            request.url = "https://lambda.us-east-1.amazonaws.com/2015-03-31/functions"

        client.meta.events.register("before-sign", lead_away)
        with pytest.raises(PlatformError, match="this machine only"):
            client.list_functions()


class TestRealPlatform:
    def test_without_credentials_it_says_how_to_get_some(self, prod):
        with pytest.raises(CredentialsError, match="AWS_PROFILE"):
            _ = Session(load_platform("prod")).identity

    def test_an_unknown_profile_is_named(self, prod):
        prod.setenv("AWS_PROFILE", "nobody")
        with pytest.raises(CredentialsError, match="nobody"):
            _ = Session(load_platform("prod")).identity

    def test_an_endpoint_in_the_configuration_that_is_this_machine_is_refused(self, prod, tmp_path):
        config = tmp_path / "config"
        config.write_text("[default]\nendpoint_url = http://localhost:4566\n")
        prod.setenv("AWS_CONFIG_FILE", str(config))
        with pytest.raises(PlatformError, match="does not answer on this machine"):
            Session(load_platform("prod")).client("s3")

    def test_its_credentials_are_known_to_its_redactor(self, prod):
        prod.setenv("AWS_ACCESS_KEY_ID", "plain-looking-key-id")
        prod.setenv("AWS_SECRET_ACCESS_KEY", "plain-looking-secret")
        text = Session(load_platform("prod")).redactor().redact("plain-looking-key-id plain-looking-secret")
        assert text == "[redacted] [redacted]"


class TestAccount:
    def answer(self, serve, account):
        return serve(lambda *_: (200, WHO.format(account=account)), "text/xml")

    def test_it_is_asked_once(self, make_platform, serve):
        url, seen = self.answer(serve, "123456789012")
        session = Session(make_platform(endpoint_url=url))
        assert session.account == "123456789012"
        assert session.identity.arn == "arn:aws:iam::123456789012:user/op"
        assert len(seen) == 1

    def test_another_account_stops_everything(self, make_platform, serve):
        url, seen = self.answer(serve, "999999999999")
        session = Session(make_platform(endpoint_url=url))
        with pytest.raises(
            AccountMismatch, match="account 999999999999, and platform 'sandbox' is account 1234"
        ):
            _ = session.identity
        with pytest.raises(AccountMismatch):
            session.client("lambda").list_functions()
        assert len(seen) == 1

    def test_when_it_cannot_be_asked_nothing_else_is(self, make_platform, serve):
        url, seen = serve(
            lambda *_: (400, "<ErrorResponse><Error><Code>X</Code></Error></ErrorResponse>"), "text/xml"
        )
        session = Session(make_platform(endpoint_url=url))
        for _ in range(2):
            with pytest.raises(ReadError, match="AWS identity"):
                session.client("lambda").list_functions()
        assert len(seen) == 1


class TestTrying:
    def test_a_dead_endpoint_is_tried_twice_and_no_more(self, make_platform, monkeypatch):
        tried = []
        real = module._give_up_early

        def counting(**event):
            tried.append(event["attempts"])
            return real(**event)

        monkeypatch.setattr(module, "_give_up_early", counting)
        with pytest.raises(Unreachable, match="runbook sandbox status"):
            _ = Session(make_platform()).identity
        assert tried == [1, 2]

    def test_a_busy_service_is_tried_four_times_and_the_retries_are_evidence(self, make_session, serve):
        url, seen = serve(lambda *_: (429, '{"__type": "TooManyRequestsException"}'))
        client = make_session(endpoint_url=url).client("lambda")
        with recording() as calls, pytest.raises(client.exceptions.TooManyRequestsException):
            client.list_functions()
        assert len(seen) == 4
        assert str(calls) == "lambda:ListFunctions (3 retries; 1 failed: TooManyRequestsException)"

    def test_calls_are_recorded_with_their_errors(self, stub, session):
        stub("lambda").add_response("list_functions", {})
        stub("lambda").add_client_error("list_functions", "AccessDeniedException")
        with recording() as calls:
            session.client("lambda").list_functions()
            with pytest.raises(session.client("lambda").exceptions.ClientError):
                session.client("lambda").list_functions()
        assert str(calls) == "lambda:ListFunctions ×2 (1 failed: AccessDeniedException)"

    def test_it_says_who_is_asking(self, make_session, serve):
        agents = []
        url, _ = serve(lambda *_: (200, "{}"))
        client = make_session(endpoint_url=url).client("lambda")
        client.meta.events.register(
            "before-send", lambda request, **_: agents.append(request.headers["User-Agent"])
        )
        client.list_functions()
        assert b"ons-runbook/" in agents[0]


def test_what_is_cached_is_made_once_even_by_many_threads(session):
    made = []
    threads = [threading.Thread(target=session.cached, args=("x", lambda: made.append(1))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [1]


def test_its_redactor_knows_the_token_and_what_was_read_since(session):
    session.keep_secret("harmless-looking")
    redactor = session.redactor("said-by-the-caller")
    text = "token-of-the-test harmless-looking said-by-the-caller"
    assert redactor.redact(text) == "[redacted] [redacted] [redacted]"


def test_its_repr_shows_where_and_no_more(session):
    assert repr(session) == "Session('sandbox', 'us-east-1')"


def test_preloading_knows_the_models_of_every_service_that_is_asked():
    module.preload()
