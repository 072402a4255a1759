"""Views, functions, triggers and policies are in the database as their files say."""

from typing import Any

import psycopg
import pytest

from dbkit.migrations import Outcome
from dbkit.migrations.objecterrors import BrokenObject, NotOneObject
from tests.project import Project

ORDERS = """
create table orders (id integer, name text, secret text);
create function keep() returns trigger language plpgsql as 'begin return old; end';
"""
OURS = "sql/shop/_objects"
# what files may make, and what tells that it is there
KINDS = {
    "view": ("create view made as select id from orders;", "to_regclass('made')"),
    "materialized view": (
        "create materialized view made as select id from orders;",
        "to_regclass('made')",
    ),
    "function": (
        "create function made(x integer) returns integer language sql as 'select x';",
        "to_regprocedure('made(integer)')",
    ),
    "procedure": (
        "create procedure made() language sql begin atomic; delete from orders; end;",
        "to_regprocedure('made()')",
    ),
    "aggregate": (
        "create aggregate made (integer) (sfunc = int4pl, stype = integer);",
        "to_regprocedure('made(integer)')",
    ),
    "trigger": (
        "create trigger made before update on orders for each row execute function keep();",
        "(select tgname from pg_trigger where tgname = 'made')",
    ),
    "policy": (
        "create policy made on orders using (secret is null);",
        "(select polname from pg_policy where polname = 'made')",
    ),
}


@pytest.fixture
def shop(project: Project) -> Project:
    """A project whose one migration makes a table, not migrated yet."""
    project.migration("0001_orders", ORDERS, "drop table orders; drop function keep();")
    return project


def migrate(project: Project, to: int | None = None, *, drop_gone: bool = False) -> Outcome:
    with project.connect() as connection:
        return project.runner(connection).migrate(to, drop_gone=drop_gone)


def roll_back(project: Project, to: int) -> Outcome:
    with project.connect() as connection:
        return project.runner(connection).rollback(to)


def made_files(project: Project) -> list[Any]:
    """Return what the ledger has as made, without what it keeps of those that were left out."""
    query = "select path from dbkit._dbkit_object where checksum <> '' order by path"
    return [path for (path,) in project.rows(query)]


def version_of(project: Project, view: str) -> list[tuple[Any, ...]]:
    """Return what changes whenever a view is made or replaced."""
    return project.rows(
        f"select oid, ev_class, xmin, ctid from pg_rewrite where ev_class = '{view}'::regclass"
    )


def test_objects_are_made_in_whatever_order_they_need(shop: Project) -> None:
    shop.object("a_top", "create view a_top as select id from b_middle;")
    shop.object("b_middle", "create view b_middle as select c_id() as id from orders;")
    shop.object("c_id", "create function c_id() returns integer language sql as 'select 1';")

    outcome = migrate(shop)

    assert outcome.objects == (f"{OURS}/c_id.sql", f"{OURS}/b_middle.sql", f"{OURS}/a_top.sql")
    assert shop.rows("select id from a_top") == []


def test_an_object_comes_after_those_that_its_header_names(shop: Project) -> None:
    shop.object("a", "-- Last of all.\n-- after: b, c\ncreate view a as select 1 as one;")
    shop.object("b", "-- after: c\ncreate view b as select 1 as one;")
    shop.object("c", "create view c as select 1 as one;")

    outcome = migrate(shop)

    assert outcome.objects == tuple(f"{OURS}/{name}.sql" for name in ("c", "b", "a"))


@pytest.mark.parametrize(
    ("after_a", "after_b", "sentence"),
    [
        ("nobody", "a", "a.sql: is to come after 'nobody', and there is no nobody.sql beside it"),
        ("a", "a", "a.sql: is to come after itself"),
        ("b", "a", "a.sql: these files are each to come after another: a.sql, b.sql"),
    ],
    ids=["unknown", "itself", "circle"],
)
def test_an_order_that_cannot_be_kept_is_refused(
    shop: Project, after_a: str, after_b: str, sentence: str
) -> None:
    shop.object("a", f"-- after: {after_a}\ncreate view a as select 1 as one;")
    shop.object("b", f"-- after: {after_b}\ncreate view b as select 1 as one;")

    with pytest.raises(BrokenObject) as caught:
        migrate(shop)

    assert str(caught.value) == f"{OURS}/{sentence}"


def test_an_object_is_applied_again_when_its_text_changes_and_then_alone(shop: Project) -> None:
    shop.object("answer", "create or replace view answer as select 41 as number;")
    shop.object("other", "create or replace view other as select 1 as one;")
    migrate(shop)
    untouched = version_of(shop, "other")

    shop.object("answer", "create or replace view answer as select 42 as number;")
    status = shop.dbkit("status")
    outcome = migrate(shop)

    assert status.returncode == 2
    assert outcome.objects == (f"{OURS}/answer.sql",)
    assert shop.rows("select number from answer") == [(42,)]
    assert version_of(shop, "other") == untouched
    assert shop.dbkit("status").returncode == 0


