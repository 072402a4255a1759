"""`dbkit adopt` finds where a database stands that another tool made, and runs nothing on it."""

import json
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from click.testing import CliRunner, Result

from dbkit.cli.app import cli
from dbkit.database import connect
from dbkit.operations.databases import create, creation_options, maintenance, scratch, url_of
from dbkit.operations.schema import compare, read_schema
from dbkit.systems.mrwa import accounts
from dbkit.systems.mrwa.session_renewal import OpenedSession, RefusedRenewal, renew_session
from dbkit.systems.myloware import artifacts
from tests.cli.seen import refusal
from tests.conftest import ROOT, skip_without_vector
from tests.project import Project

_DOCUMENTED = ROOT / "tests" / "files" / "adopting"
_ORDERS = "create table orders (id integer primary key, note text);"
_PRICE = "alter table orders add column price numeric not null default 0;"
_INDEX = "create index orders_note on orders (note);"
_RECORD = {
    "alembic": "create table alembic_version as select '2'::text as version_num",
    "golang-migrate": "create table schema_migrations as select 2 as version, false as dirty",
}
_LOOSE_ROWS = """
insert into sessions (session_id, user_mission, iteration_count, qa_passed, metadata, updated_at)
values ('s', 'm', null, null, null, null);
insert into artifacts (session_id, artifact_type, file_path, version) values
    ('s', 'code', 'a.py', 1), ('s', 'code', 'a.py', null), ('s', 'code', 'a.py', 2),
    ('s', 'code', 'a.py', null);
insert into agent_executions (session_id, agent_type, status, error_message, completed_at) values
    ('s', 'pm', null, 'no tokens', null), ('s', 'pm', null, null, now()),
    ('s', 'pm', null, null, null);
insert into checkpoints (thread_id, checkpoint_id, checkpoint_data, metadata)
values ('t', '1', '{}', null);
insert into prompt_versions (profile_name, version_number, prompt_content, is_active)
values ('pm', 1, '', null);
insert into audit_log (event_type, details) values ('session_created', null);
update agent_settings set usage_today = null, last_reset_date = null, env_overrides = null;
"""
# what another program than ours recorded: a trace, and citations that name no trace
_TRACED = """
    insert into runs (run_id, project, status) values ('run_1', 'aismr', 'rendering');
    with document as (
        insert into kb_documents (path, content) values ('docs/a.md', 'a') returning id
    )
    insert into artifacts (run_id, type, persona, retrieval_trace)
    select
        'run_1', 'retrieval.trace', 'brendan',
        jsonb_build_object(
            'query', 'What is AISMR?', 'docIds', jsonb_build_array(id),
            'similarities', '[0.9]'::jsonb, 'persona', 'brendan', 'project', 'aismr'
        )
    from document;
    insert into artifacts (run_id, type, metadata)
    values ('run_1', 'citations', '{"citations": [{"path": "docs/a.md", "reason": "says so"}]}');
"""
_PLAIN_TOKENS = """
with ada as (
    insert into users (email, password_hash, verification_token, verification_token_expires)
    values ('ada@example.org', 'x', 'prove', now() + interval '1 day')
    returning id
)
insert into sessions (user_id, refresh_token, expires_at)
select id, token, now() + interval '1 day'
from ada, unnest(array['a.b.c', %(hexadecimal)s]) as token
"""


@pytest.fixture
def shop(project: Project) -> Project:
    """A shop of three versions, whose database no tool of ours has made."""
    project.migration("0001_orders", _ORDERS)
    project.migration("0002_price", _PRICE)
    project.migration("0003_first_order", "insert into orders (id) values (1);")
    project.migration("0004_index", _INDEX)
    return project


def made_by_hand(shop: Project, *statements: str) -> None:
    with shop.connect() as connection:
        for statement in statements:
            connection.execute(statement.encode())


def test_a_database_is_recorded_at_the_version_it_has(shop: Project) -> None:
    made_by_hand(shop, _ORDERS, _PRICE, "insert into orders values (7, 'mine', 3)")

    ran = shop.dbkit("adopt", "shop")

    assert ran.stdout.splitlines() == [
        "shop: recorded at version 2 of 4; nothing was run",
        "shop: run `dbkit migrate shop` next",
    ]
    assert shop.status()["version"] == 2
    assert shop.dbkit("migrate").returncode == 0
    assert shop.rows("select id, note from orders order by id") == [(1, None), (7, "mine")]


