"""A left join on a foreign key finds a row, but only where nothing can have broken the key."""

import psycopg
import pytest

from dbkit.analysis import describe

_TABLES = """
create table team (id integer primary key, name text not null, region integer not null);
create table person (id integer primary key, team_id integer not null, boss_id integer);
alter table person add constraint key foreign key (team_id) references team (id);
alter table person add constraint boss foreign key (boss_id) references person (id);
insert into team values (1, 'a', 1);
insert into person values (1, 1, null), (2, 1, 1);
"""
_JOIN = "select p.id, t.name from person as p left join team as t on t.id = p.team_id"
CERTAIN = [
    _JOIN,
    "select p.id, t.name from person as p left join team as t on p.team_id = t.id",
    "select p.id, t.name from team as t right join person as p on t.id = p.team_id",
    "select t.name, t.id from person as p full join team as t on t.id = p.team_id",
    "select p.id, t.name from person as p left join only team as t on t.id = p.team_id",
    (
        "select p.id, q.id from person as p left join person as q on q.id = p.boss_id"
        " where p.boss_id > 0"
    ),
    (
        "select p.id, t.name from team as x join person as p on p.team_id > 0"
        " left join team as t on t.id = p.team_id"
    ),
    (
        "select p.id, t.name from person as p left join team as t on t.id = p.team_id"
        " where p.id in (select id from person)"
    ),
    (
        "with c as (select p.id, t.name from person as p left join team as t on t.id = p.team_id)"
        " select id, name from c"
    ),
    "select id, name from person_team",
]
DOUBTFUL = [
    "select p.id, q.id from person as p left join person as q on q.id = p.boss_id",
    f"{_JOIN} and t.name > ''",
    f"{_JOIN} and p.id > 1",
    f"{_JOIN} + 0",
    f"{_JOIN} or false",
    "select p.id, t.name from person as p left join team as t on t.region = p.team_id",
    "select p.id, t.name from person as p left join team as t on t.id = p.id",
    "select p.id, t.name from person as p left join team as t on t.id >= p.team_id",
    "select p.id, t.name from person as p left join (select * from team) as t on t.id = p.team_id",
    (
        "select p.id, t.name from person as p left join team as t tablesample system (0)"
        " on t.id = p.team_id"
    ),
    (
        "select p.id, t.name from person as p left join (team as t join team as u on u.id > t.id)"
        " on t.id = p.team_id"
    ),
    (
        "select q.id, t.name from person as q left join person as p on p.id = q.boss_id"
        " left join team as t on t.id = p.team_id"
    ),
    (
        "select u.id, t.name from team as u left join"
        " (person as p left join team as t on t.id = p.team_id) on p.team_id = u.id + 1"
    ),
    f"{_JOIN} for update of p",
    f"select * from ({_JOIN} for share of p) as x",
    f"with gone as (delete from team where false returning id) {_JOIN}",
    f"update person set id = person.id from ({_JOIN}) as x where x.id = 1 returning x.id, x.name",
]


@pytest.fixture
def keyed(empty: psycopg.Connection) -> psycopg.Connection:
    """A database with a person whose team is a foreign key."""
    empty.execute(_TABLES.encode())
    empty.execute(f"create view person_team as {_JOIN}".encode())
    return empty


@pytest.mark.parametrize("text", CERTAIN)
def test_a_foreign_key_finds_its_row(text: str, keyed: psycopg.Connection) -> None:
    described = describe(keyed, text)

    assert not described.columns[1].nullable
    rows = keyed.execute(text.encode()).fetchall()
    assert rows
    assert all(row[1] is not None for row in rows)


@pytest.mark.parametrize("text", DOUBTFUL)
def test_a_join_that_is_more_than_the_key_may_find_none(
    text: str, keyed: psycopg.Connection
) -> None:
    assert describe(keyed, text).columns[1].nullable


@pytest.mark.parametrize(
    "change",
    [
        "alter table person alter constraint key deferrable",
        (
            "alter table person drop constraint key;"
            "alter table person add constraint key foreign key (team_id) references team not valid"
        ),
        "alter table person drop constraint key",
        "alter table person disable trigger all",
        "alter table team disable trigger all",
        "alter table team enable row level security",
        "create table manager (budget integer) inherits (person)",
        "alter table person alter team_id drop not null",
        # what `on delete cascade` does may be undone
        (
            "alter table person drop constraint key;"
            "alter table person add constraint key foreign key (team_id) references team"
            " on delete cascade;"
            "create function keep() returns trigger language plpgsql as 'begin return null; end';"
            "create trigger keep before delete on person for each row execute function keep()"
        ),
        (
            "alter table person drop constraint key;"
            "alter table person add constraint key foreign key (team_id) references team"
            " on update cascade;"
            "create rule kept as on update to person do instead nothing"
        ),
    ],
)
def test_a_key_that_may_be_broken_is_not_believed(change: str, keyed: psycopg.Connection) -> None:
    keyed.execute(change.encode())

    assert describe(keyed, _JOIN).columns[1].nullable


