"""What reads or changes what the server has for all tenants is named, and nothing else is."""

import re

import psycopg
import pytest

from dbkit.analysis import Catalog
from dbkit.tenancy import Crossing, Ownership, find_crossings
from dbkit.tenancy.harmless import HARMLESS_CATALOGS, HARMLESS_FUNCTIONS
from dbkit.tenancy.ownership import Reach

NAMED = [
    ("select set_config('app.tenant_id', $1, true)", "set_config()"),
    ("select set_config('app.tenant_id', $1, true) where $1 = 'a'", "set_config()"),
    ("select pg_read_file('/etc/passwd')", "pg_read_file()"),
    ("select pg_read_binary_file('/etc/passwd')", "pg_read_binary_file()"),
    ("select * from pg_ls_dir('.')", "pg_ls_dir()"),
    ("select (pg_stat_file('PG_VERSION')).size", "pg_stat_file()"),
    ("select lo_get(1)", "lo_get()"),
    ("select lo_put(1, 0, 'x')", "lo_put()"),
    ("select lo_unlink(1)", "lo_unlink()"),
    ("select loread(lo_open(1, 262144), 10)", "lo_open() loread()"),
    ("select setval('numbers', 1)", "setval()"),
    ("select pg_terminate_backend(1)", "pg_terminate_backend()"),
    ("select pg_cancel_backend(1)", "pg_cancel_backend()"),
    ("select pg_reload_conf()", "pg_reload_conf()"),
    ("select pg_total_relation_size('files')", "pg_total_relation_size()"),
    ("select pg_database_size(current_database())", "pg_database_size()"),
    ("select pg_export_snapshot()", "pg_export_snapshot()"),
    ("select pg_logical_emit_message(true, 'a', 'b')", "pg_logical_emit_message()"),
    (
        "select * from pg_logical_slot_peek_changes('a', null, null)",
        "pg_logical_slot_peek_changes()",
    ),
    ("select query_to_xml($1, true, true, '')", "query_to_xml()"),
    ("select query_to_xml('select * from files', true, true, $1)", "query_to_xml()"),
    ("select table_to_xml('files', true, true, '')", "table_to_xml()"),
    ("select schema_to_xml('public', true, true, '')", "schema_to_xml()"),
    ("select database_to_xml(true, true, '')", "database_to_xml()"),
    ("select cursor_to_xml('c', 1, true, true, '')", "cursor_to_xml()"),
    ("select word from ts_stat('select to_tsvector(name) from files')", "ts_stat()"),
    ("select ts_rewrite('a', 'select ''a''::tsquery, ''b''::tsquery')", "ts_rewrite()"),
    ("select * from pg_stat_get_activity(null)", "pg_stat_get_activity()"),
    ("select pg_stat_get_live_tuples('files'::regclass)", "pg_stat_get_live_tuples()"),
    ("select currtid2('files', '(0,1)')", "currtid2()"),
    ("select * from pg_cursor()", "pg_cursor()"),
    ("select (select setval('numbers', 2)) where $1 = 'a'", "setval()"),
    ("select id from files where tenant_id = $1 order by setval('numbers', 3)", "setval()"),
    ("select most_common_vals from pg_stats", "pg_stats"),
    ("select stavalues1 from pg_statistic", "pg_statistic"),
    ("select most_common_vals from pg_stats_ext", "pg_stats_ext"),
    ("select query from pg_stat_activity", "pg_stat_activity"),
    ("select n_live_tup from pg_stat_user_tables", "pg_stat_user_tables"),
    ("select data from pg_largeobject", "pg_largeobject"),
    ("select statement from pg_cursors", "pg_cursors"),
    ("select statement from pg_prepared_statements", "pg_prepared_statements"),
    ("select * from pg_file_settings", "pg_file_settings"),
    ("select * from pg_locks", "pg_locks"),
    ("select rolpassword from pg_authid", "pg_authid"),
    ("select last_value from pg_sequences", "pg_sequences"),
    ("select last_value from numbers", "numbers"),
    ("select query from busy", "pg_stat_activity"),
    ("select * from pg_catalog.pg_stats as s where s.tablename = $1", "pg_stats"),
    ("select compiled()", "compiled()"),
]
HARMLESS = [
    "select now(), clock_timestamp(), random(), gen_random_uuid(), pg_backend_pid()",
    "select nextval('numbers'), pg_sleep(0), pg_notify('a', 'b'), txid_current()",
    "select pg_try_advisory_xact_lock(hashtext($1))",
    "select current_setting('app.tenant_id', true), current_user, current_database()",
    "select to_char(now(), 'YYYY'), date_trunc('day', now()), format('%s', 1), concat(1, 'a')",
    "select to_tsvector('english', name) @@ plainto_tsquery('a') from files where tenant_id = $1",
    "select json_agg(name), to_jsonb(count(*)) from files where tenant_id = $1",
    "select has_table_privilege('files', 'select'), 'files'::regclass, pg_typeof(1)",
    "select relname from pg_class join pg_namespace as n on n.oid = relnamespace",
    "select column_name from information_schema.columns",
    "select name, setting from pg_settings",
    "select ts_rewrite('a & b'::tsquery, 'a'::tsquery, 'c'::tsquery)",
    "select * from generate_series(1, 3), unnest(array[1, 2]) as u",
    "select array_agg(id), row_number() over () from files where tenant_id = $1 group by id",
]


