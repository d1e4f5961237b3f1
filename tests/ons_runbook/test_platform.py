"""Settings: the order of their sources, what is refused, and that nothing secret shows."""

import json

import pytest

from ons_runbook.errors import PlatformError, SandboxNotRunning
from ons_runbook.platform import Platform, load_platform

LOOPBACK = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
    "INFLUXDB_V2_URL": "http://127.0.0.1:8086",
    "INFLUXDB_V2_TOKEN": "sandbox-token-7",
    "RUNBOOK_API_ENDPOINT": "http://127.0.0.1:4566/_aws/execute-api/{api_id}/{stage}",
}


@pytest.fixture
def sandbox_variables(clean_environment):
    for name, value in LOOPBACK.items():
        clean_environment.setenv(name, value)
    return clean_environment


@pytest.fixture
def prod(clean_environment):
    clean_environment.setenv("RUNBOOK_EXPECTED_ACCOUNT", "012345678901")
    return clean_environment


class TestSources:
    def test_names_are_those_of_the_runbook_without_anything_said(self, sandbox_variables):
        platform = load_platform()
        assert platform.name == "sandbox"
        assert platform.functions[0] == "lambda_router"
        assert platform.raw_bucket == "ons-data-platform-raw-prod"
        assert platform.escalation[0].email == "ops-team@company.com"

    def test_each_source_is_stronger_than_the_one_after_it(self, prod, tmp_path):
        outputs = {"s3_raw_bucket_name": {"value": "terraform"}, "step_function_arn": {"value": "terraform"}}
        (tmp_path / "outputs.json").write_text(json.dumps(outputs))
        toml = tmp_path / "mine.toml"
        toml.write_text('terraform = "outputs.json"\nraw_bucket = "toml"\ntopic = "toml"\nalias = "toml"\n')
        prod.setenv("RUNBOOK_TOPIC", "environment")
        prod.setenv("RUNBOOK_ALIAS", "environment")
        platform = load_platform(str(toml), {"alias": "override"})
        assert platform.alias == "override"
        assert platform.topic == "environment"
        assert platform.raw_bucket == "toml"
        assert platform.state_machine == "terraform"
        assert platform.processed_bucket == "ons-data-platform-processed-prod"

    def test_nested_settings_come_from_several_sources_at_once(self, prod, tmp_path):
        toml = tmp_path / "mine.toml"
        toml.write_text("[thresholds]\napi_latency_warn_ms = 700\nfreshness_warn_minutes = 50\n")
        prod.setenv("RUNBOOK_THRESHOLDS__FRESHNESS_WARN_MINUTES", "55")
        thresholds = load_platform(str(toml), {"thresholds": {"errors_tolerated": 0}}).thresholds
        assert thresholds.api_latency_warn_ms == 700
        assert thresholds.freshness_warn_minutes == 55
        assert thresholds.errors_tolerated == 0
        assert thresholds.api_latency_fail_ms == 5000

    def test_an_environment_file_serves_the_sandbox(self, clean_environment, tmp_path):
        file = tmp_path / "env"
        file.write_text("".join(f"{name}={value}\n" for name, value in LOOPBACK.items()))
        clean_environment.setenv("RUNBOOK_ENV_FILE", str(file))
        assert load_platform().endpoint_url == LOOPBACK["AWS_ENDPOINT_URL"]

    def test_an_environment_file_never_serves_a_real_platform(self, prod, tmp_path):
        file = tmp_path / "env"
        file.write_text("RUNBOOK_RAW_BUCKET=from-file\nINFLUXDB_V2_TOKEN=from-file\n")
        prod.setenv("RUNBOOK_ENV_FILE", str(file))
        platform = load_platform("prod")
        assert platform.raw_bucket == "ons-data-platform-raw-prod"
        assert platform.influx_token is None

    def test_lists_in_the_environment_are_json(self, prod):
        prod.setenv("RUNBOOK_FUNCTIONS", '["a", "b"]')
        assert load_platform("prod").functions == ("a", "b")
        prod.setenv("RUNBOOK_FUNCTIONS", "a,b")
        with pytest.raises(PlatformError, match=r"functions.*Write lists as JSON"):
            load_platform("prod")

    def test_an_account_keeps_its_leading_zero(self, prod):
        assert load_platform("prod").expected_account == "012345678901"


