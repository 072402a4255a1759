"""What people granted, said and made on an object is there after it was made anew."""

from collections.abc import Iterator

import psycopg
import pytest

from dbkit.migrations.objecterrors import LostPart
from tests.migrations.test_objects import OURS, migrate, roll_back
from tests.project import Project

KINDS = {
    "view": ("create view made as select id, name from orders;", "table", "view made"),
    "materialized view": (
        "create materialized view made as select id, name from orders;",
        "table",
        "materialized view made",
    ),
    "function": (
        "create function made(x orders) returns orders language sql as 'select x';",
        "function",
        "function made(orders)",
    ),
    "aggregate": (
        "create aggregate made (integer) (sfunc = int4pl, stype = integer);",
        "function",
        "aggregate made(integer)",
    ),
}
STATE = """
select
    pg_get_userbyid(coalesce(relation.relowner, routine.proowner))::text,
    array(select unnest(coalesce(relacl, proacl))::text order by 1),
    obj_description(object.oid, object.class),
    array(
        select format('%s %s %s', attname, attacl, col_description(attrelid, attnum))
        from pg_attribute
        where attrelid = object.oid and attnum > 0
        order by attnum
    )
from (
    select oid, 'pg_class' as class from pg_class where relname = 'made'
    union all select oid, 'pg_proc' from pg_proc where proname = 'made'
) as object
left join pg_class as relation on relation.oid = object.oid
left join pg_proc as routine on routine.oid = object.oid
"""


@pytest.fixture
def shop(project: Project) -> Iterator[Project]:
    """A project with a table, and two roles that may be granted something."""
    project.migration(
        "0001_orders", "create table orders (id integer, name text);", "drop table orders;"
    )
    with project.connect() as connection:
        connection.execute('create role "An Owner"; create role clerk')
        connection.execute('grant create on schema public to "An Owner"')
        yield project
        connection.execute('drop owned by "An Owner", clerk cascade; drop role "An Owner", clerk')


def by_hand(project: Project, *statements: str) -> None:
    with project.connect() as connection:
        for statement in statements:
            connection.execute(statement.encode())


WAYS = [
    *((kind, way) for kind in KINDS for way in ("plain create", "drop in the file")),
    *((kind, way) for kind in ("view", "materialized view") for way in ("migration", "rollback")),
]


@pytest.mark.parametrize(("kind", "way"), WAYS)
def test_rights_and_comments_are_put_back(shop: Project, kind: str, way: str) -> None:
    sql, of, named = KINDS[kind]
    if way == "drop in the file":
        sql = f"drop {kind} if exists {named.removeprefix(f'{kind} ')}; {sql}"
    shop.object("made", sql)
    change = "alter table orders alter name type varchar;"
    shop.migration("0002_more", "select 1;", change)
    migrate(shop)
    identity = named.removeprefix(f"{kind} ")
    right = "select" if of == "table" else "execute"
    by_hand(
        shop,
        f"comment on {named} is 'It''s \\ said'",
        f"revoke all on {of} {identity} from public",
        f"grant {right} on {of} {identity} to clerk with grant option",
        f'alter {named} owner to "An Owner"',
    )
    if of == "table":
        by_hand(
            shop,
            "grant update (id) on made to clerk",
            "comment on column made.name is 'a name'",
        )
    before = shop.rows(STATE)
    if way == "rollback":
        roll_back(shop, 1)
    elif way == "migration":
        shop.migration("0003_change", change)
        migrate(shop)
    else:
        shop.object("made", f"-- Said better.\n{sql}")
        migrate(shop)

    assert shop.rows(STATE) == before


def _granted(shop: Project, kind: str) -> None:
    """Make an object that needs the second migration, and grant and say things on it."""
    sql, of, named = KINDS[kind]
    shop.migration(
        "0002_more",
        "alter table orders add column more integer;",
        "alter table orders drop column more;",
    )
    sql = sql.replace("id, name", "id, name, more")
    if kind == "function":
        sql = (
            "create function made(x orders) returns integer language sql "
            "return (select x.more from orders limit 1);"
        )
    shop.object("made", sql)
    migrate(shop)
    right = "select" if of == "table" else "execute"
    by_hand(
        shop,
        f"comment on {named} is 'It''s \\ said'",
        f"revoke all on {of} {named.removeprefix(f'{kind} ')} from public",
        f"grant {right} on {of} {named.removeprefix(f'{kind} ')} to clerk with grant option",
        f'alter {named} owner to "An Owner"',
    )
    if of == "table":
        by_hand(shop, "grant update (id) on made to clerk")


