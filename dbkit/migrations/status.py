"""Compare the files of a system with its database: what is applied, pending, and wrong."""

from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from dbkit.errors import DbkitError, MigrationError, SourceFault
from dbkit.migrations.errors import (
    EditedMigration,
    HalfDoneElsewhere,
    HoleInLedger,
    MissingMigration,
    MovedMigration,
    NoSchema,
    NotEmpty,
    NoTextKept,
    NothingToRepair,
    RecordedByYoyoAlone,
    RenamedMigration,
    RenamedSystem,
    UnmarkedByYoyo,
    UnusableFile,
    WrittenByHand,
)
from dbkit.migrations.files import (
    Files,
    MigrationFile,
    ObjectFile,
    checksum,
    exact_checksum,
    read_bytes,
)
from dbkit.migrations.ledger import (
    RIGHTS,
    Applied,
    AppliedObject,
    Interrupted,
    KeptTexts,
    Ledger,
    Stage,
    read_ledger,
    read_texts,
)
from dbkit.migrations.lock import lock_holders, lock_key
from dbkit.migrations.progress import Blocker

UP_TO_DATE, PENDING, WRONG = 0, 2, 3


class Problem(NamedTuple):
    """Something that keeps migrations from being run, as a program can read it."""

    kind: str
    version: int | None
    message: str
    # the fault itself, if it is at one place of one file
    fault: SourceFault | None = None
    # the file that it is about, as messages show it
    path: str | None = None

    @classmethod
    def of(cls, error: Exception, versions: Mapping[str, int] | None = None) -> "Problem":
        """Make a problem of an error; `versions` has the number of each migration by its path."""
        fault = error if isinstance(error, SourceFault) else None
        kind = getattr(error, "kind", "file" if fault else "unreachable")
        version = getattr(error, "version", None)
        if version is None and versions is not None:
            version = versions.get(getattr(error, "path", ""))
        notes = getattr(error, "__notes__", None) or [str(error).strip()]
        return cls(kind, version, "; ".join(notes), fault, getattr(error, "path", None))


class Status(NamedTuple):
    """The state of one system's database."""

    name: str
    applied: tuple[Applied, ...] = ()
    pending: tuple[MigrationFile, ...] = ()
    pending_objects: tuple[ObjectFile, ...] = ()
    gone_objects: tuple[AppliedObject, ...] = ()
    # those of the pending ones that somebody replaced by hand
    replaced_objects: tuple[AppliedObject, ...] = ()
    problems: tuple[Problem, ...] = ()
    # what a newer release applied, and this one has no files of
    ahead: tuple[Applied, ...] = ()
    # the migrations outside a transaction that were begun, and that the next run finishes
    half_done: tuple[Interrupted, ...] = ()
    # the session that is at it just now
    runner: Blocker | None = None

    @property
    def version(self) -> int:
        """The number of the newest migration applied, 0 for none."""
        return self.applied[-1].version if self.applied else 0

    @property
    def exit_code(self) -> int:
        """What `dbkit status` ends with: 0 up to date or ahead, 2 pending, 3 something is wrong."""
        if self.problems:
            return WRONG
        return PENDING if self.pending or self.pending_objects or self.half_done else UP_TO_DATE

    def as_json(self) -> dict[str, Any]:
        """Return the documented shape."""
        return {
            "name": self.name,
            "version": self.version,
            "applied": [
                {
                    "version": applied.version,
                    "name": applied.name,
                    "applied_at": applied.applied_at.isoformat(),
                    "checksum": applied.checksum,
                    "note": applied.note,
                }
                for applied in self.applied
            ],
            "pending": [
                {"version": migration.version, "name": migration.name} for migration in self.pending
            ],
            "ahead": [{"version": applied.version, "name": applied.name} for applied in self.ahead],
            "half_done": [
                {
                    "version": interrupted.version,
                    "name": interrupted.name,
                    "direction": interrupted.direction,
                    "done": interrupted.done,
                    "statements": interrupted.statements,
                }
                for interrupted in self.half_done
            ],
            "problems": [
                {"kind": problem.kind, "version": problem.version, "message": problem.message}
                for problem in self.problems
            ],
            "objects": {
                "pending": [file.shown for file in self.pending_objects],
                "gone": [applied.path for applied in self.gone_objects],
                "replaced": [applied.path for applied in self.replaced_objects],
            },
        }