def test_an_object_is_not_touched_by_a_migration_that_does_not_concern_it(shop: Project) -> None:
    shop.object("answer", "create or replace view answer as select id from orders;")
    migrate(shop)
    untouched = version_of(shop, "answer")
    shop.migration("0002_more", "create table more ();")

    outcome = migrate(shop)

    assert (outcome.migrations, outcome.objects) == (("0002_more",), ())
    assert version_of(shop, "answer") == untouched


def test_an_object_that_was_dropped_by_hand_is_put_back(shop: Project) -> None:
    shop.object("answer", "create view answer as select 42 as number;")
    migrate(shop)
    with shop.connect() as by_hand:
        by_hand.execute("drop view answer")

    status = shop.dbkit("status")
    outcome = migrate(shop)

    assert status.returncode == 2
    assert shop.status()["objects"] == {"pending": [], "gone": [], "replaced": []}
    assert outcome.objects == (f"{OURS}/answer.sql",)


@pytest.mark.parametrize(
    ("now", "gone"),
    [
        ("create function cost(x integer) returns integer", "price(integer)"),
        ("create function price(x text) returns integer", "price(integer)"),
    ],
    ids=["another name", "other arguments"],
)
def test_a_function_whose_file_now_makes_another_one_does_not_stay(
    shop: Project, now: str, gone: str
) -> None:
    body = "language sql as 'select 1';"
    shop.object("price", f"create function price(x integer) returns integer {body}")
    migrate(shop)

    shop.object("price", f"{now} {body}")
    migrate(shop)

    assert shop.rows(f"select to_regprocedure('{gone}')") == [(None,)]
    assert len(shop.rows("select from pg_proc where proname in ('price', 'cost')")) == 1


@pytest.mark.parametrize(
    ("sql", "made"),
    [
        ("create view a as select 1 as x; create view b as select 2 as x;", "view public.a, view"),
        ("select 1;", "none"),
        ("create table t ();", "none"),
    ],
    ids=["two", "none", "a table"],
)
def test_a_file_that_makes_not_exactly_one_object_is_refused(
    shop: Project, sql: str, made: str
) -> None:
    shop.object("odd", sql)

    with pytest.raises(NotOneObject) as caught:
        migrate(shop)

    assert str(caught.value).startswith(
        f"{OURS}/odd.sql: is to make one view, function, procedure, trigger or policy, or to "
        f"grant and revoke alone, and makes {made}"
    )
    assert shop.rows("select to_regclass('orders'), to_regclass('a'), to_regclass('t')") == [
        (None, None, None)
    ]


def test_an_object_file_cannot_leave_the_transaction(shop: Project) -> None:
    shop.object("odd", "-- transactional: false\ncommit; create view odd as select 1 as one;")

    with pytest.raises(BrokenObject, match="take `-- transactional: false` out"):
        migrate(shop)

    assert shop.rows("select to_regclass('orders')") == [(None,)]


def test_an_object_whose_file_is_gone_is_told_and_dropped_only_when_asked(shop: Project) -> None:
    path = shop.object("answer", "create view answer as select 42 as number;")
    migrate(shop)
    path.unlink()

    status = shop.dbkit("status")
    kept = migrate(shop)
    still = shop.rows("select to_regclass('answer')::text")
    dropped = migrate(shop, drop_gone=True)

    assert status.returncode == 0
    assert "view public.answer was made by answer.sql, which is gone" in status.stdout
    assert (kept.changed, still) == (False, [("answer",)])
    assert dropped.dropped == ("answer.sql",)
    assert shop.rows("select to_regclass('answer')") == [(None,)]
    assert "which is gone" not in shop.dbkit("status").stdout


def test_a_column_is_altered_under_the_views_that_show_it(shop: Project) -> None:
    shop.object("shown", "create view shown as select id, name from orders;")
    shop.object("top", "create view top as select id from shown;")
    migrate(shop)
    shop.migration("0002_wide", "alter table orders alter column id type bigint;")

    outcome = migrate(shop)

    assert outcome.migrations == ("0002_wide",)
    assert shop.rows("select pg_typeof(id)::text from (table top union all select 1) as t") == [
        ("bigint",)
    ]


