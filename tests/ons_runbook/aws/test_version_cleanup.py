"""Which versions go, which stay and why, and the actions that delete them.

https://docs.aws.amazon.com/lambda/latest/api/API_DeleteFunction.html
"""

from datetime import timedelta

import pytest

from ons_runbook.aws import version_cleanup, versions
from ons_runbook.checks import Verdict
from ons_runbook.errors import AccessDenied, ChangeRefused, ReadError
from ons_runbook.plan import planned
from ons_runbook.tables import given
from ons_runbook.window import utc_now

from .versioning import Account

F, G = "lambda_router", "timestream_loader"


@pytest.fixture
def account(monkeypatch):
    account = Account(monkeypatch)
    for function in (F, G):
        for version in ("$LATEST", *map(str, range(1, 13))):
            account.publish(function, version)
        account.alias(function, "12")
    return account


@pytest.fixture
def found(account, session):
    return lambda: versions.published(session, [F, G])


@pytest.fixture
def clean_up(found, session):
    return lambda keep=9, functions=(): version_cleanup.clean_up(
        session, found(), keep=keep, functions=functions
    )


def deleted(changes):
    return [(action.parameters["FunctionName"], action.parameters["Qualifier"]) for action in changes.actions]


def alone(changes):
    return {one.target: one.why for one in changes.left_alone}


class TestWhichGo:
    def test_all_but_the_newest_by_number_not_by_text(self, clean_up):
        assert deleted(clean_up()) == [(F, "3"), (F, "2"), (F, "1"), (G, "3"), (G, "2"), (G, "1")]
        assert deleted(clean_up(keep=10)) == [(F, "2"), (F, "1"), (G, "2"), (G, "1")]

    def test_of_one_function(self, clean_up):
        assert deleted(clean_up(functions=[G])) == [(G, "3"), (G, "2"), (G, "1")]

    @pytest.mark.parametrize("keep", [12, 100])
    def test_nothing_to_do(self, clean_up, keep):
        changes = clean_up(keep=keep)
        assert not changes.actions
        assert not changes.left_alone
        assert changes.nothing == f"No function has more versions than the newest {keep}."

    def test_numbers_that_were_deleted_before_do_not_count(self, account, clean_up):
        for number in range(4, 12):
            del account.versions[F][str(number)]
        assert deleted(clean_up(keep=3, functions=[F])) == [(F, "1")]

    def test_latest_never_goes(self, clean_up):
        assert all(number.isdecimal() for _, number in deleted(clean_up(keep=1)))


class TestWhichStay:
    @pytest.mark.parametrize(
        ("use", "why"),
        [
            (lambda a: a.alias(F, "2", "OLD"), "alias OLD"),
            (lambda a: a.alias(F, "12", v2=0.01), "alias LIVE (1%)"),
            (lambda a: a.provisioned.update({(F, "2"): 3}), "provisioned concurrency 3"),
            (lambda a: a.mappings.append((F, "2")), "event source mapping mapping-0"),
            (lambda a: a.asynchronous.append((F, "2")), "settings for asynchronous calls"),
            (
                lambda a: a.permitted.append((F, "2")),
                "it has a permission of its own: something may call it",
            ),
        ],
    )
    def test_what_something_refers_to(self, account, clean_up, use, why):
        use(account)
        changes = clean_up(functions=[F])
        assert deleted(changes) == [(F, "3"), (F, "1")]
        assert alone(changes) == {f"version 2 of {F}": why}

    @pytest.mark.parametrize(("age", "stays"), [(1, True), (29, True), (31, False)])
    def test_what_was_called_by_its_number(self, account, clean_up, age, stays):
        at = utc_now() - timedelta(days=age)
        account.measured("Invocations", {at: 1234.0}, FunctionName=F, Resource=f"{F}:2")
        changes = clean_up(functions=[F])
        assert ((F, "2") in deleted(changes)) is not stays
        said = {f"version 2 of {F}": "called 1,234 times by its number in the last 30 days"}
        assert alone(changes) == (said if stays else {})

    def test_when_all_old_ones_are_in_use_it_says_so(self, account, clean_up):
        for number in "123":
            account.alias(F, number, f"A{number}")
        changes = clean_up(functions=[F])
        assert not changes.actions
        assert changes.nothing == "No function has a version that nothing uses beyond the newest 9."

    @pytest.mark.parametrize("operation", ["GetPolicy", "GetMetricData"])
    def test_when_a_use_cannot_be_looked_for_nothing_goes(self, account, clean_up, operation):
        account.errors[operation] = "AccessDeniedException"
        with pytest.raises(AccessDenied):
            clean_up()


