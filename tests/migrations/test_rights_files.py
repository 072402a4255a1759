"""A file that grants and revokes is applied last, and again whenever something new may lack it."""

from collections.abc import Iterator
from typing import LiteralString
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from dbkit.migrations import Outcome
from dbkit.migrations.objecterrors import BrokenObject
from tests.project import Project

RIGHTS = "sql/shop/_objects/app.sql"


@pytest.fixture
def role(project: Project) -> Iterator[str]:
    """The role of the application."""
    name = f"app_{uuid4().hex[:8]}"
    _run(project, "create role {}", name)
    yield name
    _run(project, "drop owned by {}", name)
    _run(project, "drop role {}", name)


@pytest.fixture
def shop(project: Project, role: str) -> Project:
    """A project with two tables, a view, and a file of rights; not migrated yet."""
    project.migration("0001_orders", "create table orders (id integer);", "drop table orders;")
    project.migration("0002_items", "create table items (id integer);", "drop table items;")
    project.object("b_view", "create or replace view b_view as select id from orders;")
    # its name comes first, and what it needs is made later
    project.object(
        "app",
        f"-- what the application may do\ngrant select on orders, items, b_view to {role};\n"
        f"/* and */ alter\n  default privileges grant usage on sequences to {role};\n",
    )
    return project


def _run(project: Project, text: LiteralString, *names: str) -> None:
    with project.connect() as connection:
        connection.execute(sql.SQL(text).format(*map(sql.Identifier, names)))


def migrate(project: Project, to: int | None = None, *, drop_gone: bool = False) -> Outcome:
    with project.connect() as connection:
        return project.runner(connection).migrate(to, drop_gone=drop_gone)


def roll_back(project: Project, to: int) -> Outcome:
    with project.connect() as connection:
        return project.runner(connection).rollback(to)


def _may_read(project: Project, role: str, table: str) -> object:
    [(may,)] = project.rows(f"select has_table_privilege('{role}', '{table}', 'select')")
    return may


def test_rights_are_granted_after_all_that_is_made(shop: Project, role: str) -> None:
    outcome = migrate(shop)

    assert outcome.objects == ("sql/shop/_objects/b_view.sql", RIGHTS)
    assert all(_may_read(shop, role, name) for name in ("orders", "items", "b_view"))
    assert shop.rows(
        "select path, type, identity from dbkit._dbkit_object where path = 'app.sql'"
    ) == [("app.sql", "rights", "at version 2 of 2")]


def test_what_is_granted_is_not_granted_twice(shop: Project) -> None:
    migrate(shop)

    assert not migrate(shop).changed
    assert shop.dbkit("status").returncode == 0


def test_an_edited_file_is_applied_again(shop: Project, role: str) -> None:
    migrate(shop)
    shop.object("app", f"revoke select on orders from {role};")

    assert migrate(shop).objects == (RIGHTS,)
    assert not _may_read(shop, role, "orders")


def test_rights_are_granted_again_after_a_migration(shop: Project, role: str) -> None:
    shop.object("app", f"grant select on all tables in schema public to {role};")
    migrate(shop)
    shop.migration("0003_more", "create table more (id integer);")
    with shop.connect() as connection:
        planned = shop.runner(connection).plan_migrate()

    outcome = migrate(shop)

    assert planned.objects == outcome.objects == (RIGHTS,)
    assert _may_read(shop, role, "more")


def test_rights_are_granted_again_where_a_migration_was_only_recorded(
    shop: Project, role: str
) -> None:
    shop.object("app", f"grant select on all tables in schema public to {role};")
    migrate(shop)
    shop.migration("0003_more", "create table more (id integer);")
    with shop.connect() as connection:
        connection.execute("create table more (id integer)")
        shop.runner(connection).force(3)

    assert shop.dbkit("status").returncode == 2
    assert migrate(shop).objects == (RIGHTS,)
    assert _may_read(shop, role, "more")


def test_rights_are_granted_again_on_an_object_that_is_made_anew(shop: Project, role: str) -> None:
    migrate(shop)
    _run(shop, "drop view {}", "b_view")
    assert migrate(shop).objects == ("sql/shop/_objects/b_view.sql", RIGHTS)
    assert _may_read(shop, role, "b_view")


def test_what_a_grant_changes_is_not_taken_for_an_edit_by_hand(shop: Project, role: str) -> None:
    shop.object("add", "create or replace function add() returns integer return 1;")
    shop.object("app", f"revoke execute on function add() from public, {role};")

    migrate(shop)

    assert shop.status()["objects"] == {"pending": [], "gone": [], "replaced": []}
    assert not migrate(shop).changed


def test_an_older_version_without_a_table_leaves_the_file_out(shop: Project, role: str) -> None:
    migrate(shop)

    outcome = roll_back(shop, 1)

    assert outcome.left_out == (RIGHTS,)
    assert shop.rows("select path from dbkit._dbkit_object") == [("b_view.sql",)]
    again = migrate(shop)
    assert again.objects == (RIGHTS,)
    assert _may_read(shop, role, "items")


def test_an_older_version_that_has_all_gets_the_rights(shop: Project, role: str) -> None:
    shop.object("app", f"grant select on orders to {role};")
    migrate(shop)

    outcome = roll_back(shop, 1)

    assert (outcome.objects, outcome.left_out) == ((RIGHTS,), ())
    assert _may_read(shop, role, "orders")


