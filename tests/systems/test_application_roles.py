"""Each system's application works as a role of its own, which row-level security binds."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import LiteralString
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import Connection, sql
from psycopg.conninfo import make_conninfo

from dbkit.database import connect
from dbkit.migrations import Files, Runner, read_files
from dbkit.pools import Database, open_database
from dbkit.queryfiles import examine_folder
from dbkit.settings import System, load_settings
from dbkit.systems.ai_orchestration import runs, workflows
from dbkit.systems.mrwa import artifacts, execution_logs, executions
from tests.conftest import ROOT, skip_without_vector

SETTINGS = load_settings(ROOT)


@pytest.fixture(params=tuple(SETTINGS.systems))
def system(request: pytest.FixtureRequest) -> System:
    """One system after the other."""
    return SETTINGS.systems[request.param]


@pytest.fixture
def owned(request: pytest.FixtureRequest, system: System) -> Connection:
    """A connection of the owner's to a clone of the system."""
    connection: Connection = request.getfixturevalue(f"direct_{system.name}")
    return connection


@pytest.fixture
def application(system: System, owned: Connection) -> Iterator[Connection]:
    """A connection to the same clone as the application's role."""
    with connect(owned.info.dsn, role=system.role) as connection:
        yield connection


def _run(connection: Connection, text: LiteralString, *names: str) -> None:
    connection.execute(sql.SQL(text).format(*map(sql.Identifier, names)))


def test_the_role_stands_above_nothing(system: System, owned: Connection) -> None:
    found = owned.execute(
        "select rolcanlogin, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb,"
        " exists (select from pg_class where relowner = pg_roles.oid)"
        " from pg_roles where rolname = %s",
        [system.role],
    )

    assert found.fetchall() == [(False,) * 6]


def test_the_role_changes_no_table_and_no_list_of_migrations(application: Connection) -> None:
    for statement in (
        "drop table schema_version",
        "delete from schema_version",
        "create table here (id integer)",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            application.execute(statement.encode())
    assert application.execute("select from schema_version").rowcount


def test_every_query_of_the_system_may_be_run_by_the_role(
    system: System, application: Connection
) -> None:
    # a plan without values needs PostgreSQL 16, and the rights are asked for it as for a call
    if application.info.server_version < 160000:
        pytest.skip("PostgreSQL 15 plans nothing without values")
    application.execute("set app.user_id = '00000000-0000-0000-0000-000000000000'")
    read = examine_folder(system.sql, SETTINGS.root)
    refused: list[str] = []
    asked = 0
    for query in read.queries:
        for combination in query.combinations:
            try:
                application.execute(f"explain (generic_plan) {combination.text}".encode())
            except psycopg.errors.InsufficientPrivilege as error:
                refused.append(f"{query.path}: {error}")
            asked += 1

    assert refused == []
    assert asked >= len(read.queries) > 0


@pytest.fixture
def files(system: System, empty_url: str) -> Files:
    """The files of the system, for an empty database."""
    skip_without_vector(system.name, empty_url)
    return read_files(system, SETTINGS.root)


def _role_migration(files: Files) -> tuple[int, str]:
    [found] = [file for file in files.migrations if file.name.endswith("_add_application_role")]
    return found.version, found.path.read_text()


def test_two_databases_may_make_the_role_at_once(files: Files, empty_url: str) -> None:
    # a name of its own, since the role is there
    role = f"other_{uuid4().hex[:8]}"
    text = _role_migration(files)[1].replace(f"{files.system}_app", role).encode()

    def make(number: int) -> None:
        with psycopg.connect(empty_url) as connection:
            connection.execute(text)
            connection.execute(f"select pg_sleep({number % 3}::float / 20)".encode())

    try:
        with ThreadPoolExecutor(8) as pool:
            assert [*pool.map(make, range(8))] == [None] * 8
    finally:
        with psycopg.connect(empty_url, autocommit=True) as connection:
            _run(connection, "drop role {}", role)


@pytest.fixture
def names(empty_url: str) -> Iterator[tuple[str, str]]:
    """The names of a user that migrates and of a role that the application is to have."""
    names = f"migrating_{uuid4().hex[:8]}", f"other_{uuid4().hex[:8]}"
    yield names
    with psycopg.connect(empty_url, autocommit=True) as connection:
        for name in names:
            if connection.execute("select from pg_roles where rolname = %s", [name]).rowcount:
                _run(connection, "drop owned by {}", name)
        for name in names:
            _run(connection, "drop role if exists {}", name)


@pytest.mark.parametrize("inherits", ["inherit", "noinherit"])
def test_who_may_make_roles_makes_it_and_may_take_it_on(
    files: Files, empty_url: str, names: tuple[str, str], inherits: LiteralString
) -> None:
    user, role = names
    text = _role_migration(files)[1].replace(f"{files.system}_app", role).encode()
    with psycopg.connect(empty_url, autocommit=True) as connection:
        _run(connection, "create role {} login createrole " + inherits, user)
    url = make_conninfo(empty_url, user=user)

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(text)
        connection.execute(text)

    with connect(url, role=role) as connection:
        assert connection.execute("select current_user::text").fetchone() == (role,)


def test_who_may_make_no_role_is_told_what_an_administrator_has_to_run(
    files: Files, empty_url: str, names: tuple[str, str]
) -> None:
    user, role = names
    text = _role_migration(files)[1].replace(f"{files.system}_app", role).encode()
    with psycopg.connect(empty_url, autocommit=True) as administrator:
        _run(administrator, "create role {} login", user)
        with (
            psycopg.connect(make_conninfo(empty_url, user=user), autocommit=True) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege) as caught,
        ):
            connection.execute(text)
        message = caught.value.diag.message_primary or ""
        before, _, remedy = message.partition("; have an administrator run: ")
        assert before == f"{user} may not make the role of the application"
        # the sentence is followed as it stands
        administrator.execute(remedy.encode())
    with psycopg.connect(make_conninfo(empty_url, user=user), autocommit=True) as connection:
        connection.execute(text)


