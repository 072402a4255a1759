"""What a pool does with a connection between two callers: commit its work, and try it."""

from typing import Any

import psycopg
from psycopg import AsyncConnection, Connection
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

from dbkit.runtime.calls import awaited_result, result_of
from dbkit.runtime.errors import CommitUnknown
from dbkit.runtime.sessions import session_of
from dbkit.runtime.wire import BAD

_COMMIT = b"commit"
# after an error that is one of these, the server ends the session
_LAST = frozenset({"FATAL", "PANIC"})


def commit(connection: Connection[Any]) -> None:
    """Commit what was begun."""
    pgconn = connection.pgconn
    with connection.lock:
        if pgconn.transaction_status == TransactionStatus.IDLE:
            return
        pgconn.send_query(_COMMIT)
        try:
            result = result_of(connection, session_of(connection))
        except BaseException as error:
            _lose(pgconn, error)
            raise
        _good(pgconn, result)


async def commit_awaited(connection: AsyncConnection[Any]) -> None:
    """Commit what was begun."""
    pgconn = connection.pgconn
    async with connection.lock:
        if pgconn.transaction_status == TransactionStatus.IDLE:
            return
        pgconn.send_query(_COMMIT)
        try:
            result = await awaited_result(connection, session_of(connection))
        except psycopg.Error as error:
            _lose(pgconn, error)
            raise
        _good(pgconn, result)


async def probe_awaited(connection: AsyncConnection[Any]) -> None:
    """Ask the server for nothing, to see that it answers; a caller who stops closes it."""
    # the driver would wait for a silent server to cancel it
    async with connection.lock:
        connection.pgconn.send_query(b"")
        await awaited_result(connection, session_of(connection))


def _lose(pgconn: PGconn, error: BaseException) -> None:
    """Raise what is known of a commit that nobody answered, and close what is not ready again."""
    if pgconn.status != ConnStatus.BAD and pgconn.transaction_status == TransactionStatus.ACTIVE:
        pgconn.finish()
    if isinstance(error, psycopg.Error):
        raise CommitUnknown from error


def _good(pgconn: PGconn, result: PGresult) -> None:
    if result.status in BAD:
        error = error_from_result(result)
        if pgconn.status == ConnStatus.BAD or error.diag.severity_nonlocalized in _LAST:
            # the session was ended: before the commit, or after it
            raise CommitUnknown from error
        raise error
