"""What has to be done for new code to reach the callers, and what is refused.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html ·
https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html: same role, same dead-letter queue
"""

import base64
import hashlib
import io
import zipfile

import pytest

from ons_runbook.aws import code_changes, packages
from ons_runbook.aws.deployment_groups import Group
from ons_runbook.errors import ChangeRefused, NotFound, ReadError
from ons_runbook.plan import Found, Kept, planned

ROUTER = "lambda_router"
GROUP = Group(ROUTER, "app", "group", "canary", "canary", 5.0)


def zipped(text, how=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", how) as archive:
        archive.writestr(zipfile.ZipInfo("app.py"), text, how)
    return buffer.getvalue()


class Function:
    """A function with versions 1 and 2, the second live, as it is listed; change it, then plan."""

    def __init__(self, monkeypatch, session, source):
        self.session, self.source = session, source
        self.code = {"1": zipped("one"), "2": zipped("two"), "$LATEST": zipped("two")}
        self.more = {number: {} for number in self.code}
        self.alias = {"version": "2", "weights": {}}
        self.group = GROUP
        self.now = {"State": "Active", "LastUpdateStatus": "Successful"}
        self.fetched = []
        self.there = True
        monkeypatch.setattr(code_changes.versions, "configurations", self._configurations)
        monkeypatch.setattr(code_changes.version_packages.package, "function", self._package)
        monkeypatch.setattr(code_changes.deployment_groups, "group", self._group)
        monkeypatch.setattr(code_changes.aliases, "alias", lambda session, function, alias: self.alias)
        monkeypatch.setattr(session.client("lambda"), "get_function_configuration", self._configuration)

    def sha256(self, number):
        return base64.b64encode(hashlib.sha256(self.code[number]).digest()).decode()

    def one(self, number):
        return {
            "Version": number,
            "CodeSha256": self.sha256(number),
            "CodeSize": len(self.code[number]),
            "Runtime": "python3.11",
            "Handler": "app.handler",
            **self.more[number],
        }

    def _configurations(self, session, function):
        if not self.there:
            raise NotFound("not there")
        return {number: self.one(number) for number in self.code}

    def _configuration(self, FunctionName):
        return {**self.one("$LATEST"), **self.now}

    def _package(self, session, function, version):
        self.fetched.append(version)
        return self.code[version]

    def _group(self, session, function, configuration):
        return self.group

    def plan(self, text=None, **given):
        """The changes with this text as the source's only file, or without a source."""
        if text is not None:
            (self.source / "app.py").write_text(text)
            given["source"] = str(self.source)
        found = code_changes.changes(self.session, **{"function": ROUTER, **given})
        planned(self.session, "test", found)
        return found

    def calls(self, *arguments, **given):
        return [action.operation for action in self.plan(*arguments, **given).actions]


@pytest.fixture
def function(monkeypatch, session, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    return Function(monkeypatch, session, source)


ALL = ["UpdateFunctionCode", "PublishVersion", "CreateDeployment"]


def test_new_code_is_put_published_and_deployed(function):
    found = function.plan("three", description="a ticket", minimum_calls=7)
    put, publish, deploy = found.actions
    assert [put.operation, publish.operation, deploy.operation] == ALL
    packed = packages.pack(function.source)
    kept = put.parameters["ZipFile"]
    assert kept == Kept(
        hashlib.sha256(packed).hexdigest(), len(packed), packages.package.at(folder=str(function.source))
    )
    assert kept.source.read(function.session) == packed
    code = base64.b64encode(hashlib.sha256(packed).digest()).decode()
    assert publish.parameters == {"FunctionName": ROUTER, "CodeSha256": code, "Description": "a ticket"}
    assert publish.state.of["above"] == 2
    assert deploy.parameters["target"] == Found(publish.name, "version")
    assert (deploy.parameters["current"], deploy.parameters["description"]) == ("2", "a ticket")
    assert deploy.watch.of["minimum_calls"] == 7
    assert found.left_alone == []


def test_what_is_live_already_is_not_made_again(function):
    found = function.plan("two")
    assert (found.actions, found.left_alone) == ((), [])
    assert found.nothing == "Version 2, which LIVE points at, has exactly this code and these settings."
    assert function.plan().actions == ()


def test_the_same_files_packed_otherwise_are_the_same_code(function):
    function.code["2"] = zipped("two", zipfile.ZIP_STORED)
    assert function.sha256("2") != function.sha256("$LATEST")
    assert function.plan("two").actions == ()
    found = function.plan()
    assert found.actions == ()
    assert [one.target for one in found.left_alone] == [f"$LATEST of {ROUTER}"]


def test_code_that_lies_in_latest_is_published_and_deployed(function):
    function.code["$LATEST"] = zipped("three")
    assert function.calls() == ALL[1:]
    found = function.plan("three")
    assert [action.operation for action in found.actions] == ALL[1:]
    assert found.actions[0].parameters["CodeSha256"] == function.sha256("$LATEST")
    assert [one.why for one in found.left_alone] == ["it is in $LATEST already"]


def test_changed_settings_are_published_with_the_same_code(function):
    function.more["$LATEST"] = {"MemorySize": 512}
    assert function.calls() == ALL[1:]
    assert function.calls("two") == ALL[1:]


def test_a_version_that_was_published_before_is_deployed_again(function):
    function.code["$LATEST"] = zipped("one")
    found = function.plan("one")
    assert [action.operation for action in found.actions] == ["CreateDeployment"]
    assert found.actions[0].parameters["target"] == "1"
    assert [one.target for one in found.left_alone] == [f"code of {ROUTER}", f"version 1 of {ROUTER}"]
    function.more["1"] = {"Timeout": 3}
    assert function.calls("one") == ALL[1:]


def test_the_newest_of_equal_versions_is_deployed(function):
    function.code |= {"3": zipped("one"), "10": zipped("one"), "$LATEST": zipped("one")}
    function.more |= {"3": {}, "10": {}}
    assert function.plan("one").actions[0].parameters["target"] == "10"
    function.more["10"] = {"Timeout": 3}
    assert function.plan("one").actions[0].parameters["target"] == "3"


def test_while_other_code_lies_in_latest_the_live_code_needs_nothing(function):
    function.code["$LATEST"] = zipped("three")
    found = function.plan("two")
    assert found.actions == ()
    assert "nobody who calls the alias gets it" in found.left_alone[0].why


def test_a_package_that_is_too_large_to_be_fetched_is_told_by_its_hash(function, monkeypatch):
    monkeypatch.setattr(code_changes.version_packages, "LARGEST_PACKAGE", 1)
    assert function.calls("two") == ALL
    assert function.fetched == []
    assert function.plan().actions == ()


def test_what_cannot_be_fetched_is_no_plan(function, monkeypatch):
    def unreadable(session, function, version):
        raise ReadError("not now")

    monkeypatch.setattr(code_changes.version_packages.package, "function", unreadable)
    with pytest.raises(ReadError):
        function.plan("three")


@pytest.mark.parametrize("member", ["Role", "DeadLetterConfig"])
def test_versions_that_cannot_share_calls_are_deployed_all_at_once_or_not(function, member):
    function.more["$LATEST"] = {member: "other"}
    with pytest.raises(ChangeRefused, match=rf"another {member} than version 2.*LambdaAllAtOnce"):
        function.plan("three")
    function.group = Group(ROUTER, "app", "group", "at once", "all at once", 0.0)
    assert function.calls("three") == ALL


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"function": "lambda_routr"}, r"no function 'lambda_routr'\. Did you mean lambda_router\?"),
        ({"function": "x"}, r"no function 'x'\. It has: lambda_router, "),
        ({"function": f"{ROUTER}:LIVE"}, r"'lambda_router:LIVE' is a version or an alias"),
        ({"description": "x" * 257}, r"257 characters, and Lambda takes 256"),
        ({"minimum_calls": -1}, "cannot be negative"),
        ({"patience_minutes": -0.1}, "cannot be negative"),
        ({"source": "/no/where"}, "no folder /no/where"),
    ],
)
def test_bad_parameters_are_refused(function, given, says):
    with pytest.raises(ChangeRefused, match=says):
        function.plan(**given)


