"""The mends: where an emulator answers other than AWS documents, one small module each puts it right.

Each has `install() -> None`, asks for what it mends with `require` or `mended` before it changes anything,
and has a conformance test that names the AWS page. `install_all` is called once, before the first call. A
mend that keeps state of its own has `reset() -> None` as well: a sandbox is emptied without a new process.
"""

import importlib
import importlib.metadata
import sys

from ons_sandbox.mends._require import MendError, mended, require

__all__ = ["EMULATORS", "MENDS", "MendError", "install_all", "mended", "require", "reset_all"]

# The versions that the mends were written against; pyproject.toml pins the same ones.
EMULATORS = {"ministack": "1.5.33", "moto": "5.2.5"}

# In the order in which they are installed: a later one may wrap what an earlier one put in place.
MENDS = (
    "log_filters",
    "log_insights",
    "metric_math",
    "alarms",
    "lambda_errors",
    "lambda_logs",
    "lambda_concurrency",
    "lambda_metrics",
    "alias_routing",
    "lambda_updates",
    "lambda_provisioned",
    "lambda_limits",
    "lambda_packages",
    "feature_flags",
    "api_gateway",
    "api_metrics",
    "api_stage",
    "bucket_lifecycle",
    "access_keys",
    "log_groups",
    "parameters",
    "cloudtrail_lookup",
    "request_constraints",
)


def install_all() -> list[str]:
    """Install every mend into the emulators of this process and give their names back.

    Raises MendError when an emulator is not the version, or has not the parts, that a mend was written for.
    """
    for package, expected in EMULATORS.items():
        found = importlib.metadata.version(package)
        require(found == expected, f"{package} {expected}, found {found}")
    for name in MENDS:
        importlib.import_module(f"{__name__}.{name}").install()
    return list(MENDS)


def reset_all() -> None:
    """Forget what the installed mends remember; the emulators themselves are reset elsewhere."""
    for name in MENDS:
        module = sys.modules.get(f"{__name__}.{name}")
        if module is not None and hasattr(module, "reset"):
            module.reset()
