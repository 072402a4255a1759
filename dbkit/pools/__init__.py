"""The front door to a database for a program that runs for long: a pool of connections."""

from dbkit.pools.blocking import Database, open_database
from dbkit.pools.errors import DatabaseClosed, NoConnection, TooManyWaiting
from dbkit.pools.onloop import AsyncDatabase, open_async_database
from dbkit.pools.sizes import OVERFLOWING, STEADY, SizeChanges, Sizes
from dbkit.pools.stock import Statistics
from dbkit.runtime import CommitUnknown, OnlyCalls

__all__ = [
    "OVERFLOWING",
    "STEADY",
    "AsyncDatabase",
    "CommitUnknown",
    "Database",
    "DatabaseClosed",
    "NoConnection",
    "OnlyCalls",
    "SizeChanges",
    "Sizes",
    "Statistics",
    "TooManyWaiting",
    "open_async_database",
    "open_database",
]
