"""Write a backup that says what is in it, and keep the last days of them."""

import fcntl
import hashlib
import json
import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from dbkit.errors.operations import BackupRunning, DamagedBackup
from dbkit.operations.programs import Programs, Told
from dbkit.operations.schema import read_schema

KEPT_DAYS = 7
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
_DATABASE = """
select
    current_database(),
    pg_encoding_to_char(encoding),
    datcollate,
    datctype,
    current_setting('server_version')
from pg_database
where datname = current_database()
"""
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Backup:
    """One backup: an archive of pg_dump's, and the facts it was written with."""

    system: str
    file: str
    made_at: str
    bytes: int
    sha256: str
    database: str
    encoding: str
    collate: str
    ctype: str
    server: str
    rows: dict[str, int]
    schema: dict[str, str]

    @property
    def moment(self) -> datetime:
        """When the data was as it is in there."""
        return datetime.fromisoformat(self.made_at)


class Shelf(NamedTuple):
    """The backups of one system in one folder."""

    folder: Path
    system: str

    def find(self) -> list[Backup]:
        """Return the backups whose archive is there, the newest first."""
        found: list[Backup] = []
        for path in self.folder.glob(f"{self.system}-*.json"):
            with suppress(OSError, ValueError, TypeError):
                backup = Backup(**json.loads(path.read_text(encoding="utf-8")))
                if backup.system == self.system and self.archive(backup).is_file():
                    found.append(backup)
        return sorted(found, key=lambda one: one.made_at, reverse=True)

    def archive(self, backup: Backup) -> Path:
        """Return where the data of a backup lies."""
        return self.folder / backup.file

    def check(self, backup: Backup) -> None:
        """Refuse an archive that is not the one that was written."""
        path = self.archive(backup)
        size = path.stat().st_size
        if size != backup.bytes:
            raise DamagedBackup(str(path), f"it has {size:,} bytes of {backup.bytes:,}")
        if digest(path) != backup.sha256:
            raise DamagedBackup(str(path), "its checksum differs")

    def remove_old(self, days: int = KEPT_DAYS) -> list[Backup]:
        """Remove the backups older than so many days, but never the newest that is sound."""
        there = self.find()
        newest = next((one for one in there if self._is_sound(one)), None)
        if newest is None:
            return []
        oldest = datetime.now(UTC) - timedelta(days=days)
        gone = [one for one in there if one.moment < oldest and one.file != newest.file]
        for backup in gone:
            # the description first: an archive without one is no backup, the reverse is a lie
            self.description(backup).unlink(missing_ok=True)
            self.archive(backup).unlink(missing_ok=True)
        return gone

    def description(self, backup: Backup) -> Path:
        """Return where the facts of a backup lie."""
        return self.folder / f"{backup.file.removesuffix('.dump')}.json"

    def _is_sound(self, backup: Backup) -> bool:
        try:
            self.check(backup)
        except DamagedBackup:
            return False
        return True


def write_backup(
    connection: psycopg.Connection[Any], url: str, shelf: Shelf, programs: Programs
) -> Backup:
    """Back a database up: a compressed archive, and beside it what it holds.

    The rows are counted in the very snapshot that is dumped. The archive gets its name when
    it is whole, and its description last: what has none is no backup.
    """
    folder, system = shelf
    _make_folder(folder)
    with _alone(folder):
        for unfinished in folder.glob(f".{system}-*.partial"):
            unfinished.unlink()
        now = datetime.now(UTC)
        name = f"{system}-{now:%Y%m%dT%H%M%S}.{now.microsecond // 1000:03}Z.dump"
        partial = folder / f".{name}.partial"
        try:
            facts = _dump(connection, url, partial, programs)
            _sync(partial)
            described = Backup(
                system=system,
                file=name,
                made_at=now.isoformat(timespec="milliseconds"),
                bytes=partial.stat().st_size,
                sha256=digest(partial),
                **facts,
            )
            partial.rename(folder / name)
            _describe(shelf, described)
        finally:
            partial.unlink(missing_ok=True)
    return described


def count_rows(connection: psycopg.Connection[Any], told: Told) -> dict[str, int]:
    """Count the rows of every table, as the connection's snapshot sees them."""
    counts: dict[str, int] = {}
    with connection.cursor(row_factory=tuple_row) as cursor:
        for shown, schema, table in cursor.execute(_TABLES).fetchall():
            told(f"counting {shown}")
            count = sql.SQL("select count(*) from only {}").format(sql.Identifier(schema, table))
            [(counts[shown],)] = cursor.execute(count).fetchall()
    return counts


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, as `sha256sum` writes it."""
    summed = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            summed.update(chunk)
    return summed.hexdigest()


def _dump(
    connection: psycopg.Connection[Any], url: str, path: Path, programs: Programs
) -> dict[str, Any]:
    program = programs.find("pg_dump", connection.info.server_version // 10_000)
    with connection.transaction(), connection.cursor(row_factory=tuple_row) as cursor:
        cursor.execute("set transaction isolation level repeatable read, read only")
        [(snapshot,)] = cursor.execute("select pg_export_snapshot()").fetchall()
        [(database, encoding, collate, ctype, server)] = cursor.execute(_DATABASE).fetchall()
        schema = dict(read_schema(connection, left_out=()))
        rows = count_rows(connection, programs.told)
        options = ["--format=custom", "--verbose", f"--snapshot={snapshot}", f"--file={path}"]
        programs.run([program, *options], url)
    return {
        "database": database,
        "encoding": encoding,
        "collate": collate,
        "ctype": ctype,
        "server": server,
        "rows": rows,
        "schema": schema,
    }


def _make_folder(folder: Path) -> None:
    """Make a folder that nobody else reads and git passes over."""
    if folder.is_dir():
        return
    folder.mkdir(parents=True, mode=0o700)
    (folder / ".gitignore").write_text("*\n", encoding="utf-8")


@contextmanager
def _alone(folder: Path) -> Generator[None]:
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupRunning(str(folder)) from None
        yield


def _describe(shelf: Shelf, backup: Backup) -> None:
    path = shelf.description(backup)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(json.dumps(asdict(backup), indent=1) + "\n", encoding="utf-8")
    _sync(partial)
    partial.rename(path)
    _sync(shelf.folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
