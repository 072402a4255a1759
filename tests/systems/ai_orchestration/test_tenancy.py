"""No query, whatever its arguments, shows or touches another tenant's row."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import Connection, sql

from dbkit.loading import LoadedQuery, load
from dbkit.migrations import Runner, read_files
from dbkit.server import EmbeddedServer
from dbkit.settings import load_settings
from tests.conftest import ROOT, Reach
from tests.systems.ai_orchestration.two_tenants import (
    ASKED,
    A,
    B,
    World,
    arguments,
    fill,
    fingerprint,
    uuid_of,
)

SYSTEM = "ai_orchestration"
QUERIES = load(ROOT / "sql" / SYSTEM, root=ROOT)
# The caller chooses a key that is unique among all tenants, so a refusal tells that it is taken.
TAKEN = {"adapters.add", "tenants.add", "tenants.change", "users.log_in"}


@pytest.fixture(scope="session")
def world(server: EmbeddedServer, reach: Reach) -> Iterator[World]:
    """A database with two tenants for all these tests, which leave nothing in it."""
    name, role = "two_tenants", "tenant_application"
    server.ensure_database(name)
    with psycopg.connect(server.url(name), autocommit=True) as connection:
        Runner(read_files(load_settings(ROOT).systems[SYSTEM], ROOT), connection).migrate()
        identifier = sql.Identifier(role)
        for statement in (
            "create role {}",
            "grant select, insert, update, delete on all tables in schema public to {}",
        ):
            connection.execute(sql.SQL(statement).format(identifier))
        tables = fill(connection)
        with psycopg.connect(reach(server.url(name)), autocommit=True) as reached:
            yield World(reached, tables, role, fingerprint(connection, tables))
        connection.execute(sql.SQL("drop owned by {0}").format(identifier))
        connection.execute(sql.SQL("drop role {}").format(identifier))


def leaks(world: World, loaded: LoadedQuery, *, seen_as: str | None, tenants: str) -> list[str]:
    """Tell what tenant A learns of B, or does to it, when it names B's rows in every argument."""
    found: list[str] = []
    for tenant in tenants:
        for number in ASKED:
            texts = arguments(world, loaded, tenant=tenant, owner=B, number=number)
            for combination in loaded.query.combinations:
                both = world.call(loaded, combination, texts, seen_as=seen_as)
                with world.without(B):
                    alone = world.call(loaded, combination, texts, seen_as=seen_as)
                what = f"{loaded.name} {sorted(combination.given)} of {tenant}, row {number}"
                if both.is_touched:
                    found.append(f"{what}: a row of {B} differs")
                if f"of_{B}" in both.seen or f"hidden-of-{B}" in both.seen:
                    found.append(f"{what}: shows {both.seen}")
                is_taken = loaded.name in TAKEN and both.is_refused
                if both.seen != alone.seen and not is_taken:
                    found.append(f"{what}: {both.seen}, but {alone.seen} without {B}")
    return found


@pytest.mark.parametrize("name", QUERIES)
def test_a_role_that_owns_nothing_reaches_no_other_tenant(world: World, name: str) -> None:
    assert leaks(world, QUERIES[name], seen_as=A, tenants=A + B) == []


@pytest.mark.parametrize("name", QUERIES)
def test_a_statement_itself_reaches_no_other_tenant_unless_it_says_why(
    world: World, name: str
) -> None:
    text = (ROOT / QUERIES[name].query.path).read_text()
    if "\n-- across tenants: " in text:
        assert text.split("-- across tenants: ")[1].splitlines()[0].strip()
        return

    assert leaks(world, QUERIES[name], seen_as=None, tenants=A) == []


@pytest.mark.parametrize("name", QUERIES)
def test_row_level_security_takes_nothing_from_a_tenants_own_work(world: World, name: str) -> None:
    loaded = QUERIES[name]
    for number in ASKED:
        texts = arguments(world, loaded, tenant=A, owner=A, number=number)
        for combination in loaded.query.combinations:
            with world.without(B):
                restricted = world.call(loaded, combination, texts, seen_as=A)
                as_owner = world.call(loaded, combination, texts, seen_as=None)

            is_across = "\n-- across tenants: " in loaded.source.text
            assert is_across or restricted.seen == as_owner.seen


def test_most_queries_find_something_of_their_own(world: World) -> None:
    finding = {
        name
        for name, loaded in QUERIES.items()
        for number in ASKED
        for texts in [arguments(world, loaded, tenant=A, owner=A, number=number)]
        for combination in loaded.query.combinations
        if not world.call(loaded, combination, texts, seen_as=A).is_refused
    }

    assert len(finding) > 0.7 * len(QUERIES), set(QUERIES) - finding


@pytest.mark.parametrize(
    "statement",
    [
        "select name from workflows where id = :'workflow_id'",
        "select count(*) from runs",
        "update steps set name = 'mine' where workflow_id = :'workflow_id'",
        "delete from webhooks where id = :'webhook_id'",
    ],
)
def test_a_statement_that_forgets_the_tenant_is_found_and_stopped(
    world: World, statement: str, tmp_path: Path
) -> None:
    kind = "many" if statement.startswith("select") else "exec"
    file = tmp_path / "runs" / "forgetful.sql"
    file.parent.mkdir()
    file.write_text(f"-- Forgets the tenant.\n-- :{kind}\n{statement};\n")
    [loaded] = load(tmp_path, root=tmp_path).values()

    assert leaks(world, loaded, seen_as=None, tenants=A)
    assert leaks(world, loaded, seen_as=A, tenants=A + B) == []


