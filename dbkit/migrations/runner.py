"""Bring a database to a version: forward, backward, or by decree."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import psycopg

from dbkit.migrations.errors import NoSuchVersion, refuse
from dbkit.migrations.files import MigrationFile
from dbkit.migrations.ledger import Ledger, read_ledger
from dbkit.migrations.object_files import ObjectFile, gone_objects, pending_objects
from dbkit.migrations.problems import find_problems
from dbkit.migrations.progress import Reporter, Silent
from dbkit.migrations.status import Files, find_pending_faults, pending_migrations

if TYPE_CHECKING:
    from dbkit.migrations.backend import AtomicBackend

LOCK_TIMEOUT = 5.0
WAIT = 600.0


class Outcome(NamedTuple):
    """What a run did, or would do."""

    system: str
    before: int
    after: int
    migrations: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether there was anything to do."""
        return bool(self.migrations or self.objects or self.dropped)


@dataclass(slots=True)
class _Told:
    """What happened to the objects; heard anew when a transaction is tried again."""

    applied: list[str] = field(default_factory=list[str])
    left_out: list[str] = field(default_factory=list[str])

    def hear(self, applied: list[str], left_out: list[str]) -> None:
        """Keep what the last attempt did."""
        self.applied, self.left_out = applied, left_out


