"""Write backups with a description of what they hold, and remove old ones."""

import fcntl
import hashlib
import json
import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from dbkit.operations.databases import creation_options
from dbkit.operations.errors import BackupRunning, DamagedBackup
from dbkit.operations.programs import Programs, ShowStep
from dbkit.operations.schema import read_schema

DEFAULT_KEEP_DAYS = 7
_TABLES = """
select
    format('%I.%I', namespace.nspname, class.relname),
    namespace.nspname,
    class.relname
from pg_class as class
inner join pg_namespace as namespace on namespace.oid = class.relnamespace
where
    class.relkind = 'r'
    and namespace.nspname not in ('pg_catalog', 'information_schema')
    and namespace.nspname !~ '^pg_(toast|temp)'
order by 1
"""
_LARGE_OBJECTS = "select count(*) from pg_largeobject_metadata"
# none of those that initdb makes is there, which every server has
_ROLES = """
select distinct pg_get_userbyid(entry.refobjid)::text as name
from pg_shdepend as entry
inner join pg_database as database on database.oid = entry.dbid
where
    database.datname = current_database()
    and entry.refclassid = 'pg_authid'::regclass
order by name
"""
_DATABASE = "select current_database(), current_setting('server_version')"
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Backup:
    """The description of one backup: which archive of pg_dump it is, and what it holds."""

    system: str
    file: str
    made_at: str
    bytes: int
    sha256: str
    database: str
    # the `create database` options that make a database like the one backed up
    like: dict[str, str]
    server: str
    rows: dict[str, int]
    schema: dict[str, str]
    # who owns something in it, or has rights or a policy; an earlier dbkit did not look
    roles: list[str] = field(default_factory=list[str])

    @property
    def time(self) -> datetime:
        """When the backup was made."""
        return datetime.fromisoformat(self.made_at)


class Shelf(NamedTuple):
    """The backups of one system in one folder."""

    folder: Path
    system: str

    def find(self) -> list[Backup]:
        """Return the backups that have an archive, the newest first."""
        backups = [backup for backup in self._described() if self.archive(backup).is_file()]
        return sorted(backups, key=lambda backup: backup.made_at, reverse=True)

    def clean(self) -> None:
        """Remove the files that an interrupted backup left."""
        for unfinished in self.folder.glob(f".{self.system}-*.partial"):
            unfinished.unlink()
        for backup in self._described():
            if not self.archive(backup).exists():
                self.description(backup).unlink()

    def archive(self, backup: Backup) -> Path:
        """Return the path of a backup's archive."""
        return self.folder / backup.file

    def check(self, backup: Backup) -> None:
        """Refuse an archive that is not the file that was written."""
        path = self.archive(backup)
        size = path.stat().st_size
        if size != backup.bytes:
            raise DamagedBackup(str(path), f"it has {size:,} bytes of {backup.bytes:,}")
        if digest(path) != backup.sha256:
            raise DamagedBackup(str(path), "its checksum differs")

    def remove_old(self, days: int = DEFAULT_KEEP_DAYS) -> list[Backup]:
        """Remove backups older than so many days, but never the newest undamaged one."""
        backups = self.find()
        newest = next((backup for backup in backups if self._is_sound(backup)), None)
        if newest is None:
            return []
        oldest = datetime.now(UTC) - timedelta(days=days)
        removed = [
            backup for backup in backups if backup.time < oldest and backup.file != newest.file
        ]
        for backup in removed:
            # the archive first: the next backup removes a description without an archive
            self.archive(backup).unlink(missing_ok=True)
            self.description(backup).unlink(missing_ok=True)
        return removed

    def description(self, backup: Backup) -> Path:
        """Return the path of a backup's description."""
        return self.folder / f"{backup.file.removesuffix('.dump')}.json"

    def _described(self) -> list[Backup]:
        backups: list[Backup] = []
        for path in self.folder.glob(f"{self.system}-*.json"):
            with suppress(OSError, ValueError, TypeError):
                backup = Backup(**json.loads(path.read_text(encoding="utf-8")))
                # the archive stands beside its description: another file is not ours to remove
                if backup.system == self.system and backup.file == f"{path.stem}.dump":
                    backups.append(backup)
        return backups

    def _is_sound(self, backup: Backup) -> bool:
        try:
            self.check(backup)
        except DamagedBackup:
            return False
        return True