@pytest.mark.parametrize(
    "change",
    [
        (
            "alter table person drop constraint key;"
            "alter table person add constraint key foreign key (team_id) references team"
            " on delete cascade on update cascade"
        ),
        (
            "create function keep() returns trigger language plpgsql as 'begin return null; end';"
            "create trigger keep before delete on person for each row execute function keep()"
        ),
        "alter table person enable row level security",
        "create table guild (motto text) inherits (team)",
    ],
)
def test_what_cannot_break_a_key_does_not_matter(change: str, keyed: psycopg.Connection) -> None:
    keyed.execute(change.encode())

    assert not describe(keyed, _JOIN).columns[1].nullable


def test_a_key_that_is_not_enforced_is_not_believed(keyed: psycopg.Connection) -> None:
    if keyed.info.server_version < 180_000:
        pytest.skip("every key is enforced before PostgreSQL 18")
    keyed.execute(
        "alter table person drop constraint key;"
        "alter table person add constraint key foreign key (team_id) references team not enforced"
    )
    keyed.execute("insert into person values (3, 9)")

    assert describe(keyed, _JOIN).columns[1].nullable
    assert (3, None) in keyed.execute(_JOIN.encode()).fetchall()


def test_a_trigger_that_undoes_a_cascade_breaks_the_key(keyed: psycopg.Connection) -> None:
    keyed.execute(
        "alter table person drop constraint key;"
        "alter table person add constraint key foreign key (team_id) references team"
        " on delete cascade;"
        "create function keep() returns trigger language plpgsql as 'begin return null; end';"
        "create trigger keep before delete on person for each row execute function keep();"
        "delete from team"
    )

    assert keyed.execute(_JOIN.encode()).fetchall() == [(1, None), (2, None)]
    assert describe(keyed, _JOIN).columns[1].nullable


def test_a_key_of_several_columns_is_compared_whole(empty: psycopg.Connection) -> None:
    empty.execute(
        "create table place (shop integer, shelf text, name text not null,"
        " primary key (shop, shelf));"
        "create table item (id integer not null, shop integer not null, shelf text not null,"
        " foreign key (shelf, shop) references place (shelf, shop));"
        "insert into place values (1, 'a', 'x'); insert into item values (1, 1, 'a')"
    )
    join = "select i.id, p.name from item as i left join place as p"
    whole = [
        f"{join} on p.shop = i.shop and p.shelf = i.shelf",
        f"{join} on i.shelf = p.shelf and i.shop = p.shop and p.shop = i.shop",
        f"{join} using (shelf, shop)",
    ]
    parts = [
        f"{join} on p.shop = i.shop",
        f"{join} on p.shelf = i.shelf and p.shop = i.shop and p.shop = i.id",
        f'{join} on p.shelf = i.shelf collate "C" and p.shop = i.shop',
    ]

    assert not any(describe(empty, text).columns[1].nullable for text in whole)
    assert all(describe(empty, text).columns[1].nullable for text in parts)
    empty.execute("alter table item alter shelf drop not null")
    empty.execute("insert into item values (2, 7, null)")
    assert describe(empty, whole[0]).columns[1].nullable
    assert not describe(empty, f"{whole[0]} where i.shelf > ''").columns[1].nullable


def test_a_key_to_partitions_is_that_of_the_whole_table(empty: psycopg.Connection) -> None:
    empty.execute(
        "create table part (id integer primary key, name text not null) partition by range (id);"
        "create table low partition of part for values from (0) to (9);"
        "create table high partition of part for values from (9) to (99);"
        "create table owner (id integer, part_id integer not null references part)"
        " partition by list (id);"
        "create table first_owner partition of owner for values in (1);"
        "insert into part values (1, 'a'), (10, 'b');"
        "insert into owner values (1, 1), (1, 10)"
    )
    join = "select o.id, p.name from owner as o left join {} as p on p.id = o.part_id"

    assert not describe(empty, join.format("part")).columns[1].nullable
    for doubtful in ("low", "high", "only part"):
        assert describe(empty, join.format(doubtful)).columns[1].nullable
        rows = empty.execute(join.format(doubtful).encode()).fetchall()
        assert any(row[1] is None for row in rows)
