"""Read the health of a database: sizes, indexes, cache, connections, waits, slow statements."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from dbkit.loading import LoadedQuery, load

_SQL = Path(__file__).parent / "sql"
# the comment at the end of each statement that dbkit sends
_QUERY_COMMENT = re.compile(r"/\* ([a-z]\w*\.[a-z]\w*) \*/\s*$")
_SLOW = "monitoring.list_slow_statements"
_LISTS = {
    "tables": "monitoring.list_tables",
    "indexes": "monitoring.list_indexes",
    "locks": "monitoring.list_locks",
    "waits": "monitoring.list_waits",
}
_FACTS = {
    "cache": "monitoring.get_cache_hits",
    "connections": "monitoring.get_connections",
}
_WITHOUT_LIMIT = {"waits"}
_EXTENSION = """
select
    extension.extname is not null as created,
    exists (
        select from pg_available_extensions as available
        where available.name = 'pg_stat_statements'
    ) as available
from (select 1) as single_row
left join pg_extension as extension on extension.extname = 'pg_stat_statements'
"""

# the server cuts the text of a running statement here: track_activity_query_size, less a character
_CUT = 1000

HealthRow = dict[str, Any]
QueriesByName = Mapping[str, LoadedQuery]


class Health(NamedTuple):
    """The health of a database: lists of rows, and single facts."""

    lists: dict[str, list[HealthRow]]
    facts: dict[str, HealthRow]
    # None if the server does not count statements; `missing` says how to have it count them
    statements: list[HealthRow] | None
    missing: str | None


def read_health(
    connection: psycopg.Connection[Any], known: QueriesByName, *, max_rows: int = 10
) -> Health:
    """Read all lists and facts, at most so many rows of each list.

    A statement that was sent by one of the `known` queries is shown with the query's name, which
    stands in a comment at the end of every statement that dbkit sends.
    """
    queries = load(_SQL, root=_SQL)
    lists = {
        title: [
            _named(row._asdict(), known)
            for row in queries[name](
                connection, **({} if title in _WITHOUT_LIMIT else _limit(max_rows))
            )
        ]
        for title, name in _LISTS.items()
    }
    facts = {title: queries[name](connection)._asdict() for title, name in _FACTS.items()}
    missing = _missing(connection)
    statements: list[HealthRow] | None = None
    if missing is None:
        try:
            with connection.transaction():
                rows = queries[_SLOW](connection, **_limit(max_rows))
            statements = [_named(row._asdict(), known) for row in rows]
        except psycopg.errors.ObjectNotInPrerequisiteState:
            missing = _TO_LOAD
    return Health(lists, facts, statements, missing)


def query_of(statement: str, known: QueriesByName) -> str | None:
    """Return the name of the query that sent a statement, or None if no known query did.

    The comment at the end says the name. Of a long statement the server shows only the beginning,
    which is compared with the beginning of each known statement.
    """
    if (comment := _QUERY_COMMENT.search(statement)) is not None:
        return comment[1] if comment[1] in known else None
    for name, loaded in known.items() if len(statement) >= _CUT else ():
        if any(combination.text.startswith(statement) for combination in loaded.query.combinations):
            return name
    return None


def _limit(max_rows: int) -> dict[str, int]:
    return {"max_rows": max_rows}


def _named(row: HealthRow, known: QueriesByName) -> HealthRow:
    """Add to each statement of a row the name of the query that sent it."""
    for key in [key for key in row if key in {"query", "blocking_query"}]:
        text = str(row[key] or "")
        name = query_of(text, known)
        row[key] = " ".join(_QUERY_COMMENT.sub("", text).split())
        row[f"{key}_name"] = name
    return row


def _missing(connection: psycopg.Connection[Any]) -> str | None:
    row = connection.execute(_EXTENSION).fetchone()
    created, available = row or (False, False)
    if created:
        return None
    return _TO_CREATE if available else _TO_INSTALL


_TO_LOAD = (
    "add pg_stat_statements to shared_preload_libraries in postgresql.conf and restart the server"
)
_TO_CREATE = f"{_TO_LOAD}, then `create extension pg_stat_statements`"
_TO_INSTALL = f"install PostgreSQL's contrib modules, {_TO_CREATE}"
