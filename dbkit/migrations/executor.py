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
from dbkit.sqltext import ScriptStatement, caret

# the server's codes for a statement that cannot run in a transaction, or that would end it
_NEEDS_NO_TRANSACTION = {"25001", "2D000"}
_MAY_COMMIT = {"call", "do"}
_APART = "concurrently"
# statements that change rows alone, and so not how those after them are read
_WRITES_ROWS = {"insert", "update", "delete"}
_LONGEST_TOGETHER = 1 << 16
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
    lock_timeout: float
    wait: float
    # what gives the session the search path that it had at first
    restore_path: str = "reset search_path"

    def transaction(
        self, body: Callable[[], str], path: str, *, more_to_come: bool = False
    ) -> None:
        """Call `body` and run the statements it returns in one transaction; `path` is for errors.

        A statement waits for a lock no longer than `lock_timeout`, because other sessions queue
        up behind it. Then the whole transaction is rolled back and tried again after a pause,
        for `wait` seconds altogether. With `more_to_come` the commit does not wait for the disk;
        the last transaction of the run does, or `flush`.
        """
        began = time.monotonic()
        pause = _FIRST_PAUSE
        while True:
            try:
                self._attempt(body, path, _NO_WAIT_FOR_DISK if more_to_come else "")
            except psycopg.errors.LockNotAvailable:
                waited = time.monotonic() - began
                if waited + pause > self.wait:
                    raise
                self.reporter.waiting(f"{pause:.1f} s before trying again", (), waited)
                time.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
            except psycopg.errors.InvalidSqlStatementName:
                # the migration deallocated all plans of the session, ours among them
                if not self.records.prepared:
                    raise
                self.records.prepared = False
            else:
                return

    def one_by_one(
        self, script: Script, version: int, name: str, direction: str, record: Callable[[int], str]
    ) -> None:
        """Run a script whose statements commit one by one; the journal keeps how far it came."""
        began = time.monotonic()
        session, records = self.session, self.records
        # the file may deallocate all plans of the session, ours among them
        self.stop_preparing()
        session.run(f"{_CLEAN}; {self.restore_path}; {self._check_client}")
        session.run(records.begin_steps(version, name, direction, len(script.statements)))
        done = 0
        try:
            for done, statement in enumerate(script.statements):
                self.reporter.statement(done + 1)
                self.run(script, statement)
                session.run(records.step(version, done + 1))
        except psycopg.Error as error:
            self._note_failure(script, version, done, error)
            raise
        session.speak_utf8()
        milliseconds = round((time.monotonic() - began) * 1000)
        session.run(f"begin; {records.end_steps(version)}; {record(milliseconds)}; commit")

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

    def _attempt(self, body: Callable[[], str], path: str, durability: str) -> None:
        session = self.session
        timeout = f"set local lock_timeout = {round(self.lock_timeout * 1000)}"
        try:
            session.run(
                f"{_CLEAN}; {self.restore_path}; {self._check_client}; begin; {timeout}{durability}"
            )
            record = body()
            self._commit(record, path)
        except BaseException:
            session.roll_back()
            raise

    def _commit(self, record: str, path: str) -> None:
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
    def _check_client(self) -> str:
        with suppress(psycopg.Error):
            self.session.run(_CHECK_CLIENT)
            return _CHECK_CLIENT
        return ""

    def _note_failure(self, script: Script, version: int, done: int, error: psycopg.Error) -> None:
        if self.session.connection.closed:
            return
        # the file may have begun a transaction of its own
        self.session.roll_back()
        # a first statement that failed has changed nothing, unless it works in several transactions
        # of its own: then a person has to look at what it left
        first = script.statements[0]
        if done == 0 and first.command not in _MAY_COMMIT and _APART not in first.text.lower():
            self.session.run(self.records.end_steps(version))
        else:
            reason = error.diag.message_primary or str(error)
            self.session.run(self.records.fail_steps(version, reason))


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
    if error.sqlstate in _NEEDS_NO_TRANSACTION and script.transactional:
        lines.append("hint: put `-- transactional: false` on the first line of this file")
    return "\n".join(lines)
