"""The front door to query files: the text of a file in, its queries out, no database asked."""

from dbkit.queryfiles.combinations import combination_for
from dbkit.queryfiles.errors import ClashingQueries, QueryFileFault, UnusableQueryFile
from dbkit.queryfiles.folder import (
    ReadFolder,
    examine_folder,
    find_queries,
    query_files,
    read_queries,
)
from dbkit.queryfiles.names import row_class_name, usable_name
from dbkit.queryfiles.parsing import parse_queries
from dbkit.queryfiles.query import Allowance, Choice, Combination, Query, QueryKind, QueryParameter

__all__ = [
    "Allowance",
    "Choice",
    "ClashingQueries",
    "Combination",
    "Query",
    "QueryFileFault",
    "QueryKind",
    "QueryParameter",
    "ReadFolder",
    "UnusableQueryFile",
    "combination_for",
    "examine_folder",
    "find_queries",
    "parse_queries",
    "query_files",
    "read_queries",
    "row_class_name",
    "usable_name",
]