def test_the_longest_description_is_taken(function):
    assert function.calls("three", description="x" * 256) == ALL


def test_a_source_without_the_handlers_module_is_refused(function):
    function.more["$LATEST"] = {"Handler": "api.handler"}
    with pytest.raises(ChangeRefused, match=r"has no api\.py"):
        function.plan("three")


@pytest.mark.parametrize(
    ("now", "says"),
    [
        ({"LastUpdateStatus": "InProgress"}, "An update of lambda_router is in progress"),
        ({"State": "Pending"}, "An update of lambda_router is in progress"),
        ({"PackageType": "Image"}, "is a container image"),
    ],
)
def test_a_function_that_cannot_be_updated_now_is_refused(function, now, says):
    function.now |= now
    with pytest.raises(ChangeRefused, match=says):
        function.plan("three")


def test_one_whose_last_update_failed_can_be_updated(function):
    function.now["LastUpdateStatus"] = "Failed"
    assert function.calls("three") == ALL


def test_a_function_that_is_not_there_is_refused(function):
    function.there = False
    with pytest.raises(ChangeRefused, match="There is no function lambda_router in this account"):
        function.plan("three")


@pytest.mark.parametrize(
    ("alias", "says"),
    [
        ({"version": "2", "weights": {"1": 0.25}}, r"points at 2 and version 1 \(25 %\): CodeDeploy"),
        ({"version": "$LATEST", "weights": {}}, r"points at \$LATEST: CodeDeploy"),
    ],
)
def test_an_alias_that_is_not_at_rest_on_one_version_is_refused(function, alias, says):
    function.alias = alias
    with pytest.raises(ChangeRefused, match=says):
        function.plan("three")


def test_without_the_alias_it_is_refused_with_those_there_are(function, stub):
    function.alias = {"version": None, "weights": {}}
    listed = {"Aliases": [{"Name": "OLD"}, {"Name": "BETA"}]}
    stub("lambda").add_response("list_aliases", listed, {"FunctionName": ROUTER})
    with pytest.raises(ChangeRefused, match=r"lambda_router has no alias LIVE.*It has: BETA, OLD\."):
        function.plan("three")


def test_a_deployment_under_way_is_refused_with_its_id(function):
    function.group = Group(ROUTER, "app", "group", "x", "x", 0.0, last="d-1 InProgress, now", under_way="d-1")
    with pytest.raises(ChangeRefused, match=r"Deployment d-1 of lambda_router is under way \(d-1 InProgress"):
        function.plan("three")
