"""Run a script whose statements commit one by one, and go on where an earlier run was lost.

A statement that can run in a transaction runs in one with its row in the journal. Any other is
noted before it runs, and after a run that was lost the catalog is asked whether it was done.
"""

import hashlib
import json
import re
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial

import psycopg
from psycopg.pq import TransactionStatus

from dbkit.migrations.errors import (
    EditedWhileHalfDone,
    HalfDoneElsewhere,
    OpenTransaction,
)
from dbkit.migrations.executor import NEEDS_NO_TRANSACTION, Beginning, Executor
from dbkit.migrations.ledger import Interrupted, has_wide_journal, interrupted_migrations
from dbkit.migrations.outcomes import (
    UNKNOWN,
    Facts,
    Judgement,
    Verdict,
    facts_before,
    judge,
    leftovers,
    may_be_half_done,
    may_commit,
    on_one_line,
    open_question,
    waits_without_harm,
)
from dbkit.migrations.records import Records
from dbkit.migrations.script import Script
from dbkit.migrations.session import Session
from dbkit.migrations.timeouts import Timeouts
from dbkit.sqltext import ScriptStatement

_BEGINNING = {"begin", "start"}
_COMMITTING = {"commit", "end"}
# outside a transaction they do nothing, and in ours they would end it
_ENDING = {*_COMMITTING, "rollback", "abort", "savepoint", "release"}
# what a session keeps is gone with it, and the statements after these may need it
_KEEPING = {"set", "reset", "load", "listen", "unlisten", "prepare", "deallocate", "discard"}
_NOT_KEPT = re.compile(
    r"(?:set (?:local|transaction|constraints)|prepare transaction)\b", re.IGNORECASE
)
_SETTING = re.compile(r"select (?:pg_catalog\.)?set_config \(", re.IGNORECASE)
_PREPARED = re.compile(r"(?:commit|rollback)\s+prepared\b", re.IGNORECASE)
_CHANGES_ROLE = re.compile(r"\b(?:role|authorization)\b", re.IGNORECASE)
# the rights of whoever began the run write the journal, whatever role the file has set
_AS_OURSELVES = "set local session authorization default; set local role none; "
_SECONDS_BETWEEN_LOOKS = 0.5


