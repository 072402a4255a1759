"""Run the statements of one script, in one transaction or one by one, and point at what fails."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

import psycopg

from dbkit.migrations.progress import Reporter
from dbkit.migrations.records import Records
from dbkit.migrations.script import Script
from dbkit.migrations.session import Wire
from dbkit.sqltext import ScriptStatement, caret

# what cannot run in a transaction, and a procedure that would end it
_NEED_NONE = {"25001", "2D000"}
_MAY_COMMIT = {"call", "do"}
_APART = "concurrently"
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 10.0

# what a migration may leave behind in the session is taken back before the next one begins
_CLEAN = "reset session authorization; reset role; reset all; discard temp"
# the server looks now and then whether we still live, and stops the statement if we do not
_WATCHED = "set client_connection_check_interval = '2s'"
# not written out to the disk before the next begins: the last commit of the run writes all
_LATER = "; set local synchronous_commit = off"
# it takes a number for its transaction, so its commit is written out, and with it all before it
_FLUSH = "begin; select pg_current_xact_id(); commit"


@dataclass(frozen=True)
class Run:
    """One connection on which scripts are run, and who hears of it."""

    wire: Wire
    records: Records
    reporter: Reporter
    lock_timeout: float
    wait: float

    def transaction(
        self, body: Callable[[], str], place: str, *, more_to_come: bool = False
    ) -> None:
        """Do something and record it (the body returns how) in one transaction.

        A statement that cannot have its lock within `lock_timeout` is not left waiting
        with everybody else queued behind it: the whole transaction is taken back and
        tried again after a pause, for as long as we were told to wait. Where `more_to_come`,
        the commit is not waited for until it is on the disk; `flush` or the last one does that.
        """
        began = time.monotonic()
        pause = _FIRST_PAUSE
        while True:
            try:
                self._attempt(body, place, _LATER if more_to_come else "")
            except psycopg.errors.LockNotAvailable:
                waited = time.monotonic() - began
                if waited + pause > self.wait:
                    raise
                self.reporter.waiting(f"{pause:.1f} s before trying again", (), waited)
                time.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
            except psycopg.errors.InvalidSqlStatementName:
                # the migration made the session forget its plans, and ours with them
                if not self.records.prepared:
                    raise
                self.records.prepared = False
            else:
                return

    def one_by_one(
        self, script: Script, version: int, name: str, direction: str, record: Callable[[int], str]
    ) -> None:
        """Run a script whose statements commit one by one, noting how far it came."""
        began = time.monotonic()
        wire, records = self.wire, self.records
        # outside a transaction the file may make the session forget everything
        self.stop_preparing()
        wire.run(f"{_CLEAN}; {self._watched}")
        wire.run(records.begin_steps(version, name, direction, len(script.statements)))
        done = 0
        try:
            for done, statement in enumerate(script.statements):
                self.reporter.statement(done + 1)
                self._run(script, statement)
                wire.run(records.step(version, done + 1))
        except psycopg.Error as error:
            self._note_failure(script, version, done, error)
            raise
        milliseconds = round((time.monotonic() - began) * 1000)
        wire.run(f"begin; {records.end_steps(version)}; {record(milliseconds)}; commit")

    def statements(self, script: Script) -> None:
        """Run the statements of a migration inside the transaction that is open."""
        for number, statement in enumerate(script.statements, start=1):
            self.reporter.statement(number)
            self._run(script, statement)

    def send(self, script: Script) -> None:
        """Run the statements of an object file inside the transaction that is open."""
        for statement in script.statements:
            self._run(script, statement)

    def prepare(self) -> None:
        """Let the server plan once what records each migration."""
        self.wire.run(self.records.prepare())
        self.records.prepared = True

    def stop_preparing(self) -> None:
        """Leave none of our plans in the session."""
        if self.records.prepared:
            self.records.prepared = False
            self.wire.run(self.records.forget())

    def flush(self) -> None:
        """See to it that every commit so far outlives a power cut."""
        self.wire.run(_FLUSH)

    def _attempt(self, body: Callable[[], str], place: str, later: str) -> None:
        wire = self.wire
        milliseconds = round(self.lock_timeout * 1000)
        try:
            wire.run(
                f"{_CLEAN}; {self._watched}; begin; set local lock_timeout = {milliseconds}{later}"
            )
            record = body()
            self._commit(record, place)
        except BaseException:
            wire.roll_back()
            raise

    def _commit(self, record: str, place: str) -> None:
        try:
            self.wire.run(f"{record}; commit")
        except psycopg.errors.InsufficientPrivilege as error:
            told = error.diag.message_primary
            error.add_note(f"{place}: {told}; use a role that may write the ledger's tables")
            raise
        except psycopg.Error as error:
            # a deferred constraint is checked here and nowhere else
            error.add_note(f"{place}: at commit: {error.diag.message_primary or error}")
            if error.diag.message_detail:
                error.add_note(f"detail: {error.diag.message_detail}")
            raise

    @cached_property
    def _watched(self) -> str:
        with suppress(psycopg.Error):
            self.wire.run(_WATCHED)
            return _WATCHED
        return ""

    def _run(self, script: Script, statement: ScriptStatement) -> None:
        try:
            self.wire.run(statement.text, statement.copy_data)
        except psycopg.Error as error:
            error.add_note(_telling(script, statement, error))
            raise

    def _note_failure(self, script: Script, version: int, done: int, error: psycopg.Error) -> None:
        if self.wire.connection.closed:
            return
        # the file may have begun a transaction of its own
        self.wire.roll_back()
        # a single statement that failed has changed nothing, except where it works in several
        # transactions of its own: then what it left behind has to be looked at by a person
        first = script.statements[0]
        if done == 0 and first.command not in _MAY_COMMIT and _APART not in first.text.lower():
            self.wire.run(self.records.end_steps(version))
        else:
            reason = error.diag.message_primary or str(error)
            self.wire.run(self.records.fail_steps(version, reason))


def _telling(script: Script, statement: ScriptStatement, error: psycopg.Error) -> str:
    """Say where in the file the server's error lies, as a compiler would."""
    inside = int(error.diag.statement_position or 1) - 1
    message = error.diag.message_primary or str(error).strip()
    lines = [caret(script.source, statement.start + inside, message)]
    if error.diag.message_detail:
        lines.append(f"detail: {error.diag.message_detail}")
    if error.diag.message_hint:
        lines.append(f"hint: {error.diag.message_hint}")
    if error.diag.context:
        lines.append(f"context: {error.diag.context}")
    if error.sqlstate in _NEED_NONE and script.transactional:
        lines.append("hint: put `-- transactional: false` on the first line of this file")
    return "\n".join(lines)
