"""The mends: where an emulator answers other than AWS documents, one small module each puts it right.

Each has `install() -> None`, asks for what it mends with `require` or `mended` before it changes anything, and
has a conformance test that names the AWS page. `install_all` is called once, before the server takes a call.
"""

import importlib
import importlib.metadata
import importlib.util

from ons_sandbox.mends._require import MendError, mended, require

__all__ = ["EMULATORS", "MENDS", "MendError", "install_all", "mended", "require"]

# The versions that the mends were written against; pyproject.toml pins the same ones.
EMULATORS = {"ministack": "1.5.33", "moto": "5.2.5"}

# In the order in which they are installed: a later one may wrap what an earlier one put in place.
MENDS = (
    "log_filters",
    "log_insights",
    "metric_math",
    "alarms",
    "lambda_errors",
    "alias_routing",
    "lambda_metrics",
    "api_metrics",
    "cloudtrail_lookup",
)


def install_all() -> list[str]:
    """Install every mend into the emulators of this process and give their names back.

    Raises MendError when an emulator is not the version, or does not have the parts, that a mend was written for.
    """
    for package, expected in EMULATORS.items():
        found = importlib.metadata.version(package)
        require(found == expected, f"{package} {expected}, found {found}")
    installed = []
    for name in MENDS:
        module = f"{__name__}.{name}"
        if importlib.util.find_spec(module) is None:
            continue
        importlib.import_module(module).install()
        installed.append(name)
    return installed
