"""Read the health of a database: sizes, indexes, cache, pools, transactions, slow statements."""

import re
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from dbkit.loading import LoadedQuery, load
from dbkit.pools import Statistics

_SQL = Path(__file__).parent / "sql"
# the comment at the end of each statement that dbkit sends
_QUERY_COMMENT = re.compile(r"/\* ([a-z]\w*\.[a-z]\w*) \*/\s*$")
_SLOW = "monitoring.list_slow_statements"
_LISTS = {
    "pools": "monitoring.list_pools",
    "transactions": "monitoring.list_transactions",
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
    extension.extnamespace::regnamespace::text as schema,
    exists (
        select from pg_available_extensions as available
        where available.name = 'pg_stat_statements'
    ) as available
from (select 1) as single_row
left join pg_extension as extension on extension.extname = 'pg_stat_statements'
"""
_SCHEMA = "dbkit_monitor"
_CREATE = f"create schema {_SCHEMA}; create extension pg_stat_statements schema {_SCHEMA}"
_SEARCH = "select set_config('search_path', 'pg_catalog, ' || %s, true)"

# the server cuts the text of a running statement here: track_activity_query_size, less a character
_CUT = 1000

HealthRow = dict[str, Any]
QueriesByName = Mapping[str, LoadedQuery]


class Health(NamedTuple):
    """The health of a database: lists of rows, and single facts."""

    taken_at: datetime
    lists: dict[str, list[HealthRow]]
    facts: dict[str, HealthRow]
    # None if the server does not count statements; `missing` says how to have it count them
    statements: list[HealthRow] | None
    missing: str | None
    # what a pool of this program knows of itself
    pool: Statistics | None = None

    def as_json(self) -> dict[str, object]:
        """Return all of it as `dbkit monitor --json` prints it."""
        rows = {name: [_json_row(row) for row in rows] for name, rows in self.lists.items()}
        found: dict[str, object] = {"taken_at": self.taken_at.isoformat(), **self.facts, **rows}
        if self.pool is not None:
            found["pool"] = {**asdict(self.pool), "utilization": self.pool.utilization}
        return {**found, "slow_statements": self.statements, "missing": self.missing}


def read_health(
    connection: psycopg.Connection[Any],
    known: QueriesByName,
    *,
    max_rows: int = 10,
    pool: Statistics | None = None,
) -> Health:
    """Read all lists and facts, at most so many rows of each list.

    A statement that was sent by one of the `known` queries is shown with the query's name, which
    stands in a comment at the end of every statement that dbkit sends.
    """
    queries = load(_SQL, root=_SQL, system="dbkit")
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
    missing = None
    statements: list[HealthRow] | None = None
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(_SEARCH, [_extension(connection)])
            rows = queries[_SLOW](connection, **_limit(max_rows))
        statements = [_named(row._asdict(), known) for row in rows]
    except _NotCounted as reason:
        missing = str(reason)
    except psycopg.errors.ObjectNotInPrerequisiteState:
        missing = _TO_LOAD
    except psycopg.errors.InsufficientPrivilege:
        missing = _TO_GRANT
    return Health(datetime.now(UTC), lists, facts, statements, missing, pool)


def with_growth(health: Health, earlier: Mapping[str, Any]) -> Health:
    """Say of each table how much it grew since an earlier `Health.as_json()`.

    Nothing is said of a table that was not in there.
    """
    then = {str(row["name"]): row for row in earlier["tables"]}
    tables = [
        {
            **row,
            "grown_bytes": _difference(row, then, "bytes"),
            "grown_rows": _difference(row, then, "rows"),
        }
        for row in health.lists["tables"]
    ]
    return health._replace(lists={**health.lists, "tables": tables})


def _difference(row: HealthRow, then: Mapping[str, Mapping[str, Any]], key: str) -> int | None:
    before = then.get(row["name"], {}).get(key)
    return None if before is None or row[key] is None else int(row[key]) - int(before)


def _json_row(row: HealthRow) -> HealthRow:
    return {
        key: value.isoformat() if isinstance(value, datetime) else value
        for key, value in row.items()
    }


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


class _NotCounted(Exception):
    """What is to be done so that the server's count of statements can be read."""


def _extension(connection: psycopg.Connection[Any]) -> str:
    """Return the schema that pg_stat_statements is in, in a transaction that is undone.

    A server that has loaded it has counted, also where nobody created the extension, which is no
    more than the way to read it. So it is created for this transaction by whoever may.
    """
    schema, available = connection.execute(_EXTENSION).fetchone() or (None, False)
    if schema is not None:
        return str(schema)
    if not available:
        raise _NotCounted(_TO_INSTALL)
    try:
        with connection.transaction():
            connection.execute(_CREATE)
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction):
        raise _NotCounted(_TO_CREATE) from None
    return _SCHEMA


_TO_LOAD = (
    "add pg_stat_statements to shared_preload_libraries in postgresql.conf and restart the server"
)
_TO_GRANT = "run `grant select on pg_stat_statements to` the user in the URL"
_TO_CREATE = f"{_TO_LOAD}, then `create extension pg_stat_statements`"
_TO_INSTALL = f"install PostgreSQL's contrib modules, {_TO_CREATE}"
