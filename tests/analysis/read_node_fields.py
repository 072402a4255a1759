"""Read off analysed trees which fields PostgreSQL's nodes have.

    python -m tests.analysis.read_node_fields SERVER [SERVER ...]

SERVER is `18`, `16` or a folder with the programs of another version, as in DBKIT_TEST_POSTGRES.
Give one for every version that dbkit works with: what is printed is what they have together, for
`dbkit/analysis/nodefields.py`. A server writes all fields of a node, whatever they hold, so it is
enough that every kind of node stands in a statement of `corpus.txt` or of `unusual.txt`. A kind
that is in no tree is not known, and where it stands nothing is proved.
"""

import sys
import tempfile
import textwrap
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import psycopg
from psycopg.pq import ExecStatus

from dbkit.analysis.nodes import read_nodes
from dbkit.server import EmbeddedServer, find_binaries
from tests.analysis.corpus import read_corpus
from tests.analysis.library import SCHEMA
from tests.analysis.test_unusual import STATEMENTS, schema_of

_WIDTH = 88
_HEAD = '''\
"""The fields of the nodes of an analysed query: those of PostgreSQL 15 to 18 together."""

from collections.abc import Mapping

# written by tests/analysis/read_node_fields.py
NODE_FIELDS: Mapping[str, str] = {
'''
_PROBE = "create function pg_temp.probe({}) returns void language sql begin atomic {}\n; end"
_BODY = "select prosqlbody::text from pg_catalog.pg_proc where proname = 'probe'"
_OTHERS = """
select ev_action::text from pg_catalog.pg_rewrite
union all
select indexprs::text from pg_catalog.pg_index where indexprs is not null
union all
select indpred::text from pg_catalog.pg_index where indpred is not null
"""


def trees(server: EmbeddedServer) -> Iterator[str]:
    """Yield all trees that a server makes of the statements it knows."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        version = connection.info.server_version // 10_000
        corpus = [case.text for case in read_corpus() if version >= case.since]
        unusual = [text for since, text in STATEMENTS if version >= since]
        for schema, texts in ((SCHEMA, corpus), (schema_of(connection), unusual)):
            with connection.transaction(force_rollback=True):
                connection.execute("set local check_function_bodies = off")
                connection.execute(schema.encode())
                for text in texts:
                    yield from _trees_of(connection, text)
                yield from (str(tree) for (tree,) in connection.execute(_OTHERS).fetchall())


def _trees_of(connection: psycopg.Connection, text: str) -> Iterator[str]:
    with connection.transaction(force_rollback=True):
        try:
            types = [f"{oid}::regtype" for oid in _parameters(connection, text)]
            row = connection.execute(
                f"select concat_ws(', ', {', '.join(types) or 'null'})".encode()
            )
            [(parameters,)] = row.fetchall()
            connection.execute(_PROBE.format(parameters, text).encode())
        except psycopg.Error:
            # a command that has no tree
            return
        yield from (str(tree) for (tree,) in connection.execute(_BODY).fetchall())


def _parameters(connection: psycopg.Connection, text: str) -> list[int]:
    result = connection.pgconn.prepare(b"", text.encode())
    if result.status == ExecStatus.FATAL_ERROR:
        raise psycopg.errors.error_from_result(result)
    described = connection.pgconn.describe_prepared(b"")
    return [described.param_type(number) for number in range(described.nparams)]


def table(fields: Mapping[str, Iterable[str]]) -> str:
    """Return the text of the module."""
    return _HEAD + "".join(map(_entry, sorted(fields), map(fields.get, sorted(fields)))) + "}\n"


def _entry(kind: str, fields: Iterable[str] | None) -> str:
    names = " ".join(sorted(fields or ()))
    line = f'    "{kind}": "{names}",\n'
    if len(line) <= _WIDTH + 13:
        return line
    lines = textwrap.wrap(names, _WIDTH)
    quoted = [f'        "{part} "' for part in lines[:-1]] + [f'        "{lines[-1]}"']
    return f'    "{kind}": (\n' + "\n".join(quoted) + "\n    ),\n"


def main() -> None:
    """Print the table for the servers that are named."""
    fields: defaultdict[str, set[str]] = defaultdict(set)
    for name in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder).chmod(0o711)  # the server's account has to pass through, if we are root
            server = EmbeddedServer(Path(folder) / "server", binaries=find_binaries(name))
            server.start()
            try:
                for node in (node for tree in trees(server) for node in read_nodes(tree)):
                    for part in node.walk():
                        fields[part.kind].update(part.fields)
            finally:
                server.reset(force=True)
    sys.stdout.write(table(fields))


if __name__ == "__main__":
    main()
