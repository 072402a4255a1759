"""Run the systems' query files by name: through Python on a connection, and through psql."""

import subprocess
from typing import Any

from psycopg import Connection, sql
from psycopg.conninfo import make_conninfo

from dbkit.loading import load
from dbkit.server import Binaries
from dbkit.sqltext import Source
from dbkit.typedqueries import check_query
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
        assert check_query(self.connection, query, source).is_certain
        return self._loaded[name](self.connection, **given)

    def refused_by_psql(self, binaries: Binaries, **given: str) -> dict[str, str]:
        """Run each file through psql, and tell what it says of those that it cannot run."""
        info = self.connection.info
        url = make_conninfo(host=info.host, port=info.port, user=info.user, dbname=info.dbname)
        variables = [word for name, value in given.items() for word in ("-v", f"{name}={value}")]
        refused: dict[str, str] = {}
        for loaded in self._loaded.values():
            file = ROOT / loaded.query.path
            answer = subprocess.run(
                [binaries.psql, "-qX", "-v", "ON_ERROR_STOP=1", *variables, "-d", url, "-f", file],
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
            if answer.returncode or answer.stderr:
                refused[loaded.name] = answer.stderr
        return refused


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
