"""The front door to query files: the text of a file in, its queries out, no database asked."""

from dbkit.queryfiles.combinations import combination_for
from dbkit.queryfiles.copytarget import CopyTarget, copy_target
from dbkit.queryfiles.errors import ClashingQueries, QueryFileFault
from dbkit.queryfiles.header import NameLine, find_late_lines, is_documentation, read_name
from dbkit.queryfiles.pythonnames import (
    row_class_name,
    usable_name,
    usable_parameter,
)
from dbkit.queryfiles.queryrecords import (
    Allowance,
    Choice,
    Combination,
    Part,
    Query,
    QueryKind,
    QueryParameter,
    Slot,
    Switch,
    TextPart,
)
from dbkit.queryfiles.sqlfolder import ReadFolder, examine_folder, find_queries, query_files

__all__ = [
    "Allowance",
    "Choice",
    "ClashingQueries",
    "Combination",
    "CopyTarget",
    "NameLine",
    "Part",
    "Query",
    "QueryFileFault",
    "QueryKind",
    "QueryParameter",
    "ReadFolder",
    "Slot",
    "Switch",
    "TextPart",
    "combination_for",
    "copy_target",
    "examine_folder",
    "find_late_lines",
    "find_queries",
    "is_documentation",
    "query_files",
    "read_name",
    "row_class_name",
    "usable_name",
    "usable_parameter",
]