def test_the_newest_version_is_found_and_what_changed_only_rows_is_named(shop: Project) -> None:
    made_by_hand(shop, _ORDERS, _PRICE, _INDEX)

    adopted = json.loads(shop.dbkit("adopt", "shop", "--json").stdout)

    assert (adopted["version"], adopted["rows_only"]) == (4, ["0003_first_order"])


def test_columns_in_another_order_are_no_difference(shop: Project) -> None:
    made_by_hand(
        shop,
        "create table orders (price numeric not null default 0, note text, id int primary key)",
    )

    assert "recorded at version 2 of 4" in shop.dbkit("adopt", "shop").stdout


def test_what_differs_is_printed_and_nothing_is_recorded(shop: Project) -> None:
    made_by_hand(
        shop,
        "create table orders (id bigint primary key, note text, price numeric default 0)",
        _INDEX,
    )

    ran = shop.dbkit("adopt", "shop")

    assert refusal(ran).splitlines() == [
        (
            "the database of shop is nearest to version 4, with 2 differences; mend them in the "
            "database or in the files, then run dbkit adopt shop again:"
        ),
        "  column orders.id is bigint not null instead of integer not null",
        "  column orders.price is numeric default 0 instead of numeric not null default 0",
    ]
    assert shop.rows("select to_regclass('schema_version') is null") == [(True,)]


def test_what_a_later_version_takes_away_tells_that_it_has_not_run(shop: Project) -> None:
    shop.migration("0005_drop_note", "alter table orders drop column note;")
    made_by_hand(shop, _ORDERS, _PRICE, _INDEX)

    assert "recorded at version 4 of 5" in shop.dbkit("adopt", "shop").stdout


def test_what_stands_beside_ours_is_left_alone(shop: Project) -> None:
    made_by_hand(shop, _ORDERS, "create table notes (id integer)")

    ran = shop.dbkit("adopt", "shop")

    assert "not ours, and left alone: table notes\n" in ran.stdout
    assert "recorded at version 1 of 4" in ran.stdout


def test_a_view_that_a_file_replaces_does_not_hinder(shop: Project) -> None:
    shop.object("cheap", "create or replace view cheap as select id from orders where id < 9;\n")
    made_by_hand(shop, _ORDERS, _PRICE, _INDEX, "create view cheap as select id from orders")

    adopted = shop.dbkit("adopt", "shop")
    migrated = shop.dbkit("migrate")

    assert "recorded at version 4 of 4" in adopted.stdout
    assert migrated.returncode == 0, migrated.stderr
    [(view,)] = shop.rows("select pg_get_viewdef('cheap')")
    assert "9" in view


def test_a_function_of_a_file_that_a_migration_needs_does_not_hinder(shop: Project) -> None:
    shop.object(
        "price",
        "create or replace function price() returns int language sql as 'select 5';\n",
    )
    shop.migration("0005_fee", "alter table orders add column fee int default price();")
    theirs = "create function price() returns int language sql as 'select 4'"
    made_by_hand(
        shop,
        _ORDERS,
        _PRICE,
        _INDEX,
        theirs,
        "alter table orders add column fee int default price()",
    )

    ran = shop.dbkit("adopt", "shop")

    assert "recorded at version 5 of 5" in ran.stdout, ran
    assert shop.dbkit("migrate").returncode == 0


def test_a_database_that_keeps_its_tables_in_another_schema_is_compared_there(
    shop: Project,
) -> None:
    made_by_hand(shop, 'create schema "Mine"', 'set search_path = "Mine"; ' + _ORDERS)
    url = f'{shop.url}&options=-csearch_path%3D"Mine"'

    ran = shop.dbkit("adopt", "shop", "--url", url)

    assert "shop: recorded at version 1 of 4; nothing was run\n" in ran.stdout, ran.stderr


def test_versions_are_made_in_the_encoding_of_the_database(shop: Project) -> None:
    shop.migration("0005_price", "create type price as enum ('5 €');")
    name = f"ascii_{uuid4().hex}"
    with maintenance(shop.url) as server:
        like = {"encoding": "SQL_ASCII", "lc_collate": "C", "lc_ctype": "C"}
        create(server, name, {**like, **_libc(server)})
    url = url_of(shop.url, name)
    with connect(url) as connection:
        connection.execute(_ORDERS)
        with scratch(url, connection) as beside:
            assert creation_options(beside) == creation_options(connection)
    ran = shop.dbkit("adopt", "shop", "--url", url)
    with maintenance(shop.url) as server:
        server.execute(f"drop database {name}".encode())

    assert "recorded at version 1 of 5" in ran.stdout, ran.stderr


