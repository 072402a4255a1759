"""The front door to running statements: all that a generated module imports."""

from dbkit.pgtypes import Cidr, Inet, Json, JsonLike
from dbkit.runtime.batching import batch, batch_rows
from dbkit.runtime.calls import execute, many, one, optional
from dbkit.runtime.copying import copy
from dbkit.runtime.omitted import OMITTED, Omitted
from dbkit.runtime.scalars import AsText
from dbkit.runtime.signatures import QueryFunction, StreamFunction, query, stream_query
from dbkit.runtime.statement import (
    ELSE,
    END,
    Chosen,
    If,
    Line,
    Piece,
    QueryFiles,
    SqlFile,
    Statement,
    digest_of,
    listed,
)
from dbkit.runtime.streaming import AsyncStream, Stream, stream
from dbkit.runtime.wire import AnyConnection

__all__ = [
    "ELSE",
    "END",
    "OMITTED",
    "AnyConnection",
    "AsText",
    "AsyncStream",
    "Chosen",
    "Cidr",
    "If",
    "Inet",
    "Json",
    "JsonLike",
    "Line",
    "Omitted",
    "Piece",
    "QueryFiles",
    "QueryFunction",
    "SqlFile",
    "Statement",
    "Stream",
    "StreamFunction",
    "batch",
    "batch_rows",
    "copy",
    "digest_of",
    "execute",
    "listed",
    "many",
    "one",
    "optional",
    "query",
    "stream",
    "stream_query",
]
