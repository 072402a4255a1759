"""Have the server parse a statement, and analyse it as the body of a temporary function."""

from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import dataclass
from typing import Any, NamedTuple

import psycopg
from psycopg import generators
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from dbkit.analysis.catalog import Catalog
from dbkit.analysis.knownnodes import unknown_part
from dbkit.analysis.lostproof import LossCause, LostProof, not_known
from dbkit.analysis.nodes import Node, read_nodes

# of a function, in a server that was built as usual
_MAX_PARAMETERS = 100
_NOT_ONE = LostProof(LossCause.REFUSED, "it is not one query")
_CAUSES = {
    "42501": LossCause.RIGHT,
    "25006": LossCause.READ_ONLY,
    "0A000": LossCause.UTILITY,
}
_SIGNATURE = """
select pg_catalog.format_type(parameter.oid, null)
from pg_catalog.unnest($1::oid[]) with ordinality as parameter (oid, position)
order by parameter.position
"""
_BODY = """
select prosqlbody::text
from pg_catalog.pg_proc
where pronamespace = pg_catalog.pg_my_temp_schema() and proname = 'dbkit_probe'
"""


class Signature(NamedTuple):
    """The types of a statement's parameters, and the names and types of its columns."""

    parameters: list[int]
    columns: list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Analysis:
    """What the server understands of one statement: nothing else has to be asked to prove it."""

    text: str
    signature: Signature
    # its analysed tree, or why there is none
    query: Node | LostProof


def analyse(connection: psycopg.Connection[Any], catalog: Catalog, text: str) -> Analysis:
    """Have the server analyse a statement; what it refuses is raised.

    The statement is not executed, and what is done to analyse it is rolled back.
    """
    with closing(analyse_each(connection, catalog, [text])) as analysed:
        [analysis] = analysed
    if isinstance(analysis, psycopg.Error):
        raise analysis
    return analysis


def analyse_each(
    connection: psycopg.Connection[Any], catalog: Catalog, texts: Iterable[str]
) -> Generator[Analysis | psycopg.Error]:
    """Have the server analyse many statements, and give each analysis or the server's error.

    While the caller looks at one, a transaction is open in which the relations that it names are
    as they were when it was analysed. All is rolled back.
    """
    for text in texts:
        with connection.transaction(force_rollback=True):
            try:
                with connection.transaction():
                    signature = parse(connection, text)
                    query = _tree(connection, catalog, text, signature.parameters)
            except psycopg.Error as error:
                if connection.closed:
                    raise
                yield error
            else:
                yield Analysis(text, signature, query)


def parse(connection: psycopg.Connection[Any], text: str) -> Signature:
    """Return the types of a statement's parameters and columns.

    The prepared statement is the unnamed one, which the next statement replaces.
    """
    if "\0" in text:
        message = "a statement cannot contain NUL (0x00)"
        raise psycopg.DataError(message)
    encoding = connection.info.encoding
    with connection.lock:
        connection.pgconn.send_prepare(b"", text.encode(encoding))
        _finish(connection)
        connection.pgconn.send_describe_prepared(b"")
        result = _finish(connection)
    return Signature(
        [result.param_type(number) for number in range(result.nparams)],
        [
            ((result.fname(number) or b"").decode(encoding), result.ftype(number))
            for number in range(result.nfields)
        ],
    )


def _tree(
    connection: psycopg.Connection[Any], catalog: Catalog, text: str, parameters: list[int]
) -> Node | LostProof:
    if len(parameters) > _MAX_PARAMETERS:
        return LostProof(LossCause.PARAMETERS, f"more than {_MAX_PARAMETERS} parameters")
    try:
        with connection.transaction(force_rollback=True):
            # the server keeps the body of such a function as a tree, which is then read;
            # unless bodies are checked, the function may return another type than it declares
            _execute(connection, "set local check_function_bodies = off")
            types = ", ".join(str(row[0]) for row in catalog.rows(_SIGNATURE, parameters))
            _execute(
                connection,
                f"create function pg_temp.dbkit_probe({types}) returns void "
                f"language sql begin atomic\n{text}\n;end",
            )
            [(tree,)] = catalog.rows(_BODY)
    except psycopg.Error as error:
        if connection.closed:
            raise
        cause = _CAUSES.get(error.sqlstate or "", LossCause.REFUSED)
        return LostProof(cause, error.diag.message_primary or str(error))
    queries = read_nodes(str(tree))
    if len(queries) != 1:
        return _NOT_ONE
    unknown = unknown_part(queries[0])
    return not_known(unknown) if unknown else queries[0]


def _execute(connection: psycopg.Connection[Any], text: str) -> None:
    """Run one command and refuse two.

    A statement could end the function's body and go on with `commit`, which would end the
    transaction that is to be rolled back.
    """
    with connection.lock:
        connection.pgconn.send_query_params(text.encode(connection.info.encoding), None)
        _finish(connection)


def _finish(connection: psycopg.Connection[Any]) -> PGresult:
    results: list[PGresult] = connection.wait(generators.execute(connection.pgconn))
    [result] = results
    if result.status == ExecStatus.FATAL_ERROR:
        raise psycopg.errors.error_from_result(result, encoding=connection.info.encoding)
    return result