def _libc(server: psycopg.Connection) -> dict[str, str]:
    return {"locale_provider": "libc"} if server.info.server_version >= 150_000 else {}


def test_a_plan_records_nothing(shop: Project) -> None:
    made_by_hand(shop, _ORDERS)

    ran = shop.dbkit("adopt", "shop", "--plan")

    assert "shop: would be recorded at version 1 of 4; nothing was run\n" in ran.stdout
    assert shop.rows("select to_regclass('schema_version') is null") == [(True,)]


def test_one_version_can_be_asked_about(shop: Project) -> None:
    made_by_hand(shop, _ORDERS)

    message = refusal(shop.dbkit("adopt", "shop", "--to", "2"))

    assert message.endswith("\n  column orders.price is missing")


def test_a_tool_that_stopped_half_way_is_not_believed(shop: Project) -> None:
    made_by_hand(
        shop,
        _ORDERS,
        "create table schema_migrations (version bigint primary key, dirty boolean not null)",
        "insert into schema_migrations values (3, true)",
    )

    message = refusal(shop.dbkit("adopt", "shop"))

    assert message.startswith("golang-migrate stopped in the middle of its version 3, ")


def test_an_empty_database_has_nothing_to_adopt(shop: Project) -> None:
    message = refusal(shop.dbkit("adopt", "shop"))

    assert message == "the database of shop is empty; create it with `dbkit migrate shop`"


def test_what_is_ours_already_is_not_adopted_again(shop: Project) -> None:
    shop.dbkit("migrate")

    message = refusal(shop.dbkit("adopt", "shop"))

    assert message == "shop is recorded at version 4 already; see `dbkit status shop`"


def test_no_database_is_left_behind(shop: Project) -> None:
    made_by_hand(shop, _ORDERS)
    before = shop.rows("select datname from pg_database order by 1")

    shop.dbkit("adopt", "shop")

    assert shop.rows("select datname from pg_database order by 1") == before