def test_a_role_that_stands_above_the_policies_is_refused(
    files: Files, empty_url: str, names: tuple[str, str]
) -> None:
    _, role = names
    text = _role_migration(files)[1].replace(f"{files.system}_app", role).encode()
    with psycopg.connect(empty_url, autocommit=True) as connection:
        _run(connection, "create role {} bypassrls", role)

        with pytest.raises(psycopg.Error, match="stands above row-level security; have an admin"):
            connection.execute(text)


def test_the_rollback_takes_the_rights_and_leaves_the_role(files: Files, empty_url: str) -> None:
    version, _ = _role_migration(files)
    role = f"{files.system}_app"
    with psycopg.connect(empty_url, autocommit=True) as connection:
        runner = Runner(files, connection)
        runner.migrate()
        runner.rollback(to=version - 1)

        left = connection.execute(
            "select count(*) from pg_shdepend as entry inner join pg_database as database"
            " on database.oid = entry.dbid and database.datname = current_database()"
            " where entry.refclassid = 'pg_authid'::regclass and entry.refobjid = %s::regrole",
            [role],
        ).fetchone()
        runner.migrate()

    assert left == (0,)
    with connect(empty_url, role=role) as connection:
        assert connection.execute("select from schema_version").rowcount


@pytest.fixture
def embedded(files: Files, empty_url: str) -> Iterator[tuple[Database, Database]]:
    """The system on the embedded server, opened as its owner and as its application."""
    with psycopg.connect(empty_url, autocommit=True) as connection:
        Runner(files, connection).migrate()
    role = SETTINGS.systems[files.system].role
    with open_database(empty_url) as owner, open_database(empty_url, role=role) as application:
        yield owner, application


@pytest.mark.parametrize("system", ["mrwa"], indirect=True)
def test_mrwa_shows_the_application_nothing_of_another_user(
    embedded: tuple[Database, Database],
) -> None:
    owner, application = embedded
    with owner.connection() as connection:
        ada, bob = (
            _only(
                connection,
                "insert into users (email, password_hash) values (%s, 'x') returning id",
                f"{name}@example.org",
            )
            for name in ("ada", "bob")
        )
        execution = executions.add(
            connection,
            user_id=ada,
            input_type="pdf",
            input_value="a.pdf",
            input_file_url=None,
            steps=[{"name": "Extract", "description": "Parse the PDF"}],
        )

    def seen(database: Database, user: UUID) -> list[object]:
        with database.transaction(settings={"app.user_id": user}) as connection:
            return [
                executions.find_with_details(connection, execution_id=execution),
                executions.list_for_user(connection, user_id=ada),
                [*execution_logs.list_all(connection, execution_id=execution)],
                artifacts.list_for_execution(connection, execution_id=execution),
            ]

    assert all(seen(owner, bob)[:2])
    assert all(seen(application, ada)[:2])
    assert not any(seen(application, bob))
    with (
        application.connection() as connection,
        pytest.raises(psycopg.Error, match=r"app\.user_id|uuid"),
    ):
        executions.find_with_details(connection, execution_id=execution)


@pytest.mark.parametrize("system", ["ai_orchestration"], indirect=True)
def test_ai_orchestration_shows_the_application_nothing_of_another_tenant(
    embedded: tuple[Database, Database],
) -> None:
    owner, application = embedded
    with owner.connection() as connection:
        one, other = (
            _only(
                connection,
                "insert into tenants (name, slug) values (%s, %s) returning id",
                name,
                name,
            )
            for name in ("one", "other")
        )
        workflow = _only(
            connection, "insert into workflows (tenant_id, name) values (%s, 'w') returning id", one
        )

    def seen(database: Database, tenant: object) -> list[object]:
        with database.transaction(settings={"app.tenant_id": tenant}) as connection:
            return [
                workflows.find(connection, workflow_id=workflow, tenant_id=one),
                workflows.list_for_tenant(connection, tenant_id=one),
                runs.list_for_tenant(connection, tenant_id=one),
            ]

    assert all(seen(owner, other)[:2])
    assert all(seen(application, one)[:2])
    assert not any(seen(application, other))
    assert not any(seen(application, ""))


def _only(connection: Connection, query: LiteralString, *values: object) -> UUID:
    [value] = connection.execute(query, values).fetchone() or [None]
    assert isinstance(value, UUID)
    return value


def test_the_settings_name_the_role_of_every_system(system: System) -> None:
    [rights] = list(Path(system.sql / "_objects").glob("*_app.sql"))

    assert system.role == rights.stem == f"{system.name}_app"
