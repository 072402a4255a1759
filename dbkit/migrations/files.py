"""Find the migrations of a folder and put them in order, or refuse the folder."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from dbkit.errors import MigrationError
from dbkit.migrations.errors import DuplicateVersion, GapInVersions, UnusableFile

# ASCII alone: a locale may not be able to spell anything else
_STEM = re.compile(r"(\d{1,9})[_-](\w[\w-]*)", re.ASCII)
_ROLLBACK = ".rollback.sql"
_LARGE = 1 << 20


class MigrationFile(NamedTuple):
    """One migration: its number, its name (yoyo's id) and where its two halves lie."""

    version: int
    name: str
    path: Path
    shown: str

    @property
    def rollback(self) -> Path:
        """Where the statements that undo it lie, or would."""
        return self.path.with_name(self.name + _ROLLBACK)

    @property
    def shown_rollback(self) -> str:
        """The rollback's path as messages show it."""
        return self.shown.removesuffix(".sql") + _ROLLBACK

    @property
    def description(self) -> str:
        """The name in words, as the documented `schema_version.description` holds it."""
        return self.name.partition("_")[2].replace("_", " ").capitalize() or self.name


class Checksum(NamedTuple):
    """What a file said: to the byte, and apart from its comments and white space."""

    exact: str
    meaning: str


def find_migrations(
    folder: Path, root: Path
) -> tuple[tuple[MigrationFile, ...], tuple[MigrationError, ...]]:
    """Return the migrations of a folder in the order of their numbers, and every fault of it.

    Anything that might be meant as a migration and is not one is a fault: a file
    passed over in silence is a change that never reaches a database.
    """
    migrations: list[MigrationFile] = []
    rollbacks: dict[str, str] = {}
    faults: list[MigrationError] = []
    unusable: set[str] = set()
    try:
        paths = _sql_and_python(folder, root)
    except UnusableFile as fault:
        return (), (fault,)
    for path in paths:
        shown = shown_path(path, root)
        if path.name.endswith(_ROLLBACK):
            rollbacks[path.name.removesuffix(_ROLLBACK)] = shown
            continue
        try:
            migrations.append(migration_file(path, shown))
        except UnusableFile as fault:
            faults.append(fault)
            unusable.add(path.stem)
    migrations.sort(key=lambda migration: migration.version)
    faults += _disorder(migrations)
    known = {migration.name for migration in migrations} | unusable
    faults += (
        UnusableFile(
            shown, f"there is no {stem}.sql that it could undo; bring it back, or remove this file"
        )
        for stem, shown in rollbacks.items()
        if stem not in known
    )
    return tuple(migrations), tuple(faults)


def migration_file(path: Path, shown: str | None = None) -> MigrationFile:
    """Take one file for a migration, or refuse it by name."""
    shown = shown or str(path)
    if path.suffix == ".py":
        raise UnusableFile(shown, "a migration is SQL here; write it as NNNN_name.sql")
    if path.stem.startswith("post-apply"):
        raise UnusableFile(
            shown,
            "post-apply files are not run; views, functions and triggers belong into "
            "sql/<system>/_objects/",
        )
    match = _STEM.fullmatch(path.stem)
    if match is None:
        raise UnusableFile(shown, "a migration is named NNNN_name.sql, such as 0007_add_index.sql")
    return MigrationFile(int(match[1]), path.stem, path, shown)


def shown_path(path: Path, root: Path) -> str:
    """Return a path as messages show it: from the project's root where it lies below it."""
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def exact_checksum(content: bytes) -> str:
    """Return the checksum of a file's bytes."""
    return hashlib.sha256(content).hexdigest()


def checksum(content: bytes, shown: str) -> Checksum:
    """Return both checksums of a file: of its bytes, and of what it means.

    A file of megabytes is data, which nobody reformats: it means its bytes.
    """
    exact = exact_checksum(content)
    if len(content) > _LARGE:
        return Checksum(exact, exact)
    # nothing pending and nothing edited: then nothing has to be read as SQL
    from dbkit.sqltext import decode, normalise  # noqa: PLC0415

    meaning = normalise(decode(content, shown), path=shown)
    return Checksum(exact, exact_checksum(meaning.encode()))


def read_bytes(path: Path, shown: str) -> bytes:
    """Return what a file holds, or say why it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnusableFile(shown, f"cannot be read: {error.strerror}") from error


def _sql_and_python(folder: Path, root: Path) -> list[Path]:
    shown = shown_path(folder, root)
    try:
        entries = sorted(folder.iterdir())
    except FileNotFoundError:
        raise UnusableFile(
            shown,
            "this folder does not exist; make the first migration with: dbkit new SYSTEM NAME",
        ) from None
    except NotADirectoryError:
        raise UnusableFile(
            shown,
            "is not a folder; remove the file, or name another folder in pyproject.toml",
        ) from None
    except OSError as error:
        raise UnusableFile(shown, f"cannot be read: {error.strerror}") from error
    return [
        entry
        for entry in entries
        if entry.suffix in {".sql", ".py"} and not entry.name.startswith((".", "__"))
    ]


def _disorder(migrations: Sequence[MigrationFile]) -> Iterator[MigrationError]:
    """Find numbers that are taken twice, or do not follow the one before; each gap once."""
    previous: MigrationFile | None = None
    expected = 1
    for migration in migrations:
        if previous is not None and migration.version == previous.version:
            yield DuplicateVersion(migration.version, (previous.shown, migration.shown))
        elif migration.version == 0:
            yield UnusableFile(migration.shown, "numbers start at 1")
        elif migration.version != expected:
            yield GapInVersions(migration.version, migration.shown, expected)
        previous = migration
        expected = migration.version + 1