def read_status(files: Files, connection: psycopg.Connection) -> Status:
    """Compare the files with the database; nothing is written, and no lock is waited for."""
    try:
        ledger = read_ledger(connection, files.system, files.versions)
    except MigrationError as error:
        return unreadable(files, error)
    pending, objects = pending_migrations(files, ledger), pending_objects(files, ledger)
    problems = [*find_problems(files, ledger), *find_pending_faults(files, pending, objects)]
    runner, questions = None, dict[int, DbkitError]()
    if ledger.interrupted:
        key = lock_key(ledger.schema, ledger.table)
        runner = next(iter(lock_holders(connection, key)), None)
    if runner is None:
        questions = _questions(files, ledger, connection)
    return Status(
        files.system,
        applied=ledger.applied,
        # while the folder itself is wrong, nobody knows what has to be run
        pending=() if files.faults else pending,
        pending_objects=() if files.faults else objects,
        gone_objects=gone_objects(files, ledger),
        problems=_problems_of(files, [*questions.values(), *problems]),
        half_done=tuple(row for row in ledger.interrupted if row.version not in questions),
        runner=runner,
        replaced_objects=replaced_objects(files, ledger),
        ahead=ahead_of(files, ledger),
    )


def never_migrated(files: Files) -> Status:
    """Return the status of a database that has not been made yet."""
    faults = find_pending_faults(files, files.migrations, files.objects)
    return Status(
        files.system,
        pending=() if files.faults else files.migrations,
        pending_objects=() if files.faults else files.objects,
        problems=_problems_of(files, [*files.faults, *faults]),
    )


def unreadable(files: Files, error: DbkitError | psycopg.Error | OSError) -> Status:
    """Return the status of a system whose database cannot be read."""
    return Status(files.system, problems=_problems_of(files, [*files.faults, error]))


def _problems_of(files: Files, errors: Sequence[Exception]) -> tuple[Problem, ...]:
    versions = {migration.shown: migration.version for migration in files.migrations}
    return tuple(Problem.of(error, versions) for error in errors)


def pending_migrations(
    files: Files, ledger: Ledger, *, out_of_order: bool = False
) -> tuple[MigrationFile, ...]:
    """Return the migrations that come after the newest one applied.

    With `out_of_order` those before it that are not applied are returned too.
    """
    recorded = {applied.version for applied in ledger.applied}
    return tuple(
        migration
        for migration in files.migrations
        if migration.version > ledger.version
        or (out_of_order and migration.version not in recorded)
    )


def ahead_of(files: Files, ledger: Ledger) -> tuple[Applied, ...]:
    """Return the migrations of a newer release, where all of this one's are applied before them.

    An older release runs beside a newer database in the middle of every deployment.
    """
    recorded = {applied.file for applied in ledger.applied}
    if files.versions and all((file.version, file.name) in recorded for file in files.migrations):
        return tuple(
            applied
            for applied in ledger.applied
            if applied.version > files.latest and not applied.by_hand
        )
    return ()


def pending_objects(
    files: Files, ledger: Ledger, stands: Stage | None = None
) -> tuple[ObjectFile, ...]:
    """Return the object files that have to be applied; a newer release knows them better.

    `stands` is where the database will stand, if not where it stands now.
    """
    if ahead_of(files, ledger):
        return ()
    applied = {entry.path: entry for entry in ledger.objects}
    as_made = ledger.present - ledger.replaced
    stands = stands or Stage(ledger.version, len(ledger.applied))
    return tuple(
        file for file in files.objects if is_object_pending(file, applied, as_made, stands)
    )


def objects_to_apply(
    files: Files, ledger: Ledger, migrations: Sequence[MigrationFile]
) -> tuple[ObjectFile, ...]:
    """Return the object files that a run of migrations has to apply.

    Rights are granted again with every other file: an object that is made anew has none yet.
    """
    version = max([ledger.version, *(migration.version for migration in migrations)])
    stands = Stage(version, len(ledger.applied) + len(migrations))
    pending = pending_objects(files, ledger, stands)
    rights = {entry.path for entry in ledger.objects if entry.type == RIGHTS and pending}
    return tuple(file for file in files.objects if file in pending or file.path.name in rights)


def is_object_pending(
    file: ObjectFile,
    applied: Mapping[str, AppliedObject],
    as_made: Container[tuple[str, str]],
    stands: Stage,
) -> bool:
    """Say whether a file was never applied, or was edited since, or its object is not as made.

    Rights are to be granted again where the database does not stand where it stood.
    """
    entry = applied.get(file.path.name)
    if file.since > stands.version:
        return False
    if entry is None or entry.checksum != file.checksum:
        return True
    return entry.identity != str(stands) if entry.type == RIGHTS else entry.key not in as_made


def replaced_objects(files: Files, ledger: Ledger) -> tuple[AppliedObject, ...]:
    """Return the objects that are in the database, and not as their files make them."""
    names = {file.path.name for file in files.objects}
    return tuple(
        entry for entry in ledger.objects if entry.path in names and entry.key in ledger.replaced
    )


