"""Run the statements of a script, in one transaction or one by one, and point at what fails."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import psycopg

from dbkit.migrations.progress import Reporter
from dbkit.migrations.records import Records
from dbkit.migrations.script import Script
from dbkit.migrations.session import Session
from dbkit.migrations.timeouts import Timeouts
from dbkit.sqltext import ScriptStatement, caret

# the server's codes for a statement that cannot run in a transaction, or that would end it
NEEDS_NO_TRANSACTION = frozenset({"25001", "2D000"})
# statements that send no rows and take none, and do not change how those after them are read
_SENT_TOGETHER = {
    *("alter", "comment", "create", "delete", "drop", "grant"),
    *("insert", "merge", "revoke", "truncate", "update"),
}
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
    "reset session authorization",
    "reset role",
    "reset all",
    "discard temp",
    "set client_encoding to 'UTF8'",
)
# the server looks every two seconds whether we are still there, and stops the statement if not
_CHECK_CLIENT = "set client_connection_check_interval = '2s'"
# this commit does not wait for the disk: the last one of the run does, for all of them
_NO_WAIT_FOR_DISK = "set local synchronous_commit = off"
# a transaction with an id of its own is written to the disk, and all earlier ones with it
_FLUSH = "begin; select pg_current_xact_id(); commit"


class Beginning(NamedTuple):
    """How a transaction is begun."""

    timeouts: Timeouts
    # the commit does not wait for the disk; the last transaction of the run does, or `flush`
    more_to_come: bool = False

    @property
    def statements(self) -> tuple[str, ...]:
        """What begins it."""
        durability = (_NO_WAIT_FOR_DISK,) if self.more_to_come else ()
        return ("begin", *self.timeouts.settings("local"), *durability)


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
        self, body: Callable[[], str], path: str, beginning: Beginning | None = None
    ) -> None:
        """Call `body` and run the statements it returns in one transaction; `path` is for errors.

        A statement waits for a lock no longer than the timeouts say, because other sessions
        queue up behind it. Then the whole transaction is rolled back and tried again after a
        pause, for `wait` seconds altogether.
        """
        begun = beginning or Beginning(self.timeouts)
        self._persist(lambda: self._attempt(body, path, begun), begun)

    def at_once(
        self, script: Script, record: Callable[[], Sequence[str]], beginning: Beginning
    ) -> None:
        """Do the same with a script that can be sent as a whole, with all that belongs to it."""
        self._persist(lambda: self._attempt_at_once(script, record, beginning), beginning)

    def _persist(self, attempt: Callable[[], None], beginning: Beginning) -> None:
        try:
            self.patiently(attempt)
        except psycopg.errors.QueryCanceled as error:
            self.explain_timeout(error, beginning.timeouts)
            raise
        except psycopg.errors.InvalidSqlStatementName:
            # the migration deallocated all plans of the session, ours among them
            if not self.records.prepared:
                raise
            self.records.prepared = False
            self.patiently(attempt)

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
            if len(together) == 1:
                self.run(script, *together)
            else:
                self._run_together(script, together, number)
            number += len(together)
        self.session.speak_utf8()

    def send(self, script: Script) -> None:
        """Run the statements of an object file inside the transaction that is open."""
        for statement in script.statements:
            self.run(script, statement)
        self.session.speak_utf8()

    def run(self, script: Script, statement: ScriptStatement) -> None:
        """Run a statement; an error has its place in the file."""
        try:
            self.session.run(statement.text, statement.copy_data)
        except psycopg.Error as error:
            self._explain(error, script, statement)
            raise

    def _run_together(
        self, script: Script, together: Sequence[ScriptStatement], number: int
    ) -> None:
        """Run statements of which the first has this number in one go."""
        texts = [statement.text for statement in together]
        try:
            self.session.run_all(texts, lambda done: self.reporter.statement(number + done))
        except psycopg.Error as error:
            self._explain(error, script, together[min(self.session.done, len(together) - 1)])
            raise

    def _explain(self, error: psycopg.Error, script: Script, statement: ScriptStatement) -> None:
        error.add_note(_point_at(script, statement, error))
        if isinstance(error, psycopg.errors.LockNotAvailable):
            for blocker in self.session.held_by:
                error.add_note(f"the lock is held by {blocker}")

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

    def _attempt(self, body: Callable[[], str], path: str, beginning: Beginning) -> None:
        session = self.session
        try:
            session.run("; ".join([*self.cleaning, *beginning.statements]))
            record = body()
            self.commit(record, path)
        except BaseException:
            session.roll_back()
            raise

    def _attempt_at_once(
        self, script: Script, record: Callable[[], Sequence[str]], beginning: Beginning
    ) -> None:
        session, statements = self.session, script.statements
        before = [*self.cleaning, *beginning.statements]
        first, end = len(before), len(before) + len(statements)
        texts = [*before, *(statement.text for statement in statements), *record(), "commit"]

        def report(done: int) -> None:
            self.reporter.statement(min(max(done - first, 0) + 1, len(statements)))

        report(0)
        try:
            session.run_all(texts, report)
        except psycopg.Error as error:
            if first <= session.done < end:
                self._explain(error, script, statements[session.done - first])
            elif session.done >= end:
                _explain_commit(error, script.source.path)
            session.roll_back()
            raise
        except BaseException:
            session.roll_back()
            raise

    def commit(self, record: str, path: str) -> None:
        """Run what records something, and commit it with all that was done."""
        try:
            self.session.run(f"{record}; commit")
        except psycopg.Error as error:
            _explain_commit(error, path)
            raise

    @cached_property
    def cleaning(self) -> tuple[str, ...]:
        """What makes the session as it was when it began."""
        statements = (*_CLEAN, self.restore_path)
        with suppress(psycopg.Error):
            self.session.run(_CHECK_CLIENT)
            return (*statements, _CHECK_CLIENT)
        return statements


def fits_at_once(script: Script) -> bool:
    """Say whether a whole script can be sent in one go."""
    return bool(script.statements) and len(next(_together(script.statements))) == len(
        script.statements
    )


def _together(
    statements: Sequence[ScriptStatement],
) -> Iterator[Sequence[ScriptStatement]]:
    """Give the statements in the groups in which they are sent, up to a size.

    The server runs each as if it had come alone; the way there and back takes longer than most.
    """
    first = 0
    for number, statement in enumerate(statements):
        if number > first and (
            statement.command not in _SENT_TOGETHER
            or statements[first].command not in _SENT_TOGETHER
            or statement.end - statements[first].start > _LONGEST_TOGETHER
        ):
            yield statements[first:number]
            first = number
    if first < len(statements):
        yield statements[first:]


def _explain_commit(error: psycopg.Error, path: str) -> None:
    message = error.diag.message_primary
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        error.add_note(f"{path}: {message}; use a role that may write the ledger's tables")
        return
    # deferred constraints are checked at commit
    error.add_note(f"{path}: at commit: {message or error}")
    if error.diag.message_detail:
        error.add_note(f"detail: {error.diag.message_detail}")


def _point_at(script: Script, failed: ScriptStatement, error: psycopg.Error) -> str:
    """Return the server's error with its place in the file, as a compiler shows it."""
    inside = error.diag.statement_position
    offset = failed.start + (int(inside) - 1 if inside else 0)
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
