"""Send text to the server as it stands, and report what it waits for."""

import select
import time
from collections.abc import Generator
from contextlib import suppress
from typing import TypeVar

import psycopg
from psycopg import generators
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.waiting import Ready, Wait

from dbkit.migrations.progress import Blocker, Reporter

_SECONDS_BETWEEN_REPORTS = 1.0
_CANCEL_SECONDS = 5.0
_COPY_CHUNK = 1 << 20
_UTF8 = "UTF8"
_EVENTS = {Wait.R: select.POLLIN, Wait.W: select.POLLOUT, Wait.RW: select.POLLIN | select.POLLOUT}
_BLOCKERS = """
select
    activity.pid,
    coalesce(activity.usename, '') as username,
    coalesce(activity.application_name, '') as application,
    coalesce(regexp_replace(left(activity.query, 200), '\\s+', ' ', 'g'), '') as query,
    coalesce(extract(epoch from clock_timestamp() - activity.xact_start), 0)::float8 as seconds
from pg_stat_activity as activity
where activity.pid = any(pg_blocking_pids(%s))
order by activity.pid
"""
T = TypeVar("T")


class Session:
    """A connection that runs text exactly as it stands, and can be interrupted at any moment.

    psycopg's cursors read placeholders into the text and wait in silence. Here the text is
    sent as it is, and a wait of more than a second is reported with the sessions that cause it.
    """

    def __init__(self, connection: psycopg.Connection, reporter: Reporter) -> None:
        self.connection = connection
        # that of the server: a pooler gives its clients numbers of its own
        [(self._process,)] = connection.execute("select pg_backend_pid()")
        self._reporter = reporter
        self._observer: psycopg.Connection | None = None
        # how many statements of the last text succeeded before one failed
        self.done: int = 0
        # the sessions that the last text was last seen to wait for
        self.held_by: tuple[Blocker, ...] = ()
        self._notices: list[tuple[str, str]] = []
        connection.add_notice_handler(self._keep_notice)
        self._encoding = self._client_encoding
        self.speak_utf8()

    def run(self, text: str, copy_data: str | None = None) -> None:
        """Run a text of one or more statements, feeding `copy … from stdin` its data.

        The server reads it as UTF-8, whatever an earlier statement of the file said.
        """
        if not (text.isascii() and (copy_data or "").isascii()):
            self.speak_utf8()
        self.done, self.held_by = 0, ()
        pgconn = self.connection.pgconn
        pgconn.send_query(text.encode())
        results = self._wait(generators.execute(pgconn))
        if results[-1].status == ExecStatus.COPY_IN:
            results = [self._copy(copy_data or "")]
        elif results[-1].status == ExecStatus.COPY_OUT:
            self._stop_copy_out()
        for self.done, result in enumerate(results):
            if result.status == ExecStatus.FATAL_ERROR:
                raise psycopg.errors.error_from_result(result, encoding="utf-8")

    def speak_utf8(self) -> None:
        """Exchange text with the server in UTF-8, as it is in the files."""
        if self._client_encoding != _UTF8:
            self.run(f"set client_encoding to '{_UTF8}'")

    @property
    def _client_encoding(self) -> str:
        # the server tells it with every change
        return (self.connection.pgconn.parameter_status(b"client_encoding") or b"").decode()

    def roll_back(self) -> None:
        """Roll back the transaction that is open, if the connection is."""
        if self.connection.pgconn.transaction_status in {
            TransactionStatus.INTRANS,
            TransactionStatus.INERROR,
        }:
            with suppress(psycopg.OperationalError):
                self.run("rollback")

    def close(self) -> None:
        """Give the connection back as it was, and close the second one if there is one."""
        if not self.connection.closed and self._client_encoding != self._encoding:
            self.run(f"set client_encoding to '{self._encoding}'")
        self.connection.remove_notice_handler(self._keep_notice)
        if self._observer is not None:
            self._observer.close()

    def blockers(self) -> tuple[Blocker, ...]:
        """Return the sessions that this one waits for, as a second connection is told."""
        try:
            if self._observer is None:
                info = self.connection.info
                self._observer = psycopg.connect(
                    info.dsn, password=info.password or None, autocommit=True, connect_timeout=2
                )
            rows = self._observer.execute(_BLOCKERS, (self._process,))
            return tuple(Blocker(*row) for row in rows)
        except psycopg.Error:
            return ()

    def _wait(self, generator: Generator[Wait, Ready, T]) -> T:
        poll = select.poll()
        descriptor = self.connection.pgconn.socket
        began = time.monotonic()
        try:
            wanted = next(generator)
            while True:
                self._report_notices()
                poll.register(descriptor, _EVENTS[wanted])
                events = poll.poll(_SECONDS_BETWEEN_REPORTS * 1000)
                if not events:
                    self._report_wait(time.monotonic() - began)
                    continue
                wanted = generator.send(_ready(events[0][1]))
        except StopIteration as stop:
            self._report_notices()
            result: T = stop.value
            return result
        except BaseException:
            self._cancel()
            raise

    def _keep_notice(self, notice: psycopg.errors.Diagnostic) -> None:
        # reported later: libpq calls this function, and an exception that is raised in it, such as
        # that of Ctrl-C or SIGTERM, would be lost
        self._notices.append((notice.severity or "NOTICE", notice.message_primary or ""))

    def _report_notices(self) -> None:
        while self._notices:
            self._reporter.notice(*self._notices.pop(0))

    def _report_wait(self, seconds: float) -> None:
        if blockers := self.blockers():
            self.held_by = blockers
            self._reporter.waiting("for a lock", blockers, seconds)

    def _cancel(self) -> None:
        with suppress(psycopg.Error):
            self.connection.cancel_safe(timeout=_CANCEL_SECONDS)
        deadline = time.monotonic() + _CANCEL_SECONDS
        pgconn = self.connection.pgconn
        poll = select.poll()
        poll.register(pgconn.socket, select.POLLIN)
        with suppress(psycopg.Error):
            while time.monotonic() < deadline:
                if not pgconn.is_busy():
                    result = pgconn.get_result()
                    if result is None:
                        return
                    if result.status == ExecStatus.COPY_IN:
                        pgconn.put_copy_end(b"interrupted")
                elif poll.poll(_SECONDS_BETWEEN_REPORTS * 1000):
                    pgconn.consume_input()
        self.connection.close()

    def _copy(self, data: str) -> psycopg.pq.abc.PGresult:
        pgconn = self.connection.pgconn
        for start in range(0, len(data), _COPY_CHUNK):
            self._wait(generators.copy_to(pgconn, data[start : start + _COPY_CHUNK].encode()))
        return self._wait(generators.copy_end(pgconn, None))

    def _stop_copy_out(self) -> None:
        self.connection.close()
        message = "copy to stdout has nowhere to go in a migration"
        raise psycopg.errors.FeatureNotSupported(message)


def _ready(event: int) -> Ready:
    readable = event & ~select.POLLOUT
    writable = event & select.POLLOUT
    if readable and writable:
        return Ready.RW
    return Ready.W if writable else Ready.R