@dataclass
class Steps:
    """The statements of one file, each recorded in the journal when it is done."""

    executor: Executor
    system: str
    script: Script
    version: int
    name: str
    direction: str
    # whether an object from a file may be why a statement failed, and what runs it all the same
    may_help: Callable[[psycopg.Error, str], bool]
    run_among_objects: Callable[[Script], object]

    def run(
        self, record: Callable[[int], Sequence[str]], after: Callable[[], object] | None
    ) -> None:
        """Run what is not done yet; `after` and the record are one transaction at the end."""
        began = time.monotonic()
        executor = self.executor
        # the file may deallocate all plans of the session, ours among them
        executor.stop_preparing()
        self._session.run("; ".join([*executor.cleaning, *self._limits.settings("")]))
        number = self._begin() + 1
        while number <= len(self.script.statements):
            number = self._run_from(number)
        self._session.speak_utf8()
        milliseconds = round((time.monotonic() - began) * 1000)

        def finish() -> str:
            if after:
                after()
            return "; ".join([self._records.end_steps(self.version), *record(milliseconds)])

        executor.transaction(finish, self.script.source.path, Beginning(self._limits))

    def answer(self, interrupted: Interrupted, *, done: bool) -> None:
        """Write down what a person says of the statement that was under way."""
        count = interrupted.done + done
        temporary = interrupted.temporary
        if interrupted.running is None and interrupted.digest is not None:
            # of the whole file, whose temporary tables are gone
            count = len(self.script.statements) if done else 0
            temporary = False
        self._session.run(self._widening())
        text = self._records.answer_steps(
            self.version, count, self._digest(count), temporary=temporary
        )
        self._session.run(text)

    def _begin(self) -> int:
        """Return how many statements are done."""
        connection, records = self._session.connection, self._records
        self._session.run(self._widening())
        rows = interrupted_migrations(connection, records.books)
        for interrupted in rows:
            if interrupted.version != self.version:
                continue
            if (interrupted.name, interrupted.direction) != (self.name, self.direction):
                raise HalfDoneElsewhere(
                    interrupted.version,
                    interrupted.name,
                    interrupted.done,
                    interrupted.statements,
                    interrupted.direction,
                )
            return self._go_on(interrupted)
        statements = len(self.script.statements)
        text = records.begin_steps(self.version, self.name, self.direction, statements)
        self._session.run(text)
        return 0

    def _widening(self) -> str:
        if has_wide_journal(self._session.connection, self._records.books):
            return ""
        return self._records.widen_journal()

    def _go_on(self, interrupted: Interrupted) -> int:
        """Find out what became of the statement that was under way, and return how many are done.

        The lock is held: whoever ran it is gone, and nothing is under way any more.
        """
        done, records = interrupted.done, self._records
        refuse_edited(self.script, interrupted)
        question = open_question(self._session.connection, self.system, interrupted)
        if question is not None:
            raise question
        if interrupted.running is not None:
            judgement = self._settle(partial(judge, facts=interrupted.facts or UNKNOWN))
            if judgement.verdict is Verdict.DONE:
                done += 1
                if self._statement(done).text != interrupted.running:
                    raise EditedWhileHalfDone(self.version, self.script.source.path, done)
                self._session.run(records.step(self.version, done, self._digest(done)))
            else:
                self._session.run(records.unmark_running(self.version))
        for statement in self.script.statements[:done]:
            if _is_kept_by_session(statement):
                self.executor.run(self.script, statement)
        return done

    def _run_from(self, number: int) -> int:
        """Run the statement of this number, or the transaction that it begins; return the next."""
        statement = self._statement(number)
        try:
            if statement.command in _BEGINNING:
                return self._patiently_own_transaction(number)
            self.executor.reporter.statement(number)
            if statement.command in _ENDING and not _PREPARED.match(statement.text):
                self.executor.run(self.script, statement)
                self._write(self._step(number))
            elif may_commit(self._session.connection, statement) or not self._ran_inside(number):
                self._run_outside(number)
        except (psycopg.Error, OpenTransaction) as error:
            self._note_failure(number, error)
            raise
        return number + 1

    def _patiently_own_transaction(self, number: int) -> int:
        following = number

        def attempt() -> None:
            nonlocal following
            following = self._own_transaction(number)

        self.executor.patiently(attempt)
        return following

    def _own_transaction(self, number: int) -> int:
        """Run what the file itself puts into a transaction, with the journal's row before its end.

        A run that is lost in it has done nothing of it, and the next begins with it.
        """
        pgconn = self._session.connection.pgconn
        try:
            for current in range(number, len(self.script.statements) + 1):
                statement = self._statement(current)
                self.executor.reporter.statement(current)
                commits = statement.command in _COMMITTING
                if commits:
                    self._session.run(f"{self._as_ourselves}{self._step(current)}")
                self.executor.run(self.script, statement)
                if pgconn.transaction_status == TransactionStatus.IDLE:
                    if not commits:
                        self._write(self._step(current))
                    return current + 1
        except BaseException:
            self._session.roll_back()
            raise
        self._session.roll_back()
        raise OpenTransaction(self.script.source.path)

    def _ran_inside(self, number: int) -> bool:
        """Run a statement and its row in one transaction, or say that it cannot run in one."""
        possible = True

        def attempt() -> None:
            nonlocal possible
            possible = self._run_inside(number)

        self.executor.patiently(attempt)
        return possible

    def _run_inside(self, number: int) -> bool:
        try:
            self._session.run("begin")
            try:
                self.executor.run(self.script, self._statement(number))
            except psycopg.Error as error:
                # nothing was done: the server refused it, or takes back what it had begun
                self._session.roll_back()
                if error.sqlstate in NEEDS_NO_TRANSACTION:
                    return False
                if self._session.connection.closed or not self.may_help(error, self.direction):
                    raise
                self._session.run("begin")
                self.run_among_objects(replace(self.script, statements=(self._statement(number),)))
            record = f"{self._as_ourselves}{self._step(number)}"
            self.executor.commit(record, self.script.source.path)
        except BaseException:
            self._session.roll_back()
            raise
        return True

    def _run_outside(self, number: int) -> None:
        """Run a statement that is noted before, and looked up if it fails."""
        facts = facts_before(self._session.connection, self._statement(number).text)
        if may_be_half_done(facts):
            self._attempt_outside(number, facts)
        else:
            self.executor.patiently(partial(self._attempt_outside, number, facts))

    def _attempt_outside(self, number: int, facts: Facts) -> None:
        statement = self._statement(number)
        self._settle(partial(leftovers, facts=facts))
        note = self._records.mark_running(self.version, statement.text, json.dumps(facts))
        self._write(note)
        try:
            with self._without_lock_timeout(wanted=waits_without_harm(facts)):
                self.executor.run(self.script, statement)
        except psycopg.Error as error:
            if self._session.connection.closed or may_be_half_done(facts):
                raise
            if self._settle(partial(judge, facts=facts)).verdict is not Verdict.DONE:
                self._write(self._records.unmark_running(self.version, _reason(error)))
                raise
        self._write(self._step(number))

    def _settle(self, look: Callable[[psycopg.Connection], Judgement]) -> Judgement:
        """Look at the catalog and mend what was left, as soon as nobody else works on it."""
        connection, reporter = self._session.connection, self.executor.reporter
        began = time.monotonic()
        while (judgement := look(connection)).awaited:
            waited = time.monotonic() - began
            if waited > self.executor.wait:
                break
            reporter.waiting(f"for who builds {judgement.awaited[0]}", (), waited)
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        with self._without_lock_timeout(wanted=bool(judgement.mending)):
            for statement in judgement.mending:
                reporter.notice("WARNING", f"left by an earlier attempt: {statement}")
                self._session.run(statement)
        return judgement

    @contextmanager
    def _without_lock_timeout(self, *, wanted: bool) -> Generator[None]:
        """Let a statement wait for others as long as it takes, unless it was said how long."""
        if not wanted or self._limits.lock is not None or "lock_timeout" in self._text:
            yield
            return
        self._session.run("set lock_timeout = 0")
        try:
            yield
        finally:
            if not self._session.connection.closed:
                self._session.run("; ".join(self._limits.settings("")))

    def _note_failure(self, number: int, error: Exception) -> None:
        """Note why statement `number` failed; nothing of it is done but what may be half done."""
        if self._session.connection.closed:
            return
        # the file may have begun a transaction of its own
        self._session.roll_back()
        if isinstance(error, psycopg.errors.QueryCanceled):
            self.executor.explain_timeout(error, self._limits)
        records = self._records
        [row] = [
            row
            for row in interrupted_migrations(self._session.connection, records.books)
            if row.version == self.version
        ]
        if number == 1 and row.running is None:
            self._write(records.end_steps(self.version))
            return
        self._write(records.fail_steps(self.version, _reason(error)))
        if row.running is None:
            command = "migrate" if self.direction == "apply" else "rollback"
            error.add_note(
                f"{number - 1} of {len(self.script.statements)} statements are done and recorded; "
                f"mend the cause, and dbkit {command} {self.system} goes on with statement {number}"
            )
        else:
            error.add_note(
                f"statement {number} may have done a part of its work; "
                f"dbkit status {self.system} shows what to answer"
            )

    def _write(self, text: str) -> None:
        if self._as_ourselves:
            text = f"begin; {self._as_ourselves}{text}; commit"
        self._session.run(text)

    def _step(self, number: int) -> str:
        return self._records.step(self.version, number, self._digest(number))

    def _statement(self, number: int) -> ScriptStatement:
        return self.script.statements[number - 1]

    def _digest(self, number: int) -> str:
        """Return the digest of the first statements, "" of none or of more than there are."""
        return self._digests[number] if number < len(self._digests) else ""

    @cached_property
    def _digests(self) -> list[str]:
        return _digests_of(self.script.statements)

    @cached_property
    def _text(self) -> str:
        return self.script.source.text

    @cached_property
    def _limits(self) -> Timeouts:
        return self.script.timeouts.over(self.executor.timeouts)

    @cached_property
    def _as_ourselves(self) -> str:
        """What has the journal written with our own rights, where the file changes its role."""
        changes = any(
            statement.command in {"set", "select"} and _CHANGES_ROLE.search(statement.text)
            for statement in self.script.statements
        )
        return _AS_OURSELVES if changes else ""

    @property
    def _session(self) -> Session:
        return self.executor.session

    @property
    def _records(self) -> Records:
        return self.executor.records


def _is_kept_by_session(statement: ScriptStatement) -> bool:
    if statement.command in _KEEPING:
        return _NOT_KEPT.match(on_one_line(statement.text)) is None
    return statement.command == "select" and bool(_SETTING.match(on_one_line(statement.text)))


def _reason(error: Exception) -> str:
    diag = getattr(error, "diag", None)
    return getattr(diag, "message_primary", None) or str(error)


def refuse_edited(script: Script, interrupted: Interrupted) -> None:
    """Refuse to go on with a file whose statements that are done were changed since."""
    digests = _digests_of(script.statements[: interrupted.done])
    if interrupted.digest is not None and digests[interrupted.done :] != [interrupted.digest]:
        raise EditedWhileHalfDone(interrupted.version, script.source.path, interrupted.done)


def _digests_of(statements: Sequence[ScriptStatement]) -> list[str]:
    """Return the digest of no statement, of the first one, of the first two and so on."""
    digests = [""]
    for statement in statements:
        text = f"{digests[-1]}{statement.text}{statement.copy_data or ''}"
        digests.append(hashlib.sha256(text.encode()).hexdigest())
    return digests
