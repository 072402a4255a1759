"""The front door to running statements: all that a generated module imports."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dbkit.pgtypes import Cidr, Inet, Infinity, Json, JsonLike
    from dbkit.runtime.batching import batch, batch_rows
    from dbkit.runtime.calls import execute, many, one, optional
    from dbkit.runtime.committing import commit, commit_awaited, probe_awaited
    from dbkit.runtime.copying import copy
    from dbkit.runtime.counts import Counts
    from dbkit.runtime.errors import CommitUnknown, OnlyCalls
    from dbkit.runtime.folding import FoldedCall, SharedConnection, run_calls
    from dbkit.runtime.observing import Call, Caller, Observing, observe
    from dbkit.runtime.omitted import OMITTED, Omitted
    from dbkit.runtime.preparing import holds_no_moment
    from dbkit.runtime.sessions import counts_of
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
        write_types,
    )
    from dbkit.runtime.streaming import AsyncStream, Stream, stream
    from dbkit.runtime.wire import AnyConnection
    from dbkit.runtime.wirevalues import AsText

__all__ = [
    "ELSE",
    "END",
    "OMITTED",
    "AnyConnection",
    "AsText",
    "AsyncStream",
    "Call",
    "Caller",
    "Chosen",
    "Cidr",
    "CommitUnknown",
    "Counts",
    "FoldedCall",
    "If",
    "Inet",
    "Infinity",
    "Json",
    "JsonLike",
    "Line",
    "Observing",
    "Omitted",
    "OnlyCalls",
    "Piece",
    "QueryFiles",
    "QueryFunction",
    "SharedConnection",
    "SqlFile",
    "Statement",
    "Stream",
    "StreamFunction",
    "batch",
    "batch_rows",
    "commit",
    "commit_awaited",
    "copy",
    "counts_of",
    "digest_of",
    "execute",
    "holds_no_moment",
    "many",
    "observe",
    "one",
    "optional",
    "probe_awaited",
    "query",
    "run_calls",
    "stream",
    "stream_query",
    "write_types",
]

# a generated module needs few of them, and is to be imported quickly
_MODULES = {
    "AnyConnection": "wire",
    "AsText": "wirevalues",
    "AsyncStream": "streaming",
    "Call": "observing",
    "Caller": "observing",
    "Chosen": "statement",
    "Cidr": "dbkit.pgtypes",
    "CommitUnknown": "errors",
    "Counts": "counts",
    "ELSE": "statement",
    "END": "statement",
    "FoldedCall": "folding",
    "If": "statement",
    "Inet": "dbkit.pgtypes",
    "Infinity": "dbkit.pgtypes",
    "Json": "dbkit.pgtypes",
    "JsonLike": "dbkit.pgtypes",
    "Line": "statement",
    "OMITTED": "omitted",
    "Observing": "observing",
    "Omitted": "omitted",
    "OnlyCalls": "errors",
    "Piece": "statement",
    "QueryFiles": "statement",
    "QueryFunction": "signatures",
    "SharedConnection": "folding",
    "SqlFile": "statement",
    "Statement": "statement",
    "Stream": "streaming",
    "StreamFunction": "signatures",
    "batch": "batching",
    "batch_rows": "batching",
    "commit": "committing",
    "commit_awaited": "committing",
    "copy": "copying",
    "counts_of": "sessions",
    "digest_of": "statement",
    "execute": "calls",
    "holds_no_moment": "preparing",
    "many": "calls",
    "observe": "observing",
    "one": "calls",
    "optional": "calls",
    "probe_awaited": "committing",
    "query": "signatures",
    "run_calls": "folding",
    "stream": "streaming",
    "stream_query": "signatures",
    "write_types": "statement",
}

if not TYPE_CHECKING:
    from dbkit.doors import lazy_door

    __getattr__ = lazy_door(__name__, _MODULES)
