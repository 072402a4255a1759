"""Restore a backup into a new database, hold it against what was backed up, and swap it in."""

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
from dbkit.operations.backups import Backup, count_rows
from dbkit.operations.databases import create, drop, maintenance, url_of
from dbkit.operations.errors import NotRestored
from dbkit.operations.programs import Programs
from dbkit.operations.schema import compare, read_schema

# in bytes
_LONGEST_NAME = 63
_PAUSE = 0.05
# what belongs to a database and stands in no dump of it: its owner, its grants, its settings
_SURROUNDINGS = r"""
select format('alter database %%I owner to %%I', %(into)s::text, pg_get_userbyid(datdba))
from pg_database
where datname = %(like)s
union all
select format('revoke all on database %%I from public', %(into)s::text)
from pg_database
where
    datname = %(like)s
    and datacl is not null
union all
select format(
    'grant %%s on database %%I to %%s%%s',
    granted.privilege_type,
    %(into)s::text,
    case granted.grantee
        when 0 then 'public'
        else quote_ident(pg_get_userbyid(granted.grantee))
    end,
    case when granted.is_grantable then ' with grant option' end
)
from pg_database, aclexplode(datacl) as granted
where datname = %(like)s
union all
select format(
    'alter %%s set %%I = %%s',
    case kept.setrole
        when 0 then format('database %%I', %(into)s::text)
        else format('role %%I in database %%I', pg_get_userbyid(kept.setrole), %(into)s::text)
    end,
    given.name,
    case
        -- a list that is kept quoted: as one literal it would be one name
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
where datname = %(like)s
"""
_END_SESSIONS = """
select pg_terminate_backend(pid)
from pg_stat_activity
where
    datname = %s
    and pid <> pg_backend_pid()
"""


class Archive(NamedTuple):
    """A file of pg_dump's, and where it is known what was in the database."""

    path: Path
    backup: Backup | None = None


class Restored(NamedTuple):
    """A database that a backup was restored into."""

    database: str
    url: str
    # False where nothing says what the archive was made of
    verified: bool
    rows: int


def restore(
    url: str, archive: Archive, into: str, programs: Programs, *, jobs: int | None = None
) -> Restored:
    """Restore an archive into a new database of the server that `url` names.

    Where the archive has its description, the new database is held against it: every
    definition, every number of rows. What does not agree is dropped again.
    """
    target = url_of(url, into)
    with maintenance(url) as server:
        version = server.info.server_version // 10_000
        program = programs.find("pg_restore", version)
        create(server, into, archive.backup.like if archive.backup else {})
        try:
            parallel = jobs or min(4, os.cpu_count() or 1)
            options = ["--exit-on-error", "--verbose", f"--jobs={parallel}"]
            programs.run([program, *options, archive.path], target)
            with connect(target) as connection:
                programs.told("analyzing")
                connection.execute("analyze")
                rows = count_rows(connection, programs.told)
                if archive.backup is not None:
                    _verify(connection, archive.path, archive.backup, rows)
        except BaseException:
            drop(server, into)
            raise
    return Restored(into, target, archive.backup is not None, sum(rows.values()))


def swap(url: str, restored: str) -> str:
    """Put a restored database in the place of the one that `url` names, and return its new name.

    Both are renamed in one transaction; whoever is connected to the former one is sent away.
    """
    current = database_of(url)
    aside = name_for(current, "before")
    with maintenance(url) as server, maintenance(url) as bouncer:
        try:
            _liken(server, into=restored, like=current)
            with server.transaction(), ThreadPoolExecutor(1) as waiting:
                for old, new in ((current, aside), (restored, current)):
                    rename = sql.SQL("alter database {} rename to {}")
                    statement = rename.format(sql.Identifier(old), sql.Identifier(new))
                    # it lets nobody in, and waits for those to go who are there: as long as it
                    # does, they are sent away, and nothing is left to undo if we are stopped
                    renaming = waiting.submit(server.execute, statement)
                    while not wait([renaming], timeout=_PAUSE).done:
                        bouncer.execute(_END_SESSIONS, (old,))
                    renaming.result()
        except psycopg.Error as error:
            error.add_note(f"{restored} is there beside {current}, and neither was renamed")
            raise
    return aside


def name_for(database: str, what: str) -> str:
    """Name a database after another one, by what it is and the second it was made."""
    ending = f"_{what}_{datetime.now(UTC):%Y%m%d_%H%M%S}"
    kept = database.encode()[: _LONGEST_NAME - len(ending)].decode(errors="ignore")
    return kept + ending


def database_of(url: str) -> str:
    """Tell the name of a database, also where a service or the environment says it."""
    if name := conninfo_to_dict(url).get("dbname"):
        return str(name)
    with connect(url) as connection:
        return connection.info.dbname


def _verify(
    connection: psycopg.Connection[Any], archive: Path, backup: Backup, rows: dict[str, int]
) -> None:
    wrong = [str(one) for one in compare(backup.schema, read_schema(connection, left_out=()))]
    wrong += [
        f"{table} has {rows.get(table, 0):,} rows of {count:,}"
        for table, count in backup.rows.items()
        if rows.get(table) != count
    ]
    if wrong:
        raise NotRestored(str(archive), tuple(wrong))


def _liken(server: psycopg.Connection[Any], *, into: str, like: str) -> None:
    with server.cursor(row_factory=tuple_row) as cursor:
        found = cursor.execute(_SURROUNDINGS, {"into": into, "like": like}).fetchall()
        for (statement,) in found:
            cursor.execute(statement.encode())
