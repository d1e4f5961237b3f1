"""The shelf beside the journals: bytes that plans send, by their hash, and the plans that were shown."""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ons_runbook.errors import JournalError


class Shelf:
    """Files under `kept/` and `plans/` of a folder of journals; readable by their owner only."""

    def __init__(self, where: Path) -> None:
        self.where = where

    def keep(self, sha256: str, data: bytes) -> None:
        """Keep bytes under their hash; raises JournalError when it is not theirs."""
        if hashlib.sha256(data).hexdigest() != sha256:
            raise JournalError(
                f"What was read is not what the plan was made with (sha256 {sha256[:12]}).", "Plan again."
            )
        path = self._kept(sha256)
        if not path.exists():
            _replace(path, data)

    def bring(self, sha256: str) -> bytes | None:
        """The kept bytes, None when there are none; raises JournalError when they were altered."""
        path = self._kept(sha256)
        if not path.exists():
            return None
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != sha256:
            raise JournalError(f"{path} was altered.", "It cannot be used.")
        return data

    def note_plan(self, identifier: str, document: Mapping[str, Any]) -> None:
        """Remember a plan that was shown."""
        _replace(self._plan(identifier), json.dumps(document, ensure_ascii=False, indent=1).encode())

    def plan(self, identifier: str) -> dict[str, Any] | None:
        """A plan that was shown, None when there is none of that id."""
        try:
            found: dict[str, Any] = json.loads(self._plan(identifier).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found

    def _kept(self, sha256: str) -> Path:
        return self.where / "kept" / re.sub(r"[^0-9a-f]", "", sha256)

    def _plan(self, identifier: str) -> Path:
        return self.where / "plans" / f"{re.sub(r'[^a-z0-9-]', '', identifier)}.json"


def _replace(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(temporary, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