class TestRefusals:
    def write(self, tmp_path, text):
        path = tmp_path / "mine.toml"
        path.write_text(text)
        return str(path)

    def test_an_unknown_key_is_named_with_its_file_and_the_nearest_known_one(self, prod, tmp_path):
        with pytest.raises(PlatformError, match=r"mine\.toml: unknown key 'raw_buckett'.*'raw_bucket'"):
            load_platform(self.write(tmp_path, 'raw_buckett = "x"\n'))

    def test_so_is_a_nested_one_and_one_in_the_environment(self, prod, tmp_path):
        with pytest.raises(
            PlatformError, match=r"mine\.toml: unknown key 'thresholds.freshnes_warn_minutes'"
        ):
            load_platform(self.write(tmp_path, "[thresholds]\nfreshnes_warn_minutes = 1\n"))
        prod.setenv("RUNBOOK_THRESHOLDS__API_LATENCY", "1")
        with pytest.raises(
            PlatformError, match=r"environment: unknown key 'thresholds.api_latency'.*api_latency_"
        ):
            load_platform("prod")

    def test_a_wrong_type_is_named_with_its_source(self, prod, tmp_path):
        with pytest.raises(PlatformError, match=r"mine\.toml: raw_bucket: .*string"):
            load_platform(self.write(tmp_path, "raw_bucket = 1\n"))
        prod.setenv("RUNBOOK_THRESHOLDS__ERRORS_TOLERATED", "many")
        with pytest.raises(PlatformError, match=r"environment: thresholds.errors_tolerated: .*integer"):
            load_platform("prod")

    def test_a_contact_in_a_list_is_named(self, prod, tmp_path):
        with pytest.raises(PlatformError, match=r"mine\.toml: unknown key 'escalation.0.mail'.*'email'"):
            load_platform(self.write(tmp_path, '[[escalation]]\nrole = "x"\nmail = "y"\n'))

    def test_thresholds_that_fail_before_they_warn(self, prod):
        with pytest.raises(PlatformError, match="freshness_warn_minutes must not be greater"):
            load_platform("prod", {"thresholds": {"freshness_warn_minutes": 100}})

    def test_a_real_platform_must_say_which_account_it_is(self, clean_environment):
        with pytest.raises(PlatformError, match="RUNBOOK_EXPECTED_ACCOUNT"):
            load_platform("prod")

    @pytest.mark.parametrize("account", ["12345", "12345678901a", "1234567890123"])
    def test_an_account_has_twelve_digits(self, account, prod):
        prod.setenv("RUNBOOK_EXPECTED_ACCOUNT", account)
        with pytest.raises(PlatformError, match="environment: expected_account"):
            load_platform("prod")

    def test_an_arn_of_another_region(self, prod):
        arn = "arn:aws:sns:sa-east-1:123456789012:topic"
        with pytest.raises(PlatformError, match="topic is an ARN of region sa-east-1"):
            load_platform("prod", {"topic": arn})

    def test_what_a_platform_is_cannot_be_changed_from_outside_its_file(self, sandbox_variables):
        with pytest.raises(PlatformError, match=r"kind comes from sandbox\.toml only"):
            load_platform("sandbox", {"kind": "aws"})
        sandbox_variables.setenv("RUNBOOK_KIND", "aws")
        with pytest.raises(PlatformError, match=r"kind comes from sandbox\.toml only"):
            load_platform("sandbox")

    def test_a_secret_in_a_bad_value_does_not_show(self, prod):
        prod.setenv("INFLUXDB_V2_URL", "http://user:hunter22@10.0.0.1:8086/")
        assert "hunter22" not in repr(load_platform("prod"))
        with pytest.raises(PlatformError) as caught:
            load_platform("prod", {"influx_url": "ftp://user:hunter22@db"})
        assert "hunter22" not in str(caught.value)


class TestEndpoints:
    @pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "INFLUXDB_V2_URL", "RUNBOOK_API_ENDPOINT"])
    def test_a_sandbox_talks_to_this_machine_only(self, name, sandbox_variables):
        sandbox_variables.setenv(name, "https://db.example.com/{api_id}")
        with pytest.raises(PlatformError, match=r"db\.example\.com.*this machine only"):
            load_platform()

    @pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "INFLUXDB_V2_URL"])
    def test_a_sandbox_without_endpoints_is_not_running(self, name, sandbox_variables):
        sandbox_variables.delenv(name)
        with pytest.raises(SandboxNotRunning, match="runbook sandbox start"):
            load_platform()

    @pytest.mark.parametrize(
        "name",
        [
            "AWS_ENDPOINT_URL",
            "AWS_ENDPOINT_URL_S3",
            "INFLUXDB_V2_URL",
            "RUNBOOK_API_ENDPOINT",
            "RUNBOOK_ENDPOINT_URL",
        ],
    )
    def test_a_real_platform_does_not_talk_to_this_machine(self, name, prod):
        prod.setenv(name, "http://localhost:4566")
        with pytest.raises(PlatformError, match="does not answer on this machine"):
            load_platform("prod")

    def test_endpoints_that_boto3_ignores_are_ignored(self, prod):
        prod.setenv("AWS_ENDPOINT_URL", "http://localhost:4566")
        prod.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
        assert load_platform("prod").endpoint_url is None

    def test_another_endpoint_of_aws_is_allowed_and_left_to_boto3(self, prod):
        prod.setenv("AWS_ENDPOINT_URL", "https://vpce-1.amazonaws.com")
        assert load_platform("prod").endpoint_url is None


def test_no_secret_in_its_repr(sandbox_variables):
    assert "sandbox-token-7" not in repr(load_platform())
    assert "sandbox-token-7" not in str(load_platform().model_dump())


def test_it_cannot_be_changed(sandbox_variables):
    with pytest.raises(ValueError, match="frozen"):
        load_platform().alias = "other"


def test_every_setting_says_what_it_is_and_every_threshold_why():
    from ons_runbook.thresholds import Thresholds

    assert [name for name, field in Platform.model_fields.items() if not field.description] == []
    for name, field in Thresholds.model_fields.items():
        assert len((field.description or "").split(". ")) >= 2, f"{name}: unit and reason"


def test_the_pipeline_is_every_function_but_the_apis(sandbox_variables):
    platform = load_platform()
    assert platform.pipeline == ("lambda_router", "structured_data_processor", "timestream_loader")
    assert platform.log_groups["lambda_router"] == "/aws/lambda/lambda_router"
    assert list(platform.buckets) == ["raw", "processed"]
