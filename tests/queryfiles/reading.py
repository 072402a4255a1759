"""Read the queries of one source or file, and raise the first of its faults."""

from pathlib import Path

from dbkit.queryfiles import Query
from dbkit.queryfiles.clashes import find_clashes
from dbkit.queryfiles.parsing import examine_source
from dbkit.queryfiles.sqlfolder import read_source
from dbkit.sqltext import Source


def parse_queries(source: Source, subject: str, *, named: bool = False) -> tuple[Query, ...]:
    """Read the queries of a source."""
    read = examine_source(source, subject, named=named)
    for fault in (*read.faults, *find_clashes(read.queries)):
        raise fault
    return read.queries


def read_queries(path: Path, shown: str, subject: str, *, named: bool = False) -> tuple[Query, ...]:
    """Read the queries of a file, which errors call by the name it is shown by."""
    return parse_queries(read_source(path, shown), subject, named=named)
