"""What is generated runs: each kind of query, on a blocking connection and on an async one."""

import asyncio
from datetime import date
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import psycopg
import pytest

from dbkit.errors import UnlistedChoice
from dbkit.runtime import OMITTED


@pytest.fixture
def orders(package: Path) -> ModuleType:
    """The generated module of orders."""
    return import_module(f"{package.name}.orders")


@pytest.fixture
def customers(package: Path) -> ModuleType:
    """The generated module of customers."""
    return import_module(f"{package.name}.customers")


def test_rows_are_of_their_class(shop: psycopg.Connection, orders: ModuleType) -> None:
    listed = orders.list_open(shop)

    [row] = listed
    assert type(row) is orders.Order
    assert (row.state, row.date, row.price) == ("open", date(2024, 1, 1), Decimal("10.50"))


@pytest.mark.parametrize(
    ("keywords", "states"),
    [
        ({}, ["paid", "open"]),
        ({"most": 1}, ["paid"]),
        ({"noted": True}, ["open"]),
        ({"noted": False}, ["paid", "open"]),
        ({"state": "open"}, ["open"]),
        ({"state": "open", "before": date(2023, 1, 1)}, []),
        # it stands inside the other part, and counts with that alone
        ({"before": date(2023, 1, 1)}, ["paid", "open"]),
        ({"state": OMITTED, "sort": "price"}, ["paid", "open"]),
    ],
    ids=str,
)
def test_the_statement_is_the_one_of_the_parts_given(
    shop: psycopg.Connection, orders: ModuleType, keywords: dict[str, Any], states: list[str]
) -> None:
    listed = orders.list_recent(shop, customer=1, **keywords)

    assert [row.state for row in listed] == states


def test_an_identifier_that_is_not_listed_is_refused(
    shop: psycopg.Connection, orders: ModuleType
) -> None:
    with pytest.raises(UnlistedChoice):
        orders.list_recent(shop, customer=1, sort='date"; drop table orders; --')


def test_a_wrong_keyword_is_refused_by_python_itself(
    shop: psycopg.Connection, orders: ModuleType
) -> None:
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'customers'"):
        orders.count_of(shop, customers=1)
    with pytest.raises(TypeError, match=r"missing 1 required keyword-only argument: 'customer'"):
        orders.count_of(shop)


def test_a_single_column_is_its_value(shop: psycopg.Connection, orders: ModuleType) -> None:
    number = orders.count_of(shop, customer=1)

    assert number == 2
    assert orders.find_state(shop, id=-1) is None


def test_an_exec_gives_the_rows_touched(shop: psycopg.Connection, orders: ModuleType) -> None:
    first = orders.list_notes(shop)[0]

    touched = orders.change_note(shop, id=first.id, note=None)

    assert touched == 1
    assert orders.list_notes(shop)[0] == orders.Note(first.id, None)


def test_sets_of_values_are_objects_of_a_class(
    shop: psycopg.Connection, orders: ModuleType
) -> None:
    values = orders.AddEachValues

    added = orders.add_each(
        shop, [values(customer=2, payload={"a": 1}), values(2, None, state="paid")]
    )
    loaded = orders.load(shop, (orders.LoadValues(2, f"note {n}", 1.5) for n in range(3)))

    assert len(added) == 2
    assert orders.find_state(shop, id=added[1]) == "paid"
    assert loaded == 3
    assert orders.count_of(shop, customer=2) == 5


def test_a_stream_gives_row_after_row(shop: psycopg.Connection, orders: ModuleType) -> None:
    with shop.transaction(), orders.stream(shop, many=0, portion=1) as stream:
        notes = [row.note for row in stream]

    assert notes == ["first", None]


def test_rows_within_rows_and_composites_are_classes(
    shop: psycopg.Connection, customers: ModuleType
) -> None:
    ada = customers.get_with_orders(shop, id=1)
    bob = customers.get_with_orders(shop, id=2)

    assert ada.home == customers.Place("Main Street", 7)
    assert [type(order) for order in ada.orders] == [
        customers.GetWithOrdersOrder,
        customers.GetWithOrdersOrder,
    ]
    assert ada.orders[0].price == Decimal("10.5")
    assert bob == customers.GetWithOrdersRow(2, None, None)


def test_several_queries_of_one_file_share_their_text(
    shop: psycopg.Connection, customers: ModuleType
) -> None:
    added = customers.add(shop, id=3, name="Eve", home=customers.Place("Elm", None))

    assert added == 1
    assert customers.list(shop) == ["Ada", "Bob", "Eve"]


def test_an_error_points_at_the_line_of_the_file(
    shop: psycopg.Connection, customers: ModuleType
) -> None:
    with pytest.raises(psycopg.errors.UniqueViolation) as caught:
        customers.add(shop, id=1, name="Ada", home=None)

    assert caught.value.__notes__ == ["while running customers.add (sql/shop/customers.sql:3)"]


def test_the_same_functions_are_awaited(shop_url: str, orders: ModuleType) -> None:
    async def tried() -> tuple[list[Any], list[Any], list[int]]:
        async with await psycopg.AsyncConnection.connect(shop_url) as connection:
            recent: list[Any] = await orders.list_recent(connection, customer=1, state="open")
            streamed = [row async for row in orders.stream(connection, many=0)]
            added: list[int] = await orders.add_each(connection, [orders.AddEachValues(2, None)])
            await connection.rollback()
            return recent, streamed, added

    recent, streamed, added = asyncio.run(tried())

    assert [row.state for row in recent] == ["open"]
    assert [row.note for row in streamed] == ["first", None]
    assert len(added) == 1
