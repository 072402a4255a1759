"""The front door to query files: the text of a file in, its queries out, no database asked."""

from dbkit.queries.files.folder import (
    ReadFolder,
    examine_folder,
    find_queries,
    query_files,
    read_queries,
)
from dbkit.queries.files.parsing import parse_queries
from dbkit.queries.files.variants import variant_for

__all__ = [
    "ReadFolder",
    "examine_folder",
    "find_queries",
    "parse_queries",
    "query_files",
    "read_queries",
    "variant_for",
]
