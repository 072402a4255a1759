"""Find the migrations and the object files of a system, and write the next migration."""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dbkit.errors import DbkitError, MigrationError
from dbkit.migrations.errors import (
    DuplicateVersion,
    ForeignFiles,
    GapInVersions,
    UnusableFile,
    refuse,
)
from dbkit.migrations.objecterrors import BrokenObject
from dbkit.settings import System

if TYPE_CHECKING:
    from dbkit.migrations.foreignfiles import Origin

# ASCII alone: the locale may not be able to show anything else
_STEM = re.compile(r"(\d{1,9})[_-](\w[\w-]*)", re.ASCII)
_ROLLBACK = ".rollback.sql"
# what may stand beside the files of migrations and objects, and is passed over: hidden files, what
# Python and editors leave, and documents
_PASSED_OVER = re.compile(
    r"""\..* | __(?:pycache__|init__\.py) | .*(?:~|\.bak|\.orig|\.swp) | \#.*\#
      | .*\.(?:md|rst) | (?:readme|license|codeowners)(?:\.txt)? | yoyo\.ini""",
    re.VERBOSE | re.IGNORECASE,
)
_LARGE = 1 << 20
_NAME_OF = attrgetter("name")
_OBJECTS_FOLDER = "_objects"
_AFTER = re.compile(r"^--\s*after\s*:\s*(.+?)\s*$", re.MULTILINE)
_SINCE = re.compile(r"^--\s*since\s*:\s*(.+?)\s*$", re.MULTILINE)
_LONGEST_NAME = 60
NEW_MIGRATION = "-- Why this change is made, in a sentence.\n\n"
_NEW_ROLLBACK = "-- Undoes {name}.\n\n"


class MigrationFile(NamedTuple):
    """One migration: its number, its name (yoyo's id), and the path of its file."""

    version: int
    name: str
    path: Path
    # the path as messages show it
    shown: str
    # the name of its system, unless it is yoyo's command line that reads it
    system: str = "SYSTEM"
    # the text that undoes it, where the ledger has it and the folder has no file
    kept_rollback: str | None = None

    @property
    def rollback(self) -> Path:
        """The path of the file that undoes it; that file may be missing."""
        return self.path.with_name(self.name + _ROLLBACK)

    @property
    def shown_rollback(self) -> str:
        """The path of the rollback as messages show it."""
        return self.shown.removesuffix(".sql") + _ROLLBACK

    @property
    def description(self) -> str:
        """The name in words, as the documented `schema_version.description` holds it."""
        return self.name.partition("_")[2].replace("_", " ").capitalize() or self.name


class ObjectFile(NamedTuple):
    """A file that makes one view, function, procedure, trigger or policy."""

    path: Path
    # the path as messages show it
    shown: str
    checksum: str
    # the names, without `.sql`, of the files that are applied before this one
    after: tuple[str, ...]
    # the number of the migration from which on it is applied
    since: int = 0


@dataclass(frozen=True)
class Files:
    """The files of one system that change its database."""

    system: str
    migrations: tuple[MigrationFile, ...]
    objects: tuple[ObjectFile, ...]
    # what is wrong with names, numbers and order; the text of a file is read before it is run
    faults: tuple[DbkitError, ...] = ()

    @cached_property
    def latest(self) -> int:
        """The number of the newest migration, 0 if there is none."""
        return self.migrations[-1].version if self.migrations else 0

    @cached_property
    def versions(self) -> dict[str, int]:
        """The number of each migration, by its name."""
        return {migration.name: migration.version for migration in self.migrations}


class Checksum(NamedTuple):
    """The digests of a file: of its bytes, and of its SQL without comments and white space."""

    exact: str
    meaning: str


def read_files(system: System, root: Path) -> Files:
    """Find the files of a system; what is wrong with them is in `faults`, and nothing is raised."""
    migrations, faults = _find_migrations(system, root)
    numbers = {migration.name: migration.version for migration in migrations}
    objects, object_faults = _find_objects(system.sql, root, numbers)
    return Files(system.name, migrations, objects, (*faults, *object_faults))