def test_a_migration_that_breaks_a_view_for_good_is_not_applied(shop: Project) -> None:
    shop.object("shown", "create view shown as select name from orders;")
    migrate(shop)
    untouched = version_of(shop, "shown")
    shop.migration("0002_nameless", "alter table orders drop column name;")

    with pytest.raises(psycopg.errors.UndefinedColumn):
        migrate(shop)

    assert shop.status()["version"] == 1
    assert version_of(shop, "shown") == untouched


def test_a_view_that_loses_a_column_is_made_anew_with_what_depends_on_it(shop: Project) -> None:
    shop.object("shown", "create or replace view shown as select id, name, secret from orders;")
    shop.object("top", "create or replace view top as select id from shown;")
    migrate(shop)

    shop.object("shown", "create or replace view shown as select id, name from orders;")
    migrate(shop)

    assert shop.rows(
        "select attname from pg_attribute where attrelid = 'shown'::regclass and attnum > 0"
    ) == [("id",), ("name",)]
    assert shop.rows("select id from top") == []
    assert made_files(shop) == ["shown.sql", "top.sql"]


def test_a_plain_create_is_enough_when_the_text_changes(shop: Project) -> None:
    shop.object("answer", "create view answer as select 41 as number;")
    shop.object("top", "create view top as select number from answer;")
    migrate(shop)

    shop.object("answer", "create view answer as select 42 as number;")
    migrate(shop)

    assert shop.rows("select number from top") == [(42,)]


def test_an_object_that_no_file_made_is_not_replaced(shop: Project) -> None:
    shop.object("answer", "create view answer as select 42 as number;")
    shop.migration("0002_answer", "create view answer as select 41 as number;")

    with pytest.raises(psycopg.errors.DuplicateTable):
        migrate(shop)

    assert shop.rows("select to_regclass('answer')") == [(None,)]


def test_an_error_in_an_object_takes_the_last_migration_back_and_not_the_one_before(
    shop: Project,
) -> None:
    shop.migration("0002_more", "create table more ();")
    shop.object("wrong", "create view wrong as\nselect nmae from orders;")

    with pytest.raises(psycopg.errors.UndefinedColumn) as caught:
        migrate(shop)

    assert caught.value.__notes__[0].startswith(
        f'{OURS}/wrong.sql:2:8: column "nmae" does not exist'
    )
    assert shop.rows("select to_regclass('orders')::text, to_regclass('more')") == [
        ("orders", None)
    ]
    assert shop.status()["version"] == 1


def test_on_the_way_objects_that_cannot_stand_yet_are_left_out(shop: Project) -> None:
    shop.migration("0002_more", "alter table orders add column more text;")
    shop.object("early", "create view early as select id from orders;")
    shop.object("late", "create view late as select more from orders;")

    half = migrate(shop, to=1)
    whole = migrate(shop)

    assert (half.objects, half.left_out) == ((f"{OURS}/early.sql",), (f"{OURS}/late.sql",))
    assert (whole.objects, whole.left_out) == ((f"{OURS}/late.sql",), ())


def test_a_rollback_leaves_the_objects_that_stand_and_names_the_others(shop: Project) -> None:
    shop.migration(
        "0002_more",
        "alter table orders add column more text;",
        "alter table orders drop column more;",
    )
    shop.object("early", "create view early as select id from orders;")
    shop.object("late", "create view late as select more from orders;")
    migrate(shop)
    untouched = version_of(shop, "early")

    outcome = roll_back(shop, 1)

    assert outcome.left_out == (f"{OURS}/late.sql",)
    assert version_of(shop, "early") == untouched
    assert shop.rows("select to_regclass('early')::text, to_regclass('late')") == [("early", None)]
    assert made_files(shop) == ["early.sql"]


def test_a_rollback_that_fails_leaves_the_objects_as_they_were(shop: Project) -> None:
    shop.migration("0002_more", "create table more ();", "select 1 / 0;")
    shop.object("shown", "create view shown as select id from orders;")
    migrate(shop)
    untouched = version_of(shop, "shown")

    with pytest.raises(psycopg.errors.DivisionByZero):
        roll_back(shop, 1)

    assert version_of(shop, "shown") == untouched
    assert shop.dbkit("status").returncode == 0


