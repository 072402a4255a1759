"""Objects from files make way for migrations and rollbacks, and are there when one needs them."""

import psycopg
import pytest

from dbkit.migrations.ledger import AppliedObject
from dbkit.migrations.objectdropping import Dropping
from dbkit.migrations.objecterrors import BrokenObject, HeldObject
from tests.migrations.test_objects import (
    OURS,
    made_files,
    migrate,
    roll_back,
    version_of,
)
from tests.project import Project

ORDERS = "create table orders (id integer, name text, secret text);"
SECOND = "create function second(x integer) returns integer immutable language {}"
USES = {
    "default": "create table uses (id integer default second(1));",
    "check": "create table uses (id integer check (second(id) > 0));",
    "index": "create table uses (id integer); create index on uses (second(id));",
    "generated": "create table uses (a integer, b int generated always as (second(a)) stored);",
    "partitioned": "create table uses (id integer) partition by range (second(id));",
    "policy": "create table uses (id integer); create policy p on uses using (second(id) > 0);",
    "view": "create table uses (id integer); create view v as select second(id) as s from uses;",
}


@pytest.fixture
def shop(project: Project) -> Project:
    """A project whose one migration makes a table, not migrated yet."""
    project.migration("0001_orders", ORDERS, "drop table orders;")
    return project


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize(
    "body", ["sql as 'select x + 1';", "plpgsql as 'begin return x + 1; end';"]
)
def test_a_function_that_a_table_uses_is_made_before_it_and_stays(
    shop: Project, use: str, body: str
) -> None:
    down = "drop table uses cascade;"
    shop.migration("0002_uses", USES[use], down)
    shop.migration(
        "0003_more", "alter table orders add more text;", "alter table orders drop more;"
    )
    shop.object("zz_second", SECOND.format(body))
    shop.object("a", "create view a as select second(id) as s, more from orders;")

    outcome = migrate(shop)
    one_back = roll_back(shop, 2)
    two_back = roll_back(shop, 1)
    there = shop.rows("select to_regprocedure('second(integer)') is not null")
    roll_back(shop, 0)
    gone = shop.rows("select to_regprocedure('second(integer)') is null")
    again = migrate(shop)

    assert outcome.objects == again.objects == (f"{OURS}/a.sql",)
    assert one_back.left_out == two_back.left_out == (f"{OURS}/a.sql",)
    assert (there, gone) == ([(True,)], [(True,)])
    assert made_files(shop) == ["a.sql", "zz_second.sql"]


def test_a_function_that_needs_another_is_made_before_a_migration_with_it(shop: Project) -> None:
    shop.object("a", "create function a() returns integer language sql as 'select b()';")
    shop.object("b", "create function b() returns integer language sql as 'select 2';")
    shop.migration("0002_uses", "create table uses (id integer default a());", "drop table uses;")

    migrate(shop)

    assert made_files(shop) == ["a.sql", "b.sql"]


def test_a_function_that_cannot_be_made_so_early_is_named(shop: Project) -> None:
    shop.object(
        "f", "create function f() returns integer language sql as 'select late from orders';"
    )
    shop.migration("0002_uses", "create table uses (id integer default f());")
    shop.migration("0003_late", "alter table orders add column late integer;")

    with pytest.raises(psycopg.errors.UndefinedFunction) as caught:
        migrate(shop)

    assert caught.value.__notes__[1] == (
        f'{OURS}/f.sql makes it, and cannot be applied before this migration (column "late" does '
        "not exist); put it into a migration"
    )
    assert shop.status()["version"] == 1


def test_only_what_stands_in_the_way_is_taken_down(shop: Project) -> None:
    shop.object("shown", "create view shown as select id, name from orders;")
    shop.object("top", "create view top as select id from shown;")
    shop.object("aside", "create view aside as select secret from orders;")
    shop.object("f", "create function f() returns integer language sql as 'select 1';")
    migrate(shop)
    aside, shown = version_of(shop, "aside"), version_of(shop, "shown")
    shop.migration("0002_wide", "alter table orders alter column id type bigint;")

    migrate(shop)

    assert version_of(shop, "aside") == aside
    assert version_of(shop, "shown") != shown
    assert made_files(shop) == ["aside.sql", "f.sql", "shown.sql", "top.sql"]


