"""What a pool of connections refuses, as errors that psycopg's own pool raises as well."""

from dataclasses import dataclass

import psycopg
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from dbkit.errors import DbkitError


@dataclass(eq=False)
class NoConnection(DbkitError, PoolTimeout):
    """No connection became free in time."""

    seconds: float
    reason: str

    def __post_init__(self) -> None:
        psycopg.Error.__init__(self)

    def __str__(self) -> str:
        return f"couldn't get a connection after {self.seconds:.2f} sec: {self.reason}"


@dataclass(eq=False)
class TooManyWaiting(DbkitError, TooManyRequests):
    """As many callers wait for a connection as the pool allows."""

    waiting: int

    def __post_init__(self) -> None:
        psycopg.Error.__init__(self)

    def __str__(self) -> str:
        return f"{self.waiting} callers wait for a connection, and max_waiting allows no more"


@dataclass(eq=False)
class DatabaseClosed(DbkitError, PoolClosed):
    """The database was closed, or not opened yet."""

    is_closed: bool

    def __post_init__(self) -> None:
        psycopg.Error.__init__(self)

    def __str__(self) -> str:
        if self.is_closed:
            return "the database is closed; a connection can be lent before close() only"
        return "the database is not open yet; call open(), or use it in a with block"