class TestRefused:
    def test_keeping_nothing(self, clean_up):
        with pytest.raises(ChangeRefused, match="keep=0 would leave nothing to go back to"):
            clean_up(keep=0)

    def test_a_function_of_somebody_else(self, clean_up):
        with pytest.raises(
            ChangeRefused, match=r"lambda_rooter is no function .* Did you mean lambda_router"
        ):
            clean_up(functions=["lambda_rooter"])
        with pytest.raises(ChangeRefused, match="Its functions are: lambda_router, structured"):
            clean_up(functions=["billing"])

    def test_a_function_that_cannot_be_read_is_left_alone(self, account, session, clean_up):
        del account.versions[G]
        changes = clean_up()
        assert deleted(changes) == [(F, "3"), (F, "2"), (F, "1")]
        assert "Versions of timestream_loader" in alone(changes)[f"versions of {G}"]

    def test_when_nothing_could_be_read_there_is_no_plan(self, account, clean_up):
        account.errors["ListAliases"] = "AccessDeniedException"
        with pytest.raises(ReadError, match="ListAliases"):
            clean_up()


class TestAction:
    def test_it_deletes_the_version_and_starts_from_one_that_nothing_uses(self, account, session, clean_up):
        action = clean_up(functions=[F], keep=11).actions[0]
        assert (action.operation, action.parameters) == (
            "DeleteFunction",
            {"FunctionName": F, "Qualifier": "1"},
        )
        code = account.versions[F]["1"]["CodeSha256"]
        free = {"published": True, "code": code, "aliases": [], "provisioned": 0, "again": None}
        assert action.before == free
        assert action.before == action.state.read(session)
        assert action.after == {"published": False, "again": None}
        assert action.resources == (F, f"{F}:1")
        assert action.risk.startswith("release 1 (2026-10-14). ")

    def test_its_undo_publishes_the_oldest_first(self, clean_up):
        """An undo goes from the last action to the first."""
        assert [number for _, number in deleted(clean_up(functions=[F]))] == ["3", "2", "1"]

    def test_a_plan_that_is_made_again_has_the_same_id(self, session, clean_up):
        assert planned(session, "p", clean_up()).id == planned(session, "p", clean_up()).id

    def test_no_package_is_brought_while_planning(self, account, clean_up):
        clean_up()
        assert "GetFunction" not in [operation for operation, _ in account.asked]


class TestTables:
    def test_what_becomes_of_each(self, account, found):
        account.alias(F, "2", "OLD")
        shown = version_cleanup.listed(found(), 9)
        fates = dict(shown[shown["function"] == F][["version", "fate"]].itertuples(index=False))
        assert fates == {
            **{str(number): "newest" for number in range(4, 13)},
            "3": "to delete",
            "2": "in use",
            "1": "to delete",
        }
        assert "code_sha256" not in shown.columns

    def test_by_function(self, account, found):
        account.alias(F, "2", "OLD")
        rows = version_cleanup.summary(found(), 9).to_dict("records")
        assert rows[0] == {
            "function": F,
            "newest": 9,
            "in_use": 1,
            "to_delete": 2,
            "to_delete_bytes": 2000,
            "which": "1, 3",
        }
        assert rows[1]["which"] == "1, 2, 3"

    def test_a_function_that_could_not_be_read_has_no_fate(self, account, found):
        del account.versions[G]
        shown = version_cleanup.listed(found(), 9)
        (row,) = shown[shown["function"] == G].to_dict("records")
        assert not given(row["fate"])
        assert given(row["problem"])
        assert not given(version_cleanup.summary(found(), 9).to_dict("records")[1]["which"])


class TestJudge:
    def test_versions_of_which_one_is_live(self, found):
        checks = version_cleanup.judge(found(), [F, G])
        assert [check.verdict for check in checks] == [Verdict.PASS, Verdict.PASS]
        assert checks[0].observed == "12 versions, LIVE at 12"

    def test_without_an_alias_and_unread(self, account, found):
        account.aliases = {}
        del account.versions[G]
        first, second = version_cleanup.judge(found(), [F, G])
        assert (first.verdict, first.observed) == (Verdict.WARN, "12 versions, no alias")
        assert second.verdict is Verdict.UNKNOWN

    def test_one_that_has_no_version(self, account, found):
        account.versions[G] = {}
        assert version_cleanup.judge(found(), [F, G])[1].verdict is Verdict.UNKNOWN

    @pytest.mark.parametrize(
        ("used", "verdict"), [(7_999, Verdict.PASS), (8_000, Verdict.WARN), (9_500, Verdict.FAIL)]
    )
    def test_room_for_code(self, account, session, used, verdict):
        account.storage = (used, 10_000)
        check = version_cleanup.judge_storage(version_cleanup.storage(session))
        assert check.verdict is verdict
        assert f"{used:,} of 10,000 bytes" in check.observed
