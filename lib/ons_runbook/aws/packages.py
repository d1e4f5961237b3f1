"""Deployment packages: a zip of a function's source folder that is the same wherever and whenever it is made.

Names are sorted, times and permissions fixed, and the files stored, not compressed: what a compressor makes
differs between its releases, and with it the hash. Only a folder that would be over Lambda's limit is
compressed. https://docs.aws.amazon.com/lambda/latest/dg/python-package.html ·
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html (50 MB zipped when it is uploaded
directly, 250 MB unzipped, layers included) · https://docs.aws.amazon.com/lambda/latest/dg/python-handler.html
"""

import hashlib
import io
import os
import zipfile
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pandas as pd

from ons_runbook.aws import version_packages
from ons_runbook.aws.versions import LATEST
from ons_runbook.checkout import project_root
from ons_runbook.errors import ChangeRefused
from ons_runbook.plan import readable
from ons_runbook.session import Session
from ons_runbook.tables import TEXT, WHOLE, table

MB = 1024 * 1024
#: Bytes: what Lambda takes in one upload, and what it unpacks (as its refusals give them).
LARGEST_UPLOAD, LARGEST_UNZIPPED = version_packages.LARGEST_PACKAGE, 250 * MB

FILES = {"file": TEXT, "change": TEXT, "bytes": WHOLE, "bytes_before": WHOLE}
# What a person looks at comes first.
_CHANGES = ("new", "changed", "removed", "left out", "same")

_LEFT_OUT = frozenset({"tests", "__pycache__"})
# The oldest time that a zip can hold; readable and executable by all, as Lambda needs a custom runtime to be.
_TIME, _MODE, _UNIX = (1980, 1, 1, 0, 0, 0), 0o100755 << 16, 3
_TELL = "Nothing was packed. Name the folder with the function's source: -p source=…"


def folder(source: str) -> Path:
    """The source folder of that name: absolute, or from the project's folder. Raises ChangeRefused."""
    path = Path(source).expanduser()
    path = path if path.is_absolute() else (project_root() or Path.cwd()) / path
    if path.is_dir():
        return path.resolve()
    if path.exists():
        raise ChangeRefused(f"{source} is a file, not a folder with a function's source.", _TELL)
    beside = [other.name for other in path.parent.glob("*/")] if path.parent.is_dir() else []
    near = [f"Did you mean {name}?" for name in get_close_matches(path.name, beside, 1)]
    raise ChangeRefused(f"There is no folder {source}.", " ".join([*near, _TELL]))


def files(source: Path) -> dict[str, Path]:
    """What belongs into the package of a folder: name in the zip to file, sorted by name.

    Without `tests` folders, `__pycache__`, `*.pyc` and whatever is hidden. Raises ChangeRefused for a link
    that leads outside, to itself or nowhere, for what is no file, and for a folder without any.
    """
    found = {name: path for name, path in _walk((source.resolve(),)) if not left_out(name)}
    if not found:
        raise ChangeRefused(f"There is nothing to package in {source}.", _TELL)
    return dict(sorted(found.items()))


def left_out(name: str) -> bool:
    """Whether a file of this name (as in the zip, with slashes) is kept out of packages."""
    parts = name.split("/")
    return any(part in _LEFT_OUT or part.startswith(".") for part in parts) or name.endswith(".pyc")


def _walk(above: tuple[Path, ...], prefix: str = "") -> Iterator[tuple[str, Path]]:
    """Every file below the last of `above`, which are the folders from the source down to it."""
    try:
        entries = list(os.scandir(above[-1]))
    except OSError as error:
        raise ChangeRefused(f"{above[-1]} cannot be read: {error.strerror}.", _TELL) from error
    for entry in entries:
        name, path = prefix + entry.name, Path(entry.path)
        if left_out(name):
            # Not looked into, and told as one.
            yield (f"{name}/" if entry.is_dir(follow_symlinks=False) else name), path
            continue
        target = _target(name, path, above[0]) if entry.is_symlink() else path
        if target in above:
            raise ChangeRefused(f"The link {name} leads back to a folder above it.", _TELL)
        if target.is_dir():
            yield from _walk((*above, target), f"{name}/")
        elif target.is_file():
            yield name, target
        else:
            raise ChangeRefused(f"{name} is neither a file nor a folder.", _TELL)


def _target(name: str, path: Path, root: Path) -> Path:
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):
        raise ChangeRefused(f"The link {name} leads nowhere.", _TELL) from None
    if not target.is_relative_to(root):
        raise ChangeRefused(
            f"The link {name} leads out of the folder, to {target}.",
            "Nothing was packed. Put the file itself into the folder.",
        )
    return target


