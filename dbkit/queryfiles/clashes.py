"""Find the queries of a system that would have the same name, or the same row class."""

from collections.abc import Iterator, Sequence

from dbkit.queryfiles.errors import (
    ClashingQueries,
    DuplicateQuery,
    DuplicateRowClass,
    ForeignRowClass,
)
from dbkit.queryfiles.pythonnames import row_class_name
from dbkit.queryfiles.queryrecords import Query


def find_clashes(queries: Sequence[Query]) -> Iterator[ClashingQueries]:
    """Find each query with a name or a row class that another query has already."""
    by_name: dict[tuple[str, str], Query] = {}
    by_row_class: dict[tuple[str, str], Query] = {}
    owners: dict[str, list[Query]] = {}
    for query in queries:
        row_class = row_class_name(query.name)
        owners.setdefault(row_class, []).append(query)
        namesake = by_name.setdefault((query.subject, query.name), query)
        if namesake is not query:
            yield DuplicateQuery(*_both(query, namesake))
            continue
        sharer = by_row_class.setdefault((query.subject, row_class), query)
        if sharer is not query:
            yield DuplicateRowClass(*_both(query, sharer), row_class)
    for query in queries:
        for owner in owners.get(query.row_class or "", ()):
            if owner is not query:
                yield ForeignRowClass(*_both(query, owner), query.row_class or "")
                break


def _both(query: Query, other: Query) -> tuple[str, str, int, str, str, int]:
    return (
        f"{query.subject}.{query.name}",
        query.path,
        query.line,
        f"{other.subject}.{other.name}",
        other.path,
        other.line,
    )
