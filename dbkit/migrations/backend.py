"""The yoyo backend that runs a migration and records it in one transaction."""

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg.pq import Escaping
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.connections import DatabaseURI
from yoyo.migrations import Migration, MigrationList, default_migration_table, get_migration_hash

from dbkit.errors import DbkitError
from dbkit.migrations.errors import each_fault, refuse
from dbkit.migrations.executor import Beginning, Executor, fits_at_once
from dbkit.migrations.files import (
    Checksum,
    Files,
    MigrationFile,
    ObjectFile,
    checksum,
    migration_file,
    read_bytes,
)
from dbkit.migrations.ledger import BOOKS, LEDGER, Interrupted, KeptTexts, Ledger, read_ledger
from dbkit.migrations.lock import WAIT, lock_key, migration_lock
from dbkit.migrations.objects import Objects
from dbkit.migrations.pooling import refuse_shared_process
from dbkit.migrations.progress import Reporter, Silent
from dbkit.migrations.records import Records
from dbkit.migrations.script import (
    Script,
    read_migration,
    read_object,
    read_rollback,
    texts_to_keep,
)
from dbkit.migrations.session import Session
from dbkit.migrations.status import Repair, was_edited
from dbkit.migrations.steps import Steps
from dbkit.migrations.timeouts import Timeouts

if TYPE_CHECKING:
    from dbkit.migrations.objectrights import Rights

SCHEME = "postgresql+dbkit"

# gives the statements that record a migration, with the milliseconds that it took if they are more
# than those of the transaction that is open
_Record = Callable[[int | None], Sequence[str]]


class SqlMigration(Migration):
    """A yoyo migration whose files dbkit reads; it depends on the one before it."""

    def __init__(self, file: MigrationFile, previous: "SqlMigration | None" = None) -> None:
        super().__init__(file.name, str(file.path), str(file.path.parent))
        self.file = file
        self.steps = []
        self._depends = {previous} if previous else set()
        self._script: Script | None = None

    def load(self) -> None:
        """Do nothing: `read` reads the files."""

    def read(self, direction: str, versions: Mapping[str, int] | None = None) -> Script:
        """Return its migration or its rollback, as the direction says; it is read only once."""
        if self._script is None:
            if direction == "apply":
                self._script = read_migration(self.file, versions)
            else:
                self._script = read_rollback(self.file)
        return self._script

    def forget(self) -> None:
        """Free the memory of the text."""
        self._script = None


