"""Ask a database how it fares: sizes, indexes, cache, connections, waits and slow statements."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from dbkit.loading import LoadedQuery, load

_SQL = Path(__file__).parent / "sql"
_TAG = re.compile(r"/\* ([a-z]\w*\.[a-z]\w*) \*/\s*$")
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
_UNBOUNDED = {"waits"}
_EXTENSION = """
select
    extension.extname is not null as created,
    exists (
        select from pg_available_extensions as available
        where available.name = 'pg_stat_statements'
    ) as available
from (select 1) as one
left join pg_extension as extension on extension.extname = 'pg_stat_statements'
"""

# track_activity_query_size, less what the end of a character may need
_CUT = 1000

Row = dict[str, Any]
Known = Mapping[str, LoadedQuery]


class MonitorReport(NamedTuple):
    """How a database fares."""

    lists: dict[str, list[Row]]
    facts: dict[str, Row]
    # None where nobody keeps count, and then `missing` says how to have it kept
    statements: list[Row] | None
    missing: str | None


def watch(connection: psycopg.Connection[Any], known: Known, *, most: int = 10) -> MonitorReport:
    """Ask everything, each list at most so long.

    A statement that one of the `known` queries sent is called by its name: dbkit ends each
    with a comment that says it.
    """
    queries = load(_SQL, root=_SQL)
    lists = {
        title: [
            _named(row._asdict(), known)
            for row in queries[name](connection, **({} if title in _UNBOUNDED else _bound(most)))
        ]
        for title, name in _LISTS.items()
    }
    facts = {title: queries[name](connection)._asdict() for title, name in _FACTS.items()}
    missing = _missing(connection)
    statements: list[Row] | None = None
    if missing is None:
        try:
            with connection.transaction():
                found = queries[_SLOW](connection, **_bound(most))
            statements = [_named(row._asdict(), known) for row in found]
        except psycopg.errors.ObjectNotInPrerequisiteState:
            missing = _TO_LOAD
    return MonitorReport(lists, facts, statements, missing)


def query_of(statement: str, known: Known) -> str | None:
    """Return the name of the query that sent a statement, as the comment at its end says it.

    Of a long one that runs the server shows only the beginning, which is compared.
    """
    if (found := _TAG.search(statement)) is not None:
        return found[1] if found[1] in known else None
    for name, loaded in known.items() if len(statement) >= _CUT else ():
        if any(combination.text.startswith(statement) for combination in loaded.query.combinations):
            return name
    return None


def _bound(most: int) -> dict[str, int]:
    return {"max_rows": most}


def _named(row: Row, known: Known) -> Row:
    """Put beside each statement of a row which query it is."""
    for key in [key for key in row if key in {"query", "blocking_query"}]:
        text = str(row[key] or "")
        name = query_of(text, known)
        row[key] = " ".join(_TAG.sub("", text).split())
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