def test_without_migrations_no_rights_are_in_the_ledger(shop: Project) -> None:
    migrate(shop)

    roll_back(shop, 0)

    assert shop.rows("select path from dbkit._dbkit_object where checksum <> ''") == []


def test_at_the_newest_version_what_cannot_be_granted_is_an_error(shop: Project) -> None:
    shop.object("app", "-- to nobody\ngrant select on orders to nobody_here;")

    with pytest.raises(psycopg.errors.UndefinedObject) as caught:
        migrate(shop)

    [note] = caught.value.__notes__
    assert note.startswith(f'{RIGHTS}:2:1: role "nobody_here" does not exist\n')
    assert shop.rows("select to_regclass('items')") == [(None,)]


def test_a_file_that_is_gone_takes_nothing_back_and_says_so(shop: Project, role: str) -> None:
    migrate(shop)
    (shop.root / RIGHTS).unlink()

    status = shop.dbkit("status")
    forgotten = shop.dbkit("migrate", "--drop-gone")

    assert (
        "app.sql is gone, and what it granted stays; take that back with `revoke` in a migration, "
        "and forget the file with: dbkit migrate shop --drop-gone"
    ) in " ".join(status.stdout.split())
    assert (
        "shop: forgotten, and what these granted stays until a migration revokes it: app.sql"
    ) in forgotten.stderr
    assert _may_read(shop, role, "orders")
    assert shop.status()["objects"]["gone"] == []


def test_a_file_may_become_one_of_rights_and_back(shop: Project, role: str) -> None:
    migrate(shop)
    grants = (shop.root / RIGHTS).read_text()
    shop.object("app", "create function app() returns integer return 1;")
    migrate(shop)
    assert shop.rows("select to_regprocedure('app()')::text") == [("app()",)]

    shop.object("app", grants)
    migrate(shop)

    assert shop.rows("select to_regprocedure('app()')") == [(None,)]
    assert _may_read(shop, role, "orders")


def test_what_grants_beside_something_else_is_an_object(shop: Project, role: str) -> None:
    shop.object("app", f"create view app as select 1 as one; grant select on app to {role};")

    migrate(shop)

    assert ("app.sql", "view") in shop.rows("select path, type from dbkit._dbkit_object")


def test_an_object_cannot_come_after_rights(shop: Project) -> None:
    shop.object("b_view", "-- after: app\ncreate or replace view b_view as select id from orders;")

    with pytest.raises(BrokenObject, match=r"is to come after sql/shop/_objects/app\.sql, which"):
        migrate(shop)


def test_a_file_of_rights_makes_nothing_of_its_name(shop: Project, role: str) -> None:
    # a message of the server names the role, and the file is called like it
    (shop.root / RIGHTS).rename(shop.root / f"sql/shop/_objects/{role}.sql")
    migrate(shop)
    shop.migration("0003_more", f"select {role};")

    with pytest.raises(psycopg.errors.UndefinedColumn) as caught:
        migrate(shop)

    assert "makes it" not in " ".join(caught.value.__notes__)


def test_two_files_of_rights_stand_beside_each_other(shop: Project, role: str) -> None:
    shop.object("more", f"grant insert on orders to {role};")

    assert len(migrate(shop).objects) == 3
    assert not migrate(shop).changed


def test_rights_of_a_later_version_are_not_granted_before_it(shop: Project, role: str) -> None:
    shop.object("app", f"-- since: 0002_items\ngrant select on orders to {role};")

    before = migrate(shop, 1)
    assert not _may_read(shop, role, "orders")
    with shop.connect() as connection:
        planned = shop.runner(connection).plan_migrate()
    after = migrate(shop)
    assert _may_read(shop, role, "orders")
    back = roll_back(shop, 1)

    assert (before.objects, before.left_out) == (("sql/shop/_objects/b_view.sql",), ())
    assert planned.objects == after.objects == (RIGHTS,)
    assert (back.objects, back.left_out) == ((), ())
    assert shop.rows("select path from dbkit._dbkit_object") == [("b_view.sql",)]


def test_a_migration_that_is_not_there_is_told(shop: Project) -> None:
    shop.object("app", "-- since: 0003_more\ngrant select on orders to public;")

    assert shop.dbkit("migrate").stderr.splitlines()[0] == (
        "error: sql/shop/_objects/app.sql: is to be applied since 0003_more, and no migration is "
        "called that"
    )


def test_only_rights_are_of_a_version(shop: Project) -> None:
    shop.object("b_view", "-- since: 0001_orders\ncreate view b_view as select id from orders;")

    with pytest.raises(BrokenObject, match="is for a file that grants and revokes alone"):
        migrate(shop)


def test_where_every_number_is_right_no_file_changes(shop: Project) -> None:
    text = "-- since: 0002_items\ngrant select on orders to public;"
    path = shop.object("app", text)

    ran = shop.dbkit("renumber", "shop")

    assert (ran.returncode, path.read_text()) == (0, text)


def test_a_renumbered_migration_is_renamed_in_the_file_too(shop: Project) -> None:
    path = shop.object("app", "-- since: 0002_items\ngrant select on orders to public;")
    for name in ("0002_items.sql", "0002_items.rollback.sql"):
        old = shop.root / "migrations/shop" / name
        old.rename(old.with_name(name.replace("0002", "0003")))
    path.write_text(path.read_text().replace("0002", "0003"))

    shop.dbkit("renumber", "shop")

    assert path.read_text().startswith("-- since: 0002_items\n")