def test_the_empty_database_is_empty(shop: Project) -> None:
    for kind, (sql, _) in KINDS.items():
        if kind != "materialized view":
            shop.object(f"one_{kind}", sql.replace(" made", f" {kind}_made"))
    migrate(shop)

    roll_back(shop, 0)

    assert (
        shop.rows(
            "select relname from pg_class where relnamespace = 'public'::regnamespace "
            "and relkind <> 'i' and relname !~ '^_(yoyo|dbkit)_' and relname <> 'schema_version' "
            "union all select proname from pg_proc where pronamespace = 'public'::regnamespace"
        )
        == []
    )
    assert made_files(shop) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_any_kind_is_applied_applied_again_and_taken_down(
    shop: Project, kind: str
) -> None:
    sql, is_there = KINDS[kind]
    shop.object("made", sql)

    first = migrate(shop)
    shop.object("made", f"-- Said better.\n{sql}")
    second = migrate(shop)
    there = shop.rows(f"select {is_there}::text is not null")
    path = shop.root / OURS / "made.sql"
    path.unlink()
    migrate(shop, drop_gone=True)

    assert first.objects == second.objects == (f"{OURS}/made.sql",)
    assert there == [(True,)]
    assert shop.rows(f"select {is_there}::text") == [(None,)]


def transactions(project: Project) -> int:
    """Return the number of the server's next transaction."""
    [(number,)] = project.rows("select pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
    return int(number)


def test_a_long_chain_of_views_in_the_worst_order_is_made_in_one_go(shop: Project) -> None:
    views = 600
    shop.object(f"v{views:04}", f"create view v{views:04} as select id from orders;")
    for number in range(views):
        shop.object(f"v{number:04}", f"create view v{number:04} as table v{number + 1:04};")
    migrate(shop, to=0)
    began = transactions(shop)

    outcome = migrate(shop)

    assert len(outcome.objects) == views + 1
    # each attempt to apply a file takes a number of its own
    assert transactions(shop) - began < views + 50


def test_what_a_text_does_not_say_is_learnt_from_the_server(shop: Project) -> None:
    hidden = "do $$ begin execute 'create view {} as table ' || 'b' || '_hidden'; end $$;"
    shop.object("a", hidden.format("a_hidden"))
    shop.object("b", "do $$ begin execute 'create view b' || '_hidden as select 1 as one'; end $$;")
    shop.object(
        "c", "create function c() returns integer language sql as 'select one from a_hidden';"
    )

    outcome = migrate(shop)

    assert outcome.objects == tuple(f"{OURS}/{name}.sql" for name in ("b", "a", "c"))


def test_two_functions_that_name_each_other_are_made(shop: Project) -> None:
    shop.object(
        "a_even",
        "create function a_even(n integer) returns boolean language plpgsql as "
        "'begin return n = 0 or b_odd(n - 1); end';",
    )
    shop.object(
        "b_odd",
        "create function b_odd(n integer) returns boolean language sql as "
        "'select n <> 0 and a_even(n - 1)';",
    )

    migrate(shop)

    assert shop.rows("select a_even(4), b_odd(4)") == [(True, False)]


def test_what_a_block_with_a_handler_makes_is_the_files(shop: Project) -> None:
    shop.object(
        "handled",
        "do $$ begin create view handled as select 1 as one; exception when others then null; end "
        "$$; select 1;",
    )
    shop.object("other", "create view other as select 1 as one;")

    migrate(shop)

    assert shop.rows("select path, identity from dbkit._dbkit_object order by path") == [
        ("handled.sql", "public.handled"),
        ("other.sql", "public.other"),
    ]


@pytest.mark.parametrize("kind", ["view", "function", "trigger"])
def test_what_is_replaced_by_the_same_is_seen(shop: Project, kind: str) -> None:
    sql = KINDS[kind][0].replace("create", "create or replace")
    shop.object("made", sql)
    migrate(shop)
    shop.object("made", f"-- Said better.\n{sql}")

    assert migrate(shop).objects == (f"{OURS}/made.sql",)


def test_a_trigger_of_a_partitioned_table_is_one_object(shop: Project) -> None:
    shop.migration(
        "0002_days",
        "create table days (day date) partition by range (day);"
        "create table day partition of days for values from ('2026-01-01') to ('2026-01-02');",
    )
    shop.object(
        "kept", "create trigger kept before update on days for each row execute function keep();"
    )

    migrate(shop)

    assert shop.rows("select identity from dbkit._dbkit_object") == [("kept on public.days",)]


def test_what_another_session_makes_meanwhile_is_not_the_files(shop: Project) -> None:
    shop.object(
        "slow", "create view slow as select 1 as one; select pg_advisory_lock(1), pg_sleep(0.2);"
    )
    shop.object("then", "create view zzz as select 1 as one;")
    with shop.connect() as other:
        other.execute("select pg_advisory_lock(1)")
        run = shop.start("migrate", "shop")
        while not other.execute("select from pg_locks where not granted").fetchall():
            assert run.poll() is None, run.communicate()
        other.execute("create view by_hand as select 1 as one")
        other.execute("select pg_advisory_unlock(1)")
        run.communicate()

    assert run.returncode == 0
    assert made_files(shop) == ["slow.sql", "then.sql"]