class AtomicBackend(PostgresqlPsycopgBackend):
    """yoyo's psycopg 3 backend, with one transaction for each migration and a lock of the session.

    `dbkit migrate` uses it; yoyo's own command line does with a URL `postgresql+dbkit://`.
    """

    def __init__(  # noqa: PLR0913 - two are yoyo's, the others are the runner's
        self,
        dburi: DatabaseURI | None = None,
        migration_table: str = default_migration_table,
        *,
        connection: psycopg.Connection | None = None,
        files: Files | None = None,
        reporter: Reporter | None = None,
        timeouts: Timeouts | None = None,
        wait: float = WAIT,
    ) -> None:
        self._given_connection = connection
        self._files = files
        if dburi is None and connection is not None:
            dburi = DatabaseURI(SCHEME, None, None, None, None, connection.info.dbname, {})
        super().__init__(dburi, migration_table)
        self.reporter: Reporter = reporter or Silent()
        self._timeouts = timeouts or Timeouts()
        self._wait = wait
        self._executor: Executor | None = None
        self._unflushed = False
        self._newest = 0
        self._object_files: tuple[ObjectFile, ...] = files.objects if files else ()
        self._object_scripts: dict[ObjectFile, Script] = {}
        self._kept_rights: dict[str, Rights] = {}
        self._after: dict[str, Callable[[], object]] = {}

    def connect(self, dburi: DatabaseURI) -> psycopg.Connection:
        """Use the connection given, or open one as yoyo does."""
        if self._given_connection is not None:
            return self._given_connection
        return super().connect(dburi._replace(args={"client_encoding": "UTF8", **dburi.args}))

    def init_database(self) -> None:
        """Do nothing: yoyo would make its lock table, and try whether DDL is transactional."""

    def ensure_internal_schema_updated(self) -> None:
        """Make yoyo's tables and the ledger in one transaction, unless they are there."""
        if self._executor is None:
            self._executor = self._make_executor()

    @property
    def executor(self) -> Executor:
        """What runs scripts on the connection; the ledger is made if it is missing."""
        self.ensure_internal_schema_updated()
        if self._executor is None:
            raise AssertionError
        return self._executor

    @property
    def objects(self) -> Objects:
        """The views, functions, triggers and policies that come from files."""
        return Objects(self.executor, self._object_files, self._object_scripts, self._kept_rights)

    @property
    def migration_table_quoted(self) -> str:
        """The table of yoyo's marks with its schema: a migration may change the search path."""
        books = self.quote_identifier(self.executor.records.books)
        return f"{books}.{self.quote_identifier(self.migration_table)}"

    def get_applied_migration_hashes(self) -> dict[str, None]:
        """Return the marks in their order, as a dict: yoyo looks each migration up in it."""
        return dict.fromkeys(super().get_applied_migration_hashes())

    @contextmanager
    def lock(self, timeout: float | None = None) -> Generator[None]:
        """Hold the migration lock of the ledger."""
        refuse_shared_process(self.connection)
        wait = self._wait if timeout is None else timeout
        held: int | None = None
        with ExitStack() as lock:
            # another system may begin the ledger of this schema while we wait for its lock
            while (key := self._lock_key()) != held:
                lock.close()
                lock.enter_context(migration_lock(self.connection, self.reporter, wait, key))
                held = key
            yield

    def _lock_key(self) -> int:
        ledger = self._read_ledger()
        return lock_key(ledger.schema, ledger.table)

    def _read_ledger(self) -> Ledger:
        if self._files is None:
            return read_ledger(self.connection, None)
        return read_ledger(self.connection, self._files.system, self._files.versions)

    def break_lock(self) -> None:
        """Do nothing: the server frees the lock with the session that held it."""

    def read(
        self,
        files: Files,
        chosen: Sequence[MigrationFile],
        direction: str,
        objects: Sequence[ObjectFile] = (),
    ) -> MigrationList:
        """Make yoyo's migrations of files, and read those chosen and the object files to apply.

        All of them are read before anything is run or written, and all faults are told at once.
        """
        migrations: dict[MigrationFile, SqlMigration] = {}
        previous: SqlMigration | None = None
        for file in files.migrations:
            migrations[file] = previous = SqlMigration(file, previous)
        versions = files.versions
        faults: list[DbkitError] = []
        for file in chosen:
            try:
                migrations[file].read(direction, versions)
            except DbkitError as error:
                faults += each_fault(error)
        for object_file in objects:
            try:
                self._object_scripts[object_file] = read_object(object_file)
            except DbkitError as error:
                faults += each_fault(error)
        refuse(faults)
        return MigrationList(migrations.values())

    def repair(self, repair: Repair, because: str) -> None:
        """Make a row of the ledger that of its file as it is now, with a note; nothing is run."""
        file = repair.file
        checksums = _checksums([file])
        text = self.executor.records.repair(
            repair.applied.version,
            file,
            (get_migration_hash(repair.applied.name), get_migration_hash(file.name)),
            checksum=checksums[file],
            texts=texts_to_keep(file),
            note=f"{repair.what} accepted: {because}",
        )
        self.executor.transaction(lambda: text, "repair")

    def apply_to(
        self, migrations: MigrationList, to: int, finish: Callable[[], None], newest: int = 0
    ) -> None:
        """Run what yoyo finds unmarked up to a version; `finish` runs before the last commit.

        Of what is older than `newest` the ledger notes that it ran out of order.
        """
        self._newest = newest
        wanted = migrations.filter(lambda migration: _sql_migration(migration).file.version <= to)
        if pending := self.to_apply(wanted):
            self._after[pending[-1].id] = finish
            self.executor.prepare()
            self.apply_migrations(pending)
        else:
            self.executor.transaction(_recording_nothing(finish), "objects")

    def roll_back_to(
        self, migrations: MigrationList, to: int, *, after: Callable[[], object]
    ) -> None:
        """Undo what yoyo finds marked above a version; `after` runs before the last commit."""
        above = migrations.filter(lambda migration: _sql_migration(migration).file.version > to)
        undone = self.to_rollback(above)
        self._after[undone[-1].id] = after
        self.rollback_migrations(undone)

    def force(
        self, files: Sequence[MigrationFile], version: int, ledger: Ledger
    ) -> tuple[str, ...]:
        """Record that the migrations up to a version are applied, as their files are now."""
        checksums = _checksums(file for file in files if file.version <= version)
        entries = {(file.version, file.name, now.exact) for file, now in checksums.items()}
        marks = set(ledger.marks)
        correct = {
            applied.name
            for applied in ledger.applied
            if applied.name in marks
            and (applied.version, applied.name, applied.checksum) in entries
        }
        wrong = {
            applied.name: applied.version
            for applied in ledger.applied
            if applied.name not in correct
        }
        wrong |= {file.name: file.version for file in files if file.name in marks - correct}
        records = self.executor.records
        statements = [records.end_steps(interrupted.version) for interrupted in ledger.interrupted]
        statements += [
            statement
            for name, number in wrong.items()
            for statement in records.undo(
                number, name, get_migration_hash(name), operation="unmark"
            )
        ]
        statements += [
            records.apply(
                file, get_migration_hash(file.name), now, texts_to_keep(file), operation="mark"
            )
            for file, now in checksums.items()
            if file.name not in correct
        ]
        self.executor.transaction(lambda: "; ".join(statements) or "select", "force")
        return tuple(file.name for file in checksums)

    def answer(self, file: MigrationFile, interrupted: Interrupted, *, done: bool) -> None:
        """Write down what a person says of the statement that was under way."""
        self._steps(SqlMigration(file), interrupted.direction).answer(interrupted, done=done)

    def close(self) -> None:
        """Finish with the connection that was given; it stays open."""
        if self._executor is not None:
            self._executor.session.roll_back()
            with suppress(psycopg.OperationalError):
                self._executor.stop_preparing()
                if self._unflushed:
                    # the run stopped before its last commit
                    self._executor.flush()
                self._executor.session.run(self._executor.restore_path)
            self._executor.session.close()

    def apply_one(self, migration: Migration, force: bool = False, mark: bool = True) -> None:
        """Run a migration and record it in one transaction."""
        del force, mark  # an error always stops the run, and what ran is always recorded
        ours = _sql_migration(migration)
        script = ours.read("apply")
        records = self.executor.records
        texts = texts_to_keep(ours.file, script.source.text)

        def record(milliseconds: int | None) -> Sequence[str]:
            entry = records.apply(
                ours.file, ours.hash, script.checksum, texts, milliseconds=milliseconds
            )
            if ours.file.version < self._newest:
                note = f"out of order, after number {self._newest}"
                return entry, records.note(ours.file.version, note)
            return (entry,)

        self._run(ours, script, "apply", record)

    def rollback_one(self, migration: Migration, force: bool = False) -> None:
        """Run the rollback of a migration, and delete its records, in one transaction."""
        del force
        ours = _sql_migration(migration)
        records = self.executor.records
        self._run(
            ours,
            ours.read("rollback"),
            "rollback",
            lambda _: records.undo(ours.file.version, ours.id, ours.hash),
        )

    def mark_one(self, migration: Migration, log: bool = True) -> None:
        """Record a migration without running it."""
        del log  # every record is logged
        ours = _sql_migration(migration)
        records = self.executor.records
        checksum, texts = ours.read("apply").checksum, texts_to_keep(ours.file)
        self.executor.session.run(
            records.apply(ours.file, ours.hash, checksum, texts, operation="mark")
        )

    def unmark_one(self, migration: Migration, log: bool = True) -> None:
        """Delete the records of a migration without running its rollback."""
        del log
        file = _sql_migration(migration).file
        records = self.executor.records
        undo = records.undo(file.version, file.name, migration.hash, operation="unmark")
        self.executor.session.run("; ".join(undo))

    def _run(
        self, migration: SqlMigration, script: Script, direction: str, record: _Record
    ) -> None:
        executor, name = self.executor, migration.id
        after = self._after.pop(name, None)
        self.reporter.started(name, len(script.statements), direction=direction)
        began = time.monotonic()
        if script.transactional:
            timeouts = script.timeouts.over(executor.timeouts)
            beginning = Beginning(timeouts, more_to_come=bool(self._after))

            def run(statements: Callable[[Script], object]) -> None:
                body = _body(statements, script, record, after)
                executor.transaction(body, script.source.path, beginning)

            try:
                if after is None and fits_at_once(script):
                    executor.at_once(script, partial(record, None), beginning)
                else:
                    run(executor.statements)
            except psycopg.Error as error:
                if not self.objects.may_help(error, direction):
                    raise
                run(self._among_objects(direction, after))
            self._unflushed = beginning.more_to_come
        else:
            try:
                self._steps(migration, direction, after).run(record, after)
            except psycopg.Error as error:
                self.objects.explain(error)
                raise
        migration.forget()
        self.reporter.finished(name, time.monotonic() - began, direction=direction)

    def _among_objects(
        self, direction: str, after: Callable[[], object] | None
    ) -> Callable[[Script], object]:
        """Return what runs a script and takes down, or makes, the objects that it has to do with.

        What was taken down is put back in the same transaction, or by `after`.
        """

        def run(script: Script) -> None:
            taken = self.objects.run(script, direction)
            if after is None and direction == "apply":
                self.objects.put_back(taken)

        return run

    def _steps(
        self,
        migration: SqlMigration,
        direction: str,
        after: Callable[[], object] | None = None,
    ) -> Steps:
        file = migration.file
        # yoyo's own command line names no system: it is called as its folder
        system = self._files.system if self._files else file.path.parent.name
        script = migration.read(direction)
        return Steps(
            self.executor,
            system,
            script,
            file.version,
            file.name,
            direction,
            self.objects.may_help,
            self._among_objects(direction, after),
        )

    def _make_executor(self) -> Executor:
        ledger = self._read_ledger()
        if not ledger.complete:
            # two runs at once would make it twice
            with self.lock():
                ledger = self._read_ledger()
                if not ledger.exists:
                    ledger = self._create_ledger(ledger)
                elif not ledger.complete:
                    ledger = self._bring_over(ledger)
        return Executor(
            Session(self.connection, self.reporter),
            self._records(ledger),
            self.reporter,
            self._timeouts,
            self._wait,
            self._search_path(),
        )

    def _records(self, ledger: Ledger) -> Records:
        return Records(
            self.connection.pgconn,
            ledger.schema,
            ledger.table,
            ledger.books,
            keeps_texts=ledger.keeps_texts,
        )

    def _search_path(self) -> str:
        """Return what gives the session the search path that it has now."""
        query = "select setting, source from pg_settings where name = 'search_path'"
        [(path, source)] = self.connection.execute(query)
        if source != "session":
            return "reset search_path"
        literal = Escaping(self.connection.pgconn).escape_literal(path.encode()).decode()
        return f"select pg_catalog.set_config('search_path', {literal}, false)"

    def _create_ledger(self, ledger: Ledger) -> Ledger:
        """Make the ledger, and a schema for its books if the role may make one."""
        try:
            with self.connection.transaction():
                # a second ledger in one schema cannot have its books there too
                if not self._make_schema(ledger, required=ledger.table != LEDGER):
                    ledger = ledger._replace(books=ledger.schema)
                records = self._records(ledger)
                if ledger.beside:
                    self._move_books(records)
                self._run_all(
                    records.create_ledger(ledger.system, alone=ledger.alone),
                    records.create_books(),
                    records.empty_books(),
                )
                self._let_read(records)
        except psycopg.errors.InsufficientPrivilege as error:
            error.add_note(
                f"{error.diag.message_primary}; migrate with a role that may create tables there"
            )
            raise
        return ledger._replace(keeps_texts=True)

    def _bring_over(self, ledger: Ledger) -> Ledger:
        """Make a ledger of an earlier dbkit like one of this one, as far as the role may."""
        try:
            with self.connection.transaction():
                self._run_all(*self._timeouts.settings("local"))
                apart = ledger._replace(books=ledger.apart)
                if ledger.beside and self._make_schema(apart):
                    ledger = apart
                records = self._records(ledger)
                if ledger.beside:
                    self._move_books(records)
                system = self._files.system if self._files else None
                self._run_all(records.extend_ledger(system), records.create_books())
                if not ledger.keeps_texts:
                    self._run_all(*map(records.keep, self._texts_of(ledger)))
                self._let_read(records)
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.LockNotAvailable):
            # it can still be read and written as it is
            return self._read_ledger()
        return ledger._replace(keeps_texts=True)

    def _texts_of(self, ledger: Ledger) -> Iterator[KeptTexts]:
        """Read the files of applied migrations that are still what ran."""
        files = {file.name: file for file in self._files.migrations} if self._files else {}
        for applied in ledger.applied:
            file = files.get(applied.name)
            if file is not None and file.version == applied.version:
                with suppress(DbkitError):
                    if not was_edited(file, applied):
                        yield texts_to_keep(file)

    def _make_schema(self, ledger: Ledger, *, required: bool = False) -> bool:
        query = "select 1 from pg_namespace where nspname = %s"
        if self.connection.execute(query, (ledger.books,)).fetchone():
            return True
        try:
            with self.connection.transaction():
                self._run_all(self._records(ledger).create_schema())
        except psycopg.errors.InsufficientPrivilege:
            if required:
                raise
            return False
        return True

    def _move_books(self, records: Records) -> None:
        """Move what stands beside the ledger: an earlier dbkit's tables, or yoyo's own."""
        query = """
        select relation.relname::text, namespace.nspname::text
        from pg_class as relation
        inner join pg_namespace as namespace on namespace.oid = relation.relnamespace
        where relation.relname = any(%s) and namespace.nspname = any(%s) and relation.relkind = 'r'
        """
        places = [records.schema, records.books]
        there = {tuple(row) for row in self.connection.execute(query, ([*BOOKS], places))}
        if records.schema == records.books:
            return
        for table in BOOKS:
            if (table, records.schema) in there and (table, records.books) not in there:
                self._run_all(records.move_here(table))

    def _let_read(self, records: Records) -> None:
        readers = [reader for (reader,) in self.connection.execute(records.list_readers().encode())]
        if readers:
            self._run_all(records.grant_reading(readers))
        if records.books != records.schema:
            self._run_all(records.show_books())

    def _run_all(self, *texts: str) -> None:
        for text in texts:
            self.connection.execute(text.encode())


def _body(
    run: Callable[[Script], object],
    script: Script,
    record: _Record,
    after: Callable[[], object] | None,
) -> Callable[[], str]:
    def body() -> str:
        run(script)
        if after:
            after()
        return "; ".join(record(None))

    return body


def _recording_nothing(action: Callable[[], object]) -> Callable[[], str]:
    def body() -> str:
        action()
        return "select"

    return body


def _checksums(files: Iterable[MigrationFile]) -> dict[MigrationFile, Checksum]:
    checksums: dict[MigrationFile, Checksum] = {}
    faults: list[DbkitError] = []
    for file in files:
        try:
            checksums[file] = checksum(read_bytes(file.path, file.shown), file.shown)
        except DbkitError as error:
            faults.append(error)
    refuse(faults)
    return checksums


def _sql_migration(migration: Migration) -> SqlMigration:
    if isinstance(migration, SqlMigration):
        return migration
    return SqlMigration(migration_file(Path(migration.path)))
