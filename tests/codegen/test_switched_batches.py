"""A batch whose text depends on a switch and a choice: what is given once holds for all sets."""

import asyncio

import psycopg
import pytest

from tests.codegen.conftest import Generate

_FILES = {
    "orders/change_each.sql": (
        "-- Change the notes of some orders.\n"
        "-- column: note, state\n"
        "-- :batch\n"
        "update orders set note = :'note'\n"
        "where id = :'id'\n"
        "\\if :{?unpaid}\n    and state <> 'paid'\n\\endif\n"
        "\\if :{?customer}\n    and customer = :'customer'\n\\endif\n"
        'returning :"column"::text as changed;\n'
    )
}


def test_a_batch_is_sent_with_the_parts_and_the_column_given(
    generate: Generate, shop: psycopg.Connection
) -> None:
    orders = generate(_FILES)
    first, second = orders.ChangeEachValues("a", 1), orders.ChangeEachValues("b", 2)

    assert orders.change_each(shop, [first, second], column="note") == ["a", "b"]
    assert orders.change_each(shop, [first, second], column="state") == ["open", "paid"]
    assert orders.change_each(shop, [first, second], column="note", unpaid=True) == ["a"]
    assert orders.change_each(shop, [first], column="note", customer=2) == []
    assert orders.change_each(shop, [], column="note") == []


def test_an_awaited_batch_is_sent_with_them_too(generate: Generate, shop_url: str) -> None:
    orders = generate(_FILES)
    sets = [orders.ChangeEachValues("a", 1), orders.ChangeEachValues("b", 2)]

    async def changed() -> list[list[str]]:
        async with await psycopg.AsyncConnection.connect(shop_url) as connection:
            answers = [
                await orders.change_each(connection, sets, column="note"),
                await orders.change_each(connection, sets, column="state", unpaid=True),
                await orders.change_each(connection, sets, column="note", customer=2),
            ]
            await connection.rollback()
            return answers

    assert asyncio.run(changed()) == [["a", "b"], ["open"], []]


def test_a_set_has_no_field_for_what_is_given_once(generate: Generate) -> None:
    orders = generate(_FILES)

    with pytest.raises(TypeError):
        orders.ChangeEachValues("a", 1, unpaid=True)
    assert list(orders.ChangeEachValues.__annotations__) == ["note", "id"]
