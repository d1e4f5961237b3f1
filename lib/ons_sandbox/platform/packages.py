"""The deployment packages of the functions: every published version, from the sources in `functions/`.

The newest version is the source as it lies there. An older one is the same program as it was numbered then,
with the change log that it had: enough to differ in code and hash, and to be told apart by whoever reads it.
https://docs.aws.amazon.com/lambda/latest/dg/python-package.html
"""

import functools
import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

FUNCTIONS = Path(__file__).with_name("functions")
SHARED = "shared_utils"
# Same input, same hash: the oldest time that a zip can hold, and fixed permissions.
EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Package:
    """One version of a function: what was published, and why."""

    number: str
    """The function's own version, e.g. "1.4.0"."""
    description: str
    content: bytes
    """The zip."""


@functools.cache
def packages(function: str) -> tuple[Package, ...]:
    """Every version of a function, oldest first; the last is the one that is live."""
    folder = FUNCTIONS / function
    source = (folder / f"{function}.py").read_text(encoding="utf-8")
    log = (folder / "CHANGELOG.md").read_text(encoding="utf-8").splitlines(keepends=True)
    shared = {
        f"{SHARED}/{path.name}": path.read_text(encoding="utf-8")
        for path in sorted((FUNCTIONS / SHARED).glob("*.py"))
        if f"from {SHARED} import" in source
    }
    made = []
    for count, entry in enumerate(log, start=1):
        number, _, _ = entry.partition(" ")
        numbered, replaced = re.subn(r'(?m)^VERSION = ".*"$', f'VERSION = "{number}"', source)
        if replaced != 1:
            raise ValueError(f"{function}.py must have one line VERSION = …, found {replaced}")
        files = {f"{function}.py": numbered, "CHANGELOG.md": "".join(log[:count]), **shared}
        made.append(Package(number, entry.strip(), zipped(files)))
    return tuple(made)


def zipped(files: dict[str, str]) -> bytes:
    """A zip with the same bytes for the same files, whenever and wherever it is made."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, files[name].encode())
    return buffer.getvalue()
