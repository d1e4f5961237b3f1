"""The platform's settings: names, endpoints, thresholds and whom to tell; typed, validated, without
surprises.

Sources, strongest first: explicit overrides, the environment (`RUNBOOK_<FIELD>`, nested with `__`, and the
variables that AWS and InfluxDB clients know), an environment file (platform `sandbox` only), a TOML file,
`terraform output -json`, and the defaults, which are the names in the source runbook. docs/settings.md
lists every setting.

https://docs.pydantic.dev/latest/concepts/pydantic_settings/ ·
https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html ·
https://github.com/influxdata/influxdb-client-python#environment-properties ·
https://developer.hashicorp.com/terraform/cli/commands/output
"""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from ons_runbook import sources
from ons_runbook.contacts import EMERGENCY, ESCALATION, Contact
from ons_runbook.endpoints import check_endpoint, refuse_loopback_variables
from ons_runbook.errors import PlatformError, SandboxNotRunning
from ons_runbook.redaction import redact
from ons_runbook.thresholds import Thresholds

_ARN = re.compile(r"arn:[a-z-]+:[a-z0-9-]+:([a-z0-9-]*):(\d{12})?:.+")


class Platform(BaseSettings):
    """One platform: what things are called, where they answer, what is normal, and whom to tell.

    Made by `load_platform`. Immutable; its repr shows no secret.
    """

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix="RUNBOOK_", env_nested_delimiter="__"
    )

    name: str = Field(default="sandbox", description="what the platform is called in banners and reports")
    kind: Literal["sandbox", "aws"] = Field(
        default="aws",
        description="`sandbox` talks to loopback addresses only and never uses this machine's credentials; "
        "`aws` is a real account and refuses loopback addresses. Comes from the TOML file only",
    )
    expected_account: Annotated[str, Field(pattern=r"^\d{12}$")] | None = Field(
        default=None, description="AWS account id: a run stops in any other account. Required for kind `aws`"
    )
    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")] = Field(
        default="us-east-1", description="AWS region of every resource"
    )
    endpoint_url: str | None = Field(
        default=None, description="where AWS calls go instead of AWS's own endpoints; also AWS_ENDPOINT_URL"
    )
    terraform: str | None = Field(
        default=None,
        description="file made by `terraform output -json`, or Terraform folder to ask for its outputs",
    )

    functions: tuple[str, ...] = Field(
        default=("lambda_router", "structured_data_processor", "rag_query_processor", "timestream_loader"),
        description="the Lambda functions, in the order of the data's way",
    )
    alias: str = Field(
        default="LIVE", description="the alias that callers use; it points at the version that is live"
    )
    router_function: str = Field(
        default="lambda_router", description="the function that routes each raw file"
    )
    api_function: str = Field(default="rag_query_processor", description="the function behind the API")
    loader_function: str = Field(
        default="timestream_loader", description="the function that writes into InfluxDB"
    )
    log_group_prefix: str = Field(
        default="/aws/lambda/", description="log groups are this and the function's name"
    )

    api_name: str = Field(default="ons-data-platform-api", description="REST API in API Gateway")
    api_stage: str = Field(default="prod", description="stage of the API")
    api_health_path: str = Field(default="/health", description="resource that answers GET without a key")
    api_endpoint: str = Field(
        default="https://{api_id}.execute-api.{region}.amazonaws.com/{stage}",
        description="where the API answers; {api_id}, {region} and {stage} are filled in",
    )
    api_usage_plan: str = Field(
        default="ons-data-platform-usage-plan", description="usage plan with the API keys"
    )

    raw_bucket: str = Field(default="ons-data-platform-raw-prod", description="bucket that files arrive in")
    processed_bucket: str = Field(
        default="ons-data-platform-processed-prod", description="bucket of Parquet files"
    )
    intake_rule: str = Field(
        default="ons-data-platform-s3-processing-rule",
        description="EventBridge rule: raw file to state machine",
    )
    loader_rule: str = Field(
        default="ons-data-platform-loader-rule",
        description="EventBridge rule: processed file to loader function",
    )
    state_machine: str = Field(
        default="ons-data-platform-processing", description="state machine, name or ARN"
    )
    deployment_application: str = Field(
        default="ons-data-platform-lambda-app", description="CodeDeploy application"
    )
    deployment_group: str = Field(
        default="{function}-deployment-group", description="CodeDeploy deployment group of a function"
    )
    flags_application: str = Field(
        default="ons-data-platform", description="AppConfig application, name or id"
    )
    flags_environment: str = Field(default="production", description="AppConfig environment, name or id")
    flags_profile: str = Field(
        default="feature-flags", description="AppConfig configuration profile, name or id"
    )
    maintenance_flag: str = Field(
        default="enable_maintenance_mode", description="flag that puts up the notice"
    )
    feature_flags: tuple[str, ...] = Field(
        default=("enable_new_api_endpoint", "enable_enhanced_processing"),
        description="flags that may be switched off in an emergency",
    )
    topic: str = Field(
        default="ons-data-platform-deployments", description="SNS topic for notices, name or ARN"
    )
    alarm_prefix: str = Field(
        default="ons-data-platform-", description="alarms whose names begin so are the platform's"
    )
    open_ports: dict[
        str,
        tuple[Annotated[str, Field(pattern=r"^(\d{1,5}(-\d{1,5})?/(tcp|udp)|icmp|icmpv6|\d{1,3})$")], ...],
    ] = Field(
        default={"ons-data-platform-dashboard": ("443/tcp",)},
        description="what may be open to the world, by the security group's name (`*` and `?` as in file "
        "names): `443/tcp`, `5000-5010/udp`, `icmp`, or a protocol's number",
    )

    influx_url: str | None = Field(default=None, description="InfluxDB's URL; also INFLUXDB_V2_URL")
    influx_org: str = Field(default="ons", description="InfluxDB organization; also INFLUXDB_V2_ORG")
    influx_token: SecretStr | None = Field(
        default=None,
        description="InfluxDB token; also INFLUXDB_V2_TOKEN. Never write it into a file: environment only",
    )
    influx_secret_name: str | None = Field(
        default=None,
        description="Secrets Manager secret with the token (as it is, or JSON with `token`), for when "
        "there is none in the environment",
    )
    influx_instance: str = Field(default="ons-influxdb-prod", description="Timestream for InfluxDB instance")
    influx_bucket: str = Field(default="energy_data", description="InfluxDB bucket with the measurements")
    measurements: tuple[str, ...] = Field(
        default=("generation_data", "consumption_data", "transmission_data"),
        description="measurements kept fresh",
    )

    max_actions: int = Field(
        default=25, ge=1, le=1000, description="a plan with more changes than this is refused"
    )
    protected: tuple[str, ...] = Field(
        default=(),
        description="names that no plan may touch, `*` and `?` as in file names: `*-terraform-state`",
    )
    plan_minutes: float = Field(
        default=60, gt=0, description="minutes after which a plan that was shown can no longer be approved"
    )
    lock_parameter: Annotated[str, Field(pattern=r"^(/[A-Za-z0-9_.-]+)+$")] = Field(
        default="/ons-data-platform/runbook/lock",
        description="path of SSM parameters that hold the lock: one change at a time a platform",
    )
    lock_minutes: float = Field(
        default=10,
        gt=0,
        description="minutes after which the lock of a run that gave no sign of life is free",
    )

    prices: dict[str, Annotated[float, Field(ge=0)]] = Field(
        default_factory=dict,
        description="USD by the name in prices.toml, where the list price of us-east-1 is not yours",
    )

    thresholds: Thresholds = Field(default_factory=Thresholds, description="where checks warn and fail")
    escalation: tuple[Contact, ...] = Field(
        default=ESCALATION, description="escalation matrix, level 1 first"
    )
    emergency_contacts: tuple[Contact, ...] = Field(default=EMERGENCY, description="whom to call for what")

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, *_: Any, **__: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what it is called with: which sources there are, and their order, is `load_platform`'s."""
        return (init_settings,)

    def __repr__(self) -> str:
        return redact(super().__repr__())

    @property
    def is_sandbox(self) -> bool:
        """Whether nothing outside this machine may be reached."""
        return self.kind == "sandbox"

    @model_validator(mode="after")
    def _account_is_named(self) -> Self:
        if self.kind == "aws" and not self.expected_account:
            raise PlatformError(
                f"Platform {self.name!r} does not say which AWS account it is.",
                "Set expected_account in its TOML file, or RUNBOOK_EXPECTED_ACCOUNT.",
            )
        return self

    @model_validator(mode="after")
    def _endpoints_are_allowed(self) -> Self:
        if self.is_sandbox and not (self.endpoint_url and self.influx_url):
            raise SandboxNotRunning(
                f"Platform {self.name!r} has no endpoint to talk to.",
                "Start it: runbook sandbox start. "
                "Or set AWS_ENDPOINT_URL and INFLUXDB_V2_URL: runbook sandbox env.",
            )
        for name in ("endpoint_url", "influx_url", "api_endpoint"):
            if url := getattr(self, name):
                check_endpoint(url, self.kind, f"{name} of platform {self.name!r}")
        return self

    @model_validator(mode="after")
    def _arns_are_of_this_region(self) -> Self:
        for name in ("state_machine", "topic"):
            arn = _ARN.fullmatch(getattr(self, name))
            if arn and arn[1] != self.region:
                raise ValueError(
                    f"{name} is an ARN of region {arn[1]}, and the platform's region is {self.region}"
                )
        return self

    @property
    def buckets(self) -> dict[str, str]:
        """The buckets by their role, in the order of the data's way."""
        return {"raw": self.raw_bucket, "processed": self.processed_bucket}

    @property
    def log_groups(self) -> dict[str, str]:
        """The log group of each function."""
        return {function: f"{self.log_group_prefix}{function}" for function in self.functions}

    @property
    def pipeline(self) -> tuple[str, ...]:
        """The functions that each file passes through, in that order: all but the API's."""
        return tuple(function for function in self.functions if function != self.api_function)