def gone_objects(files: Files, ledger: Ledger) -> tuple[AppliedObject, ...]:
    """Return the objects in the database whose file is gone; a newer release may have it."""
    if ahead_of(files, ledger):
        return ()
    names = {file.path.name for file in files.objects}
    return tuple(
        entry
        for entry in ledger.objects
        if entry.path not in names and (entry.type == RIGHTS or entry.key in ledger.present)
    )


def what_is_gone(entry: AppliedObject, migrate: str) -> str:
    """Say what is there of a file that is gone, and what to do; `migrate` is the command."""
    if entry.type == RIGHTS:
        return (
            f"{entry.path} is gone, and what it granted stays; take that back with `revoke` in a "
            f"migration, and forget the file with: {migrate} --drop-gone"
        )
    return (
        f"{entry.type} {entry.identity} was made by {entry.path}, which is gone; "
        f"drop it with: {migrate} --drop-gone"
    )


def read_kept_texts(files: Files, connection: psycopg.Connection, version: int) -> KeptTexts:
    """Return the texts of an applied migration as the ledger has them."""
    ledger = read_ledger(connection, files.system, files.versions)
    kept = read_texts(connection, ledger, [version]).get(version)
    if kept is None:
        applied = any(applied.version == version for applied in ledger.applied)
        raise NoTextKept(files.system, version, applied)
    return kept


def base_problems(files: Files, folder: Path, ref: str) -> tuple[Problem, ...]:
    """Return what is wrong with the migrations beside those of another branch, as git has them."""
    # git is asked for nothing else
    from dbkit.migrations.basebranch import find_base_faults  # noqa: PLC0415

    return _problems_of(files, find_base_faults(files, folder, ref))


def find_pending_faults(
    files: Files, migrations: Sequence[MigrationFile], objects: Sequence[ObjectFile]
) -> list[DbkitError]:
    """Read the files that are to be run, and return every fault in them."""
    if not migrations and not objects:
        return []
    # loaded only when there is something to read
    from dbkit.migrations.script import find_faults  # noqa: PLC0415

    return find_faults(migrations, objects, files.versions)


def find_problems(files: Files, ledger: Ledger) -> list[DbkitError]:
    """Return everything that is wrong with the folder, and between it and the database."""
    if not ledger.exists:
        return [*files.faults, *_without_ledger(files, ledger)]
    return [
        *files.faults,
        *_applied_and_changed(files, ledger),
        *_recorded_elsewhere(files, ledger),
    ]


def _without_ledger(files: Files, ledger: Ledger) -> Iterator[DbkitError]:
    if not ledger.schema:
        yield NoSchema(ledger.database)
    marked = len(files.versions.keys() & set(ledger.marks))
    if ledger.relations or marked:
        yield NotEmpty(files.system, ledger.database, ledger.relations, marked)
    for other in ledger.others:
        if other.applied and all(_is_of(files, applied) for applied in other.applied):
            yield RenamedSystem(files.system, other.system, other.table)


def _is_of(files: Files, applied: Applied) -> bool:
    """Say whether an applied migration is one of these files, by number, name and SQL."""
    return any(
        not was_edited(file, applied)
        for file in files.migrations
        if (file.version, file.name) == applied.file
    )


def _questions(
    files: Files, ledger: Ledger, connection: psycopg.Connection
) -> dict[int, DbkitError]:
    """Return what a person must answer before half-done migrations go on, by their versions."""
    # loaded only when there is something to judge
    from dbkit.migrations.outcomes import open_question  # noqa: PLC0415

    found: dict[int, DbkitError] = {}
    for row in ledger.interrupted:
        if row.direction == "apply" and row.name not in files.versions:
            found[row.version] = HalfDoneElsewhere(
                row.version, row.name, row.done, row.statements, row.direction
            )
        elif question := open_question(connection, files.system, row):
            found[row.version] = question
    return found


