"""What leaves a notebook's kernel: displays, and the redaction of everything that is printed or shown in it.

Outside IPython the same things are printed as text.
https://ipython.readthedocs.io/en/stable/config/integrating.html (MIME bundles) ·
https://jupyter-client.readthedocs.io/en/stable/messaging.html#display-data
"""

import sys
from collections.abc import Callable
from typing import Any

from ons_runbook.redaction import Redactor

# Of the run under way; each `begin` puts its own here, with the values that are in use then.
_redactor = Redactor()


def redact(text: str) -> str:
    """`text` without secrets, those of the run under way included."""
    return _redactor.redact(text)


def shell() -> Any:
    """The running IPython shell, None outside of one."""
    if "IPython" not in sys.modules:
        return None
    return sys.modules["IPython"].get_ipython()


def display(shown: Any) -> None:
    """Show an object that has `_repr_mimebundle_` and `__str__`: in the notebook, or as printed text."""
    if shell() is None:
        print(shown)
        return
    from IPython.display import display as show

    data, metadata = shown._repr_mimebundle_()
    show(data, metadata=metadata, raw=True)


def live() -> Callable[[Any], None]:
    """A place in the output that shows the latest of what it is given; outside IPython each is printed."""
    if shell() is None:
        return display
    from IPython.display import display as show

    handle: list[Any] = []

    def latest(shown: Any) -> None:
        data, metadata = shown._repr_mimebundle_()
        if handle:
            handle[0].update(data, metadata=metadata, raw=True)
        else:
            handle.append(show(data, metadata=metadata, raw=True, display_id=True))

    return latest


def protect(redactor: Redactor) -> None:
    """From now on redact with `redactor` whatever the kernel prints, displays or raises.

    The last line of defence, for a bare `print(secret)` in a cell: what the library shows is redacted before.
    """
    global _redactor
    _redactor = redactor
    ip = shell()
    if ip is None:
        return
    _wrap(ip.display_formatter, "format", after=_redact_formatted)
    _wrap(ip, "_showtraceback", before=_redact_traceback)
    _protect_streams()
    # IPython puts a `write` of its own in place for each cell, and takes it away with what was put on top
    # of it.
    if _protect_streams not in ip.events.callbacks["pre_run_cell"]:
        ip.events.register("pre_run_cell", _protect_streams)


def _protect_streams(*_: Any) -> None:
    for stream in (sys.stdout, sys.stderr):
        _wrap(stream, "write", before=_redact_written)


def _wrap(
    owner: Any,
    name: str,
    *,
    before: Callable[[tuple[Any, ...]], tuple[Any, ...]] | None = None,
    after: Callable[[Any], Any] | None = None,
) -> None:
    inner = getattr(owner, name, None)
    # None: another front end; what cannot be done there is still redacted in the report.
    if inner is None or getattr(inner, "redacts", False):
        return

    def outer(*args: Any, **more: Any) -> Any:
        result = inner(*(before(args) if before else args), **more)
        return after(result) if after else result

    outer.redacts = True  # type: ignore[attr-defined]
    setattr(owner, name, outer)


def _redact_formatted(formatted: tuple[dict[str, Any], dict[str, Any]]) -> Any:
    data, metadata = formatted
    return {
        mime: redact(value) if isinstance(value, str) else value for mime, value in data.items()
    }, metadata


def _redact_written(args: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(redact(arg) if isinstance(arg, str) else arg for arg in args)


def _redact_traceback(args: tuple[Any, ...]) -> tuple[Any, ...]:
    # (type, value, lines): the message that front ends get is made of the lines and of str(value).
    kind, value, lines = args
    clean = redact(str(value))
    if clean != str(value):
        value = Exception(clean)
    return kind, value, [redact(line) for line in lines]
