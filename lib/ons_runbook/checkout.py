"""Where this project is, and which state of it is running: the commit that reports and results carry.

https://git-scm.com/docs/git-describe
"""

import os
import subprocess
from pathlib import Path


def commit(folder: Path | None = None) -> str | None:
    """RUNBOOK_COMMIT when it is set, else the commit of `folder` (default: the working folder).

    `+dirty` is added when files differ from it. None without git or a commit, or when it is set to nothing.
    """
    if "RUNBOOK_COMMIT" in os.environ:
        return os.environ["RUNBOOK_COMMIT"] or None
    command = ["git", "describe", "--always", "--exclude=*", "--dirty=+dirty"]
    try:
        answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None


def project_root(start: Path | None = None) -> Path | None:
    """The nearest folder upwards with notebooks/index.ipynb, else this checkout, else None."""
    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents):
        # A folder of somebody else's notebooks is not this project; ours has the way in.
        if (folder / "notebooks" / "index.ipynb").is_file():
            return folder
    checkout = Path(__file__).resolve().parents[2]
    return checkout if (checkout / "notebooks").is_dir() else None
