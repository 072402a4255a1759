"""Whether the rows of a statement come in an order is read from its outermost query."""

import psycopg
import pytest

from dbkit.analysis import describe

ORDERED = [
    "select id from people order by id",
    "select id from people union all select id from people order by id",
    "with someone as (select id from people) select id from someone order by id",
    "values (2), (1) order by 1",
    "select distinct on (id) id from people order by id",
]
UNORDERED = [
    "select id from people",
    "(select id from people order by id) union all (select id from people order by id)",
    "with someone as (select id from people order by id) select id from someone",
    "select id from (select id from people order by id) as someone",
    "select array_agg(id order by id) from people group by id",
    "select row_number() over (order by id) from people",
    "select distinct id from people",
    "values (2), (1)",
    "update people set id = id returning id",
    "insert into people (id) select id from people order by id returning id",
    "with gone as (delete from people returning id) select id from gone",
]


@pytest.fixture
def people(empty: psycopg.Connection) -> psycopg.Connection:
    """A database with one table."""
    empty.execute("create table people (id integer primary key)")
    return empty


@pytest.mark.parametrize("text", ORDERED)
def test_an_order_by_of_the_outermost_query_orders_the_rows(
    people: psycopg.Connection, text: str
) -> None:
    assert describe(people, text).is_ordered is True


@pytest.mark.parametrize("text", UNORDERED)
def test_any_other_order_by_does_not(people: psycopg.Connection, text: str) -> None:
    assert describe(people, text).is_ordered is False


def test_of_what_cannot_be_analysed_it_is_not_known(people: psycopg.Connection) -> None:
    assert describe(people, "explain select id from people").is_ordered is None
