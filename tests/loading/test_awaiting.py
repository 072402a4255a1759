"""The same files, called on an async connection."""

import asyncio
import gc
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import psycopg
import pytest

from dbkit.loading import MissingKeyword, Queries
from dbkit.typedqueries import DoesNotPrepare

Work = Callable[[psycopg.AsyncConnection], Coroutine[Any, Any, None]]


def run(url: str, work: Work) -> None:
    async def connected() -> None:
        async with await psycopg.AsyncConnection.connect(url) as connection:
            await work(connection)

    asyncio.run(connected())


def test_every_kind_is_awaited(queries: Queries, shop_url: str) -> None:
    async def work(shop: psycopg.AsyncConnection) -> None:
        assert await queries["orders.count"](shop) == 3
        assert (await queries["orders.get"](shop, id=10)).note == "first"
        assert await queries["orders.change_note"](shop, note="x", customer_id=1) == 2
        assert [row.id for row in await queries["orders.list_of"](shop, customer_id=1)] == [11, 10]
        sets = [{"id": 20, "customer_id": 1, "amount": 1}]
        assert await queries["orders.add"](shop, sets) == [20]
        stream = await queries["orders.read"](shop)
        assert [value async for value in stream] == [10, 11, 12, 20]

    run(shop_url, work)


def test_the_open_transaction_is_what_is_asked(queries: Queries, shop_url: str) -> None:
    async def work(shop: psycopg.AsyncConnection) -> None:
        await shop.execute("create table orderz (id integer)")
        await shop.execute("insert into orderz values (7)")

        assert await queries["orders.broken"](shop) == [7]

    run(shop_url, work)


def test_a_query_that_does_not_prepare_leaves_the_transaction_whole(
    queries: Queries, shop_url: str
) -> None:
    async def work(shop: psycopg.AsyncConnection) -> None:
        await queries["orders.change_note"](shop, note="kept", customer_id=1)
        with pytest.raises(DoesNotPrepare):
            await queries["orders.broken"](shop)
        await shop.commit()

        assert await queries["orders.find_note"](shop, id=10) == "kept"

    run(shop_url, work)


def test_the_event_loop_goes_on_while_the_server_is_asked(
    queries: Queries, shop: psycopg.Connection, shop_url: str
) -> None:
    async def work(other: psycopg.AsyncConnection) -> None:
        shop.execute("lock table orders")
        asked = asyncio.create_task(queries["orders.count"](other))
        await asyncio.sleep(0.2)
        assert not asked.done()
        shop.rollback()

        assert await asked == 3

    run(shop_url, work)


def test_a_call_given_up_while_the_server_is_asked_leaves_the_connection_whole(
    queries: Queries, shop: psycopg.Connection, shop_url: str
) -> None:
    async def work(other: psycopg.AsyncConnection) -> None:
        shop.execute("lock table orders")
        asked = asyncio.create_task(queries["orders.count"](other))
        await asyncio.sleep(0.2)
        asked.cancel()
        asyncio.get_running_loop().call_later(0.2, shop.rollback)
        with pytest.raises(asyncio.CancelledError):
            await asked

        assert await queries["orders.count"](other) == 3

    run(shop_url, work)


def test_notices_still_reach_their_handler(queries: Queries, shop_url: str) -> None:
    async def work(shop: psycopg.AsyncConnection) -> None:
        heard: list[str] = []
        shop.add_notice_handler(lambda diag: heard.append(str(diag.message_primary)))
        await queries["orders.count"](shop)
        # a connection that were dropped with the wire still open would warn, which is an error
        gc.collect()

        await shop.execute("do $$ begin raise notice 'here'; end $$")

        assert heard == ["here"]

    run(shop_url, work)


def test_a_wrong_keyword_is_refused_before_anything_is_awaited(
    queries: Queries, shop_url: str
) -> None:
    async def work(shop: psycopg.AsyncConnection) -> None:
        call = partial(queries["orders.get"], shop)
        with pytest.raises(MissingKeyword):
            call()

    run(shop_url, work)
