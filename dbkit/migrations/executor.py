"""Run the statements of a script, in one transaction or one by one, and point at what fails."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

import psycopg

from dbkit.migrations.progress import Reporter
from dbkit.migrations.records import Records
from dbkit.migrations.script import Script
from dbkit.migrations.session import Session
from dbkit.migrations.timeouts import Timeouts
from dbkit.sqltext import ScriptStatement, caret

# the server's codes for a statement that cannot run in a transaction, or that would end it
NEEDS_NO_TRANSACTION = frozenset({"25001", "2D000"})
# statements that change rows alone, and so not how those after them are read
_WRITES_ROWS = {"insert", "update", "delete"}
_LONGEST_TOGETHER = 1 << 16
# and for one that was canceled, by hand or by its time
_CANCELED = "57014"
_STATEMENT_TIMEOUT = """
select pg_catalog.current_setting('statement_timeout'), source
from pg_catalog.pg_settings where name = 'statement_timeout'
"""
_ORIGINS = {
    "user": "of this role",
    "database": "of this database",
    "database user": "of this role in this database",
    "configuration file": "of this server",
    "client": "of this connection",
}
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 10.0

# takes back what an earlier migration may have set in the session
_CLEAN = (
    "reset session authorization; reset role; reset all; discard temp; "
    "set client_encoding to 'UTF8'"
)
# the server looks every two seconds whether we are still there, and stops the statement if not
_CHECK_CLIENT = "set client_connection_check_interval = '2s'"
# this commit does not wait for the disk: the last one of the run does, for all of them
_NO_WAIT_FOR_DISK = "; set local synchronous_commit = off"
# a transaction with an id of its own is written to the disk, and all earlier ones with it
_FLUSH = "begin; select pg_current_xact_id(); commit"


@dataclass(frozen=True)
class Executor:
    """Runs scripts in one session, records them and reports on them."""

    session: Session
    records: Records
    reporter: Reporter
    timeouts: Timeouts
    wait: float
    # what gives the session the search path that it had at first
    restore_path: str = "reset search_path"

    def transaction(
        self,
        body: Callable[[], str],
        path: str,
        *,
        more_to_come: bool = False,
        timeouts: Timeouts | None = None,
    ) -> None:
        """Call `body` and run the statements it returns in one transaction; `path` is for errors.

        A statement waits for a lock no longer than the `timeouts` say, because other sessions
        queue up behind it. Then the whole transaction is rolled back and tried again after a
        pause, for `wait` seconds altogether. With `more_to_come` the commit does not wait for the
        disk; the last transaction of the run does, or `flush`.
        """
        limits = self.timeouts if timeouts is None else timeouts
        durability = _NO_WAIT_FOR_DISK if more_to_come else ""
        setting = f"{limits.setting('local')}{durability}"
        try:
            self.patiently(lambda: self._attempt(body, path, setting))
        except psycopg.errors.QueryCanceled as error:
            self.explain_timeout(error, limits)
            raise
        except psycopg.errors.InvalidSqlStatementName:
            # the migration deallocated all plans of the session, ours among them
            if not self.records.prepared:
                raise
            self.records.prepared = False
            self.patiently(lambda: self._attempt(body, path, setting))

    def patiently(self, attempt: Callable[[], None]) -> None:
        """Try something that changes nothing when a lock is refused, again and again."""
        began = time.monotonic()
        pause = _FIRST_PAUSE
        while True:
            try:
                attempt()
            except psycopg.errors.LockNotAvailable:
                waited = time.monotonic() - began
                if waited + pause > self.wait:
                    raise
                self.reporter.waiting(f"{pause:.1f} s before trying again", (), waited)
                time.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
            else:
                return

    def explain_timeout(self, error: psycopg.Error, limits: Timeouts) -> None:
        """Add to an error whose limit has ended a statement, and how a file has its own."""
        message = error.diag.message_primary or ""
        if error.sqlstate != _CANCELED or "user request" in message:
            return
        value, origin = f"{limits.statement or 0:g} s", "of this run or of this file"
        if not limits.statement:
            with suppress(psycopg.Error):
                [(value, source)] = self.session.connection.execute(_STATEMENT_TIMEOUT)
                origin = _ORIGINS.get(str(source), "of this session")
        error.add_note(
            f"hint: the statement_timeout {origin}, {value}, has ended it; give this file a limit "
            "of its own with `-- statement-timeout: 1h` on its first line"
        )

    def statements(self, script: Script) -> None:
        """Run the statements of a migration inside the transaction that is open."""
        number = 1
        for together in _together(script.statements):
            self.reporter.statement(number)
            self.run(script, *together)
            number += len(together)
        self.session.speak_utf8()

    def send(self, script: Script) -> None:
        """Run the statements of an object file inside the transaction that is open."""
        for statement in script.statements:
            self.run(script, statement)
        self.session.speak_utf8()

    def run(self, script: Script, *together: ScriptStatement) -> None:
        """Run statements that follow one another; an error has its place in the file."""
        first, last = together[0], together[-1]
        try:
            self.session.run(script.source.text[first.start : last.end], first.copy_data)
        except psycopg.Error as error:
            failed = together[min(self.session.done, len(together) - 1)]
            error.add_note(_point_at(script, first, failed, error))
            if isinstance(error, psycopg.errors.LockNotAvailable):
                for blocker in self.session.held_by:
                    error.add_note(f"the lock is held by {blocker}")
            raise

    def prepare(self) -> None:
        """Let the server plan once the statements that record a migration."""
        self.session.run(self.records.prepare())
        self.records.prepared = True

    def stop_preparing(self) -> None:
        """Take our plans out of the session."""
        if self.records.prepared:
            self.records.prepared = False
            self.session.run(self.records.forget())

    def flush(self) -> None:
        """Wait until every commit so far is on the disk."""
        self.session.run(_FLUSH)

    def _attempt(self, body: Callable[[], str], path: str, setting: str) -> None:
        session = self.session
        try:
            session.run(f"{self.cleaning}; begin; {setting}")
            record = body()
            self.commit(record, path)
        except BaseException:
            session.roll_back()
            raise

    def commit(self, record: str, path: str) -> None:
        """Run what records something, and commit it with all that was done."""
        try:
            self.session.run(f"{record}; commit")
        except psycopg.errors.InsufficientPrivilege as error:
            message = error.diag.message_primary
            error.add_note(f"{path}: {message}; use a role that may write the ledger's tables")
            raise
        except psycopg.Error as error:
            # deferred constraints are checked at commit
            error.add_note(f"{path}: at commit: {error.diag.message_primary or error}")
            if error.diag.message_detail:
                error.add_note(f"detail: {error.diag.message_detail}")
            raise

    @cached_property
    def cleaning(self) -> str:
        """What makes the session as it was when it began."""
        text = f"{_CLEAN}; {self.restore_path}"
        with suppress(psycopg.Error):
            self.session.run(_CHECK_CLIENT)
            return f"{text}; {_CHECK_CLIENT}"
        return text


def _together(
    statements: Sequence[ScriptStatement],
) -> Iterator[Sequence[ScriptStatement]]:
    """Give the statements in the groups in which they are sent.

    Those that only write rows go together, up to a size, because the way to the server and back
    takes longer than one of them.
    """
    first = 0
    for number, statement in enumerate(statements):
        if (
            statement.command not in _WRITES_ROWS
            or statements[first].command not in _WRITES_ROWS
            or statement.end - statements[first].start > _LONGEST_TOGETHER
        ):
            if number > first:
                yield statements[first:number]
            first = number
    if first < len(statements):
        yield statements[first:]


def _point_at(
    script: Script, sent: ScriptStatement, failed: ScriptStatement, error: psycopg.Error
) -> str:
    """Return the server's error with its place in the file, as a compiler shows it.

    The server counts from the first statement that was sent with the failed one.
    """
    inside = error.diag.statement_position
    offset = sent.start + int(inside) - 1 if inside else failed.start
    message = error.diag.message_primary or str(error).strip()
    lines = [caret(script.source, offset, message)]
    if error.diag.message_detail:
        lines.append(f"detail: {error.diag.message_detail}")
    if error.diag.message_hint:
        lines.append(f"hint: {error.diag.message_hint}")
    if error.diag.context:
        lines.append(f"context: {error.diag.context}")
    if error.sqlstate in NEEDS_NO_TRANSACTION and script.transactional:
        lines.append("hint: put `-- transactional: false` on the first line of this file")
    return "\n".join(lines)
