"""Send text to the server as it stands, and report what it waits for."""

import select
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from typing import TypeVar

import psycopg
from psycopg import generators
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus, PipelineStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult
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
_UNDER_WAY = "select query from pg_stat_activity where pid = %s"
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
        self._poll = select.poll()
        # what is under way when several statements were sent, and who wants to know how far it is
        self._sent: tuple[list[bytes], Callable[[int], None] | None] | None = None
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

    def run_all(
        self, statements: Sequence[str], report: Callable[[int], None] | None = None
    ) -> None:
        """Run statements that neither take data nor give any, on one way to the server and back.

        The server runs each by itself, as if it had come alone, and none after one that fails.
        While it takes long, `report` is told how many are done.
        """
        if not all(map(str.isascii, statements)):
            self.speak_utf8()
        self.done, self.held_by = 0, ()
        pgconn = self.connection.pgconn
        texts = [statement.encode() for statement in statements]
        pgconn.enter_pipeline_mode()
        try:
            for text in texts:
                pgconn.send_query_params(text, None)
            pgconn.pipeline_sync()
        except BaseException:
            # nobody could tell what was sent
            self.connection.close()
            raise
        self._sent = texts, report
        try:
            results = self._wait(_results_of_all(pgconn))
        finally:
            self._sent = None
        if pgconn.status == ConnStatus.OK:
            pgconn.exit_pipeline_mode()
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
        poll = self._poll
        descriptor = self.connection.pgconn.socket
        began = time.monotonic()
        try:
            wanted = next(generator)
            while True:
                if self._notices:
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
        blockers = self.blockers()
        self._report_progress()
        if blockers:
            self.held_by = blockers
            self._reporter.waiting("for a lock", blockers, seconds)

    def _report_progress(self) -> None:
        """Tell which of the statements that were sent together is under way."""
        texts, report = self._sent or ((), None)
        if report is None or self._observer is None:
            return
        with suppress(psycopg.Error):
            [(query,)] = self._observer.execute(_UNDER_WAY, (self._process,))
            begins = query.encode()
            # one of the same text may have come before
            for number in range(self.done, len(texts)):
                if begins and texts[number].startswith(begins):
                    self.done = number
                    report(number)
                    return

    def _cancel(self) -> None:
        with suppress(psycopg.Error):
            self.connection.cancel_safe(timeout=_CANCEL_SECONDS)
        deadline = time.monotonic() + _CANCEL_SECONDS
        pgconn = self.connection.pgconn
        poll = select.poll()
        with suppress(psycopg.Error):
            poll.register(pgconn.socket, select.POLLIN)
            while time.monotonic() < deadline:
                if not pgconn.is_busy():
                    result = pgconn.get_result()
                    if result is None:
                        if pgconn.pipeline_status == PipelineStatus.OFF:
                            return
                        continue
                    if result.status == ExecStatus.PIPELINE_SYNC:
                        pgconn.exit_pipeline_mode()
                        return
                    if result.status == ExecStatus.COPY_IN:
                        pgconn.put_copy_end(b"interrupted")
                    continue
                pgconn.flush()
                if poll.poll(_SECONDS_BETWEEN_REPORTS * 1000):
                    pgconn.consume_input()
        self.connection.close()

    def _copy(self, data: str) -> PGresult:
        pgconn = self.connection.pgconn
        for start in range(0, len(data), _COPY_CHUNK):
            self._wait(generators.copy_to(pgconn, data[start : start + _COPY_CHUNK].encode()))
        return self._wait(generators.copy_end(pgconn, None))

    def _stop_copy_out(self) -> None:
        self.connection.close()
        message = "copy to stdout has nowhere to go in a migration"
        raise psycopg.errors.FeatureNotSupported(message)


def _results_of_all(pgconn: PGconn) -> Generator[Wait, Ready, list[PGresult]]:
    """Fetch a result for each statement that was sent, up to the mark after the last."""
    results: list[PGresult] = []
    lost: psycopg.OperationalError | None = None
    while lost is None:
        ready = yield Wait.RW if pgconn.flush() else Wait.R
        if ready & Ready.R:
            try:
                pgconn.consume_input()
            except psycopg.OperationalError as error:
                # what came before may say why
                lost = error
        while not pgconn.is_busy():
            result = pgconn.get_result()
            if result is None:
                if pgconn.status == ConnStatus.BAD:
                    break
                continue
            if result.status == ExecStatus.PIPELINE_SYNC:
                return results
            results.append(result)
    # libpq makes up an error of its own for what it can no longer fetch
    if any(result.error_field(DiagnosticField.SQLSTATE) for result in results):
        return results
    raise lost


def _ready(event: int) -> Ready:
    readable = event & ~select.POLLOUT
    writable = event & select.POLLOUT
    if readable and writable:
        return Ready.RW
    return Ready.W if writable else Ready.R
