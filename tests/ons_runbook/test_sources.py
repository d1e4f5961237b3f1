"""Where settings come from.

Terraform's format: https://developer.hashicorp.com/terraform/cli/commands/output (`-json`: an object by
output name with `sensitive`, `type` and `value`).
"""

import json

import pytest

from ons_runbook import sources
from ons_runbook.errors import PlatformError

OUTPUTS = {
    "s3_raw_bucket_name": {"sensitive": False, "type": "string", "value": "raw-by-terraform"},
    "step_function_arn": {
        "sensitive": False,
        "type": "string",
        "value": "arn:aws:states:us-east-1:123456789012:stateMachine:m",
    },
    "something_else": {"sensitive": True, "type": ["list", "string"], "value": ["x"]},
}


class TestTerraform:
    def test_outputs_are_read_from_a_file_by_the_names_of_the_runbook(self, tmp_path):
        path = tmp_path / "outputs.json"
        path.write_text(json.dumps(OUTPUTS))
        assert sources.from_terraform(str(path)) == {
            "raw_bucket": "raw-by-terraform",
            "state_machine": "arn:aws:states:us-east-1:123456789012:stateMachine:m",
        }

    def test_a_folder_is_asked_by_running_terraform_in_it(self, tmp_path, monkeypatch):
        program = tmp_path / "bin" / "terraform"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\ntest \"$1\" = '-chdir={tmp_path}' && echo '{json.dumps(OUTPUTS)}'\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
        assert sources.from_terraform(str(tmp_path))["raw_bucket"] == "raw-by-terraform"

    def test_what_terraform_complains_of_is_passed_on(self, tmp_path, monkeypatch):
        program = tmp_path / "terraform"
        program.write_text("#!/bin/sh\necho 'Backend initialization required' >&2\nexit 1\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        with pytest.raises(PlatformError, match="Backend initialization required"):
            sources.from_terraform(str(tmp_path))

    def test_without_terraform_it_says_how_else(self, tmp_path, monkeypatch):
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(PlatformError, match=r"not installed here.*outputs\.json"):
            sources.from_terraform(str(tmp_path))

    @pytest.mark.parametrize(
        ("text", "reason"),
        [("not json", "is not what"), ('{"a": 1}', "is not what"), ("[]", "is not what"), ("{}", "none of")],
    )
    def test_another_file_is_refused(self, text, reason, tmp_path):
        path = tmp_path / "outputs.json"
        path.write_text(text)
        with pytest.raises(PlatformError, match=reason):
            sources.from_terraform(str(path))

    def test_a_missing_file_is_named(self, tmp_path):
        with pytest.raises(PlatformError, match=r"nowhere\.json cannot be read: No such file"):
            sources.from_terraform(str(tmp_path / "nowhere.json"))


class TestToml:
    def test_the_nearest_platform_is_named_when_there_is_none_of_that_name(self):
        with pytest.raises(PlatformError, match="Did you mean 'sandbox'"):
            sources.toml_file("sandbux")

    def test_a_path_gives_the_platform_its_name(self, tmp_path):
        path = tmp_path / "staging.toml"
        path.write_text('region = "sa-east-1"\n')
        assert sources.toml_file(str(path)) == (str(path), {"region": "sa-east-1", "name": "staging"})

    def test_a_terraform_folder_is_seen_from_the_file_that_names_it(self, tmp_path):
        path = tmp_path / "staging.toml"
        path.write_text('terraform = "../infra"\n')
        assert sources.toml_file(str(path))[1]["terraform"] == str(tmp_path / "../infra")

    def test_broken_toml_is_named_with_its_line(self, tmp_path):
        path = tmp_path / "broken.toml"
        path.write_text("region = \n")
        with pytest.raises(PlatformError, match=r"broken\.toml is not TOML.*line 1"):
            sources.toml_file(str(path))


class TestEnvironmentFile:
    @pytest.fixture(autouse=True)
    def _in_a_project(self, clean_environment, tmp_path):
        clean_environment.delenv("RUNBOOK_ENV_FILE")
        (tmp_path / "project" / ".sandbox").mkdir(parents=True)
        (tmp_path / "project" / ".sandbox" / "env").write_text('A=from file\nB="it\'s $HOME"\nEMPTY=\n')
        (tmp_path / "project" / "notebooks" / "health").mkdir(parents=True)
        clean_environment.chdir(tmp_path / "project" / "notebooks" / "health")

    def test_the_projects_file_is_found_from_any_folder_in_it(self):
        found = sources.variables(with_file=True)
        assert (found["A"], found["B"]) == ("from file", "it's $HOME")
        assert "EMPTY" not in found

    def test_the_environment_is_stronger(self, monkeypatch):
        monkeypatch.setenv("A", "from environment")
        assert sources.variables(with_file=True)["A"] == "from environment"

    def test_an_empty_variable_is_none(self, monkeypatch):
        monkeypatch.setenv("A", "")
        assert sources.variables(with_file=True)["A"] == "from file"

    def test_without_being_asked_to_it_does_not_look_into_the_file(self):
        assert "A" not in sources.variables(with_file=False)

    def test_another_file_can_be_named_and_must_then_be_there(self, monkeypatch, tmp_path):
        monkeypatch.setenv("RUNBOOK_ENV_FILE", str(tmp_path / "other"))
        with pytest.raises(PlatformError, match=r"other cannot be read"):
            sources.variables(with_file=True)


def test_merging_goes_into_nested_tables():
    weak = {"a": 1, "t": {"x": 1, "y": 1}}
    assert sources.merge(weak, {"t": {"y": 2}, "b": 3}) == {"a": 1, "b": 3, "t": {"x": 1, "y": 2}}
    assert weak == {"a": 1, "t": {"x": 1, "y": 1}}
