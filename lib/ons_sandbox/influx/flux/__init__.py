"""Flux: the query language of InfluxDB v2, as far as it is implemented here.

``grammar.lark`` and ``parse`` make text a syntax tree (``syntax``), ``names`` checks its names,
``evaluate`` gives it meaning with the functions in ``functions``, which work on streams of ``tables``.
Reading from storage (``storage``) waits until all that can be handed down to it is known.
"""

from .parse import prepare
from .program import Query, Result, run

__all__ = ["Query", "Result", "prepare", "run"]
