"""Say where a database stands: what it has, what it lacks, and what does not fit."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from dbkit.errors import DbkitError, MigrationError
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

    @classmethod
    def of(cls, error: Exception) -> "Problem":
        """Make a problem of an error."""
        kind = getattr(error, "kind", "unreachable")
        told = getattr(error, "__notes__", None) or [str(error).strip()]
        return cls(kind, getattr(error, "version", None), "; ".join(told))


class Files(NamedTuple):
    """What the folders of a system hold."""

    system: str
    migrations: tuple[MigrationFile, ...]
    objects: tuple[ObjectFile, ...]

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
    """Read what the folders of a system hold, or refuse them."""
    return Files(
        system.name, find_migrations(system.migrations, root), find_objects(system.sql, root)
    )


def read_status(files: Files, connection: psycopg.Connection) -> Status:
    """Hold the files against the database; reads only, and waits for nobody."""
    try:
        ledger = read_ledger(connection)
    except MigrationError as error:
        return Status(files.system, problems=(Problem.of(error),))
    problems = find_problems(files.system, files.migrations, ledger)
    return Status(
        files.system,
        applied=ledger.applied,
        pending=pending_migrations(files.migrations, ledger),
        pending_objects=pending_objects(files.objects, ledger),
        gone_objects=gone_objects(files.objects, ledger),
        problems=tuple(Problem.of(problem) for problem in problems),
    )


def never_migrated(files: Files) -> Status:
    """Return the status of a database that has not been made yet."""
    return Status(files.system, pending=files.migrations, pending_objects=files.objects)


def unreadable(name: str, error: DbkitError | psycopg.Error) -> Status:
    """Return the status of a system whose files or database cannot be read."""
    return Status(name, problems=(Problem.of(error),))


def pending_migrations(
    migrations: Sequence[MigrationFile], ledger: Ledger
) -> tuple[MigrationFile, ...]:
    """Return the migrations that come after what the database has."""
    return tuple(migration for migration in migrations if migration.version > ledger.version)