@pytest.mark.parametrize(
    ("system", "tool", "version"), [("myloware", "alembic", 7), ("mrwa", "golang-migrate", 2)]
)
def test_a_documented_database_is_adopted_and_brought_up_to_date(
    system: str, tool: str, version: int, empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    skip_without_vector(system, empty_url)
    _make_documented(empty_url, _DOCUMENTED / f"{system}.sql", _RECORD[tool])
    monkeypatch.chdir(ROOT)

    adopted = _dbkit("adopt", system, "--url", empty_url)
    migrated = _dbkit("migrate", system, "--url", empty_url)

    assert f"{system}: made by {tool}, at its version 2; " in adopted.output
    assert f"{system}: recorded at version {version} of " in adopted.output
    assert migrated.exit_code == 0, migrated.output


def test_a_column_that_may_hold_nulls_is_adopted_if_a_later_migration_sets_it_not_null(
    shop: Project,
) -> None:
    tight = "alter table public.orders alter column note set default '', alter price set not null;"
    shop.migration("0005_fee", "alter table orders add column fee int;")
    shop.migration("0006_tight", tight)
    loose = "alter table orders add column price numeric default 0"
    made_by_hand(shop, _ORDERS, loose, "insert into orders values (7, 'mine', 0)", _INDEX)

    ran = shop.dbkit("adopt", "shop")

    assert "may hold nulls here until a later migration fills them: orders.price\n" in ran.stdout
    assert "recorded at version 4 of 6" in ran.stdout
    assert shop.dbkit("migrate").returncode == 0
    query = "select attnotnull from pg_attribute where attrelid = 'orders'::regclass"
    assert shop.rows(f"{query} and attname = 'price'") == [(True,)]


def test_a_column_that_no_later_migration_tightens_is_a_difference(shop: Project) -> None:
    shop.migration("0005_tight", "alter table orders alter column note set not null;")
    made_by_hand(shop, _ORDERS, "alter table orders add column price numeric default 0", _INDEX)

    ran = shop.dbkit("adopt", "shop")

    assert "column orders.price is numeric default 0 instead of" in refusal(ran)


def test_softwarestudio_is_adopted_word_for_word_and_ends_as_if_we_had_made_it(
    empty_url: str, softwarestudio: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute((_DOCUMENTED / "softwarestudio.sql").read_bytes())
        connection.execute(_LOOSE_ROWS)
    monkeypatch.chdir(ROOT)

    adopted = _dbkit("adopt", "softwarestudio", "--url", empty_url)
    migrated = _dbkit("migrate", "softwarestudio", "--url", empty_url)

    assert "softwarestudio: recorded at version 3 of " in adopted.output
    assert migrated.exit_code == 0, migrated.output
    with psycopg.connect(empty_url) as connection:
        theirs = read_schema(connection, left_out=["schema_version_by_hand"])
        assert compare(read_schema(softwarestudio), theirs) == []
        versions = connection.execute("select version from artifacts order by id").fetchall()
        ended = connection.execute("select status from agent_executions order by id").fetchall()
        described = connection.execute(
            "select version, description from schema_version_by_hand"
        ).fetchone()
    assert versions == [(1,), (4,), (3,), (5,)]
    assert ended == [("failed",), ("completed",), ("running",)]
    assert described == (1, "Initial schema")


def test_myloware_is_adopted_word_for_word_and_its_traces_and_citations_go_on(
    empty_url: str, myloware: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    _make_documented(empty_url, _DOCUMENTED / "myloware.sql", _RECORD["alembic"])
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute(_TRACED)
    monkeypatch.chdir(ROOT)

    adopted = _dbkit("adopt", "myloware", "--url", empty_url)
    migrated = _dbkit("migrate", "myloware", "--url", empty_url)

    assert "myloware: recorded at version 7 of " in adopted.output
    assert migrated.exit_code == 0, migrated.output
    with psycopg.connect(empty_url) as connection:
        # nothing needs it any more
        connection.execute("drop function uuid_generate_v4()")
        theirs = read_schema(connection, left_out=["alembic_version"])
        assert compare(read_schema(myloware), theirs) == []
        connection.execute(
            "update artifacts set metadata = metadata || '{\"checked\": true}', persona = 'brendan'"
        )
        connection.commit()
        [(trace,)] = connection.execute("select id from artifacts where type = 'retrieval.trace'")
        found = artifacts.find_with_citations(connection, id=trace)
    assert found is not None
    assert [(cited.path, cited.reason) for cited in found.citations] == [("docs/a.md", "says so")]


def test_who_is_logged_in_to_mrwa_stays_so_and_no_token_is_left_in_plain_text(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hexadecimal = "ab" * 32
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute((_DOCUMENTED / "mrwa.sql").read_bytes())
        connection.execute(_RECORD["golang-migrate"].encode())
        connection.execute(_PLAIN_TOKENS, {"hexadecimal": hexadecimal})
    monkeypatch.chdir(ROOT)

    _dbkit("adopt", "mrwa", "--url", empty_url)
    migrated = _dbkit("migrate", "mrwa", "--url", empty_url)

    assert migrated.exit_code == 0, migrated.output
    with psycopg.connect(empty_url) as connection:
        plain = connection.execute(
            "select from sessions, users where refresh_token = any(%(plain)s)"
            " or verification_token = any(%(plain)s)",
            {"plain": ["a.b.c", hexadecimal, "prove"]},
        ).fetchall()
        renewed = [
            renew_session(connection, refresh_token=token) for token in ("a.b.c", hexadecimal)
        ]
        proved = accounts.verify_email(connection, token="prove")  # noqa: S106 - of nobody
    assert plain == []
    assert [type(one) for one in renewed] == [OpenedSession, OpenedSession]
    assert proved
    # twice is once: what is hashed is not hashed again
    assert _dbkit("rollback", "mrwa", "--url", empty_url, "--to", "17").exit_code == 0
    assert _dbkit("migrate", "mrwa", "--url", empty_url).exit_code == 0
    with psycopg.connect(empty_url) as connection:
        assert isinstance(renewed[1], OpenedSession)
        again = renew_session(connection, refresh_token=renewed[1].refresh_token)
        late = renew_session(connection, refresh_token=hexadecimal)
    assert isinstance(again, OpenedSession)
    assert isinstance(late, RefusedRenewal)
    assert late.reason == "late"


def _make_documented(url: str, file: Path, record: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        if "vector" in file.read_text():
            connection.execute("create extension vector")
            # what uuid-ossp brings, which no embedded server has
            connection.execute(
                "create function uuid_generate_v4() returns uuid "
                "language sql as 'select gen_random_uuid()'"
            )
        connection.execute(file.read_bytes())
        connection.execute(record.encode())


def _dbkit(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)
