"""Say where a database stands: what it has, what it lacks, and what does not fit."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from dbkit.errors import DbkitError, MigrationError, SourceFault
from dbkit.migrations.files import MigrationFile, find_migrations
from dbkit.migrations.ledger import Applied, AppliedObject, Ledger, read_ledger
from dbkit.migrations.object_files import (
    ObjectFile,
    find_objects,
    gone_objects,
    pending_objects,
)
from dbkit.migrations.problems import find_problems
from dbkit.settings import System

UP_TO_DATE, PENDING, WRONG = 0, 2, 3


class Problem(NamedTuple):
    """Something that keeps migrations from being run, as a program can read it."""

    kind: str
    version: int | None
    message: str
    # where it lies at one place of one file: that place, with its line
    fault: SourceFault | None = None

    @classmethod
    def of(cls, error: Exception, versions: Mapping[str, int]) -> "Problem":
        """Make a problem of an error; `versions` has the number of each migration by its path."""
        fault = error if isinstance(error, SourceFault) else None
        kind = getattr(error, "kind", "file" if fault else "unreachable")
        version = getattr(error, "version", None) or versions.get(getattr(error, "path", ""))
        notes = getattr(error, "__notes__", None) or [str(error).strip()]
        return cls(kind, version, "; ".join(notes), fault)


class Files(NamedTuple):
    """What the folders of a system hold."""

    system: str
    migrations: tuple[MigrationFile, ...]
    objects: tuple[ObjectFile, ...]
    # what is wrong with the folders themselves; what is in the files is read before they are run
    faults: tuple[DbkitError, ...] = ()

    @property
    def versions(self) -> dict[str, int]:
        """The number of each migration, by its name."""
        return {migration.name: migration.version for migration in self.migrations}

    @property
    def latest(self) -> int:
        """The number of the newest migration there is a file for."""
        return self.migrations[-1].version if self.migrations else 0


class Status(NamedTuple):
    """One system, its files held against its database."""

    name: str
    applied: tuple[Applied, ...] = ()
    pending: tuple[MigrationFile, ...] = ()
    pending_objects: tuple[ObjectFile, ...] = ()
    gone_objects: tuple[AppliedObject, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def version(self) -> int:
        """The number of the newest migration applied, 0 for none."""
        return self.applied[-1].version if self.applied else 0

    @property
    def exit_code(self) -> int:
        """What `dbkit status` ends with: 0 up to date, 2 pending, 3 something is wrong."""
        if self.problems:
            return WRONG
        return PENDING if self.pending or self.pending_objects else UP_TO_DATE

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
                }
                for applied in self.applied
            ],
            "pending": [
                {"version": migration.version, "name": migration.name} for migration in self.pending
            ],
            "problems": [
                {"kind": problem.kind, "version": problem.version, "message": problem.message}
                for problem in self.problems
            ],
            "objects": {
                "pending": [file.shown for file in self.pending_objects],
                "gone": [made.path for made in self.gone_objects],
            },
        }


def read_files(system: System, root: Path) -> Files:
    """Read what the folders of a system hold; their faults are told with the files."""
    migrations, faults = find_migrations(system.migrations, root)
    objects, object_faults = find_objects(system.sql, root)
    return Files(system.name, migrations, objects, (*faults, *object_faults))


def read_status(files: Files, connection: psycopg.Connection) -> Status:
    """Hold the files against the database; reads only, and waits for nobody."""
    try:
        ledger = read_ledger(connection)
    except MigrationError as error:
        return unreadable(files, error)
    pending, objects = pending_migrations(files, ledger), pending_objects(files.objects, ledger)
    problems = find_problems(files.system, files.migrations, ledger)
    return Status(
        files.system,
        applied=ledger.applied,
        # of a folder in disorder nobody knows what is to be run
        pending=() if files.faults else pending,
        pending_objects=() if files.faults else objects,
        gone_objects=gone_objects(files.objects, ledger),
        problems=_problems(files, [*problems, *find_pending_faults(files, pending, objects)]),
    )


def never_migrated(files: Files) -> Status:
    """Return the status of a database that has not been made yet."""
    return Status(
        files.system,
        pending=() if files.faults else files.migrations,
        pending_objects=() if files.faults else files.objects,
        problems=_problems(files, find_pending_faults(files, files.migrations, files.objects)),
    )


def unreadable(files: Files, error: DbkitError | psycopg.Error) -> Status:
    """Return the status of a system whose database cannot be read."""
    return Status(files.system, problems=_problems(files, [error]))


def find_pending_faults(
    files: Files, migrations: Sequence[MigrationFile], objects: Sequence[ObjectFile]
) -> list[DbkitError]:
    """Read the files that are to be run, and return every fault in them."""
    if not migrations and not objects:
        return []
    # nothing pending: then nothing has to be read as SQL
    from dbkit.migrations.script import find_script_faults  # noqa: PLC0415

    return find_script_faults(migrations, objects, files.versions)


def _problems(files: Files, errors: Sequence[Exception]) -> tuple[Problem, ...]:
    versions = {migration.shown: migration.version for migration in files.migrations}
    return tuple(Problem.of(error, versions) for error in (*files.faults, *errors))


def pending_migrations(files: Files, ledger: Ledger) -> tuple[MigrationFile, ...]:
    """Return the migrations that come after what the database has."""
    return tuple(file for file in files.migrations if file.version > ledger.version)
