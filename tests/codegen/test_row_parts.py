"""A shared row keeps its types to the leaf, also in a file of several queries."""

import datetime as dt
from decimal import Decimal
from importlib import import_module

import psycopg

from tests.codegen.conftest import Generate

_COLUMNS = """
select
    orders.state,
    orders.tags,
    customers.home,
    json_build_object(
        'id', orders.id,
        'made', json_build_object('date', orders.date, 'price', orders.price)
    ) as facts,
    array(select other.home from customers as other order by other.id) as homes
from orders
join customers on customers.id = orders.customer
"""
_OF_ONE = f"-- row: Delivery\n-- :optional\n{_COLUMNS}where orders.id = :'id';\n"
_OF_ALL = f"-- row: Delivery\n-- :many\n{_COLUMNS}order by orders.id;\n"


def test_a_shared_row_is_typed_to_the_leaf(generate: Generate, shop: psycopg.Connection) -> None:
    orders = generate({"orders/list_all.sql": _OF_ALL})

    first, second = orders.list_all(shop)

    assert type(first) is orders.Delivery
    assert first.state == "open"
    assert (type(first.home).__name__, first.home.street) == ("Place", "Main Street")
    assert type(first.facts).__name__ == "DeliveryFact"
    assert type(first.facts.made).__name__ == "DeliveryMade"
    assert first.facts.made.date == dt.date(2024, 1, 1)
    assert second.facts.made.price == Decimal(20)
    assert [home and home.number for home in first.homes] == [7, None]


def test_queries_of_two_subjects_give_the_same_classes(
    generate: Generate, shop: psycopg.Connection
) -> None:
    orders = generate({"orders/list_all.sql": _OF_ALL, "customers/find.sql": _OF_ONE})
    customers = import_module("shopqueries.customers")

    first, _ = orders.list_all(shop)
    again = customers.find(shop, id=first.facts.id)

    assert again == first
    assert customers.Delivery is orders.Delivery
    assert type(again.facts.made) is type(first.facts.made)


def test_one_query_of_a_file_of_several_shares_a_row(
    generate: Generate, shop: psycopg.Connection
) -> None:
    several = (
        "-- name: find :optional\n-- row: Note\nselect id, note from orders where id = :'id';\n\n"
        "-- name: count_all :one\nselect count(*) as number from orders;\n\n"
        "-- name: list_all :many\nselect id, note from orders order by id;\n"
    )
    listed = "-- row: Note\n-- :many\nselect id, note from orders order by id;\n"
    orders = generate({"orders.sql": several, "orders/list_notes.sql": listed})

    first, _ = orders.list_notes(shop)

    assert orders.find(shop, id=first.id) == first
    assert type(first) is orders.Note
    assert orders.count_all(shop) == 2
    assert [type(row) for row in orders.list_all(shop)] == [orders.ListAllRow] * 2


def test_a_shared_row_keeps_its_name_where_runtime_has_the_same(
    generate: Generate, shop: psycopg.Connection
) -> None:
    listed = "-- row: Statement\n-- :many\nselect id, note from orders order by id;\n"
    orders = generate({"orders/list_notes.sql": listed})

    first, _ = orders.list_notes(shop)

    assert type(first) is orders.Statement
