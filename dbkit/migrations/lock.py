"""Hold the lock that lets only one run at a time change what one ledger records."""

import hashlib
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress

import psycopg

from dbkit.migrations.errors import Locked
from dbkit.migrations.progress import Blocker, Reporter

# seconds to wait for another run, or for the lock of a table, before giving up
WAIT = 600.0
# the lock of the ledger `public.schema_version`, as of every ledger in earlier versions:
# "dbkit" in ASCII
KEY = 0x6462_6B69_74
_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 1.0
_REPORT_EVERY = 1.0
_HOLDERS = """
select
    activity.pid,
    coalesce(activity.usename, '') as username,
    coalesce(activity.application_name, '') as application,
    coalesce(regexp_replace(left(activity.query, 200), '\\s+', ' ', 'g'), '') as query,
    coalesce(extract(epoch from clock_timestamp() - activity.backend_start), 0)::float8 as seconds
from pg_locks as held
inner join pg_stat_activity as activity on activity.pid = held.pid
where
    held.locktype = 'advisory'
    and held.granted
    and held.database = (select oid from pg_database where datname = current_database())
    and (held.classid::bigint << 32) + held.objid::bigint = %s
"""


def lock_key(schema: str, table: str) -> int:
    """Return the number of a ledger's lock; the server adds the database to it."""
    if (schema, table) == ("public", "schema_version"):
        return KEY
    digest = hashlib.sha256(f"dbkit {schema}.{table}".encode()).digest()
    return int.from_bytes(digest[:8], signed=True)


@contextmanager
def migration_lock(
    connection: psycopg.Connection, reporter: Reporter, wait: float, key: int = KEY
) -> Generator[None]:
    """Hold the lock of a ledger in this database; `wait` is the maximum of seconds to wait.

    It belongs to the session, so the server frees it when the process ends, however it ends.
    """
    # polled: a session that waits in pg_advisory_lock holds a snapshot, and create index
    # concurrently waits for every snapshot, so the two would wait for each other
    began = time.monotonic()
    pause = _FIRST_PAUSE
    report_at = _REPORT_EVERY
    while not _try(connection, key):
        waited = time.monotonic() - began
        if waited >= wait:
            holders = lock_holders(connection, key)
            raise Locked(str(holders[0]) if holders else "it was just freed", waited)
        if waited >= report_at:
            reporter.waiting("for another migration run", lock_holders(connection, key), waited)
            report_at = waited + _REPORT_EVERY
        time.sleep(min(pause, wait - waited))
        pause = min(pause * 1.5, _LONGEST_PAUSE)
    try:
        yield
    finally:
        with suppress(psycopg.OperationalError):
            connection.execute("select pg_advisory_unlock(%s)", (key,))


def _try(connection: psycopg.Connection, key: int) -> bool:
    row = connection.execute("select pg_try_advisory_lock(%s)", (key,)).fetchone()
    return bool(row and row[0])


def lock_holders(connection: psycopg.Connection, key: int) -> tuple[Blocker, ...]:
    """Return the session that holds the lock, if there is one and it is still there."""
    return tuple(Blocker(*row) for row in connection.execute(_HOLDERS, (key,)))
