"""Where settings come from: environment, environment file, TOML, Terraform; each as a plain dict of fields.

`platform.py` puts them together. Formats: https://toml.io/en/v1.0.0 ·
https://developer.hashicorp.com/terraform/cli/commands/output (`-json`) ·
https://docs.pydantic.dev/latest/concepts/pydantic_settings/#parsing-environment-variable-values
"""

import difflib
import json
import os
import subprocess
import tomllib
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsError

from ons_runbook.errors import PlatformError

SHIPPED = ("sandbox", "prod")

#: What the source runbook reads with `terraform output -raw …`, and the setting each one is.
TERRAFORM_OUTPUTS = {
    "s3_raw_bucket_name": "raw_bucket",
    "s3_processed_bucket_name": "processed_bucket",
    "step_function_arn": "state_machine",
    "deployment_sns_topic_arn": "topic",
    "appconfig_application_id": "flags_application",
    "appconfig_production_environment_id": "flags_environment",
    "appconfig_feature_flags_profile_id": "flags_profile",
}
_TERRAFORM_SECONDS = 60

#: Variables that other clients know, and the setting each one is.
CLIENT_VARIABLES = {
    "INFLUXDB_V2_URL": "influx_url",
    "INFLUXDB_V2_ORG": "influx_org",
    "INFLUXDB_V2_TOKEN": "influx_token",
}
SANDBOX_VARIABLES = {**CLIENT_VARIABLES, "AWS_ENDPOINT_URL": "endpoint_url"}


def nearest(wrong: str, known: Iterable[str]) -> str:
    """`Did you mean …?` with the nearest known name, or what is known when nothing comes near."""
    names = sorted(known)
    close = difflib.get_close_matches(wrong, names, n=1, cutoff=0.5)
    return f"Did you mean {close[0]!r}?" if close else f"Known: {', '.join(names)}."


def toml_file(name_or_path: str) -> tuple[str, dict[str, Any]]:
    """The label and the content of a shipped platform (`sandbox`, `prod`) or of the TOML file at a path.

    Raises PlatformError when there is no such platform or file, or it is not TOML.
    """
    if name_or_path in SHIPPED:
        label, text = f"{name_or_path}.toml", _shipped(name_or_path)
    elif name_or_path.endswith(".toml") or "/" in name_or_path:
        label, text = name_or_path, _read(Path(name_or_path), "platform file")
    else:
        raise PlatformError(
            f"There is no platform {name_or_path!r}.",
            f"{nearest(name_or_path, SHIPPED)} Or give the path of a TOML file.",
        )
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PlatformError(
            f"{label} is not TOML: {error}.", "See prod.toml in ons_runbook/platforms."
        ) from error
    values.setdefault("name", Path(name_or_path).stem)
    if isinstance(folder := values.get("terraform"), str):
        # A path in a file means: seen from that file.
        values["terraform"] = str(Path(label).parent / folder)
    return label, values


def _shipped(name: str) -> str:
    return files("ons_runbook").joinpath("platforms", f"{name}.toml").read_text("utf-8")


def _read(path: Path, what: str) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise PlatformError(f"The {what} {path} cannot be read: {reason}.", "Check the path.") from error


def environment_file() -> Path | None:
    """The file with the sandbox's variables: RUNBOOK_ENV_FILE, or `.sandbox/env` of the project; None
    without.

    The project is RUNBOOK_HOME, else the nearest folder upwards from here that has the file, else this
    checkout.
    """
    if named := os.environ.get("RUNBOOK_ENV_FILE"):
        return Path(named)
    here = Path.cwd()
    home = os.environ.get("RUNBOOK_HOME")
    folders = [Path(home)] if home else [here, *here.parents, Path(__file__).resolve().parents[2]]
    return next((file for folder in folders if (file := folder / ".sandbox" / "env").is_file()), None)


def variables(*, with_file: bool) -> dict[str, str]:
    """This process's environment without empty ones; `with_file` adds what only the file has."""
    found: dict[str, str | None] = {}
    if with_file and (path := environment_file()) is not None:
        _read(path, "environment file")
        found |= dotenv_values(path, interpolate=False)
    found |= {name: value for name, value in os.environ.items() if value}
    return {name: value for name, value in found.items() if value}


class _Variables(EnvSettingsSource):
    """`RUNBOOK_…` from a mapping instead of from os.environ."""

    def __init__(self, model: type[BaseSettings], given: Mapping[str, str]) -> None:
        self._given = given
        super().__init__(model, env_ignore_empty=True)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {name.lower(): value for name, value in self._given.items()}


def from_environment(
    model: type[BaseSettings], given: Mapping[str, str], client_variables: Mapping[str, str]
) -> dict[str, Any]:
    """The settings in `given`: `RUNBOOK_<FIELD>`, and weaker than those what other clients know."""
    known = {field: given[name] for name, field in client_variables.items() if name in given}
    try:
        return known | _Variables(model, given)()
    except SettingsError as error:
        reason = " ".join(str(error).replace(' from source "_Variables"', "").split())
        hint = 'Write lists as JSON: RUNBOOK_FUNCTIONS=\'["a", "b"]\'.'
        raise PlatformError(f"Environment: {reason}.", hint) from error


def from_terraform(path: str) -> dict[str, Any]:
    """The settings among Terraform's outputs: a file of `terraform output -json`, or a folder to ask."""
    text = _ask_terraform(Path(path)) if Path(path).is_dir() else _read(Path(path), "Terraform output")
    try:
        outputs = {name: output["value"] for name, output in json.loads(text).items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise PlatformError(
            f"{path} is not what `terraform output -json` writes: {error}.", "Write it anew."
        ) from error
    found = {field: outputs[name] for name, field in TERRAFORM_OUTPUTS.items() if name in outputs}
    if not found:
        raise PlatformError(
            f"{path} has none of the platform's outputs.",
            f"Expected some of: {', '.join(TERRAFORM_OUTPUTS)}.",
        )
    return found


def _ask_terraform(folder: Path) -> str:
    command = ["terraform", f"-chdir={folder}", "output", "-json", "-no-color"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_TERRAFORM_SECONDS, check=False
        )
    except FileNotFoundError as error:
        raise PlatformError(
            "terraform is not installed here.",
            f"Run `{' '.join(command)} > outputs.json` elsewhere and name that file.",
        ) from error
    except subprocess.TimeoutExpired as error:
        raise PlatformError(
            f"`{' '.join(command)}` gave no answer within {_TERRAFORM_SECONDS} s.",
            "Is its backend reachable?",
        ) from error
    if done.returncode:
        reason = " ".join(done.stderr.split())[-500:]
        raise PlatformError(f"`{' '.join(command)}` failed: {reason}", "Run `terraform init` in that folder.")
    return done.stdout


def merge(weak: Mapping[str, Any], strong: Mapping[str, Any]) -> dict[str, Any]:
    """`weak` with what `strong` says instead, nested tables key by key."""
    merged = dict(weak)
    for key, value in strong.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = merge(merged[key], value) if both else value
    return merged