def _applied_and_changed(files: Files, ledger: Ledger) -> Iterator[DbkitError]:
    system = files.system
    by_name = {migration.name: migration for migration in files.migrations}
    by_version = {migration.version: migration for migration in files.migrations}
    ahead = {applied.version for applied in ahead_of(files, ledger)}
    moved = _find_moved(files, ledger)
    for applied in ledger.applied:
        if applied.version in ahead:
            continue
        # by name first: where two files have one number, only one of them was applied
        migration = by_name.get(applied.name) or by_version.get(applied.version)
        if applied.by_hand:
            path = by_version[applied.version].shown if applied.version in by_version else None
            table = f"{ledger.schema}.{ledger.table}"
            yield WrittenByHand(system, applied.version, table, path)
        elif other := moved.get(applied.version):
            yield MovedMigration(system, applied.version, other.version, applied.name, other.name)
        elif migration is None:
            yield MissingMigration(system, applied.version, applied.name)
        elif migration.name != applied.name:
            same = meaning_of(migration) == applied.meaning
            yield RenamedMigration(system, applied.version, migration.shown, applied.name, same)
        else:
            yield from _edits(system, migration, applied)
    recorded = {applied.version for applied in ledger.applied}
    for migration in files.migrations:
        if migration.version < ledger.version and migration.version not in recorded:
            yield HoleInLedger(system, migration.version, migration.shown, ledger.version)


def _find_moved(files: Files, ledger: Ledger) -> dict[int, MigrationFile]:
    """Find the files of applied migrations under other numbers, by their SQL."""
    strangers = [applied for applied in ledger.applied if applied.name not in files.versions]
    if not strangers:
        return {}
    recorded = {applied.file for applied in ledger.applied}
    meant: dict[str | None, list[MigrationFile]] = {}
    for migration in files.migrations:
        if (migration.version, migration.name) not in recorded:
            meant.setdefault(meaning_of(migration), []).append(migration)
    # of several the first
    return {
        applied.version: migration
        for applied in strangers
        for migration in reversed(meant.get(applied.meaning, []))
        if migration.version != applied.version
    }


def meaning_of(migration: MigrationFile) -> str | None:
    """Return the checksum of a file's SQL, or None where it cannot be read."""
    with suppress(SourceFault, UnusableFile):
        content = read_bytes(migration.path, migration.shown)
        return checksum(content, migration.shown).meaning
    return None


def find_repair(files: Files, ledger: Ledger, version: int) -> "Repair":
    """Find what is to be accepted so that the ledger has a file as it is now, or refuse it."""
    system = files.system
    file = next((file for file in files.migrations if file.version == version), None)
    if file is None:
        raise NothingToRepair(system, version, "no file has that number")
    applied = next((applied for applied in ledger.applied if applied.version == version), None)
    if applied is None:
        moved = _find_moved(files, ledger)
        for other in ledger.applied:
            if moved.get(other.version) == file:
                return Repair(file, other, f"the number of {file.name}, which ran as {other.name}")
        reason = f"it is not applied here; run it with: dbkit migrate {system}"
        raise NothingToRepair(system, version, reason)
    if applied.by_hand:
        return Repair(file, applied, f"the row that was written by hand for {file.name}")
    if applied.name != file.name:
        if meaning_of(file) == applied.meaning:
            return Repair(file, applied, f"the name of {file.name}, which ran as {applied.name}")
        reason = f"{applied.name}, which ran under this number, is another one than {file.name}"
        raise NothingToRepair(system, version, reason)
    if was_edited(file, applied):
        return Repair(file, applied, f"the edit of {file.name}")
    raise NothingToRepair(system, version, "its file is what ran")


class Repair(NamedTuple):
    """A difference between a file and its row in the ledger that a person accepts."""

    file: MigrationFile
    applied: Applied
    # what is accepted, in words
    what: str


def _edits(system: str, migration: MigrationFile, applied: Applied) -> Iterator[DbkitError]:
    try:
        if not was_edited(migration, applied):
            return
    except (SourceFault, UnusableFile) as fault:
        # it can no longer be read; that is the fault to mend first
        yield fault
    else:
        applied_at = f"{applied.applied_at:%Y-%m-%d %H:%M}"
        yield EditedMigration(system, applied.version, migration.shown, applied_at)


def was_edited(migration: MigrationFile, applied: Applied) -> bool:
    """Say whether the SQL of a file is another than what was applied."""
    content = read_bytes(migration.path, migration.shown)
    if exact_checksum(content) == applied.checksum:
        return False
    return checksum(content, migration.shown).meaning != applied.meaning


def _recorded_elsewhere(files: Files, ledger: Ledger) -> Iterator[DbkitError]:
    recorded = {applied.name for applied in ledger.applied}
    marked = set(ledger.marks)
    # all of one kind name one version: what is recorded up to it is there, after whichever advice
    newest = max((file.version for file in files.migrations if file.name in marked), default=0)
    below = {file.name for file in files.migrations if file.version <= newest}
    current = newest if below <= marked else None
    for migration in files.migrations:
        if migration.name in marked and migration.name not in recorded:
            yield RecordedByYoyoAlone(files.system, migration.version, migration.shown, current)
        elif migration.name in recorded and migration.name not in marked:
            yield UnmarkedByYoyo(files.system, migration.version, migration.shown, current)
