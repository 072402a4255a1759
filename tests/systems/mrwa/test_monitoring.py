"""The documented look at slow queries, where the server counts statements and where it does not."""

import subprocess

import psycopg
import pytest
from psycopg import Connection

from dbkit.server import Binaries
from dbkit.systems.mrwa import monitoring
from tests.addresses import url_of
from tests.conftest import ROOT

DOCUMENTED = """
SELECT query, mean_exec_time, calls
FROM pg_stat_statements
ORDER BY mean_exec_time DESC
LIMIT 10;
"""
FILE = ROOT / "sql" / "mrwa" / "monitoring" / "list_slow_queries.sql"


def through_psql(binaries: Binaries, url: str) -> subprocess.CompletedProcess[str]:
    command = [str(binaries.bin / "psql"), "-XAtq", "-d", url, "-f", str(FILE)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("schema", ["public", "Extensions of ours"])
def test_slow_queries_are_the_documented_ones(
    with_contrib: Connection, binaries: Binaries, schema: str
) -> None:
    with_contrib.execute(f'create schema if not exists "{schema}"'.encode())
    with_contrib.execute(f'create extension pg_stat_statements schema "{schema}"'.encode())
    with_contrib.execute(f'select pg_sleep(0.3) as "{schema}"'.encode())
    with_contrib.commit()

    ours = monitoring.list_slow_queries(with_contrib)
    by_psql = through_psql(binaries, url_of(with_contrib))

    with_contrib.execute(f'set local search_path to "{schema}"'.encode())
    theirs = with_contrib.execute(DOCUMENTED.encode()).fetchall()
    # those of the other databases are among them, and a slow one of theirs may come first
    [slept] = [each for each in ours if each.query == f'select pg_sleep($1) as "{schema}"']
    assert (slept.query, slept.mean_exec_time, slept.calls) in theirs
    assert slept.mean_exec_time > 300
    assert f"{slept.query}|" in by_psql.stdout
    assert len(ours) == len(theirs) == 10


def test_where_nothing_is_counted_the_error_says_what_to_do(
    database: Connection, binaries: Binaries
) -> None:
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState) as raised:
        monitoring.list_slow_queries(database)
    by_psql = through_psql(binaries, url_of(database))

    told = raised.value.diag.message_primary
    assert told == (
        "this database counts no statements; have an administrator add pg_stat_statements to "
        "shared_preload_libraries in postgresql.conf, restart the server, and run here: "
        "create extension pg_stat_statements"
    )
    assert f"ERROR:  {told}" in by_psql.stderr
