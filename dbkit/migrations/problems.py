"""Compare the files of a system with a database's ledger, and name what does not fit."""

from collections.abc import Iterator, Sequence

from dbkit.errors import DbkitError, SourceFault
from dbkit.migrations.errors import (
    EditedMigration,
    HoleInLedger,
    MissingMigration,
    NotEmpty,
    RecordedByYoyoAlone,
    RenamedMigration,
    UnfinishedMigration,
    UnmarkedByYoyo,
    UnusableFile,
)
from dbkit.migrations.files import MigrationFile, checksum, exact_checksum, read_bytes
from dbkit.migrations.ledger import Applied, Ledger


def find_problems(
    system: str, migrations: Sequence[MigrationFile], ledger: Ledger
) -> list[DbkitError]:
    """Return everything that keeps a migration from being run, the gravest first."""
    if not ledger.exists:
        return list(_without_ledger(system, migrations, ledger))
    return [
        *_unfinished(system, ledger),
        *_applied_and_changed(system, migrations, ledger),
        *_recorded_elsewhere(system, migrations, ledger),
    ]


def _without_ledger(
    system: str, migrations: Sequence[MigrationFile], ledger: Ledger
) -> Iterator[DbkitError]:
    if ledger.relations:
        names = {migration.name for migration in migrations}
        yoyo = len(names.intersection(ledger.marks))
        yield NotEmpty(system, ledger.database, ledger.relations, yoyo)


def _unfinished(system: str, ledger: Ledger) -> Iterator[DbkitError]:
    for left in ledger.interrupted:
        yield UnfinishedMigration(
            system,
            left.version,
            left.name,
            left.done,
            left.statements,
            left.direction,
            left.error,
        )


def _applied_and_changed(
    system: str, migrations: Sequence[MigrationFile], ledger: Ledger
) -> Iterator[DbkitError]:
    by_version = {migration.version: migration for migration in migrations}
    by_name = {migration.name: migration for migration in migrations}
    for applied in ledger.applied:
        # by the name first: of two files with one number, one was not applied
        migration = by_name.get(applied.name) or by_version.get(applied.version)
        if migration is None:
            yield MissingMigration(system, applied.version, applied.name)
        elif migration.name != applied.name:
            yield RenamedMigration(
                system, applied.version, migration.shown, applied.name, ledger.version
            )
        else:
            yield from _edits(system, migration, applied, ledger)
    recorded = {applied.version for applied in ledger.applied}
    for migration in migrations:
        if migration.version < ledger.version and migration.version not in recorded:
            yield HoleInLedger(system, migration.version, migration.shown, ledger.version)


def _edits(
    system: str, migration: MigrationFile, applied: Applied, ledger: Ledger
) -> Iterator[DbkitError]:
    try:
        if not _was_edited(migration, applied):
            return
    except (SourceFault, UnusableFile) as fault:
        # it can no longer be read, so it was edited, and a person looks for the fault first
        yield fault
    else:
        at = f"{applied.applied_at:%Y-%m-%d %H:%M}"
        yield EditedMigration(system, applied.version, migration.shown, at, ledger.version)


def _was_edited(migration: MigrationFile, applied: Applied) -> bool:
    content = read_bytes(migration.path, migration.shown)
    if exact_checksum(content) == applied.checksum:
        return False
    return checksum(content, migration.shown).meaning != applied.meaning


def _recorded_elsewhere(
    system: str, migrations: Sequence[MigrationFile], ledger: Ledger
) -> Iterator[DbkitError]:
    recorded = {applied.name for applied in ledger.applied}
    marked = set(ledger.marks)
    for migration in migrations:
        if migration.name in marked and migration.name not in recorded:
            yield RecordedByYoyoAlone(system, migration.version, migration.shown)
        elif migration.name in recorded and migration.name not in marked:
            yield UnmarkedByYoyo(system, migration.version, migration.shown)
