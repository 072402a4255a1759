"""Run the systems' query files by name on a connection."""

from typing import Any

from psycopg import Connection, sql

from dbkit.loading import load
from dbkit.sqltext import Source
from dbkit.typedqueries import type_query
from tests.conftest import ROOT


class Queries:
    """The queries of one system on one connection."""

    def __init__(self, system: str, connection: Connection) -> None:
        self.connection = connection
        self._loaded = load(ROOT / "sql" / system, root=ROOT)

    def __call__(self, name: str, **given: object) -> Any:  # noqa: ANN401 - what the query gives
        """Check a query in every combination of its parts, then run the one that is asked for."""
        query = self._loaded[name].query
        source = Source(query.path, (ROOT / query.path).read_text())
        assert type_query(self.connection, query, source).is_certain
        return self._loaded[name](self.connection, **given)


def add(connection: Connection, table: str, **values: object) -> Any:  # noqa: ANN401 - a key
    """Insert one row and give its first column."""
    row = connection.execute(
        sql.SQL("insert into {} ({}) values ({}) returning *").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, values)),
            sql.SQL(", ").join(sql.Placeholder() * len(values)),
        ),
        list(values.values()),
    ).fetchone()
    assert row
    return row[0]