def load_platform(name_or_path: str = "sandbox", overrides: Mapping[str, Any] | None = None) -> Platform:
    """The platform of that name (`sandbox`, `prod`) or of the TOML file at that path.

    `overrides` are settings that win over every source (nested ones as nested dicts). Raises PlatformError
    that names the source and the key; SandboxNotRunning when a sandbox has no endpoint.
    """
    label, toml = sources.toml_file(name_or_path)
    kind = toml.get("kind", "aws")
    given = sources.variables(with_file=kind == "sandbox")
    if kind != "sandbox":
        refuse_loopback_variables(given)
    known = sources.SANDBOX_VARIABLES if kind == "sandbox" else sources.CLIENT_VARIABLES
    layers = [
        ("command line", dict(overrides or {})),
        ("environment", sources.from_environment(Platform, given, known)),
        (label, toml),
    ]
    for where, layer in layers[:2]:
        if layer.get("kind", kind) != kind:
            raise PlatformError(
                f"kind comes from {label} only, not from the {where}.", "Choose another platform."
            )
    if terraform := next((layer["terraform"] for _, layer in layers if layer.get("terraform")), None):
        layers.append((f"Terraform ({terraform})", sources.from_terraform(str(terraform))))
    merged: dict[str, Any] = {}
    for _, layer in layers:
        merged = sources.merge(layer, merged)
    try:
        return Platform(**merged)
    except ValidationError as error:
        raise PlatformError(" ".join(_problem(dict(item), layers) for item in error.errors())) from None


def _problem(item: dict[str, Any], layers: Sequence[tuple[str, dict[str, Any]]]) -> str:
    path = [str(part) for part in item["loc"]]
    where = next((label for label, layer in layers if _has(layer, path)), _together(layers))
    key = ".".join(path)
    if item["type"] == "extra_forbidden":
        return f"{where}: unknown key {key!r}. {sources.nearest(path[-1], _known(path[:-1]))}"
    return redact(f"{where}: {key or 'settings'}: {item['msg']}.")


def _together(layers: Sequence[tuple[str, dict[str, Any]]]) -> str:
    # A problem that is in none of them alone, such as an account that nobody names.
    return " + ".join(label for label, layer in layers if layer)


def _has(layer: Any, path: Sequence[str]) -> bool:
    for part in path:
        if isinstance(layer, Mapping) and part in layer:
            layer = layer[part]
        else:
            # An item of a list: the list is where it was written.
            return isinstance(layer, list) and part.isdigit()
    return bool(path)


def _known(path: Sequence[str]) -> list[str]:
    model: type[BaseModel] = Platform
    if path:
        model = Thresholds if path[0] == "thresholds" else Contact
    return list(model.model_fields)