def write_backup(
    connection: psycopg.Connection[Any], url: str, shelf: Shelf, programs: Programs
) -> Backup:
    """Write a backup of a database: a compressed archive and a description beside it.

    The rows are counted in the same snapshot that is dumped. The archive gets its name last, when
    it is complete and described, so a backup that was interrupted is never taken for a good one.
    """
    folder, system = shelf
    _make_folder(folder)
    with _lock(folder):
        shelf.clean()
        now = datetime.now(UTC)
        name = f"{system}-{now:%Y%m%dT%H%M%S}.{now.microsecond // 1000:03}Z.dump"
        partial = folder / f".{name}.partial"
        try:
            facts = _dump(connection, url, partial, programs)
            _sync(partial)
            backup = Backup(
                system=system,
                file=name,
                made_at=now.isoformat(timespec="milliseconds"),
                bytes=partial.stat().st_size,
                sha256=digest(partial),
                **facts,
            )
            _describe(shelf, backup)
            partial.rename(folder / name)
            _sync(folder)
        finally:
            partial.unlink(missing_ok=True)
    return backup


def count_rows(connection: psycopg.Connection[Any], show_step: ShowStep) -> dict[str, int]:
    """Count the rows of every table in the connection's snapshot."""
    counts: dict[str, int] = {}
    with connection.cursor(row_factory=tuple_row) as cursor:
        for shown, schema, table in cursor.execute(_TABLES).fetchall():
            show_step(f"counting {shown}")
            count = sql.SQL("select count(*) from only {}").format(sql.Identifier(schema, table))
            [(counts[shown],)] = cursor.execute(count).fetchall()
        [(large,)] = cursor.execute(_LARGE_OBJECTS).fetchall()
    if large:
        counts["large objects"] = large
    return counts


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, as `sha256sum` prints it."""
    sha256 = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            sha256.update(chunk)
    return sha256.hexdigest()


def _dump(
    connection: psycopg.Connection[Any], url: str, path: Path, programs: Programs
) -> dict[str, Any]:
    program = programs.find("pg_dump", connection.info.server_version // 10_000)
    with connection.transaction(), connection.cursor(row_factory=tuple_row) as cursor:
        cursor.execute("set transaction isolation level repeatable read, read only")
        [(snapshot,)] = cursor.execute("select pg_export_snapshot()").fetchall()
        [(database, server)] = cursor.execute(_DATABASE).fetchall()
        schema = dict(read_schema(connection, left_out=()))
        roles = [name for (name,) in cursor.execute(_ROLES)]
        rows = count_rows(connection, programs.show_step)
        options = ["--format=custom", "--verbose", f"--snapshot={snapshot}", f"--file={path}"]
        programs.run([program, *options], url)
    return {
        "database": database,
        "like": creation_options(connection),
        "server": server,
        "rows": rows,
        "schema": schema,
        "roles": roles,
    }


def _make_folder(folder: Path) -> None:
    """Create a folder that only its owner can read and that git ignores."""
    if folder.is_dir():
        return
    folder.mkdir(parents=True, mode=0o700)
    (folder / ".gitignore").write_text("*\n", encoding="utf-8")


@contextmanager
def _lock(folder: Path) -> Generator[None]:
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupRunning(str(folder)) from None
        yield


def _describe(shelf: Shelf, backup: Backup) -> None:
    path = shelf.description(backup)
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(json.dumps(asdict(backup), indent=1) + "\n", encoding="utf-8")
        _sync(partial)
    except OSError as error:
        # the error of a full disk names no file
        partial.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error
    partial.chmod(0o600)
    partial.rename(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
