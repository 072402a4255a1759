"""Fold calls of many tasks into one group of messages; each is a transaction of its own."""

from asyncio import Future, get_running_loop
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import psycopg
from psycopg import AsyncConnection, generators
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from dbkit.runtime.errors import CommitUnknown, OnlyCalls
from dbkit.runtime.ready import Ready
from dbkit.runtime.sessions import ConnectionState, answer, session_of, settle
from dbkit.runtime.statement import Composition
from dbkit.runtime.wire import BAD, Steps, leave_pipeline

Answer = tuple[Ready[Any], PGresult]


@dataclass(slots=True, eq=False)
class FoldedCall:
    """A call that a task made, and waits for."""

    composition: Composition[Any]
    values: Sequence[object]
    future: "Future[Answer]"
    # whether the server may have it, so that nobody knows what became of it if there is no answer
    is_sent: bool = False

    def fail(self, error: Exception) -> None:
        """Tell the task that its call failed."""
        if isinstance(error, psycopg.Error):
            self.composition.note(error)
        if not self.future.done():
            self.future.set_exception(error)

    def succeed(self, ready: Ready[Any], result: PGresult) -> None:
        """Give the task its result; one that was cancelled wants none."""
        if not self.future.done():
            self.future.set_result((ready, result))


class SharedConnection(AsyncConnection[Any]):
    """What tasks call functions with, all at once: it can do that and nothing else."""

    def __init__(  # pyright: ignore[reportMissingSuperCall] - it is no connection of its own
        self, wire: Callable[[], PGconn], put: Callable[[FoldedCall], None]
    ) -> None:
        # what the driver asks to know that nothing is left open
        vars(self).update(_wire=wire, _put=put, _pool=None)

    @property
    def pgconn(self) -> PGconn:  # type: ignore[override]
        """A connection that calls are sent on, to read their results by."""
        wire: Callable[[], PGconn] = vars(self)["_wire"]
        return wire()

    async def fold(self, composition: Composition[Any], values: Sequence[object]) -> Answer:
        """Have a call sent with those of others, and wait for its result."""
        call = FoldedCall(composition, values, get_running_loop().create_future())
        vars(self)["_put"](call)
        return await call.future

    async def close(self) -> None:
        """Refuse: others are using it."""
        raise OnlyCalls

    def __getattr__(self, name: str) -> NoReturn:
        raise OnlyCalls


async def run_calls(connection: AsyncConnection[Any], calls: Sequence[FoldedCall]) -> None:
    """Make calls on a connection in autocommit mode; whatever one does reaches no other's task.

    What happens to the connection is raised, and told to every call that was sent and has no
    answer yet. Those that were not sent are left as they are, to be made on another connection.
    """
    session = session_of(connection)
    sent: list[tuple[FoldedCall, Ready[Any]]] = []
    try:
        async with connection.lock:
            alone = _send(connection, session, calls, sent)
            results: list[PGresult] = []
            if sent:
                await connection.wait(_answers(connection.pgconn, session, sent, results))
            for (call, ready), result in zip(sent, results, strict=True):
                if not call.future.done() and not _is_good(session, ready, result):
                    await _finish(connection, session, call, ready, result)
            for call in alone:
                if not call.future.done():
                    await _make(connection, session, call)
    except BaseException as error:
        for call in calls:
            if call.is_sent and not call.future.done():
                unknown = CommitUnknown()
                unknown.__cause__ = error
                call.fail(unknown)
        raise


def _send(
    connection: AsyncConnection[Any],
    session: ConnectionState,
    calls: Sequence[FoldedCall],
    sent: list[tuple[FoldedCall, Ready[Any]]],
) -> list[FoldedCall]:
    """Send the calls whose statements are prepared, and return the others."""
    pgconn = connection.pgconn
    alone: list[FoldedCall] = []
    session.drop_gone()
    for call in calls:
        ready = session.find(call.composition, pgconn)
        if ready is None or not session.is_held(ready) or ready.name not in session.names:
            alone.append(call)
            continue
        try:
            written, formats = ready.write_call(call.values)
        except Exception as error:  # noqa: BLE001 - told to the call's own task
            if ready.has_own_types:
                alone.append(call)
            else:
                call.fail(error)
            continue
        if not sent:
            pgconn.enter_pipeline_mode()
        session.counts.named += 1
        pgconn.send_query_prepared(ready.name, written, formats, ready.result_format)
        call.is_sent = True
        sent.append((call, ready))
        # what fails is undone up to here, and what comes after is done
        pgconn.pipeline_sync()
    return alone


def _answers(
    pgconn: PGconn,
    session: ConnectionState,
    sent: Sequence[tuple[FoldedCall, Ready[Any]]],
    results: list[PGresult],
) -> Steps[None]:
    """Read the answers, and give each to its task as it comes."""
    try:
        yield from generators.send(pgconn)
        for call, ready in sent:
            last: PGresult | None = None
            while True:
                fetched = yield from generators.fetch_many(pgconn)
                if fetched and fetched[-1].status == ExecStatus.PIPELINE_SYNC:
                    break
                if fetched and (last is None or last.status not in BAD):
                    last = fetched[-1]
            assert last is not None  # noqa: S101 - the protocol has an answer before each sync
            results.append(last)
            if _is_good(session, ready, last):
                call.succeed(ready, last)
    finally:
        leave_pipeline(pgconn)


def _is_good(session: ConnectionState, ready: Ready[Any], result: PGresult) -> bool:
    return result.status not in BAD and (session.is_held(ready) or ready.matches(result))


async def _finish(
    connection: AsyncConnection[Any],
    session: ConnectionState,
    call: FoldedCall,
    ready: Ready[Any],
    result: PGresult,
) -> None:
    """Tell a task its error, or make the call again if only its statement was lost."""
    # what failed is undone
    call.is_sent = result.status not in BAD
    steps = settle(connection, session, ready, result, call.values, is_first=True)
    await _await(connection, session, call, steps)


async def _make(
    connection: AsyncConnection[Any], session: ConnectionState, call: FoldedCall
) -> None:
    """Make one call, which has to be prepared first."""
    steps = answer(connection, session, call.composition, call.values)
    await _await(connection, session, call, steps)


async def _await(
    connection: AsyncConnection[Any],
    session: ConnectionState,
    call: FoldedCall,
    steps: Steps[Answer],
) -> None:
    """Give a task its answer or its error; that the connection is lost is raised."""
    made_before = session.counts.made
    try:
        call.succeed(*await connection.wait(steps))
    except BaseException as error:
        # before that, it was only prepared
        call.is_sent = call.is_sent or session.counts.made > made_before
        is_lost = connection.closed and isinstance(error, psycopg.Error)
        if isinstance(error, Exception) and not (is_lost and call.is_sent):
            # also that it was lost: preparing the call may be what ended it
            call.fail(error)
        if is_lost or not isinstance(error, Exception):
            raise