@dataclass(frozen=True)
class Runner:
    """The files of one system and a connection to its database."""

    files: Files
    connection: psycopg.Connection
    reporter: Reporter = field(default_factory=Silent)
    lock_timeout: float = LOCK_TIMEOUT
    wait: float = WAIT

    def plan_migrate(self, to: int | None = None, *, drop_gone: bool = False) -> Outcome:
        """Say what `migrate` would do, or refuse what it would refuse; writes nothing."""
        ledger = self._sound_ledger(forward=True)
        pending = self._forward(ledger, to)
        objects = self._objects_to_apply(ledger, pending)
        refuse(find_pending_faults(self.files, pending, objects))
        return self._planned(ledger, pending, objects, drop_gone=drop_gone)

    def _planned(
        self,
        ledger: Ledger,
        pending: Sequence[MigrationFile],
        objects: Sequence[ObjectFile],
        *,
        drop_gone: bool,
    ) -> Outcome:
        gone = gone_objects(self.files.objects, ledger) if drop_gone else ()
        return Outcome(
            self.files.system,
            ledger.version,
            pending[-1].version if pending else ledger.version,
            tuple(migration.name for migration in pending),
            tuple(file.shown for file in objects),
            dropped=tuple(applied.path for applied in gone),
        )

    def _objects_to_apply(
        self, ledger: Ledger, pending: Sequence[MigrationFile]
    ) -> tuple[ObjectFile, ...]:
        after = pending[-1].version if pending else ledger.version
        return pending_objects(self.files.objects, ledger) if self._has_objects(after) else ()

    def migrate(self, to: int | None = None, *, drop_gone: bool = False) -> Outcome:
        """Run what is pending, up to a version or to the newest.

        With nothing pending, nothing is locked and nothing is written: a hundred
        processes may ask at once while they start.
        """
        ledger = self._sound_ledger(forward=True)
        pending = self._forward(ledger, to)
        objects = self._objects_to_apply(ledger, pending)
        planned = self._planned(ledger, pending, objects, drop_gone=drop_gone)
        if not planned.changed:
            return planned
        with self._session(forward=True) as (backend, ledger):
            pending = self._forward(ledger, to)
            objects = self._objects_to_apply(ledger, pending)
            gone = gone_objects(self.files.objects, ledger) if drop_gone else ()
            after = pending[-1].version if pending else ledger.version
            migrations = backend.read(self.files, pending, "apply", objects)
            told = _Told()

            def finish() -> None:
                backend.objects.drop(gone)
                if self._has_objects(after):
                    told.hear(*backend.objects.apply(all_must=after == self.files.latest))

            backend.apply_to(migrations, after, finish)
            if told.applied:
                self.reporter.objects("applied", tuple(told.applied))
            if told.left_out:
                self.reporter.objects("left out at this version", tuple(told.left_out))
            return Outcome(
                self.files.system,
                ledger.version,
                after,
                tuple(migration.name for migration in pending),
                tuple(told.applied),
                tuple(told.left_out),
                tuple(one.path for one in gone),
            )

    def steps_back(self, steps: int) -> int:
        """Return the version that lies so many migrations back, 0 at the least."""
        return max(self._sound_ledger().version - steps, 0)

    def plan_rollback(self, to: int) -> Outcome:
        """Say what `rollback` would do, or refuse what it would refuse; writes nothing."""
        # not loaded where nothing is to be done
        from dbkit.migrations.script import find_rollback_faults  # noqa: PLC0415

        planned = self._to_roll_back(to)
        undone = [file for file in self.files.migrations if file.name in planned.migrations]
        refuse(find_rollback_faults(reversed(undone)))
        return planned

    def _to_roll_back(self, to: int) -> Outcome:
        ledger = self._sound_ledger()
        undone = self._backward(ledger, to)
        return Outcome(
            self.files.system, ledger.version, to, tuple(migration.name for migration in undone)
        )

    def rollback(self, to: int) -> Outcome:
        """Undo migrations, newest first, until the database is at a version.

        Objects that came from files are taken down first; those that can stand at the
        older version are put back, and the others are named.
        """
        planned = self._to_roll_back(to)
        if not planned.changed:
            return planned
        with self._session() as (backend, ledger):
            undone = self._backward(ledger, to)
            migrations = backend.read(self.files, undone, "rollback")
            told = _Told()

            def put_back() -> None:
                if self._has_objects(to):
                    told.hear(*backend.objects.apply(all_must=False))

            backend.roll_back_to(migrations, to, before=backend.objects.take_down, after=put_back)
            if told.left_out:
                self.reporter.objects("left out at this version", tuple(told.left_out))
            return Outcome(
                self.files.system,
                ledger.version,
                to,
                tuple(migration.name for migration in undone),
                tuple(told.applied),
                tuple(told.left_out),
            )

    def force(self, version: int) -> Outcome:
        """Record that the database is at a version, and run nothing."""
        refuse(self.files.faults)
        if not 0 <= version <= self.files.latest:
            raise NoSuchVersion(
                self.files.system, version, f"the newest migration is {self.files.latest}"
            )
        with self._session(sound=False) as (backend, ledger):
            names = backend.decree(self.files.migrations, version, ledger)
        return Outcome(self.files.system, ledger.version, version, names)

    @contextmanager
    def _session(
        self, *, forward: bool = False, sound: bool = True
    ) -> Generator[tuple["AtomicBackend", Ledger]]:
        # yoyo takes as long to import as it takes to find that nothing is pending
        from dbkit.migrations.backend import AtomicBackend  # noqa: PLC0415

        backend = AtomicBackend(
            connection=self.connection,
            object_files=self.files.objects,
            reporter=self.reporter,
            lock_timeout=self.lock_timeout,
            wait=self.wait,
        )
        try:
            with backend.lock():
                # what was read before the lock was ours may be history by now
                if sound:
                    yield backend, self._sound_ledger(forward=forward)
                else:
                    yield backend, read_ledger(self.connection)
        finally:
            backend.close()

    def _has_objects(self, version: int) -> bool:
        # the empty database is to be empty, even of functions that need no table
        return version > 0 or not self.files.migrations

    def _sound_ledger(self, *, forward: bool = False) -> Ledger:
        """Read the ledger, or refuse everything that is wrong with it and with the files.

        On the way `forward` that is what `status` tells: the faults of pending files as well.
        """
        ledger = read_ledger(self.connection)
        faults = [
            *self.files.faults,
            *find_problems(self.files.system, self.files.migrations, ledger),
        ]
        if faults and forward:
            pending = pending_migrations(self.files, ledger)
            objects = pending_objects(self.files.objects, ledger)
            faults += find_pending_faults(self.files, pending, objects)
        refuse(faults)
        return ledger

    def _forward(self, ledger: Ledger, to: int | None) -> tuple[MigrationFile, ...]:
        system, latest = self.files.system, self.files.latest
        if to is not None and to > latest:
            raise NoSuchVersion(system, to, f"the newest migration is {latest}")
        if to is not None and to < ledger.version:
            raise NoSuchVersion(
                system,
                to,
                f"it is at {ledger.version}; go back with: dbkit rollback {system} --to {to}",
            )
        target = latest if to is None else to
        return tuple(
            migration
            for migration in pending_migrations(self.files, ledger)
            if migration.version <= target
        )

    def _backward(self, ledger: Ledger, to: int) -> tuple[MigrationFile, ...]:
        system = self.files.system
        if to < 0:
            raise NoSuchVersion(
                system, to, f"it is at {ledger.version}, and 0 is the empty database"
            )
        if to > ledger.version:
            raise NoSuchVersion(
                system, to, f"it is at {ledger.version}; go forward with: dbkit migrate {system}"
            )
        return tuple(
            migration
            for migration in reversed(self.files.migrations)
            if to < migration.version <= ledger.version
        )
