"""What every mend says first: the thing that it mends is there, as it was when the mend was written.

The emulators are other people's work and change with each release. A mend that no longer fits must stop the
sandbox at start-up, not answer wrongly later: a wrong answer is worse than a refusal.
"""

import importlib
from typing import Any


class MendError(Exception):
    """A mend does not fit the emulator that is installed; the message names what it looked for."""


def require(condition: object, what: str) -> None:
    """Stop the start-up when `condition` does not hold.

    `what` is the expectation in words ("cloudwatch._do_math takes a dict"); it is the error's message.
    Raises MendError.
    """
    if not condition:
        raise MendError(f"the emulator is not what the mend expects: {what}")


def mended(module: str, *attributes: str) -> Any:
    """Import the emulator's module that a mend is about to change, and check that `attributes` are in it.

    An attribute may be dotted (`Worker.invoke`). Gives the module back, typed Any because the mend goes on to
    assign to it. Raises MendError.
    """
    try:
        found = importlib.import_module(module)
    except ImportError as error:
        raise MendError(f"the emulator is not what the mend expects: no module {module} ({error})") from error
    for attribute in attributes:
        holder: Any = found
        for part in attribute.split("."):
            require(hasattr(holder, part), f"{module} has {attribute}")
            holder = getattr(holder, part)
    return found