@pytest.mark.parametrize("earlier", ["", "the table of an earlier dbkit"])
@pytest.mark.parametrize("kind", ["view", "materialized view", "function"])
@pytest.mark.parametrize("to", [1, 0])
def test_rights_outlast_a_time_at_a_version_that_has_no_such_object(
    shop: Project, kind: str, earlier: str, to: int
) -> None:
    _granted(shop, kind)
    if earlier:
        by_hand(shop, "alter table dbkit._dbkit_object drop column kept")
    before = shop.rows(STATE)

    roll_back(shop, to)
    away = shop.rows(STATE)
    status = shop.status()
    if to:
        migrate(shop)
        roll_back(shop, 0)
    migrate(shop)

    assert away == []
    assert status["problems"] == []
    assert status["objects"]["gone"] == []
    assert shop.rows(STATE) == before
    assert shop.rows("select kept - 'parts' from dbkit._dbkit_object") in ([({},)], [(None,)])


def test_a_role_that_is_gone_meanwhile_keeps_no_object_from_coming_back(shop: Project) -> None:
    _granted(shop, "view")
    by_hand(
        shop, "create role temp", "grant select on made to temp", "alter view made owner to temp"
    )
    roll_back(shop, 1)
    by_hand(shop, "drop role temp")

    migrate(shop)

    [(owner, rights, *_)] = shop.rows(STATE)
    assert owner == "postgres"
    assert [right for right in rights if right.startswith("clerk=r*")] != []
    assert not [right for right in rights if right.startswith("temp")]


def test_what_a_file_makes_again_has_its_rights_though_the_file_is_another(shop: Project) -> None:
    _granted(shop, "view")
    roll_back(shop, 1)
    shop.object("made", "create view made as select more from orders;")

    migrate(shop)

    assert shop.rows("select has_table_privilege('clerk', 'made', 'select')") == [(True,)]


def test_what_is_dropped_for_good_keeps_no_rights(shop: Project) -> None:
    _granted(shop, "view")
    file = shop.root / "sql/shop/_objects/made.sql"
    text = file.read_text()
    file.unlink()
    assert shop.dbkit("migrate", "--drop-gone").returncode == 0
    file.write_text(text)

    migrate(shop)

    assert shop.rows("select has_table_privilege('clerk', 'made', 'select')") == [(False,)]


def test_what_the_file_says_of_rights_comes_after_what_was_granted(shop: Project) -> None:
    shop.object("made", "create view made as select id, name from orders;")
    migrate(shop)
    by_hand(shop, "grant select, update on made to clerk")
    shop.object(
        "made",
        "create view made as select id from orders; revoke update on made from clerk; "
        'alter view made owner to "An Owner"; grant insert on made to clerk;'
        "comment on view made is 'from the file'; alter view made set (security_barrier);",
    )

    migrate(shop)

    assert shop.rows(
        "select pg_get_userbyid(relowner)::text, replace(relacl::text, 'm', ''), "
        "obj_description(oid, 'pg_class'), reloptions from pg_class where relname = 'made'"
    ) == [
        (
            "An Owner",
            '{"\\"An Owner\\"=arwdDxt/\\"An Owner\\"","clerk=ar/\\"An Owner\\""}',
            "from the file",
            ["security_barrier=true"],
        )
    ]


def test_the_rights_of_what_hangs_on_a_view_are_put_back(shop: Project) -> None:
    shop.object("shown", "create or replace view shown as select id, name from orders;")
    shop.object("top", "create view top as select id from shown;")
    shop.object("f", "create function f(x shown) returns integer language sql as 'select 1';")
    migrate(shop)
    by_hand(shop, "grant select on top to clerk", "comment on function f is 'said'")
    shop.object("shown", "create or replace view shown as select id from orders;")

    migrate(shop)

    assert shop.rows("select has_table_privilege('clerk', 'top', 'select')") == [(True,)]
    assert shop.rows("select obj_description('f(shown)'::regprocedure, 'pg_proc')") == [("said",)]


