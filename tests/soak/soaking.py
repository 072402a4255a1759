"""Make very many calls at once while everything that can go wrong does, and count what is wrong."""

import asyncio
import faulthandler
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from functools import partial
from pathlib import Path

import psycopg

from dbkit.pools import open_async_database, open_database
from dbkit.server import Binaries, EmbeddedServer
from tests.pooler import PGBOUNCER, pooler
from tests.soak.calls import STORED, TABLES
from tests.soak.disorder import Disorder
from tests.soak.ledger import Ledger
from tests.soak.workers import (
    ALONE,
    AsyncSingle,
    Single,
    of_async_pool,
    of_pool,
    work_in_a_task,
    work_in_a_thread,
)

# what was acknowledged has to outlive the server's process, not the machine's power
_SETTINGS = {"fsync": "off", "max_connections": "150"}
# of pgbouncer: a server that is back is found again at once
_QUICK = {"server_login_retry": "1", "server_connect_timeout": "2", "query_wait_timeout": "60"}
_ENDING = 30.0


def soak(  # noqa: PLR0913 - what a soak is made of
    calls: int,
    *,
    seed: int,
    restarts: int,
    every: int,
    binaries: Binaries | None = None,
    say: Callable[[str], object] = print,
) -> dict[str, int]:
    """Make so many calls, and give how many were wrong, lost, doubled or hung.

    After `every` so many of them something is disturbed; `restarts` times it is the server.
    """
    ledger = Ledger(calls)
    with _served(binaries) as (server, url), ExitStack() as stack:
        through = url
        if PGBOUNCER is not None:
            through = stack.enter_context(pooler(url, "transaction", servers=6, **_QUICK))
        disorder = Disorder(server, url, ledger, restarts=restarts, seed=seed)
        started = time.monotonic()
        workers = [
            threading.Thread(target=_threads, args=(url, through, ledger, seed), daemon=True),
            threading.Thread(
                target=lambda: asyncio.run(_tasks(url, through, ledger, seed)), daemon=True
            ),
        ]
        for worker in workers:
            worker.start()

        def ended() -> bool:
            ledger.find_hung()
            return bool(ledger.hung) or not any(worker.is_alive() for worker in workers)

        disorder.go_on(every, ended)
        for worker in workers:
            worker.join(0 if ledger.hung else None)
        seconds = time.monotonic() - started
        if ledger.hung:
            faulthandler.dump_traceback(sys.stderr)
        counted = ledger.compare(_stored(url))
        say(f"{ledger.made} calls in {seconds:.0f} s")
        for title, numbers in (
            ("done", ledger.done),
            ("told", ledger.told),
            ("disturbed", disorder.done),
            ("writes", {state.name.lower(): n for state, n in ledger.states().items()}),
        ):
            say(f"{title}: {', '.join(f'{name} {n}' for name, n in sorted(numbers.items()))}")
        for line in ledger.shown():
            say(line)
        say(", ".join(f"{n} {what}" for what, n in counted.items()))
        return counted


@contextmanager
def _served(binaries: Binaries | None) -> Generator[tuple[EmbeddedServer, str]]:
    memory = Path("/dev/shm")  # noqa: S108 - mkdtemp makes a private folder
    with tempfile.TemporaryDirectory(
        prefix="dbkit-soak-", dir=memory if memory.is_dir() else None
    ) as name:
        folder = Path(name)
        folder.chmod(0o711)  # if we are root, the server's account has to pass through
        server = EmbeddedServer(folder / "server", binaries=binaries, settings=_SETTINGS)
        server.start()
        try:
            server.ensure_database("soak")
            with psycopg.connect(server.url("soak"), autocommit=True) as connection:
                connection.execute(TABLES.encode())
            yield server, server.url("soak")
        finally:
            server.reset(force=True)


def _threads(url: str, through: str, ledger: Ledger, seed: int) -> None:
    """Run the workers whose connections block."""
    shared = Single(url, ledger, is_shared=True)
    singles = {
        "own": Single(url, ledger, loses_names=True),
        "own, begins": Single(url, ledger, autocommit=False),
        "own, unnamed": Single(url, ledger, prepare="never"),
        "pooler": Single(through, ledger),
    }
    with ExitStack() as stack:
        for single in (shared, *singles.values()):
            stack.callback(single.close)
        direct = stack.enter_context(open_database(url, max_size=3))
        pooled = stack.enter_context(open_database(through, max_size=3))
        unnamed = stack.enter_context(open_database(url, max_size=2, prepare="never"))
        workers = [
            *(partial(work_in_a_thread, name, single.lend) for name, single in singles.items()),
            *(partial(work_in_a_thread, f"shared {n}", shared.lend, calls=ALONE) for n in range(2)),
            *(partial(work_in_a_thread, f"pool {n}", of_pool(direct)) for n in range(4)),
            *(partial(work_in_a_thread, f"pool, pooler {n}", of_pool(pooled)) for n in range(4)),
            *(partial(work_in_a_thread, f"pool, unnamed {n}", of_pool(unnamed)) for n in range(2)),
        ]
        threads = [
            threading.Thread(target=worker, args=(ledger, seed + number), daemon=True)
            for number, worker in enumerate(workers)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


async def _tasks(url: str, through: str, ledger: Ledger, seed: int) -> None:
    """Run the workers whose calls are awaited."""
    shared = AsyncSingle(url, ledger, is_shared=True)
    shared_pooled = AsyncSingle(through, ledger, is_shared=True)
    singles = {
        "task, own": AsyncSingle(url, ledger),
        "task, unnamed": AsyncSingle(url, ledger, prepare="never"),
        "task, pooler": AsyncSingle(through, ledger),
    }
    async with AsyncExitStack() as stack:
        for single in (shared, shared_pooled, *singles.values()):
            stack.push_async_callback(single.close)
        direct, pooled = [
            await stack.enter_async_context(open_async_database(address, max_size=3))
            for address in (url, through)
        ]
        workers = [
            *(partial(work_in_a_task, name, single.lend) for name, single in singles.items()),
            *(
                partial(work_in_a_task, f"task, shared {n}", shared.lend, calls=ALONE)
                for n in range(3)
            ),
            *(
                partial(
                    work_in_a_task, f"task, shared, pooler {n}", shared_pooled.lend, calls=ALONE
                )
                for n in range(2)
            ),
            *(partial(work_in_a_task, f"task, pool {n}", of_async_pool(direct)) for n in range(5)),
            *(
                partial(work_in_a_task, f"task, pool, pooler {n}", of_async_pool(pooled))
                for n in range(5)
            ),
        ]
        await asyncio.gather(
            *(worker(ledger, seed + 100 + number) for number, worker in enumerate(workers))
        )


def _stored(url: str) -> list[tuple[int, int]]:
    """Read which numbers are stored, when no session can write any more."""
    end = time.monotonic() + _ENDING
    with psycopg.connect(url, autocommit=True) as connection:
        while time.monotonic() < end:
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid()"
            )
            others = connection.execute(
                "select count(*) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid()"
            ).fetchone()
            if others == (0,):
                break
            time.sleep(0.05)
        return connection.execute(STORED).fetchall()
