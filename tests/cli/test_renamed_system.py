"""A system that has another name in the settings is not taken for a second one."""

import re

import pytest

from tests.cli.seen import refusal
from tests.project import Project


@pytest.fixture
def renamed(project: Project) -> Project:
    """A project whose system `shop` was migrated, and is called `store` since."""
    for number, table in enumerate(("orders", "items"), start=1):
        project.migration(
            f"{number:04}_{table}", f"create table {table} (id integer);", f"drop table {table};"
        )
    assert project.dbkit("migrate").returncode == 0
    for folder in ("migrations", "sql"):
        (project.root / folder / "shop").rename(project.root / folder / "store")
    (project.root / "pyproject.toml").write_text("[tool.dbkit.systems.store]\n")
    project.environment["STORE_DATABASE_URL"] = project.url
    return project


def _edit(project: Project) -> None:
    path = project.root / "migrations/store/0002_items.sql"
    path.write_text("create table if not exists things (id bigint);")


def test_it_is_told_whose_ledger_that_is_and_what_to_say(renamed: Project) -> None:
    told = {refusal(renamed.dbkit(*command.split())) for command in ("migrate", "migrate --plan")}
    [problem] = renamed.status()["problems"]
    checked = renamed.dbkit("check")

    [sentence] = told
    assert sentence == (
        "the ledger public.schema_version is that of shop, which has applied the same migrations "
        "as those of store; if that is its new name, say so with: alter table "
        "public.schema_version alter column dbkit_system set default 'store'; if it is another "
        "system, give it a schema of its own in its search path"
    )
    assert problem["message"] == sentence
    assert sentence in checked.stdout


def test_what_it_says_makes_the_ledger_that_of_the_new_name(renamed: Project) -> None:
    said = re.search(r"say so with: (alter table [^;]*)", refusal(renamed.dbkit("migrate")))
    assert said is not None
    with renamed.connect() as connection:
        connection.execute(said[1].encode())
    more = renamed.root / "migrations/store/0003_prices.sql"
    more.write_text("create table prices (id integer);")
    more.with_suffix(".rollback.sql").write_text("drop table prices;")

    migrated = renamed.dbkit("migrate")
    back = renamed.dbkit("rollback", "store", "--to", "1")
    status = renamed.status()

    assert (migrated.returncode, back.returncode) == (0, 0), (migrated, back)
    assert (status["version"], status["problems"]) == (1, [])
    assert renamed.rows("select to_regclass('schema_version_store')") == [(None,)]
    assert renamed.rows("select version from schema_version") == [(1,)]


def test_a_second_system_of_other_migrations_is_no_new_name(renamed: Project) -> None:
    _edit(renamed)
    (renamed.root / "migrations/store/0001_orders.sql").write_text("create table more ();")

    assert renamed.dbkit("migrate").returncode == 0
    assert renamed.rows("select to_regclass('schema_version_store') is not null") == [(True,)]


def test_a_name_in_a_schema_of_its_own_is_another_system(renamed: Project) -> None:
    with renamed.connect() as connection:
        connection.execute("create schema apart")
    renamed.environment["PGOPTIONS"] = "-c search_path=apart"

    assert renamed.dbkit("migrate").returncode == 0
    assert renamed.rows("select to_regclass('apart.orders') is not null") == [(True,)]
