"""The front door to running a statement that was typed before."""

from dbkit.queries.running.batching import batch, batch_rows
from dbkit.queries.running.calls import execute, many, one, optional
from dbkit.queries.running.copying import copy
from dbkit.queries.running.scalars import AsText
from dbkit.queries.running.statement import Parameter, Result, Statement, lines_of
from dbkit.queries.running.streaming import AsyncStream, Stream, stream

__all__ = [
    "AsText",
    "AsyncStream",
    "Parameter",
    "Result",
    "Statement",
    "Stream",
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
