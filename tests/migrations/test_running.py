"""A migration is there whole, or not at all."""

import psycopg
import pytest

from tests.project import Project


def test_a_migration_its_mark_and_its_ledger_row_appear_together(project: Project) -> None:
    project.migration("0001_orders", "create table orders (id integer primary key);")

    with project.connect() as connection:
        outcome = project.runner(connection).migrate()

    assert outcome.migrations == ("0001_orders",)
    assert project.rows("select version, description from schema_version") == [(1, "Orders")]
    assert project.rows("select migration_id from dbkit._yoyo_migration") == [("0001_orders",)]
    assert project.rows("select count(*) from orders") == [(0,)]


def test_a_migration_that_fails_leaves_nothing(project: Project) -> None:
    project.migration("0001_orders", "create table orders (id integer);\nselect 1 / 0;")

    with project.connect() as connection, pytest.raises(psycopg.errors.DivisionByZero) as caught:
        project.runner(connection).migrate()

    assert caught.value.__notes__[0].startswith(
        "migrations/shop/0001_orders.sql:2:1: division by zero"
    )
    assert project.rows("select to_regclass('orders'), count(*) from schema_version") == [(None, 0)]


def test_a_migration_may_make_the_session_forget_its_plans(project: Project) -> None:
    project.migration("0001_orders", "create table orders (id integer);\ndeallocate all;")
    project.migration("0002_customers", "create table customers (id integer);")

    with project.connect() as connection:
        outcome = project.runner(connection).migrate()
        left = connection.execute("select name from pg_prepared_statements").fetchall()

    assert outcome.after == 2
    assert left == []
    assert project.rows("select count(*) from schema_version") == [(2,)]


def test_the_last_commit_of_a_run_is_written_out_and_those_before_it_need_not_be(
    project: Project,
) -> None:
    for number in (1, 2):
        setting = "select current_setting('synchronous_commit') as setting"
        project.migration(f"000{number}_orders", f"create table orders_{number} as {setting};")

    with project.connect() as connection:
        project.runner(connection).migrate()

    [(first,)] = project.rows("select setting from orders_1")
    [(last,)] = project.rows("select setting from orders_2")
    [(usual,)] = project.rows("select current_setting('synchronous_commit')")
    assert (first, last) == ("off", usual)