def write_pair(system: System, name: str, root: Path) -> tuple[str, str]:
    """Write an empty migration and its rollback, and return their paths as messages show them."""
    stem = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    if not stem or len(stem) > _LONGEST_NAME:
        raise UnusableFile(
            repr(name),
            f"a migration's name is a few words of a-z and 0-9, {_LONGEST_NAME} letters at most",
        )
    system.migrations.mkdir(parents=True, exist_ok=True)
    migrations, faults = _find_migrations(system, root)
    refuse(faults)
    migration = system.migrations / f"{len(migrations) + 1:04}_{stem}.sql"
    rollback = migration.with_suffix(".rollback.sql")
    # "x" never overwrites a file that somebody else wrote meanwhile
    with migration.open("x", encoding="utf-8") as file:
        file.write(NEW_MIGRATION)
    with rollback.open("x", encoding="utf-8") as file:
        file.write(_NEW_ROLLBACK.format(name=migration.name))
    return shown_path(migration, root), shown_path(rollback, root)


def migration_file(path: Path, shown: str | None = None, system: str = "SYSTEM") -> MigrationFile:
    """Read number and name from a file's name, or say why it is no migration."""
    shown = shown or str(path)
    stem = path.stem
    if path.suffix == ".py":
        raise UnusableFile(shown, "a migration is SQL here; write it as NNNN_name.sql")
    if stem.startswith("post-apply"):
        raise UnusableFile(
            shown,
            "post-apply files are not run; views, functions and triggers belong into "
            "sql/<system>/_objects/",
        )
    match = _STEM.fullmatch(stem)
    if match is None:
        raise UnusableFile(shown, "a migration is named NNNN_name.sql, such as 0007_add_index.sql")
    return MigrationFile(int(match[1]), stem, path, shown, system)


def shown_path(path: Path, root: Path) -> str:
    """Return a path as messages show it: relative to the project's root if it is below it."""
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def read_bytes(path: Path, shown: str) -> bytes:
    """Return the content of a file, or say why it cannot be read."""
    try:
        # there may be thousands, and pathlib takes twice as long
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123
            return file.read()
    except OSError as error:
        raise UnusableFile(shown, f"cannot be read: {error.strerror}") from error


def exact_checksum(content: bytes) -> str:
    """Return the digest of a file's bytes."""
    return hashlib.sha256(content).hexdigest()


def checksum(content: bytes, shown: str) -> Checksum:
    """Return both digests of a file.

    A file above a megabyte holds data, which nobody lays out anew: both are those of its bytes.
    """
    exact = exact_checksum(content)
    if len(content) > _LARGE:
        return Checksum(exact, exact)
    # not needed while nothing is pending and nothing was edited
    from dbkit.sqltext import decode, normalise  # noqa: PLC0415

    meaning = normalise(decode(content, shown), path=shown)
    return Checksum(exact, exact_checksum(meaning.encode()))


def _find_migrations(
    system: System, root: Path
) -> tuple[tuple[MigrationFile, ...], tuple[MigrationError, ...]]:
    """Return the migrations of a system in the order of their numbers, and all that is wrong.

    A file that might be meant as a migration and is none is a fault: if it were passed over,
    its change would never reach a database.
    """
    migrations: list[MigrationFile] = []
    rollbacks: dict[str, str] = {}
    faults: list[MigrationError] = []
    foreign: dict[Origin, list[str]] = {}
    folder = system.migrations
    try:
        paths, strays = _look_into(folder, root, system)
    except UnusableFile as fault:
        return (), (fault,)
    unusable: set[str] = set()
    # with thousands of files, pathlib would take longer than everything else here
    beside = _beside(shown_path(folder, root))
    for path in paths:
        name = path.name
        shown = beside + name
        if name.endswith(_ROLLBACK):
            rollbacks[name.removesuffix(_ROLLBACK)] = shown
            continue
        try:
            migrations.append(migration_file(path, shown, system.name))
        except UnusableFile as fault:
            if origin := _origin(name):
                foreign.setdefault(origin, []).append(shown)
            else:
                faults.append(fault)
            unusable.add(path.stem)
    faults += strays
    migrations.sort(key=lambda migration: migration.version)
    faults += _disorder(migrations)
    stems = {migration.name for migration in migrations} | unusable
    faults += (
        UnusableFile(
            shown, f"there is no {stem}.sql that it could undo; bring it back, or remove this file"
        )
        for stem, shown in rollbacks.items()
        if stem not in stems
    )
    faults += (
        ForeignFiles(shown[0], len(shown) - 1, *origin, shown_path(folder, root), system.name)
        for origin, shown in foreign.items()
    )
    return tuple(migrations), tuple(faults)


