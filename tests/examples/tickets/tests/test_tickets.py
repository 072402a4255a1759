"""The API of the ticket shop on a real database, which pytest migrates."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest
from ticketshop.app import create_app
from ticketshop.queries import events

import dbkit
from dbkit.clones import Clone

pytestmark = pytest.mark.anyio
TOMORROW = datetime.now(UTC) + timedelta(days=1)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def client(
    dbkit_system: dbkit.Application, dbkit_database: Clone
) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of the application, whose database is this test's own."""
    app = create_app(dbkit_system.at(dbkit_database.url))
    # httpx does not start an application by itself
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client,
    ):
        yield client


@pytest.fixture
def event(dbkit_database: Clone) -> int:
    """The id of an event that has two seats."""
    with dbkit_database.connect() as connection:
        connection.execute(
            "insert into events (title, starts_at, seats_left) values ('Faust', %s, 2)", [TOMORROW]
        )
    return 1


async def test_a_query_is_tried_without_the_api(
    dbkit_connect_async: Callable[[], AbstractAsyncContextManager[psycopg.AsyncConnection[Any]]],
) -> None:
    async with dbkit_connect_async() as connection:
        id_ = await events.add(connection, title="Faust", starts_at=TOMORROW, seats=2)

        assert [event.id for event in await events.list_coming(connection)] == [id_]


async def test_a_seat_is_booked(client: httpx.AsyncClient, event: int) -> None:
    booked = await client.post(f"/events/{event}/bookings", json={"email": "ada@example.org"})

    assert booked.status_code == 201
    assert booked.json() == {"id": 1, "event_id": event, "email": "ada@example.org"}
    [shown] = (await client.get("/events")).json()
    assert (shown["title"], shown["seats_left"]) == ("Faust", 1)


async def test_a_second_seat_for_one_guest_is_refused_and_not_taken(
    client: httpx.AsyncClient, event: int
) -> None:
    path = f"/events/{event}/bookings"
    await client.post(path, json={"email": "ada@example.org"})

    again = await client.post(path, json={"email": "ada@example.org"})

    assert again.status_code == 409
    assert again.json() == {"detail": "ada@example.org has a seat already"}
    assert (await client.get(f"/events/{event}")).json()["seats_left"] == 1


async def test_no_seat_is_sold_twice(client: httpx.AsyncClient, event: int) -> None:
    path = f"/events/{event}/bookings"

    answers = await asyncio.gather(
        *(client.post(path, json={"email": f"guest{number}@example.org"}) for number in range(30))
    )

    codes = [answer.status_code for answer in answers]
    assert (codes.count(201), codes.count(409)) == (2, 28)


async def test_an_event_that_is_not_there_is_not_found(client: httpx.AsyncClient) -> None:
    shown = await client.get("/events/7")
    booked = await client.post("/events/7/bookings", json={"email": "ada@example.org"})

    assert (shown.status_code, booked.status_code) == (404, 404)


async def test_cancelled_requests_give_their_connections_back(
    client: httpx.AsyncClient, dbkit_database: Clone, event: int
) -> None:
    path = f"/events/{event}/bookings"
    # more than the pool has connections: some wait for the row, the others for a connection
    with dbkit_database.connect() as other, other.transaction():
        other.execute("select from events for update")
        requests = [
            asyncio.create_task(client.post(path, json={"email": f"guest{number}@example.org"}))
            for number in range(15)
        ]
        waiting = "select from pg_locks where not granted"
        while other.execute(waiting).rowcount < 10:  # noqa: ASYNC110 - another process waits
            await asyncio.sleep(0.01)
        for request in requests:
            request.cancel()
        ends = await asyncio.gather(*requests, return_exceptions=True)

    assert {type(end) for end in ends} == {asyncio.CancelledError}
    shown = await asyncio.gather(*(client.get(f"/events/{event}") for _ in range(20)))
    assert {(answer.status_code, answer.json()["seats_left"]) for answer in shown} == {(200, 2)}
