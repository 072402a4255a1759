"""The yoyo backend that runs a migration, its mark and its ledger row as one."""

import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import psycopg
from yoyo import internalmigrations
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.connections import DatabaseURI
from yoyo.migrations import Migration, MigrationList, default_migration_table, get_migration_hash

from dbkit.errors import DbkitError
from dbkit.migrations.errors import each_fault, refuse
from dbkit.migrations.files import Checksum, MigrationFile, checksum, migration_file, read_bytes
from dbkit.migrations.ledger import Ledger, read_ledger
from dbkit.migrations.lock import migration_lock
from dbkit.migrations.object_files import ObjectFile
from dbkit.migrations.objects import Objects
from dbkit.migrations.progress import Reporter, Silent
from dbkit.migrations.records import Records
from dbkit.migrations.running import Run
from dbkit.migrations.script import Script, find_script_faults, read_migration, read_rollback
from dbkit.migrations.session import Wire
from dbkit.migrations.status import Files

SCHEME = "postgresql+dbkit"
_LOCK_TIMEOUT = 5.0
_WAIT = 600.0
_IN_THE_WAY = (psycopg.errors.DependentObjectsStillExist, psycopg.errors.FeatureNotSupported)


class SqlMigration(Migration):
    """A yoyo migration whose two files dbkit reads; it depends on the one before it."""

    def __init__(self, file: MigrationFile, previous: "SqlMigration | None" = None) -> None:
        super().__init__(file.name, str(file.path), str(file.path.parent))
        self.file = file
        self.steps = []
        self._depends = {previous} if previous else set()
        self._script: Script | None = None

    def load(self) -> None:
        """Do nothing: the files are read when the backend asks for them."""

    def read(self, direction: str, versions: Mapping[str, int] | None = None) -> Script:
        """Read one half of it, once."""
        if self._script is None:
            if direction == "apply":
                self._script = read_migration(self.file, versions)
            else:
                self._script = read_rollback(self.file)
        return self._script

    def forget(self) -> None:
        """Let go of the text."""
        self._script = None


