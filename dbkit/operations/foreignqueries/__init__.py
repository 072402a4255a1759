"""Query files that sqlc or aiosql has, brought into a system."""

from dbkit.operations.foreignqueries.bringing import (
    QUERY_FORMATS,
    BroughtQueries,
    convert_queries,
    write_queries,
)

__all__ = [
    "QUERY_FORMATS",
    "BroughtQueries",
    "convert_queries",
    "write_queries",
]