def test_every_table_is_under_row_level_security(world: World) -> None:
    found = world.connection.execute(
        "select relname from pg_class"
        " where relnamespace = 'public'::regnamespace and relkind = 'r'"
        " and relname !~ 'yoyo|schema_version|dbkit' and not relrowsecurity"
    )

    assert found.fetchall() == []


@pytest.mark.parametrize("setting", [None, "", uuid_of("c")])
def test_a_session_of_no_tenant_sees_nothing_but_global_adapters(
    world: World, setting: str | None
) -> None:
    with world.connection.transaction(force_rollback=True):
        if setting is not None:
            world.connection.execute("select set_config('app.tenant_id', %s, true)", [setting])
        world.connection.execute(sql.SQL("set local role {}").format(sql.Identifier(world.role)))
        seen = {
            table: rows
            for table in world.tables
            if (rows := count(world.connection, f"select count(*) from {table}"))
        }

    assert seen == {"adapters": 4}


def test_a_tenant_can_neither_change_nor_add_a_global_adapter(world: World) -> None:
    connection = world.connection
    with connection.transaction(force_rollback=True):
        connection.execute("select set_config('app.tenant_id', %s, true)", [uuid_of(A)])
        connection.execute(sql.SQL("set local role {}").format(sql.Identifier(world.role)))

        changed = connection.execute("update adapters set name = 'mine' where tenant_id is null")
        removed = connection.execute("delete from adapters where tenant_id is null")
        with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
            connection.execute("insert into adapters (id, name, type) values ('x', 'x', 'custom')")
        with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
            connection.execute("update adapters set tenant_id = null")

    assert (changed.rowcount, removed.rowcount) == (0, 0)


def test_a_tenant_cannot_give_its_rows_away(world: World) -> None:
    connection = world.connection
    with connection.transaction(force_rollback=True):
        connection.execute("select set_config('app.tenant_id', %s, true)", [uuid_of(A)])
        connection.execute(sql.SQL("set local role {}").format(sql.Identifier(world.role)))

        for table, column, value in (
            ("workflows", "tenant_id", uuid_of(B)),
            ("steps", "workflow_id", uuid_of(B)),
            ("step_runs", "run_id", uuid_of(B)),
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(f"update {table} set {column} = %s".encode(), [value])


def references(world: World) -> list[tuple[str, str]]:
    """Every column that is part of a foreign key, as the catalog has them."""
    found = world.connection.execute(
        "select distinct relation.relname, attribute.attname from pg_constraint as held"
        " inner join pg_class as relation on relation.oid = held.conrelid"
        " inner join pg_attribute as attribute"
        " on attribute.attrelid = held.conrelid and attribute.attnum = any(held.conkey)"
        " where held.contype = 'f' and held.connamespace = 'public'::regnamespace"
        " and relation.relname !~ 'yoyo|schema_version|dbkit' order by 1, 2"
    )
    return [(str(table), str(column)) for table, column in found]


def lead_to(world: World, table: str, column: str, *, seen_as: str | None) -> int:
    """Let the rows of one tenant name the other's, and tell how many do so now."""
    connection = world.connection
    statement = f"update {table} set {column} = %s where {column} = %s".encode()
    with connection.transaction(force_rollback=True):
        if seen_as:
            connection.execute(
                "select set_config('app.tenant_id', %s, true), set_config('role', %s, true)",
                [uuid_of(seen_as), world.role],
            )
        return connection.execute(statement, [uuid_of(B), uuid_of(A)]).rowcount


def test_no_reference_of_the_catalog_leads_out_of_the_tenant(world: World) -> None:
    found = references(world)

    assert len(found) > 30
    for table, column in found:
        with pytest.raises(
            (
                psycopg.errors.ForeignKeyViolation,
                psycopg.errors.InsufficientPrivilege,
            )
        ):
            print(table, column, lead_to(world, table, column, seen_as=A))  # noqa: T201 - which


def test_a_reference_to_another_tenants_row_is_refused_even_to_the_owner(world: World) -> None:
    # these say whose the row is: who may change them gives the row away, and its policy refuses
    owning = {"tenant_id", "workflow_id", "run_id"}

    for table, column in references(world):
        if column not in owning:
            with pytest.raises(psycopg.errors.ForeignKeyViolation):
                print(table, column, lead_to(world, table, column, seen_as=None))  # noqa: T201


def test_what_looks_like_a_reference_is_one(world: World) -> None:
    found = {
        (table, column.name)
        for table, columns in world.tables.items()
        for column in columns
        if column.type == "uuid" and column.name != "id"
    }

    # a record of what happened names what may be gone by then; nobody is kept from deleting that
    assert found - set(references(world)) == {
        ("audit_logs", "actor_id"),
        ("audit_logs", "resource_id"),
        ("step_runs", "step_id"),
    }


def test_the_tenant_is_read_once_a_statement_and_not_once_a_row(world: World) -> None:
    connection = world.connection
    with connection.transaction(force_rollback=True):
        connection.execute("select set_config('app.tenant_id', %s, true)", [uuid_of(A)])
        connection.execute("set local enable_seqscan = off")
        connection.execute(sql.SQL("set local role {}").format(sql.Identifier(world.role)))
        plan = connection.execute("explain select id from runs").fetchall()

    text = "\n".join(line for (line,) in plan)
    assert "InitPlan" in text
    assert "idx_runs_tenant" in text


def count(connection: Connection, statement: str) -> int:
    row = connection.execute(statement.encode()).fetchone()
    assert row
    return int(row[0])