def test_a_function_with_other_arguments_keeps_its_rights(shop: Project) -> None:
    body = "returns integer language sql as 'select 1';"
    shop.object("f", f"create function f(x integer) {body}")
    migrate(shop)
    by_hand(shop, "revoke all on function f from public", "grant execute on function f to clerk")
    shop.object("f", f"create function f(x integer, y integer) {body}")

    migrate(shop)

    assert shop.rows(
        "select has_function_privilege('clerk', oid, 'execute'), proacl::text like '{=%' "
        "from pg_proc where proname = 'f'"
    ) == [(True, False)]


def test_a_trigger_that_was_disabled_stays_so(shop: Project) -> None:
    shop.object("t", "create function t() returns trigger language plpgsql as 'begin end';")
    sql = "create trigger made before update on orders for each row execute function t();"
    shop.object("made", sql)
    migrate(shop)
    by_hand(
        shop,
        "alter table orders disable trigger made",
        "comment on trigger made on orders is 'said'",
    )
    shop.object("made", f"-- Said better.\n{sql}")

    migrate(shop)

    assert shop.rows(
        "select tgenabled, obj_description(oid, 'pg_trigger') from pg_trigger where tgname = 'made'"
    ) == [("D", "said")]


def test_an_index_that_somebody_made_is_not_lost(shop: Project) -> None:
    sql = "create materialized view made as select id, name from orders; create index on made (id);"
    shop.object("made", sql)
    migrate(shop)
    by_hand(shop, "create index by_hand on made (name)")
    shop.object("made", f"-- Said better.\n{sql}")

    with pytest.raises(LostPart) as caught:
        migrate(shop)

    assert str(caught.value) == (
        "materialized view public.made has to be dropped to be made anew, and index public.by_hand "
        f"would be lost with it; write what makes that into {OURS}/made.sql, or drop it first"
    )
    assert shop.rows("select to_regclass('by_hand')::text") == [("by_hand",)]


VIEW = "create materialized view made as select id, price from orders; create index {} on made (id)"


@pytest.fixture
def priced(shop: Project) -> Project:
    """The shop with a column that only its second version has, and a view of it."""
    shop.migration(
        "0002_price", "alter table orders add price int;", "alter table orders drop price;"
    )
    shop.object("made", VIEW.format("first"))
    migrate(shop)
    return shop


def test_an_index_that_the_file_made_may_go(priced: Project) -> None:
    for name in ("second", "third"):
        priced.object("made", VIEW.format(name))
        migrate(priced)

    assert priced.rows(
        "select indexrelid::regclass::text from pg_index where indrelid = 'made'::regclass"
    ) == [("third",)]


def test_an_index_that_a_migration_took_down_is_still_the_file_s(priced: Project) -> None:
    priced.migration("0003_big", "alter table orders alter price type bigint;")
    migrate(priced)
    priced.object("made", VIEW.format("second"))

    migrate(priced)

    assert priced.rows("select to_regclass('first')::text, to_regclass('second')::text") == [
        (None, "second")
    ]


def test_a_view_is_left_out_without_the_index_of_its_file(priced: Project) -> None:
    roll_back(priced, 1)
    assert priced.rows("select to_regclass('made')") == [(None,)]

    migrate(priced)

    assert priced.rows("select to_regclass('first')::text") == [("first",)]


def test_a_view_is_not_left_out_with_an_index_that_somebody_made(priced: Project) -> None:
    by_hand(priced, "create index by_hand on made (price)")

    with pytest.raises(LostPart) as caught:
        roll_back(priced, 1)

    assert str(caught.value) == (
        f"what {OURS}/made.sql makes has to be dropped at that version, and index public.by_hand "
        f"would be lost with it; write what makes that into {OURS}/made.sql, or drop it first"
    )
    assert priced.rows("select to_regclass('by_hand')::text") == [("by_hand",)]
    priced.object("made", f"{VIEW.format('first')}; create index by_hand on made (price)")
    migrate(priced)
    roll_back(priced, 1)


def test_a_right_that_another_role_granted_is_put_back(shop: Project) -> None:
    sql = "create view made as select id, name from orders;"
    shop.object("made", sql)
    migrate(shop)
    by_hand(
        shop,
        "grant select on made to clerk with grant option; set role clerk; "
        'grant select on made to "An Owner"',
    )
    shop.object("made", f"-- Said better.\n{sql}")

    migrate(shop)

    with psycopg.connect(shop.url) as connection:
        connection.execute('set role "An Owner"')
        assert connection.execute("select id from made").fetchall() == []
