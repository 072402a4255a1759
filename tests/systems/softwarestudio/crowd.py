"""Workers that all begin at the same instant, each on a connection of its own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import TypeVar

import psycopg
from psycopg import Connection

T = TypeVar("T")


@dataclass(frozen=True)
class Crowd:
    """Workers on one database."""

    url: str

    def of(self, count: int, work: Callable[[Connection, int], T]) -> list[T]:
        """Give what each worker got, whose work is one transaction."""
        barrier = Barrier(count)

        def worker(number: int) -> T:
            with psycopg.connect(self.url) as connection:
                barrier.wait(timeout=30)
                return work(connection, number)

        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(worker, range(count)))
