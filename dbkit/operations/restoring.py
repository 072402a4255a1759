"""Restore a backup into a new database, compare it with the backup, and swap it in."""

import os
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import tuple_row

from dbkit.database import connect
from dbkit.operations.backups import Backup, Shelf, count_rows
from dbkit.operations.databases import create, drop, maintenance, url_of
from dbkit.operations.errors import MissingRoles, NoBackup, NotAnArchive, NotRestored
from dbkit.operations.programs import Programs
from dbkit.operations.schema import compare, read_schema

# of an identifier, in bytes
_MAX_NAME = 63
_PAUSE = 0.05
# the first bytes of every archive in pg_dump's custom format
_MAGIC = b"PGDMP"
# the properties of a database that a dump does not contain: its owner, grants and settings
_OWNER_GRANTS_SETTINGS = r"""
select format('alter database %%I owner to %%I', %(restored)s::text, pg_get_userbyid(datdba))
from pg_database
where datname = %(former)s
union all
select format('revoke all on database %%I from public', %(restored)s::text)
from pg_database
where
    datname = %(former)s
    and datacl is not null
union all
select format(
    'grant %%s on database %%I to %%s%%s',
    granted.privilege_type,
    %(restored)s::text,
    case granted.grantee
        when 0 then 'public'
        else quote_ident(pg_get_userbyid(granted.grantee))
    end,
    case when granted.is_grantable then ' with grant option' end
)
from pg_database, aclexplode(datacl) as granted
where datname = %(former)s
union all
select format(
    'alter %%s set %%I = %%s',
    case kept.setrole
        when 0 then format('database %%I', %(restored)s::text)
        else format('role %%I in database %%I', pg_get_userbyid(kept.setrole), %(restored)s::text)
    end,
    given.name,
    case
        -- a setting that is a list of quoted names: as one literal it would be one name
        when
            given.name in (
                'local_preload_libraries', 'search_path', 'session_preload_libraries',
                'shared_preload_libraries', 'temp_tablespaces', 'unix_socket_directories'
            )
            then (
                select string_agg(
                    quote_literal(coalesce(item[1], replace(item[2], '""', '"'))), ', '
                )
                from regexp_matches(given.value, '([^",\s]+)|"((?:[^"]|"")*)"', 'g') as found (item)
            )
        else quote_literal(given.value)
    end
)
from pg_database
inner join pg_db_role_setting as kept on kept.setdatabase = pg_database.oid
cross join unnest(kept.setconfig) as setting
cross join lateral (
    values (split_part(setting, '=', 1), substr(setting, strpos(setting, '=') + 1))
) as given (name, value)
where datname = %(former)s
"""
_END_SESSIONS = """
select pg_terminate_backend(pid)
from pg_stat_activity
where
    datname = %s
    and pid <> pg_backend_pid()
"""


class Archive(NamedTuple):
    """An archive of pg_dump, and its description if there is one."""

    path: Path
    backup: Backup | None = None


def find_archive(shelf: Shelf, file: Path | None = None) -> Archive:
    """Return the newest backup on a shelf, or the archive in a file; a damaged one is refused."""
    if file is None:
        backups = shelf.find()
        if not backups:
            raise NoBackup(shelf.system, str(shelf.folder))
        shelf.check(backups[0])
        return Archive(shelf.archive(backups[0]), backups[0])
    beside = Shelf(file.parent, shelf.system)
    for backup in beside.find():
        if backup.file == file.name:
            beside.check(backup)
            return Archive(file, backup)
    with file.open("rb") as content:
        if content.read(len(_MAGIC)) != _MAGIC:
            raise NotAnArchive(str(file))
    return Archive(file)


class RestoredDatabase(NamedTuple):
    """A new database with the content of a backup."""

    database: str
    url: str
    # False if the archive has no description to compare the database with
    verified: bool
    rows: int