def _look_into(
    folder: Path, root: Path, system: System | None = None
) -> tuple[list[Path], list[UnusableFile]]:
    """Return the SQL and Python files of a folder, and a fault for all that has no place there."""
    shown = shown_path(folder, root)
    try:
        entries = sorted(folder.iterdir(), key=_NAME_OF)
    except FileNotFoundError:
        name = system.name if system else "SYSTEM"
        raise UnusableFile(
            shown,
            f"this folder does not exist; make the first migration with: dbkit new {name} NAME",
        ) from None
    except NotADirectoryError:
        raise UnusableFile(
            shown,
            "is not a folder; remove the file, or name another folder in pyproject.toml",
        ) from None
    except OSError as error:
        raise UnusableFile(shown, f"cannot be read: {error.strerror}") from error
    paths: list[Path] = []
    strays: list[UnusableFile] = []
    allowed = system.sql if system else None
    for entry in entries:
        name = entry.name
        if allowed and name == allowed.name and entry == allowed:
            continue
        if name.endswith((".sql", ".py")) and name[0] not in "._":
            paths.append(entry)
        elif _PASSED_OVER.fullmatch(name):
            continue
        elif name.endswith((".sql", ".py")):
            paths.append(entry)
        else:
            strays.append(UnusableFile(shown_path(entry, root), _why_stray(entry, shown)))
    return paths, strays


def _beside(shown_folder: str) -> str:
    return "" if shown_folder == "." else f"{shown_folder}{os.sep}"


def _origin(name: str) -> "Origin | None":
    # loaded only for a name that is none of a migration
    from dbkit.migrations.foreignfiles import origin_of_name  # noqa: PLC0415

    return origin_of_name(name)


def _why_stray(entry: Path, folder: str) -> str:
    if entry.is_dir():
        return f"is a folder, and only the files in {folder} itself are read; move it elsewhere"
    if entry.suffix.lower() == ".sql":
        return f"the ending .sql is written in small letters; rename it to {entry.stem}.sql"
    return "is no .sql file, so it would never be run; give it that ending, or move it elsewhere"


def _disorder(migrations: Sequence[MigrationFile]) -> Iterator[MigrationError]:
    """Find numbers that are taken twice or do not follow the one before; each gap once."""
    previous: MigrationFile | None = None
    expected = 1
    for migration in migrations:
        if previous is not None and migration.version == previous.version:
            yield DuplicateVersion(
                migration.version, (previous.shown, migration.shown), migration.system
            )
        elif migration.version == 0:
            yield UnusableFile(migration.shown, "numbers start at 1")
        elif migration.version != expected:
            yield GapInVersions(migration.version, migration.shown, expected, migration.system)
        previous = migration
        expected = migration.version + 1


def _find_objects(
    sql_folder: Path, root: Path, numbers: Mapping[str, int]
) -> tuple[tuple[ObjectFile, ...], tuple[MigrationError, ...]]:
    """Return the object files of a system in the order of their names, and all that is wrong.

    `numbers` has the number of each migration by its name.
    """
    files: list[ObjectFile] = []
    faults: list[MigrationError] = []
    folder = sql_folder / _OBJECTS_FOLDER
    if not folder.is_dir():
        return (), ()
    try:
        paths, strays = _look_into(folder, root)
    except UnusableFile as fault:
        return (), (fault,)
    faults += strays
    for path in paths:
        shown = shown_path(path, root)
        if path.suffix == ".py":
            faults.append(UnusableFile(shown, "an object is SQL here; write it as NAME.sql"))
            continue
        try:
            content = read_bytes(path, shown)
        except UnusableFile as fault:
            faults.append(fault)
            continue
        text = content.decode(errors="replace")
        after, since = _AFTER.search(text), _SINCE.search(text)
        names = tuple(after[1].replace(",", " ").split()) if after else ()
        if since and since[1] not in numbers:
            reason = f"is to be applied since {since[1]}, and no migration is called that"
            faults.append(BrokenObject(shown, reason))
            continue
        number = numbers[since[1]] if since else 0
        files.append(ObjectFile(path, shown, exact_checksum(content), names, number))
    faults += _unknown_order(files)
    return tuple(files), tuple(faults)


def _unknown_order(files: Sequence[ObjectFile]) -> Iterator[BrokenObject]:
    stems = {file.path.stem for file in files}
    for file in files:
        for name in file.after:
            if name not in stems:
                yield BrokenObject(
                    file.shown, f"is to come after {name!r}, and there is no {name}.sql beside it"
                )
            elif name == file.path.stem:
                yield BrokenObject(file.shown, "is to come after itself")