def test_many_views_on_one_column_are_taken_down_and_put_back(shop: Project) -> None:
    for number in range(120):
        shop.object(f"v{number}", f"create view v{number} as select id from orders;")
    migrate(shop)
    shop.migration("0002_other", "alter table orders drop column id, add column id text;")

    migrate(shop)

    assert len(made_files(shop)) == 120
    assert shop.rows("select id from v119") == []


def test_all_views_on_a_column_are_taken_down_together(
    shop: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    named = Dropping.named

    def counted(self: Dropping, text: str) -> list[AppliedObject]:
        asked.append(text)
        return named(self, text)

    monkeypatch.setattr(Dropping, "named", counted)
    # the server names one of them at a time
    for number in range(100):
        shop.object(f"v{number}", f"create view v{number} as select id from orders;")
    shop.object("aside", "create view aside as select name from orders;")
    migrate(shop)
    aside = version_of(shop, "aside")
    shop.migration("0002_wide", "alter table orders alter column id type bigint;")

    migrate(shop)

    assert len(made_files(shop)) == 101
    assert version_of(shop, "aside") == aside
    # once to see whether objects are in the way, and once to take them out of it
    assert len(asked) == 2


def test_a_migration_outside_a_transaction_is_told_which_file_makes_what_it_lacks(
    shop: Project,
) -> None:
    shop.object("zz_second", SECOND.format("sql as 'select x + 1';"))
    shop.migration(
        "0002_uses",
        "-- transactional: false\ncreate index concurrently o on orders (second(id));",
    )

    with pytest.raises(psycopg.errors.UndefinedFunction) as caught:
        migrate(shop)

    assert caught.value.__notes__[-1] == (
        f"{OURS}/zz_second.sql makes it, and is applied after a migration outside a transaction; "
        "put it into a migration"
    )


def test_a_rollback_leaves_what_is_not_in_its_way(shop: Project) -> None:
    shop.migration("0002_more", "alter table orders add b text;", "alter table orders drop b;")
    shop.object("aside", "create view aside as select id from orders;")
    shop.object("shown", "create view shown as select b from orders;")
    migrate(shop)
    aside = version_of(shop, "aside")

    assert roll_back(shop, 1).left_out == (f"{OURS}/shown.sql",)
    assert version_of(shop, "aside") == aside
    assert migrate(shop).objects == (f"{OURS}/shown.sql",)


def test_a_rollback_makes_what_an_object_file_makes_now(shop: Project) -> None:
    shop.migration("0002_moved", "select 1;", "create view shown as select 1 as one;")
    shop.object("shown", "create or replace view shown as select id from orders;")
    shop.object("top", "create view top as table shown;")
    migrate(shop)

    outcome = roll_back(shop, 1)

    # the view of the older version is no file's
    assert (outcome.objects, outcome.left_out) == ((f"{OURS}/top.sql",), (f"{OURS}/shown.sql",))
    assert shop.rows("select one from top") == [(1,)]


def test_a_trigger_that_fails_at_the_older_version_does_not_stop_a_rollback(shop: Project) -> None:
    shop.migration(
        "0002_more",
        "alter table orders add b text; insert into orders values (1);",
        "alter table orders drop b; update orders set id = 2;",
    )
    shop.object(
        "touch",
        "create function touch() returns trigger language plpgsql as "
        "'begin new.b := 1; return new; end';",
    )
    shop.object(
        "touched",
        "create trigger touched before update on orders for each row execute function touch();",
    )
    migrate(shop)

    roll_back(shop, 1)

    assert shop.rows("select id from orders") == [(2,)]
    assert made_files(shop) == ["touch.sql", "touched.sql"]


def test_a_function_whose_text_no_longer_fits_does_not_stay(shop: Project) -> None:
    shop.migration("0002_more", "alter table orders add b text;", "alter table orders drop b;")
    shop.object(
        "deep", "create function deep() returns text language sql as 'select b from orders';"
    )
    shop.object("high", "create function high() returns text language sql as 'select deep()';")
    shop.object(
        "same", "create function same() returns text language sql as 'select name from orders';"
    )
    migrate(shop)

    outcome = roll_back(shop, 1)

    assert outcome.objects == ()
    assert outcome.left_out == (f"{OURS}/deep.sql", f"{OURS}/high.sql")
    assert made_files(shop) == ["same.sql"]


@pytest.mark.parametrize("way", ["migration", "file"])
def test_what_was_made_by_hand_is_never_dropped(shop: Project, way: str) -> None:
    shop.object("shown", "create or replace view shown as select id, name from orders;")
    migrate(shop)
    with shop.connect() as by_hand:
        by_hand.execute("create view by_hand as select id from shown")
    if way == "file":
        shop.object("shown", "create or replace view shown as select id from orders;")
    else:
        shop.migration("0002_wide", "alter table orders alter column id type bigint;")

    with pytest.raises(HeldObject) as caught:
        migrate(shop)

    assert str(caught.value) == (
        "view public.shown has to be dropped to be made anew, and view by_hand, which comes from "
        "no object file, depends on it; drop that first, or make the change in a migration"
    )
    assert shop.rows("select id from by_hand") == []


def test_an_object_of_a_file_that_is_gone_is_not_dropped_either(shop: Project) -> None:
    shop.object("shown", "create or replace view shown as select id, name from orders;")
    top = shop.object("top", "create view top as select id from shown;")
    migrate(shop)
    top.unlink()
    shop.object("shown", "create or replace view shown as select id from orders;")

    with pytest.raises(HeldObject, match="view top"):
        migrate(shop)

    assert migrate(shop, drop_gone=True).objects == (f"{OURS}/shown.sql",)


def test_a_function_that_a_table_uses_and_that_cannot_be_replaced_is_told(shop: Project) -> None:
    shop.object("f", "create or replace function f() returns integer language sql as 'select 1';")
    shop.migration("0002_uses", "create table uses (id bigint default f());", "drop table uses;")
    migrate(shop)
    shop.object(
        "f", "create or replace function f() returns bigint language sql as 'select 1::bigint';"
    )

    with pytest.raises(HeldObject, match="default value for column id of table uses"):
        migrate(shop)


def test_two_files_for_one_object_are_refused(shop: Project) -> None:
    shop.object("a", "create or replace view shown as select id from orders;")
    shop.object("b", "create or replace view shown as select id from orders;")

    with pytest.raises(BrokenObject, match="makes what sql/shop/_objects/"):
        migrate(shop)


def test_a_file_that_gets_another_name_keeps_its_object(shop: Project) -> None:
    sql = "create or replace view shown as select id from orders;"
    path = shop.object("a", sql)
    migrate(shop)
    path.unlink()
    shop.object("b", sql)

    migrate(shop)

    assert made_files(shop) == ["b.sql"]
    assert "is gone" not in shop.dbkit("status").stdout


def test_files_that_swap_their_objects_are_applied(shop: Project) -> None:
    one, two = (f"create or replace view {x} as select id from orders;" for x in ("one", "two"))
    shop.object("a", one)
    shop.object("b", two)
    shop.object("top", "create view top as select one.id from one, two;")
    migrate(shop)
    shop.object("a", two)
    shop.object("b", one)

    migrate(shop)

    assert shop.rows("select path, identity from dbkit._dbkit_object order by path") == [
        ("a.sql", "public.two"),
        ("b.sql", "public.one"),
        ("top.sql", "public.top"),
    ]
