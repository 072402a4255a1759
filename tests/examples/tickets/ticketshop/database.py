"""The pool: opened when the application starts, closed when it ends, lent to the routes."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI, Request

import dbkit
from dbkit.pools import AsyncDatabase


def pool_of(
    system: dbkit.Application,
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """Give the lifespan that holds a pool on the database of the system."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        # a request waits at most 5 seconds for a connection, then it is answered with 503
        async with system.open_async(max_size=10, timeout=5) as database:
            app.state.database = database
            yield

    return lifespan


def _database_of(request: Request) -> AsyncDatabase:
    database: AsyncDatabase = request.app.state.database
    return database


Database = Annotated[AsyncDatabase, Depends(_database_of)]
