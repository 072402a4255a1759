"""The fixtures that pytest finds where dbkit is installed, as a stranger's tests use them."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from dbkit.server import EmbeddedServer
from tests.project import Project

PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:postgresql"]
TESTS = """
import asyncio
import dbkit
import pytest


@pytest.mark.parametrize("number", range(3))
def test_what_is_written_is_rolled_back(dbkit_connection, number):
    dbkit_connection.execute("insert into orders values (1)")
    dbkit_connection.execute("set lock_timeout = '7s'")
    with dbkit_connection.transaction():
        dbkit_connection.execute("insert into orders values (2)")
    assert dbkit_connection.execute("select count(*) from orders").fetchone() == (2,)


def test_nothing_is_left(dbkit_connection):
    assert dbkit_connection.execute("select count(*) from orders").fetchone() == (0,)
    assert dbkit_connection.execute("show lock_timeout").fetchone() == ("0",)


def test_a_lost_connection_is_made_anew(dbkit_connection):
    dbkit_connection.close()


def test_the_next_has_one(dbkit_connection):
    assert dbkit_connection.execute("select 1").fetchone() == (1,)


@pytest.mark.parametrize("number", range(3))
def test_what_commits_has_a_database_of_its_own(dbkit_database, number):
    with dbkit.open_database(dbkit_database.url) as database:
        with database.connection() as connection:
            connection.execute("insert into orders values (1)")
        with database.connection() as connection:
            assert connection.execute("select count(*) from orders").fetchone() == (1,)


def test_it_is_as_good_on_a_loop(dbkit_connect_async):
    async def work():
        async with dbkit_connect_async() as connection:
            await connection.execute("insert into orders values (3)")
            found = await connection.execute("select count(*) from orders")
            return await found.fetchone()

    assert asyncio.run(work()) == (1,)
    assert asyncio.run(work()) == (1,)
"""
FAILING = """
def test_it_fails(dbkit_database):
    with dbkit_database.connect() as connection:
        connection.execute("insert into orders values (42)")
    assert False


def test_it_does_not(dbkit_database):
    pass
"""


@pytest.fixture
def shop(project: Project, server: EmbeddedServer) -> Iterator[Project]:
    """A project with a migration of its own, so that no other test has its template."""
    name = project.url.partition("?")[0].rpartition("/")[2]
    project.migration("0001_orders", f"-- {name}\ncreate table orders (id integer primary key);\n")
    (project.root / "tests").mkdir()
    yield project
    for database in databases(server, project):
        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            statement = sql.SQL("drop database {} with (force)")
            connection.execute(statement.format(sql.Identifier(database)))


def databases(server: EmbeddedServer, project: Project) -> list[str]:
    """Return the databases with the table of this project's, which the plugin made."""
    found: list[str] = []
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        rows = connection.execute(
            "select datname from pg_database where datname ~ '^(dbkit|test)_shop_'"
        ).fetchall()
    for (name,) in rows:
        with psycopg.connect(server.url(name)) as connection:
            texts = connection.execute("select up_text from dbkit._dbkit_script").fetchall()
        mine = (project.root / "migrations/shop/0001_orders.sql").read_text()
        if any(mine.splitlines()[0] in text for (text,) in texts):
            found.append(name)
    return found


def run_tests(
    shop: Project, server: EmbeddedServer, text: str, *arguments: str
) -> subprocess.CompletedProcess[str]:
    (shop.root / "tests" / "test_shop.py").write_text(text)
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("PYTEST")},
        "DBKIT_TEST_URL": server.url("postgres"),
    }
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:postgresql",
            *arguments,
        ],
        cwd=shop.root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_tests_have_connections_and_databases(shop: Project, server: EmbeddedServer) -> None:
    first = run_tests(shop, server, TESTS)
    template = databases(server, shop)
    second = run_tests(shop, server, TESTS, "-n", "2")

    assert first.returncode == 0, first.stdout
    assert "10 passed" in first.stdout
    assert second.returncode == 0, second.stdout
    # the template alone is kept, and serves all workers
    assert [name for name in template if name.startswith("test_")] == []
    assert databases(server, shop) == template
    assert len(template) == 1


def test_a_changed_migration_has_another_template(shop: Project, server: EmbeddedServer) -> None:
    assert run_tests(shop, server, TESTS).returncode == 0
    path = shop.root / "migrations/shop/0001_orders.sql"
    path.write_text(f"{path.read_text()}insert into orders values (9);\n")

    ran = run_tests(shop, server, TESTS)

    assert "3 failed" not in ran.stdout
    assert "assert (1,) == (0,)" in ran.stdout
    assert len(databases(server, shop)) == 2


def test_the_database_of_a_failing_test_is_kept(shop: Project, server: EmbeddedServer) -> None:
    dropped = run_tests(shop, server, FAILING)
    before = databases(server, shop)
    kept = run_tests(shop, server, FAILING, "--keep-database")

    assert dropped.returncode == kept.returncode == 1
    assert len(before) == 1
    [url] = re.findall(r"kept: psql '(.+)'", kept.stdout)
    with psycopg.connect(url) as connection:
        assert connection.execute("select id from orders").fetchall() == [(42,)]
    assert len(databases(server, shop)) == 2


def test_the_system_has_to_be_said_where_there_are_two(
    shop: Project, server: EmbeddedServer
) -> None:
    settings = shop.root / "pyproject.toml"
    settings.write_text(f"{settings.read_text()}[tool.dbkit.systems.blog]\n")

    asked = run_tests(shop, server, TESTS)
    (shop.root / "pytest.ini").write_text("[pytest]\ndbkit_system = shop\n")
    told = run_tests(shop, server, TESTS)

    assert "the project has the systems shop, blog" in asked.stdout
    assert told.returncode == 0, told.stdout


def test_other_tests_pay_nothing_for_it(tmp_path: Path) -> None:
    (tmp_path / "test_plain.py").write_text(
        "import sys\n\n\ndef test_plain():\n    assert 'psycopg' not in sys.modules\n"
    )

    ran = subprocess.run(
        PYTEST,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout
