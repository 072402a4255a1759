"""Say that a name is not found because the search path leads to no schema."""

from typing import Any

import psycopg

from dbkit.analysis.errors import NoSchemaSearched
from dbkit.analysis.roundtrip import command
from dbkit.analysis.undoing import undone

# the server's codes where a relation, a function, a type or a schema is not found
_NOT_FOUND = {"42P01", "42883", "42704", "3F000"}
_NO_SCHEMA = "select current_database() where current_schema() is null"


def no_schema_searched(
    connection: psycopg.Connection[Any], query: str, sqlstate: str
) -> NoSchemaSearched | None:
    """Return why a query finds nothing, if that is why the server refused it."""
    if sqlstate not in _NOT_FOUND:
        return None
    with undone(connection) as attempt:
        rows = attempt.exchange([command(_NO_SCHEMA)]).rows(0)
    return NoSchemaSearched(query, str(rows[0][0])) if rows else None
