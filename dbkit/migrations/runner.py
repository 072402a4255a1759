"""Bring a database to a version: by migrating, by rolling back, or by force."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psycopg

from dbkit.migrations.errors import (
    EditedMigration,
    HalfDone,
    HalfDoneElsewhere,
    HoleInLedger,
    MissingMigration,
    MovedMigration,
    NoSchema,
    NoSuchVersion,
    NothingToResume,
    NoWayBack,
    RenamedMigration,
    refuse,
)
from dbkit.migrations.files import Files, MigrationFile, ObjectFile
from dbkit.migrations.ledger import (
    RIGHTS,
    Applied,
    Interrupted,
    KeptTexts,
    Ledger,
    Stage,
    read_ledger,
    read_texts,
)
from dbkit.migrations.lock import WAIT
from dbkit.migrations.pooling import refuse_shared_process
from dbkit.migrations.progress import Reporter, Silent
from dbkit.migrations.status import (
    ahead_of,
    find_pending_faults,
    find_problems,
    find_repair,
    gone_objects,
    objects_to_apply,
    pending_migrations,
    pending_objects,
    was_edited,
)
from dbkit.migrations.timeouts import Timeouts

if TYPE_CHECKING:
    from dbkit.migrations.backend import AtomicBackend


# where a database for development differs from the files, and is made as they are
_FOLLOWED = EditedMigration | HoleInLedger | MissingMigration | MovedMigration | RenamedMigration


# of files of rights that are gone, before their names
_FORGOTTEN = "forgotten, and what these granted stays until a migration revokes it"


class GoingOn(NamedTuple):
    """Where a run goes on with a migration outside a transaction that is half done."""

    name: str
    direction: str
    # the number of the statement; one more than there are if only the record is missing
    statement: int
    statements: int


class Outcome(NamedTuple):
    """What a run did, or would do."""

    system: str
    # the versions before and after
    before: int
    after: int
    # the names of the migrations
    migrations: tuple[str, ...] = ()
    # the paths of the object files that were applied, and of those left out at this version
    objects: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    # the names of the files, now gone, whose objects were dropped
    dropped: tuple[str, ...] = ()
    # the names of the migrations that a newer release applied
    ahead: tuple[str, ...] = ()

    # what was taken back before, newest first; each with the statements that undo it
    undone: tuple[tuple[str, tuple[str, ...]], ...] = ()
    # of a plan: what is half done and is finished first
    half_done: tuple[GoingOn, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether there was anything to do."""
        return any((self.migrations, self.objects, self.dropped, self.undone, self.half_done))


@dataclass(slots=True)
class _ObjectsDone:
    """What the last attempt of a transaction did with the object files."""

    applied: list[str] = field(default_factory=list[str])
    left_out: list[str] = field(default_factory=list[str])

    def replace(self, applied: list[str], left_out: list[str]) -> None:
        """Forget an earlier attempt, which was rolled back."""
        self.applied, self.left_out = applied, left_out