def restore(
    url: str, archive: Archive, into: str, programs: Programs, *, jobs: int | None = None
) -> RestoredDatabase:
    """Restore an archive into a new database on the server of `url`.

    If the archive has a description, the new database is compared with it: every definition and
    the number of rows of every table. If they differ, the new database is dropped again.
    """
    target = url_of(url, into)
    with maintenance(url) as server:
        version = server.info.server_version // 10_000
        program = programs.find("pg_restore", version)
        if archive.backup is not None:
            _refuse_without_roles(server, archive.path, archive.backup)
        create(server, into, archive.backup.like if archive.backup else {})
        try:
            parallel = jobs or min(4, os.cpu_count() or 1)
            options = ["--exit-on-error", "--verbose", f"--jobs={parallel}"]
            programs.run([program, *options, archive.path], target)
            with connect(target) as connection:
                programs.show_step("analyzing")
                connection.execute("analyze")
                rows = count_rows(connection, programs.show_step)
                if archive.backup is not None:
                    _verify(connection, archive.path, archive.backup, rows)
        except BaseException:
            drop(server, into)
            raise
    return RestoredDatabase(into, target, archive.backup is not None, sum(rows.values()))


def _refuse_without_roles(server: psycopg.Connection[Any], path: Path, backup: Backup) -> None:
    """Refuse a server without the roles of a backup; pg_restore would after it loaded the rows."""
    with server.cursor(row_factory=tuple_row) as cursor:
        present = {name for (name,) in cursor.execute("select rolname::text from pg_roles")}
    if missing := [role for role in backup.roles if role not in present]:
        raise MissingRoles(str(path), tuple(missing))


def swap(url: str, restored: str) -> str:
    """Give a restored database the name of the one at `url`, and return the new name of that.

    Both are renamed in one transaction. Sessions of the former database are ended.
    """
    current = database_name(url)
    former = copy_name(current, "before")
    with maintenance(url) as server, maintenance(url) as second_session:
        try:
            _copy_owner_grants_settings(server, former=current, restored=restored)
            with server.transaction(), ThreadPoolExecutor(1) as executor:
                for old, new in ((current, former), (restored, current)):
                    rename = sql.SQL("alter database {} rename to {}")
                    statement = rename.format(sql.Identifier(old), sql.Identifier(new))
                    # `rename` keeps new sessions out and waits until the present ones end; they
                    # are ended while it waits, so nothing is left to undo if we are stopped
                    renaming = executor.submit(server.execute, statement)
                    while not wait([renaming], timeout=_PAUSE).done:
                        second_session.execute(_END_SESSIONS, (old,))
                    renaming.result()
        except psycopg.Error as error:
            error.add_note(f"neither {current} nor the restored {restored} was renamed")
            raise
    return former


def copy_name(database: str, what: str) -> str:
    """Return a name for a copy of a database, as in "mrwa_restored_20261120_214500"."""
    suffix = f"_{what}_{datetime.now(UTC):%Y%m%d_%H%M%S}"
    kept = database.encode()[: _MAX_NAME - len(suffix)].decode(errors="ignore")
    return kept + suffix


def database_name(url: str) -> str:
    """Return the name of a database, even if a service file or the environment sets it."""
    if name := conninfo_to_dict(url).get("dbname"):
        return str(name)
    with connect(url) as connection:
        return connection.info.dbname


def _verify(
    connection: psycopg.Connection[Any], archive: Path, backup: Backup, rows: dict[str, int]
) -> None:
    schema = read_schema(connection, left_out=())
    differences = [str(difference) for difference in compare(backup.schema, schema)]
    differences += [
        f"{table} has {rows.get(table, 0):,} rows of {count:,}"
        for table, count in backup.rows.items()
        if rows.get(table) != count
    ]
    if differences:
        raise NotRestored(str(archive), tuple(differences))


def _copy_owner_grants_settings(
    server: psycopg.Connection[Any], *, former: str, restored: str
) -> None:
    names = {"former": former, "restored": restored}
    with server.cursor(row_factory=tuple_row) as cursor:
        for (statement,) in cursor.execute(_OWNER_GRANTS_SETTINGS, names).fetchall():
            cursor.execute(statement.encode())
