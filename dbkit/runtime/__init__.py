"""The front door to running a statement that was typed before."""

from dbkit.runtime.batching import batch, batch_rows
from dbkit.runtime.calls import execute, many, one, optional
from dbkit.runtime.copying import copy
from dbkit.runtime.omitted import OMITTED, Omitted
from dbkit.runtime.scalars import AsText
from dbkit.runtime.statement import BoundParameter, Result, Statement, lines_of
from dbkit.runtime.streaming import AsyncStream, Stream, stream
from dbkit.runtime.typed import Origin, TypedQuery

__all__ = [
    "OMITTED",
    "AsText",
    "AsyncStream",
    "BoundParameter",
    "Omitted",
    "Origin",
    "Result",
    "Statement",
    "Stream",
    "TypedQuery",
    "batch",
    "batch_rows",
    "copy",
    "execute",
    "lines_of",
    "many",
    "one",
    "optional",
    "stream",
]
