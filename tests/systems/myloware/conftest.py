"""Several people on one test's database."""

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from threading import Barrier
from typing import TypeVar

import psycopg
import pytest
from psycopg import Connection

T = TypeVar("T")


class Crowd:
    """Workers with a connection each, to the database of one test."""

    def __init__(self, url: str, stack: ExitStack) -> None:
        self._url = url
        self._stack = stack

    def connect(self) -> Connection:
        """Open one more connection, in no transaction."""
        return self._stack.enter_context(psycopg.connect(self._url))

    def at_once(self, *works: Callable[[Connection], T]) -> list[T]:
        """Have all of them begin in the same instant, each in a transaction, and tell what came."""
        together = Barrier(len(works))

        def run(work: Callable[[Connection], T]) -> T:
            with psycopg.connect(self._url) as connection:
                together.wait(30)
                return work(connection)

        with ThreadPoolExecutor(len(works)) as pool:
            return list(pool.map(run, works))

    @contextmanager
    def behind(self, work: Callable[[Connection], T]) -> Generator[Future[T]]:
        """Have somebody else begin, and go on once they wait for a lock of ours."""

        def run() -> T:
            with psycopg.connect(self._url) as connection:
                return work(connection)

        waiting = """
            select from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock'
        """
        with ThreadPoolExecutor(1) as pool, psycopg.connect(self._url, autocommit=True) as watch:
            future = pool.submit(run)
            while not future.done() and watch.execute(waiting).fetchone() is None:
                pass
            yield future


@pytest.fixture
def crowd(database: Connection) -> Iterator[Crowd]:
    """Others on the same database, who see what the test has committed."""
    with ExitStack() as stack:
        yield Crowd(database.info.dsn, stack)


@pytest.fixture
def run(database: Connection) -> str:
    """A running run of the project aismr, committed."""
    database.execute(
        "insert into runs (run_id, project, status) values ('run_1', 'aismr', 'running')"
    )
    database.commit()
    return "run_1"
