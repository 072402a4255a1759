"""Not null is believed only where it holds for every row there is."""

import psycopg
import pytest

from dbkit.analysis import describe


def doubt(connection: psycopg.Connection, text: str) -> str:
    return describe(connection, text).columns[0].why


def test_a_constraint_that_was_never_validated_is_no_proof(empty: psycopg.Connection) -> None:
    if empty.info.server_version < 180_000:
        pytest.skip("not null can be not valid since PostgreSQL 18")
    empty.execute("create table one (id integer)")
    empty.execute("insert into one values (null)")
    empty.execute("alter table one add constraint one_id_not_null not null id not valid")

    before = doubt(empty, "select id from one")
    empty.execute("delete from one")
    empty.execute("alter table one validate constraint one_id_not_null")

    assert before == "not null of one.id is not proven for every row"
    assert doubt(empty, "select id from one") == ""


def test_a_parameter_for_such_a_column_is_not_null_all_the_same(empty: psycopg.Connection) -> None:
    if empty.info.server_version < 180_000:
        pytest.skip("not null can be not valid since PostgreSQL 18")
    empty.execute("create table one (id integer)")
    empty.execute("alter table one add constraint one_id_not_null not null id not valid")

    [parameter] = describe(empty, "insert into one values ($1)").parameters

    assert not parameter.nullable


def test_a_child_that_may_hold_a_null_is_a_doubt_about_its_parent(
    empty: psycopg.Connection,
) -> None:
    if empty.info.server_version < 180_000:
        empty.execute("create table parent (id integer not null)")
        empty.execute("create table child () inherits (parent)")
        empty.execute("alter table child alter id drop not null")
    else:
        empty.execute("create table parent (id integer, constraint c not null id no inherit)")
        empty.execute("create table child () inherits (parent)")
    empty.execute("insert into child values (null)")

    assert empty.execute("select id from parent").fetchall() == [(None,)]
    assert (
        doubt(empty, "select id from parent") == "not null of parent.id is not proven for every row"
    )


def test_a_foreign_table_is_no_proof(empty: psycopg.Connection) -> None:
    empty.execute("create foreign data wrapper nothing")
    empty.execute("create server far foreign data wrapper nothing")
    empty.execute("create foreign table one (id integer not null) server far")
    empty.execute("create table parted (id integer not null) partition by list (id)")
    empty.execute("create foreign table part partition of parted for values in (1) server far")

    assert doubt(empty, "select id from one") == "one is a foreign table"
    assert doubt(empty, "select id from parted") != ""


def test_a_materialized_view_may_be_older_than_the_constraint(empty: psycopg.Connection) -> None:
    empty.execute("create table one (id integer)")
    empty.execute("insert into one values (null)")
    empty.execute(
        "create materialized view stored as select id, count(*) as n from one group by id"
    )
    empty.execute("create view above as select id, n from stored")
    empty.execute("delete from one")
    empty.execute("alter table one alter id set not null")

    described = describe(empty, "select id, n from above")

    assert empty.execute("select id from above").fetchall() == [(None,)]
    assert [column.nullable for column in described.columns] == [True, False]


def test_a_view_is_read_through_however_many_lie_below_it(empty: psycopg.Connection) -> None:
    empty.execute("create table v0 (id integer not null, note text)")
    for number in range(1, 12):
        empty.execute(
            f"create view v{number} as select a.id, b.note "
            f"from v{number - 1} as a join v{number - 1} as b on a.id = b.id".encode()
        )

    described = describe(empty, "select id, note from v11 where note is not null")

    assert [column.nullable for column in described.columns] == [False, False]


def test_a_trigger_may_change_what_comes_back(empty: psycopg.Connection) -> None:
    empty.execute("create table one (id integer not null, note text)")
    empty.execute(
        "create function wipe() returns trigger language plpgsql "
        "as 'begin new.note = null; return new; end'"
    )
    empty.execute("create trigger wipe before update on one for each row execute function wipe()")
    empty.execute("insert into one values (1, 'a')")

    text = "update one set id = 2 where note = 'a' returning note, id"

    assert [column.nullable for column in describe(empty, text).columns] == [True, False]
    assert empty.execute(text).fetchall() == [(None, 2)]


def test_a_function_of_one_s_own_is_never_believed(empty: psycopg.Connection) -> None:
    empty.execute(
        "create function mine(integer) returns integer strict language plpgsql "
        "as 'begin return null; end'"
    )
    empty.execute("create function upper(integer) returns text language sql return null")
    empty.execute("create operator ### (rightarg = integer, function = mine)")

    assert doubt(empty, "select mine(1)") == "mine may return null"
    assert doubt(empty, "select public.upper(1)") == "upper may return null"
    assert doubt(empty, "select ### 1") == "operator ### may return null"


def test_a_cast_to_text_of_one_s_own_is_never_believed(empty: psycopg.Connection) -> None:
    empty.execute("create type mood as enum ('calm')")
    empty.execute("create type colour as enum ('red')")
    empty.execute("create domain temper as mood")
    empty.execute("create function tell(mood) returns text language sql return null")
    empty.execute("create cast (mood as text) with function tell(mood)")

    texts = [
        "select 'x' || 'calm'::mood",
        "select 'calm'::temper || 'x'",
        "select quote_literal((select 'calm'::mood))",
    ]

    assert [empty.execute(text.encode()).fetchall() for text in texts] == [[(None,)]] * 3
    assert [doubt(empty, text) for text in texts] == [
        "operator || may return null",
        "operator || may return null",
        "quote_literal may return null",
    ]
    assert doubt(empty, "select 'x' || 1 || 'red'::colour") == ""
