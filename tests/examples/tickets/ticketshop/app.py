"""The routes. Run it with: uvicorn --factory ticketshop.app:create_app."""

from http import HTTPStatus
from pathlib import Path

from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from psycopg.errors import UniqueViolation
from pydantic import BaseModel

import dbkit
from dbkit.pools import NoConnection
from ticketshop.database import Database, pool_of
from ticketshop.queries import bookings, events
from ticketshop.queries.bookings import AddRow
from ticketshop.queries.rows import Event

router = APIRouter()


class Guest(BaseModel):
    """Who books a seat."""

    email: str


# A route lends the connection itself. FastAPI ends a dependency with `yield` after the answer was
# sent: a commit that fails would have been answered with 201, and a slow client would keep a
# connection.
@router.get("/events")
async def list_events(database: Database) -> list[Event]:
    """The events to come."""
    async with database.connection() as connection:
        return await events.list_coming(connection)


@router.get("/events/{event_id}")
async def show_event(event_id: int, database: Database) -> Event:
    """One event."""
    async with database.connection() as connection:
        event = await events.find(connection, id=event_id)
    if event is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"there is no event {event_id}")
    return event


@router.post("/events/{event_id}/bookings", status_code=HTTPStatus.CREATED)
async def book(event_id: int, guest: Guest, database: Database) -> AddRow:
    """Take a seat and book it: both, or none if anything is raised or the request is cancelled."""
    try:
        async with database.transaction() as connection:
            if not await events.take_seat(connection, id=event_id):
                if await events.find(connection, id=event_id) is None:
                    raise HTTPException(HTTPStatus.NOT_FOUND, f"there is no event {event_id}")
                raise HTTPException(HTTPStatus.CONFLICT, "no seat is left")
            return await bookings.add(connection, event_id=event_id, email=guest.email)
    except UniqueViolation:
        raise HTTPException(HTTPStatus.CONFLICT, f"{guest.email} has a seat already") from None


async def _say_busy(_: Request, __: Exception) -> JSONResponse:
    return JSONResponse(
        {"detail": "too many requests at once; try again"},
        HTTPStatus.SERVICE_UNAVAILABLE,
        headers={"Retry-After": "1"},
    )


def create_app(system: dbkit.Application | None = None) -> FastAPI:
    """Make the application, on the database of its settings or on that of a test."""
    if system is None:
        system = dbkit.project(Path(__file__).parents[1])["tickets"]
    app = FastAPI(lifespan=pool_of(system))
    app.include_router(router)
    app.add_exception_handler(NoConnection, _say_busy)
    return app