def pack(source: Path) -> bytes:
    """The zip of a folder: the same bytes for the same files.

    Raises ChangeRefused as `files` does, and for what is over Lambda's limits.
    """
    found = files(source)
    unzipped = sum(path.stat().st_size for path in found.values())
    _within(unzipped, LARGEST_UNZIPPED, f"The {len(found)} files of {source}", "unzipped, layers included")
    packed = _zipped(found, zipfile.ZIP_STORED)
    if len(packed) > LARGEST_UPLOAD:
        packed = _zipped(found, zipfile.ZIP_DEFLATED)
    _within(len(packed), LARGEST_UPLOAD, f"The package of {source}", "zipped, for a direct upload")
    return packed


def _within(size: int, limit: int, what: str, which: str) -> None:
    if size > limit:
        raise ChangeRefused(
            f"{what}: {size / MB:,.1f} MB, and Lambda takes {limit // MB} MB {which}.",
            "Move libraries into a layer, or leave out what the function does not need.",
        )


def _zipped(found: Mapping[str, Path], how: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, path in found.items():
            info = zipfile.ZipInfo(name, _TIME)
            info.compress_type, info.external_attr, info.create_system = how, _MODE, _UNIX
            try:
                archive.writestr(info, path.read_bytes(), compresslevel=9)
            except (OSError, UnicodeEncodeError) as error:
                raise ChangeRefused(f"{name!r} cannot be packed: {error}.", _TELL) from error
    return buffer.getvalue()


@readable
def package(session: Session, folder: str) -> bytes:
    """The zip of an absolute folder, made anew: where a plan's bytes come from until they are kept."""
    return pack(Path(folder))


def contents(packed: bytes) -> dict[str, tuple[int, str]]:
    """Size and SHA-256 of each file in a zip, by name: two packages with equal contents do the same.

    Raises ChangeRefused for what is no zip.
    """
    found = {}
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            for info in archive.infolist():
                if not info.is_dir():
                    digest = hashlib.sha256(archive.read(info)).hexdigest()
                    found[info.filename] = (info.file_size, digest)
    except zipfile.BadZipFile as error:
        raise ChangeRefused(f"The package is no zip: {error}.") from error
    return found


def compared(session: Session, function: str, source: str, live: str) -> pd.DataFrame:
    """What a package of `source` holds, file by file, against that of the version `live` (or an alias).

    Without a source, the package of `$LATEST`. Columns: file, change (`new`, `changed`, `removed`,
    `left out`, `same`), bytes, bytes_before. What differs comes first. Raises ChangeRefused (see `pack`),
    ReadError.
    """
    before = contents(version_packages.package(session, function=function, version=live))
    if source:
        path = folder(source)
        after = contents(pack(path))
        out = [name for name, _ in _walk((path,)) if left_out(name.rstrip("/"))]
    else:
        after, out = contents(version_packages.package(session, function=function, version=LATEST)), []
    rows: list[dict[str, Any]] = [
        {
            "file": name,
            "change": _change(before.get(name), after.get(name)),
            "bytes": after[name][0] if name in after else None,
            "bytes_before": before[name][0] if name in before else None,
        }
        for name in before.keys() | after.keys()
    ]
    rows += [{"file": name, "change": "left out"} for name in out]
    rows.sort(key=lambda row: (_CHANGES.index(row["change"]), row["file"]))
    return table(rows, FILES, empty="The package is empty.")


def _change(before: tuple[int, str] | None, after: tuple[int, str] | None) -> str:
    if before is None or after is None:
        return "new" if before is None else "removed"
    return "same" if before == after else "changed"


def check_handler(found: Mapping[str, Any], configuration: Mapping[str, Any], source: str) -> None:
    """Raise ChangeRefused when the handler's module is not among the files, as far as that can be told.

    It can be for Python and Node.js, and not where a layer may bring the module.
    """
    runtime, handler = str(configuration.get("Runtime", "")), str(configuration.get("Handler", ""))
    module = handler.rpartition(".")[0]
    if not module or configuration.get("Layers"):
        return
    if runtime.startswith("python"):
        wanted = [f"{module.replace('.', '/')}.py", f"{module.replace('.', '/')}/__init__.py"]
    elif runtime.startswith("nodejs"):
        wanted = [f"{module}{suffix}" for suffix in (".js", ".mjs", ".cjs")]
    else:
        return
    if not any(name in found for name in wanted):
        near = get_close_matches(wanted[0], list(found), 1, cutoff=0)
        raise ChangeRefused(
            f"{source} has no {wanted[0]}, and the function's handler is {handler}.",
            f"Nothing was packed. Is it the right folder? It has {near[0]}." if near else _TELL,
        )
