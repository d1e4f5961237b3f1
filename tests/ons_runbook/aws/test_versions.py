"""Published versions: the table, what refers to each, and what differs between two.

https://docs.aws.amazon.com/lambda/latest/api/API_ListVersionsByFunction.html
"""

import pytest

from ons_runbook.aws import versions
from ons_runbook.errors import NotFound, UnexpectedAnswer
from ons_runbook.platform import load_platform
from ons_runbook.session import Session
from ons_runbook.tables import given

from .versioning import Account, zipped

OLD, NEW = zipped(app="one = 1", util="b = 1"), zipped(app="two = 22", extra="c = 1")


@pytest.fixture
def account(monkeypatch):
    account = Account(monkeypatch)
    for function in ("f", "g"):
        account.publish(function)
        for number in range(1, 12):
            account.publish(function, str(number))
        account.alias(function, "11")
    return account


def row(found, version, function="f"):
    (one,) = found[(found["function"] == function) & (found["version"] == version)].to_dict("records")
    return {name: value for name, value in one.items() if given(value)}


class TestPublished:
    def test_newest_first_over_all_pages_and_without_latest(self, account, session):
        found = versions.published(session, ["g", "f"])
        assert list(found["function"].unique()) == ["g", "f"]
        assert list(found[found["function"] == "f"]["version"]) == list(map(str, range(11, 0, -1)))
        assert given(row(found, "10")["code_sha256"])
        assert str(row(found, "10")["modified"]) == "2026-10-14 14:05:00+00:00"

    def test_weighted_aliases_say_their_shares(self, account, session):
        account.alias("f", "11", v3=0.25)
        account.alias("f", "3", "OLD")
        found = versions.published(session, ["f"])
        assert row(found, "11")["aliases"] == "LIVE (75%)"
        assert row(found, "3")["aliases"] == "LIVE (25%), OLD"
        assert "aliases" not in row(found, "4")

    def test_what_else_refers_to_a_version(self, account, session):
        account.provisioned = {("f", "2"): 4, ("f", "LIVE"): 3}
        account.asynchronous = [("f", "5"), ("f", "$LATEST")]
        account.mappings = [("f", "6"), ("g", "6"), ("f", ""), ("f", "7")]
        found = versions.published(session, ["f"])
        assert row(found, "2")["provisioned"] == 4
        assert row(found, "11")["provisioned"] == 3
        assert row(found, "5")["used_by"] == "settings for asynchronous calls"
        assert row(found, "6")["used_by"] == "event source mapping mapping-0"
        assert row(found, "7")["used_by"] == "event source mapping mapping-3"
        assert found["used_by"].notna().sum() == 3

    def test_a_function_that_is_not_there_is_a_problem_and_the_others_stand(self, account, session):
        found = versions.published(session, ["f", "nope"])
        assert len(found[found["function"] == "f"]) == 11
        (problem,) = found[found["function"] == "nope"].to_dict("records")
        assert "Versions of nope" in problem["problem"]
        assert not given(problem["version"])

    @pytest.mark.parametrize(
        "operation",
        [
            *("ListVersionsByFunction", "ListAliases", "ListProvisionedConcurrencyConfigs"),
            *("ListFunctionEventInvokeConfigs", "ListEventSourceMappings"),
        ],
    )
    def test_what_refers_to_versions_and_cannot_be_read_is_no_absence(self, account, session, operation):
        account.errors[operation] = "AccessDeniedException"
        found = versions.published(session, ["f", "g"])
        assert list(found["version"].isna()) == [True, True]
        assert all(operation in problem for problem in found["problem"])

    def test_nothing_published(self, account, session):
        account.publish("h")
        found = versions.published(session, ["h"])
        assert found.empty
        assert list(found.columns) == list(versions.VERSIONS)


class TestState:
    def test_a_version_and_what_sends_calls_to_it(self, account, session):
        account.alias("f", "11", v3=0.25)
        account.provisioned = {("f", "3"): 4}
        state = versions.version(session, function="f", version="3")
        assert state["aliases"] == ["LIVE (25%)"]
        assert state["provisioned"] == 4
        assert state["code"] == account.versions["f"]["3"]["CodeSha256"]

    def test_a_version_that_is_not_there(self, account, session):
        gone = {"code": None, "aliases": [], "provisioned": 0}
        assert versions.version(session, function="f", version="99") == gone


class TestDifferences:
    @pytest.fixture
    def compare(self, account, session, monkeypatch):
        packages = {"1": OLD, "2": NEW}

        def package(session, function, version):
            return packages[version]

        monkeypatch.setattr(versions, "package", package)
        account.publish("f", "1", OLD)

        def compare(new=NEW, **settings):
            account.publish("f", "2", new, **{"Description": "release 1", **settings})
            found = versions.differences(session, "f", "1", "2")
            return [tuple(value if given(value) else None for value in row) for row in found.to_numpy()]

        return compare

    def test_the_same_content_has_no_differences(self, compare):
        assert compare(OLD) == []

    def test_files_by_their_size(self, compare):
        rows = [row for row in compare() if row[0] == "file"]
        assert rows == [
            ("file", "app.py", "7 bytes", "8 bytes"),
            ("file", "extra.py", None, "5 bytes"),
            ("file", "util.py", "5 bytes", None),
        ]

    def test_settings_and_what_is_of_each_version_alone_is_left_out(self, compare):
        rows = compare(OLD, Timeout=60, Layers=[{"Arn": "arn:layer:1"}], State="Inactive")
        assert rows == [
            ("configuration", "Layers", None, '[{"Arn": "arn:layer:1"}]'),
            ("configuration", "Timeout", "30", "60"),
        ]

    def test_variables_without_their_values(self, compare, account):
        account.versions["f"]["1"]["Environment"] = {"Variables": {"A": "hidden-1", "B": "same", "C": "x"}}
        rows = compare(OLD, Environment={"Variables": {"A": "hidden-2", "B": "same", "D": "y"}})
        assert rows == [
            ("variable", "A", "set", "another value"),
            ("variable", "C", "set", None),
            ("variable", "D", None, "set"),
        ]

    def test_packages_that_cannot_be_compared_are_said_and_the_rest_stands(self, compare, monkeypatch):
        def package(session, function, version):
            raise UnexpectedAnswer("It is another.")

        monkeypatch.setattr(versions, "package", package)
        rows = compare(Timeout=60)
        assert rows[-1] == ("file", "not compared", None, "It is another.")
        assert ("configuration", "Timeout", "30", "60") in rows

    def test_a_version_that_is_not_there(self, account, session):
        with pytest.raises(NotFound, match="Versions 1 and 99 of f"):
            versions.differences(session, "f", "1", "99")


@pytest.fixture
def live(clean_environment, sandbox):
    for name, value in sandbox.env().items():
        clean_environment.setenv(name, value)
    return Session(load_platform())


def test_on_the_sandbox(live):
    found = versions.published(live, live.platform.functions)
    assert len(found) == 27
    assert list(found[found["aliases"] == "LIVE"]["version"]) == ["6", "7", "7", "7"]
    assert not found["problem"].notna().any()
    changed = versions.differences(live, "lambda_router", "5", "6")
    assert set(changed["what"]) == {"code", "configuration", "file"}
    assert "lambda_router.py" in list(changed["name"])
