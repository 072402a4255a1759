"""What a role that may only read can do, and what it is told of the rest."""

import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from tests.cli.seen import contents, refusal
from tests.project import Project


@pytest.fixture
def shop(project: Project, reader_url: str) -> Project:
    """The project with one migration applied and one pending, its URL that of a reader."""
    project.migration("0001_orders", "create table orders (id integer);", "drop table orders;")
    assert project.dbkit("migrate").returncode == 0
    project.migration("0002_items", "create table items (id integer);")
    project.environment["SHOP_DATABASE_URL"] = reader_url
    return project


def test_a_reader_sees_the_status(shop: Project) -> None:
    ran = shop.dbkit("status")

    assert (ran.returncode, ran.stderr) == (2, "")
    assert "1 pending, next 0002_items" in ran.stdout


def test_a_reader_may_ask_migrate_when_nothing_is_pending(shop: Project) -> None:
    (shop.root / "migrations/shop/0002_items.sql").unlink()
    (shop.root / "migrations/shop/0002_items.rollback.sql").unlink()

    ran = shop.dbkit("migrate")

    assert (ran.returncode, ran.stdout) == (0, "shop: up to date at version 1\n")


def test_a_reader_sees_the_plan(shop: Project) -> None:
    ran = shop.dbkit("migrate", "--plan")

    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == "shop: from version 1 to 2, would run\n  0002_items\n"


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            "migrate",
            "migrations/shop/0002_items.sql:1:14: permission denied for schema public",
        ),
        (
            "rollback shop",
            "migrations/shop/0001_orders.rollback.sql:1:1: must be owner of table orders",
        ),
        (
            "force shop 0",
            (
                "force: permission denied for table _yoyo_migration; "
                "use a role that may write the ledger's tables"
            ),
        ),
    ],
)
def test_a_reader_changes_nothing(shop: Project, call: str, sentence: str) -> None:
    before = contents(shop)

    ran = shop.dbkit(*call.split())

    assert refusal(ran).splitlines()[0] == sentence
    assert contents(shop) == before


def test_a_reader_cannot_begin_a_ledger(project: Project, reader_url: str) -> None:
    project.migration("0001_orders", "create table orders (id integer);")

    status = project.dbkit("status", SHOP_DATABASE_URL=reader_url)
    migrated = project.dbkit("migrate", SHOP_DATABASE_URL=reader_url)

    assert status.returncode == 2
    assert refusal(migrated) == (
        "permission denied for schema public; migrate with a role that may create tables there"
    )
    assert contents(project) == {}


def test_a_reader_of_the_tables_in_the_ledgers_schema_sees_the_status(
    project: Project, reader_url: str
) -> None:
    reader = sql.Identifier(str(conninfo_to_dict(reader_url)["user"]))
    with project.connect() as connection:
        connection.execute(
            sql.SQL("alter default privileges revoke select on tables from {}").format(reader)
        )
    project.migration("0001_orders", "create table orders (id integer);")
    assert project.dbkit("migrate").returncode == 0
    with project.connect() as connection:
        connection.execute(
            sql.SQL("grant select on all tables in schema public to {}").format(reader)
        )

    status = project.dbkit("status", SHOP_DATABASE_URL=reader_url)

    assert status.returncode == 0, status.stdout


def test_a_role_that_may_not_even_read_is_told_what_to_ask_for(
    shop: Project, reader_url: str
) -> None:
    reader = sql.Identifier(str(conninfo_to_dict(reader_url)["user"]))
    with shop.connect() as connection:
        connection.execute(
            sql.SQL("revoke select on all tables in schema public from {}").format(reader)
        )

    status = shop.status()
    migrated = shop.dbkit("migrate")

    sentence = (
        "permission denied for table schema_version; grant this role select on the tables "
        "public.schema_version, dbkit._yoyo_migration, dbkit._dbkit_object, dbkit._dbkit_journal"
    )
    assert [problem["message"] for problem in status["problems"]] == [sentence]
    assert refusal(migrated) == sentence