@dataclass(frozen=True)
class Runner:
    """Changes the database of one system as its files say, on a connection in autocommit mode."""

    files: Files
    connection: psycopg.Connection
    reporter: Reporter = field(default_factory=Silent)
    # seconds that one attempt of a migration waits for the lock of a table, 5 if not said, and
    # that a statement may run, as long as the role may if not said; the files may say otherwise
    timeouts: Timeouts = field(default_factory=Timeouts)
    # seconds to wait for another run, or for such locks, before giving up
    wait: float = WAIT

    def plan_migrate(
        self, to: int | None = None, *, drop_gone: bool = False, out_of_order: bool = False
    ) -> Outcome:
        """Return what `migrate` would do, or refuse what it would refuse; nothing is written."""
        found = self._sound_ledger(forward=True, out_of_order=out_of_order)
        ledger = self._without_rollbacks(found)
        pending = self._forward(ledger, to, out_of_order=out_of_order)
        self._check_half_done(ledger, pending, "apply")
        objects = self._objects_to_apply(ledger, pending)
        refuse(find_pending_faults(self.files, pending, objects))
        planned = self._planned(ledger, pending, objects, drop_gone=drop_gone)
        if planned.changed or found.interrupted:
            refuse_shared_process(self.connection)
        return planned._replace(before=found.version, half_done=self._going_on(found))

    def _without_rollbacks(self, ledger: Ledger) -> Ledger:
        """Return the ledger as it will be when each rollback that is half done is finished."""
        for interrupted in ledger.interrupted:
            if interrupted.direction == "rollback":
                undone = self._backward(ledger, interrupted.version - 1)
                self._check_half_done(ledger, undone, "rollback")
                kept = len(ledger.applied) - len(undone)
                applied = ledger.applied[:kept]
                return ledger._replace(applied=applied, interrupted=())
        return ledger

    def _going_on(self, ledger: Ledger) -> tuple[GoingOn, ...]:
        if not ledger.interrupted:
            return ()
        # not loaded where nothing is to be judged
        from dbkit.migrations.outcomes import statements_done  # noqa: PLC0415
        from dbkit.migrations.script import read_migration, read_rollback  # noqa: PLC0415
        from dbkit.migrations.steps import refuse_edited  # noqa: PLC0415

        known = {file.name: file for file in self.files.migrations}
        for interrupted in ledger.interrupted:
            if interrupted.name in known:
                read = read_migration if interrupted.direction == "apply" else read_rollback
                refuse_edited(read(known[interrupted.name]), interrupted)
        return tuple(
            GoingOn(
                interrupted.name,
                interrupted.direction,
                statements_done(self.connection, interrupted) + 1,
                interrupted.statements,
            )
            for interrupted in ledger.interrupted
        )

    def _planned(
        self,
        ledger: Ledger,
        pending: Sequence[MigrationFile],
        objects: Sequence[ObjectFile],
        *,
        drop_gone: bool,
    ) -> Outcome:
        gone = gone_objects(self.files, ledger) if drop_gone else ()
        return Outcome(
            self.files.system,
            ledger.version,
            max([ledger.version, *(migration.version for migration in pending)]),
            tuple(migration.name for migration in pending),
            tuple(file.shown for file in objects),
            dropped=tuple(entry.path for entry in gone),
            ahead=tuple(applied.name for applied in ahead_of(self.files, ledger)),
        )

    def _objects_to_apply(
        self, ledger: Ledger, pending: Sequence[MigrationFile]
    ) -> tuple[ObjectFile, ...]:
        after = pending[-1].version if pending else ledger.version
        return objects_to_apply(self.files, ledger, pending) if self._has_objects(after) else ()

    def migrate(
        self, to: int | None = None, *, drop_gone: bool = False, out_of_order: bool = False
    ) -> Outcome:
        """Run what is pending, up to a version or to the newest.

        With `out_of_order` what comes before the newest one applied, and is not applied itself,
        is run too, and the ledger notes it.

        With nothing pending, nothing is locked and nothing is written, so any number of
        processes can call this at once when they start.
        """
        ledger = self._sound_ledger(forward=True, out_of_order=out_of_order)
        pending = self._forward(ledger, to, out_of_order=out_of_order)
        objects = self._objects_to_apply(ledger, pending)
        planned = self._planned(ledger, pending, objects, drop_gone=drop_gone)
        if not planned.changed and not ledger.interrupted:
            return planned
        with self._locked(sound=False) as (backend, _):
            found = self._sound_ledger(forward=True, out_of_order=out_of_order)
            ledger = self._finish_rollbacks(backend, found)
            pending = self._forward(ledger, to, out_of_order=out_of_order)
            self._check_half_done(ledger, pending, "apply")
            objects = self._objects_to_apply(ledger, pending)
            gone = gone_objects(self.files, ledger) if drop_gone else ()
            after = max([ledger.version, *(migration.version for migration in pending)])
            stands = Stage(after, len(ledger.applied) + len(pending))
            migrations = backend.read(self.files, pending, "apply", objects)
            done = _ObjectsDone()

            def finish() -> None:
                backend.objects.drop(gone)
                if self._has_objects(after):
                    is_newest = after == self.files.latest
                    done.replace(*backend.objects.apply(stands, all_must=is_newest))

            backend.apply_to(migrations, after, finish, ledger.version)
            if done.applied:
                self.reporter.objects("applied", tuple(done.applied))
            if done.left_out:
                self.reporter.objects("left out at this version", tuple(done.left_out))
            if forgotten := tuple(entry.path for entry in gone if entry.type == RIGHTS):
                self.reporter.objects(_FORGOTTEN, forgotten)
            return Outcome(
                self.files.system,
                ledger.version,
                after,
                tuple(migration.name for migration in pending),
                tuple(done.applied),
                tuple(done.left_out),
                tuple(entry.path for entry in gone),
            )

    def steps_back(self, steps: int) -> int:
        """Return the version that is so many migrations back, 0 at the least."""
        versions = [0, *(applied.version for applied in self._ledger().applied)]
        return versions[max(len(versions) - 1 - steps, 0)]

    def plan_rollback(self, to: int) -> Outcome:
        """Return what `rollback` would do, or refuse what it would refuse; nothing is written."""
        # not loaded where nothing is to be done
        from dbkit.migrations.script import find_rollback_faults  # noqa: PLC0415

        ledger = self._ledger_above(to)
        planned = self._to_roll_back(ledger, to)
        undone = self._backward(ledger, to)
        refuse(find_rollback_faults(undone))
        if planned.changed:
            self._check_half_done(ledger, undone, "rollback")
            refuse_shared_process(self.connection)
        return planned._replace(half_done=self._going_on(ledger) if planned.changed else ())

    def _to_roll_back(self, ledger: Ledger, to: int) -> Outcome:
        undone = self._backward(ledger, to)
        return Outcome(
            self.files.system, ledger.version, to, tuple(migration.name for migration in undone)
        )

    def rollback(self, to: int) -> Outcome:
        """Undo migrations, newest first, until the database is at a version.

        Objects that came from files and stand in the way are dropped. Those that can be made at
        the older version are put back, and the others are reported.
        """
        planned = self._to_roll_back(self._ledger_above(to), to)
        if not planned.changed:
            return planned
        with self._locked(sound=False) as (backend, _):
            return self._undo(backend, self._ledger_above(to), to)

    def _undo(self, backend: "AtomicBackend", ledger: Ledger, to: int) -> Outcome:
        undone = self._backward(ledger, to)
        self._check_half_done(ledger, undone, "rollback")
        files = replace(self.files, migrations=tuple(reversed(undone)))
        migrations = backend.read(files, undone, "rollback")
        done = _ObjectsDone()
        stands = Stage(to, len(ledger.applied) - len(undone))

        def put_back() -> None:
            if self._has_objects(to):
                backend.objects.drop_broken()
                done.replace(*backend.objects.apply(stands, all_must=False))
            else:
                backend.objects.take_down()

        backend.roll_back_to(migrations, to, after=put_back)
        if done.left_out:
            self.reporter.objects("left out at this version", tuple(done.left_out))
        return Outcome(
            self.files.system,
            ledger.version,
            to,
            tuple(migration.name for migration in undone),
            tuple(done.applied),
            tuple(done.left_out),
        )

    def _finish_rollbacks(self, backend: "AtomicBackend", ledger: Ledger) -> Ledger:
        """Undo to its end what a lost rollback has begun to undo, so that it can be made anew."""
        for interrupted in ledger.interrupted:
            if interrupted.direction == "rollback":
                self._undo(backend, ledger, interrupted.version - 1)
                return self._sound_ledger(forward=True)
        return ledger

    def _check_half_done(
        self, ledger: Ledger, chosen: Sequence[MigrationFile], direction: str
    ) -> None:
        """Refuse to leave a migration half done, or to go on with one that is not here."""
        names = {file.name for file in chosen}
        for interrupted in ledger.interrupted:
            if interrupted.direction == direction and interrupted.name in names:
                continue
            if interrupted.name in self.files.versions:
                raise HalfDone(self.files.system, *_facts(interrupted))
            raise HalfDoneElsewhere(*_facts(interrupted))

    def resume(self, *, done: bool) -> Outcome:
        """Answer whether the statement that was under way is done, and finish its migration."""
        # not loaded where nothing is to be judged
        from dbkit.migrations.outcomes import open_question  # noqa: PLC0415

        with self._locked() as (backend, ledger):
            for interrupted in ledger.interrupted:
                if open_question(self.connection, self.files.system, interrupted):
                    break
            else:
                raise NothingToResume(self.files.system)
            for file in self.files.migrations:
                if file.name == interrupted.name:
                    backend.answer(file, interrupted, done=done)
                    break
            else:
                raise HalfDoneElsewhere(*_facts(interrupted))
        if interrupted.direction == "rollback":
            return self.rollback(interrupted.version - 1)
        return self.migrate(interrupted.version)

    def plan_follow(self) -> Outcome:
        """Return what `follow` would do, or refuse what it would refuse; nothing is written."""
        return self._to_follow(self._ledger())

    def _to_follow(self, ledger: Ledger) -> Outcome:
        # not loaded where nothing is to be done
        from dbkit.migrations.script import read_rollback  # noqa: PLC0415

        undone = self._to_take_back(ledger)
        to = undone[-1].version - 1 if undone else ledger.version
        pending = [file for file in self.files.migrations if file.version > to]
        objects = self._objects_to_apply(ledger, pending)
        refuse(find_pending_faults(self.files, pending, objects))
        planned = self._planned(ledger, pending, objects, drop_gone=False)
        statements = [
            tuple(" ".join(part.text.split()) for part in read_rollback(file).statements)
            for file in undone
        ]
        return planned._replace(
            after=self.files.latest,
            undone=tuple(
                (file.name, texts) for file, texts in zip(undone, statements, strict=True)
            ),
            ahead=(),
        )

    def follow(self) -> Outcome:
        """Make a database for development as the files are.

        What this checkout does not have, has otherwise, or has after something that is not
        applied is taken back, newest first, by the rollbacks that the ledger keeps; then what is
        pending is run.
        """
        planned = self._to_follow(self._ledger())
        if not planned.changed:
            return planned
        with self._locked(sound=False) as (backend, ledger):
            planned = self._to_follow(ledger)
            undone = self._to_take_back(ledger)
            if undone:
                to = undone[-1].version - 1
                files = replace(self.files, migrations=tuple(reversed(undone)))
                migrations = backend.read(files, undone, "rollback")
                stands = Stage(to, len(ledger.applied) - len(undone))

                def put_back() -> None:
                    if self._has_objects(to):
                        backend.objects.drop_broken()
                        backend.objects.apply(stands, all_must=False)
                    else:
                        backend.objects.take_down()

                backend.roll_back_to(migrations, to, after=put_back)
        ran = self.migrate()
        return planned._replace(objects=ran.objects, left_out=ran.left_out)

    def _to_take_back(self, ledger: Ledger) -> tuple[MigrationFile, ...]:
        """Return what is to be undone, newest first, so that the ledger begins as the files do."""
        refuse(
            [
                fault
                for fault in find_problems(self.files, ledger)
                if not isinstance(fault, _FOLLOWED)
            ]
        )
        self._check_half_done(ledger, (), "apply")
        files = {file.version: file for file in self.files.migrations}
        same: list[Applied] = []
        for applied in ledger.applied:
            file = files.get(applied.version)
            follows = applied.version == len(same) + 1
            if not follows or file is None or file.name != applied.name:
                break
            if was_edited(file, applied):
                break
            same.append(applied)
        undone = ledger.applied[: len(same) - 1 if same else None : -1]
        texts = read_texts(self.connection, ledger, [applied.version for applied in undone])
        return tuple(self._way_back(applied, texts.get(applied.version)) for applied in undone)

    def _way_back(self, applied: Applied, texts: KeptTexts | None) -> MigrationFile:
        if texts is not None and texts.down is not None:
            return _kept_file(applied, texts)
        for file in self.files.migrations:
            if (file.version, file.name) == applied.file and file.rollback.is_file():
                return file
        raise NoWayBack(applied.version, applied.name)

    def repair(self, version: int, because: str) -> str:
        """Accept one difference between a file and the ledger, with a note, and return which."""
        refuse(self.files.faults)
        with self._locked(sound=False) as (backend, ledger):
            repair = find_repair(self.files, ledger, version)
            backend.repair(repair, because)
        return repair.what

    def force(self, version: int) -> Outcome:
        """Record that the database is at a version, and run nothing."""
        refuse(self.files.faults)
        if not 0 <= version <= self.files.latest:
            raise NoSuchVersion(
                self.files.system, version, f"the newest migration is {self.files.latest}"
            )
        with self._locked(sound=False) as (backend, ledger):
            if not ledger.schema:
                raise NoSchema(ledger.database)
            names = backend.force(self.files.migrations, version, ledger)
        return Outcome(self.files.system, ledger.version, version, names)

    @contextmanager
    def _locked(
        self, *, forward: bool = False, sound: bool = True
    ) -> Generator[tuple["AtomicBackend", Ledger]]:
        # loaded only when something is to be run: yoyo is slow to import
        from dbkit.migrations.backend import AtomicBackend  # noqa: PLC0415

        backend = AtomicBackend(
            connection=self.connection,
            files=self.files,
            reporter=self.reporter,
            timeouts=self.timeouts,
            wait=self.wait,
        )
        try:
            with backend.lock():
                # read again: another run may have changed the database before we had the lock
                if sound:
                    yield backend, self._sound_ledger(forward=forward)
                else:
                    yield backend, self._ledger()
        finally:
            backend.close()

    def _has_objects(self, version: int) -> bool:
        # at version 0 the database is empty, also of functions that need no table
        return version > 0 or not self.files.migrations

    def _ledger(self) -> Ledger:
        return read_ledger(self.connection, self.files.system, self.files.versions)

    def _sound_ledger(self, *, forward: bool = False, out_of_order: bool = False) -> Ledger:
        """Read the ledger, or refuse everything that is wrong with it and with the files.

        If it is read to migrate `forward`, the faults of the pending files are told with it.
        """
        ledger = self._ledger()
        faults = find_problems(self.files, ledger)
        if out_of_order:
            faults = [fault for fault in faults if not isinstance(fault, HoleInLedger)]
        if faults and forward:
            pending = pending_migrations(self.files, ledger)
            objects = pending_objects(self.files, ledger)
            faults += find_pending_faults(self.files, pending, objects)
        refuse(faults)
        return ledger

    def _forward(
        self, ledger: Ledger, to: int | None, *, out_of_order: bool = False
    ) -> tuple[MigrationFile, ...]:
        system, latest = self.files.system, self.files.latest
        if to is not None and to > latest:
            raise NoSuchVersion(system, to, f"the newest migration is {latest}")
        if to is not None and to < ledger.version:
            raise NoSuchVersion(
                system,
                to,
                f"it is at {ledger.version}; what going back would undo is shown by: "
                f"dbkit rollback {system} --to {to} --plan",
            )
        target = latest if to is None else to
        return tuple(
            migration
            for migration in pending_migrations(self.files, ledger, out_of_order=out_of_order)
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
        known = {
            (migration.version, migration.name): migration for migration in self.files.migrations
        }
        undone = [applied for applied in reversed(ledger.applied) if applied.version > to]
        gone = [applied.version for applied in undone if applied.file not in known]
        texts = read_texts(self.connection, ledger, gone)
        refuse(
            [
                MissingMigration(system, *applied.file)
                for applied in undone
                if applied.file not in known
                and (applied.version not in texts or texts[applied.version].down is None)
            ]
        )
        return tuple(
            known.get(applied.file) or _kept_file(applied, texts[applied.version])
            for applied in undone
        )

    def _ledger_above(self, to: int) -> Ledger:
        """Read the ledger to undo what is above a version, or refuse what is wrong with it.

        Where the ledger has the text of a rollback, the file of its migration is not needed.
        """
        ledger = self._ledger()
        faults = find_problems(self.files, ledger)
        above = {
            fault.version
            for fault in faults
            if isinstance(fault, MissingMigration | RenamedMigration) and fault.version > to
        }
        texts = read_texts(self.connection, ledger, above)
        kept = {version for version, text in texts.items() if text.down is not None}
        refuse(
            [
                fault
                for fault in faults
                if not (
                    (
                        isinstance(fault, MissingMigration | RenamedMigration)
                        and fault.version in kept
                    )
                    or (isinstance(fault, HoleInLedger) and fault.version > to)
                )
            ]
        )
        return ledger


def _kept_file(applied: Applied, texts: KeptTexts) -> MigrationFile:
    shown = f"the rollback of {applied.name} in the ledger"
    path = Path(f"{applied.name}.sql")
    return MigrationFile(applied.version, applied.name, path, shown, kept_rollback=texts.down)


def _facts(interrupted: Interrupted) -> tuple[int, str, int, int, str]:
    return (
        interrupted.version,
        interrupted.name,
        interrupted.done,
        interrupted.statements,
        interrupted.direction,
    )
