"""Find out whether a pooler keeps one server process for a connection as long as it is open."""

import select
import time
from contextlib import ExitStack, closing

import psycopg
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn

from dbkit.migrations.errors import PooledConnection

_WHO = b"select pg_backend_pid()"
# the transaction stays open, so the pooler gives this process to nobody else
_TAKE = b"begin; select pg_backend_pid()"
# so many other clients look for a server process: a pooler may lend the one that waited longest,
# so with two of them idle only the second client gets ours
_OTHERS = 2
_SECONDS_TO_CONNECT = 2
_SECONDS_TO_TAKE = 1.0
_SECONDS_TO_ANSWER = 5.0


def refuse_shared_process(connection: psycopg.Connection) -> None:
    """Refuse a connection whose server process a pooler lends to others between transactions.

    A pooler gives its clients a process number of its own, in every mode, so that alone tells
    nothing. In session mode a process belongs to one client; in transaction mode another client
    gets it, or we are given another one. So other clients are made, and each takes what it gets.
    """
    pgconn = connection.pgconn
    own = _ask(pgconn, _WHO, _SECONDS_TO_ANSWER)
    if own == pgconn.backend_pid:
        return
    try:
        is_shared = own is None or _is_shared(connection, own)
    except psycopg.OperationalError as error:
        raise PooledConnection(str(error).strip().splitlines()[0]) from error
    if is_shared:
        raise PooledConnection


def _is_shared(connection: psycopg.Connection, own: int) -> bool:
    info, pgconn = connection.info, connection.pgconn
    with ExitStack() as others:
        for _ in range(_OTHERS):
            client = psycopg.connect(
                info.dsn, password=info.password or None, connect_timeout=_SECONDS_TO_CONNECT
            )
            other = others.enter_context(closing(client)).pgconn
            theirs = _ask(other, _TAKE, _SECONDS_TO_TAKE)
            if theirs == own:
                return True
            # a pooler that lends in turn has another one for us by now
            if any(_ask(pgconn, _WHO, _SECONDS_TO_ANSWER) != own for _ in range(2)):
                return True
            if theirs is None:
                # it waits for a process, and we were answered although it had asked before us:
                # ours is none of those that are lent
                return _answer(other, 0) == own
    return False


def _ask(pgconn: PGconn, query: bytes, seconds: float) -> int | None:
    """Return the process that ran a query, or None if nobody answered in time."""
    pgconn.send_query(query)
    return _answer(pgconn, seconds)


def _answer(pgconn: PGconn, seconds: float) -> int | None:
    poll = select.poll()
    poll.register(pgconn.socket, select.POLLIN)
    deadline = time.monotonic() + seconds
    process: int | None = None
    while True:
        pgconn.flush()
        while not pgconn.is_busy():
            result = pgconn.get_result()
            if result is None:
                return process
            if result.status == ExecStatus.FATAL_ERROR:
                raise psycopg.errors.error_from_result(result)
            if result.status == ExecStatus.TUPLES_OK:
                process = int(result.get_value(0, 0) or 0)
        left = deadline - time.monotonic()
        if not poll.poll(max(left, 0) * 1000):
            return None
        pgconn.consume_input()