class AtomicBackend(PostgresqlPsycopgBackend):
    """yoyo's psycopg 3 backend with one transaction a migration, and a lock that cannot go stale.

    `dbkit migrate` drives it; as `postgresql+dbkit://` it serves yoyo's own command line too.
    """

    def __init__(  # noqa: PLR0913 - yoyo's two, and what a run is made of
        self,
        dburi: DatabaseURI | None = None,
        migration_table: str = default_migration_table,
        *,
        connection: psycopg.Connection | None = None,
        object_files: tuple[ObjectFile, ...] = (),
        reporter: Reporter | None = None,
        lock_timeout: float = _LOCK_TIMEOUT,
        wait: float = _WAIT,
    ) -> None:
        self._given = connection
        self._schema: str | None = None
        if dburi is None and connection is not None:
            dburi = DatabaseURI(SCHEME, None, None, None, None, connection.info.dbname, {})
        super().__init__(dburi, migration_table)
        self.reporter: Reporter = reporter or Silent()
        self._lock_timeout = lock_timeout
        self._wait = wait
        self._run: Run | None = None
        self._unflushed = False
        self._object_files = object_files
        self._before: dict[str, Callable[[], object]] = {}
        self._after: dict[str, Callable[[], object]] = {}

    def connect(self, dburi: DatabaseURI) -> psycopg.Connection:
        """Use the connection given, or open one as yoyo does."""
        return self._given or super().connect(dburi)

    def init_database(self) -> None:
        """Make nothing: no lock table is needed, and PostgreSQL's DDL is transactional."""

    def ensure_internal_schema_updated(self) -> None:
        """Make yoyo's tables and the ledger, all in one transaction, unless they are there."""
        if self._run is None:
            self._run = self._prepare()

    @property
    def run(self) -> Run:
        """The connection as scripts are run on it, the ledger made where it was missing."""
        self.ensure_internal_schema_updated()
        if self._run is None:
            raise AssertionError
        return self._run

    @property
    def objects(self) -> Objects:
        """The views, functions, triggers and policies that hang on the migrations."""
        return Objects(self.run, self._object_files)

    @property
    def migration_table_quoted(self) -> str:
        """The table of yoyo's marks, safe from a search path that a migration changed."""
        schema = self._schema or self.run.records.schema
        return f"{self.quote_identifier(schema)}.{self.quote_identifier(self.migration_table)}"

    def get_applied_migration_hashes(self) -> dict[str, None]:
        """Return the marks, in order, as something that is quick to look a mark up in."""
        return dict.fromkeys(super().get_applied_migration_hashes())

    @contextmanager
    def lock(self, timeout: float | None = None) -> Generator[None]:
        """Hold the migration lock."""
        with migration_lock(
            self.connection, self.reporter, self._wait if timeout is None else timeout
        ):
            yield

    def break_lock(self) -> None:
        """Do nothing: the server frees the lock with the session that held it."""

    def read(
        self,
        files: Files,
        chosen: Sequence[MigrationFile],
        direction: str,
        objects: Sequence[ObjectFile] = (),
    ) -> MigrationList:
        """Make yoyo's migrations of files, and read those chosen.

        All of them are read before anything is run or written, the object files to apply
        as well: a fault in the last stops the first, and every fault is told.
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
        faults += find_script_faults((), objects, versions)
        refuse(faults)
        return MigrationList(migrations.values())

    def apply_to(self, migrations: MigrationList, to: int, finish: Callable[[], None]) -> None:
        """Run what yoyo finds unmarked up to a version, and `finish` with the last one's commit."""
        wanted = migrations.filter(lambda one: _ours(one).file.version <= to)
        if pending := self.to_apply(wanted):
            self._after[pending[-1].id] = finish
            self.run.prepare()
            self.apply_migrations(pending)
        else:
            self.run.transaction(_as_body(finish), "objects")

    def roll_back_to(
        self,
        migrations: MigrationList,
        to: int,
        *,
        before: Callable[[], object],
        after: Callable[[], object],
    ) -> None:
        """Undo what yoyo finds marked above a version."""
        undone = self.to_rollback(migrations.filter(lambda one: _ours(one).file.version > to))
        self._before[undone[0].id] = before
        self._after[undone[-1].id] = after
        self.rollback_migrations(undone)

    def decree(
        self, files: Sequence[MigrationFile], version: int, ledger: Ledger
    ) -> tuple[str, ...]:
        """Record that exactly the migrations up to a version are there, as their files say now."""
        there = _checksums(file for file in files if file.version <= version)
        records, marks = self.run.records, set(ledger.marks)
        said = {(file.version, file.name, now.exact) for file, now in there.items()}
        right = {
            was.name
            for was in ledger.applied
            if was.name in marks and (was.version, was.name, was.checksum) in said
        }
        wrong = {was.name: was.version for was in ledger.applied if was.name not in right}
        # and the marks that yoyo made alone
        marks -= right
        wrong |= {file.name: file.version for file in files if file.name in marks}
        texts = [records.end_steps(left.version) for left in ledger.interrupted]
        texts += [
            records.undo(number, name, get_migration_hash(name), operation="unmark")
            for name, number in wrong.items()
        ]
        texts += [
            records.apply(file, get_migration_hash(file.name), now, operation="mark")
            for file, now in there.items()
            if file.name not in right
        ]
        self.run.transaction(lambda: "; ".join(texts) or "select", "force")
        return tuple(file.name for file in there)

    def close(self) -> None:
        """Close what was opened beside the connection given."""
        if self._run is not None:
            with suppress(psycopg.OperationalError):
                self._run.stop_preparing()
                if self._unflushed:
                    # the run stopped before its last commit
                    self._run.flush()
            self._run.wire.close()

    def apply_one(self, migration: Migration, force: bool = False, mark: bool = True) -> None:
        """Run a migration forward, with its mark, its ledger row and what hangs on it."""
        del force, mark  # an error is never passed over, and what ran is always recorded
        ours = _ours(migration)
        script = ours.read("apply")
        run = self.run
        self._carry_out(
            ours,
            script,
            "apply",
            lambda ms: run.records.apply(ours.file, ours.hash, script.checksum, milliseconds=ms),
        )

    def rollback_one(self, migration: Migration, force: bool = False) -> None:
        """Run a migration backward, and take its mark and its ledger row away."""
        del force
        ours = _ours(migration)
        records = self.run.records
        self._carry_out(
            ours,
            ours.read("rollback"),
            "rollback",
            lambda _: records.undo(ours.file.version, ours.id, ours.hash),
        )

    def mark_one(self, migration: Migration, log: bool = True) -> None:
        """Record a migration without running it."""
        del log  # what is recorded is always logged
        ours = _ours(migration)
        checksum = ours.read("apply").checksum
        self.run.wire.run(self.run.records.apply(ours.file, ours.hash, checksum, operation="mark"))

    def unmark_one(self, migration: Migration, log: bool = True) -> None:
        """Take the record of a migration away without running its rollback."""
        del log
        file = _ours(migration).file
        self.run.wire.run(
            self.run.records.undo(file.version, file.name, migration.hash, operation="unmark")
        )

    def _carry_out(
        self, migration: SqlMigration, script: Script, direction: str, record: Callable[[int], str]
    ) -> None:
        run, name = self.run, migration.id
        before = self._before.pop(name, None)
        after = self._after.pop(name, None)
        self.reporter.started(name, len(script.statements), direction=direction)
        began = time.monotonic()
        place, more_to_come = script.source.path, bool(self._after)
        if script.transactional:
            try:
                body = _body(run, script, record, before, after)
                run.transaction(body, place, more_to_come=more_to_come)
            except _IN_THE_WAY:
                if not self._object_files or before is not None:
                    raise
                # a view or a function made from a file stands on what this migration changes:
                # they are taken down and put back, in the migration's own transaction
                before = self.objects.take_down
                after = after or partial(self.objects.apply, all_must=False)
                body = _body(run, script, record, before, after)
                run.transaction(body, place, more_to_come=more_to_come)
            self._unflushed = more_to_come
        else:
            if before:
                run.transaction(_as_body(before), place)
            run.one_by_one(script, migration.file.version, name, direction, record)
            if after:
                run.transaction(_as_body(after), place)
        migration.forget()
        self.reporter.finished(name, time.monotonic() - began, direction=direction)

    def _prepare(self) -> Run:
        ledger = read_ledger(self.connection)
        self._schema = ledger.schema
        records = Records(self.connection.pgconn, ledger.schema)
        wire = Wire(self.connection, self.reporter)
        if not ledger.exists:
            self._create_ledger(records)
        return Run(wire, records, self.reporter, self._lock_timeout, self._wait)

    def _create_ledger(self, records: Records) -> None:
        try:
            with self.transaction():
                if internalmigrations.get_current_version(self) == 0:
                    internalmigrations.upgrade(self)
                self.connection.execute(records.create().encode())
        except psycopg.errors.InsufficientPrivilege as error:
            error.add_note(
                f"{error.diag.message_primary}; migrate with a role that may create tables there"
            )
            raise


def _body(
    run: Run,
    script: Script,
    record: Callable[[int], str],
    before: Callable[[], object] | None,
    after: Callable[[], object] | None,
) -> Callable[[], str]:
    def body() -> str:
        began = time.monotonic()
        if before:
            before()
        run.statements(script)
        if after:
            after()
        return record(round((time.monotonic() - began) * 1000))

    return body


def _as_body(action: Callable[[], object]) -> Callable[[], str]:
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


def _ours(migration: Migration) -> SqlMigration:
    if isinstance(migration, SqlMigration):
        return migration
    return SqlMigration(migration_file(Path(migration.path)))