@pytest.fixture
def files(empty: psycopg.Connection) -> psycopg.Connection:
    """A database with a table of tenants, and what is not a tenant's."""
    empty.execute(
        "create table files (id integer primary key, tenant_id text not null, name text);"
        "create sequence numbers;"
        "create view busy as select query from pg_stat_activity;"
        "create function compiled() returns text language internal as 'pg_current_logfile'"
    )
    return empty


def crossings_of(connection: psycopg.Connection, text: str) -> tuple[Crossing, ...]:
    return find_crossings(connection, text, ("tenant_id",), tenant="tenant_id")


@pytest.mark.parametrize(("text", "names"), NAMED, ids=[text for text, _ in NAMED])
def test_what_the_server_has_for_all_is_named(
    text: str, names: str, files: psycopg.Connection
) -> None:
    found = crossings_of(files, text)

    assert {crossing.name for crossing in found if crossing.kind == "server"} == {*names.split()}


@pytest.mark.parametrize("text", HARMLESS)
def test_what_keeps_to_its_arguments_and_its_session_is_not(
    text: str, files: psycopg.Connection
) -> None:
    assert crossings_of(files, text) == ()


def test_each_of_the_server_s_functions_is_known_or_named(files: psycopg.Connection) -> None:
    harmful = re.compile(
        r"lo(_\w+|read|write)|pg_(read|ls|stat|terminate|cancel|logical|replication|create|drop|copy|"
        r"promote|switch|wal|backup|rotate|reload|log|export|import|clear|restore|hba|ident|lock|"
        r"cursor|prepared|database|tablespace|total|table|relation|indexes)_\w+|set(_config|val)|"
        r"\w+_to_xml\w*|dblink\w*"
    )
    declared = r"pg_(table_is_visible|relation_is_\w+|database_collation_\w+|stat\w*_is_visible)"
    ownership = Ownership(Catalog(files), "tenant_id")
    rows = files.execute(
        "select oid, proname from pg_proc where oid < 16384 and provolatile <> 'i'"
        " and prorettype <> 'internal'::regtype and prokind = 'f'"
    ).fetchall()

    passing = {name for oid, name in rows if ownership.reach(oid) == Reach.NOTHING}

    known = {name for _, name in rows}
    assert passing == known & HARMLESS_FUNCTIONS
    assert {
        name for name in passing if harmful.fullmatch(name) and not re.fullmatch(declared, name)
    } == set()


def test_most_of_the_server_s_catalogs_are_declarations(files: psycopg.Connection) -> None:
    rows = files.execute(
        "select relname from pg_class where relnamespace = 'pg_catalog'::regnamespace"
        " and relkind in ('r', 'v')"
    ).fetchall()
    names = {name for (name,) in rows}

    named = names - HARMLESS_CATALOGS

    assert len(names & HARMLESS_CATALOGS) > len(names) / 3
    assert {
        name for name in names if name.startswith("pg_stat") and name != "pg_statistic_ext"
    } <= (named)


OF_EXTENSIONS = [
    ("dblink", "select * from dblink('', 'select 1') as t (a integer)", True),
    ("dblink", "select dblink_connect('a')", True),
    ("tablefunc", "select * from crosstab('select 1') as t (a text)", True),
    ("tablefunc", "select normal_rand(1, 2, 3)", False),
    ("pageinspect", "select get_raw_page('files', 0)", True),
    ("pg_stat_statements", "select query from pg_stat_statements", True),
    ("pgcrypto", "select gen_random_bytes(1), gen_salt('bf'), crypt('a', 'b')", False),
    ("pg_trgm", "select 'a' % 'b', similarity('a', 'b'), show_trgm('a')", False),
    ("citext", "select 'a'::citext = 'B', lower('a'::citext)", False),
]


@pytest.mark.parametrize(("extension", "text", "is_named"), OF_EXTENSIONS)
def test_of_extensions_what_reads_more_than_its_arguments_is_named(
    extension: str, text: str, is_named: bool, files: psycopg.Connection
) -> None:
    try:
        files.execute(f"create extension {extension}".encode())
    except psycopg.Error:
        pytest.skip(f"this PostgreSQL has no {extension}")

    assert [crossing.kind for crossing in crossings_of(files, text)] == ["server"] * is_named
