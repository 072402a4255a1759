"""What goes on beside the calls: sessions that end, schemas that change, a server that goes."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from random import Random

import psycopg

from dbkit.server import EmbeddedServer
from tests.soak.ledger import Ledger

_OTHERS = """
    from pg_stat_activity
    where
        datname = current_database()
        and backend_type = 'client backend'
        and pid <> pg_backend_pid()
    order by random()
    limit 2
"""
_REMADE = """
begin;
alter table moods alter column mood type text;
drop type mood;
create type mood as enum ({labels});
alter table moods alter column mood type mood using mood::mood;
commit
"""


class Disorder:
    """Disturbs the calls again and again, with one disturbance after so many of them."""

    def __init__(
        self, server: EmbeddedServer, url: str, ledger: Ledger, *, restarts: int, seed: int
    ) -> None:
        self._server = server
        self._url = url
        self._ledger = ledger
        self._random = Random(seed)  # noqa: S311 - no secret
        self._restarts = restarts
        self.done: Counter[str] = Counter()
        self._kinds: list[Callable[[], None]] = [
            self._terminate,
            self._cancel,
            self._drift,
            self._remake,
            self._reshape,
            self._terminate,
            self._analyze,
        ]

    def go_on(self, every: int, ended: Callable[[], bool]) -> None:
        """Disturb until the calls have ended."""
        number = 0
        calls, restarts = self._ledger.calls, self._restarts
        restart_at = [calls * (each + 1) // (restarts + 1) for each in range(restarts)]
        while not ended():
            if restart_at and self._ledger.made >= restart_at[0]:
                del restart_at[0]
                self._restart()
            elif self._ledger.made >= number * every:
                kind = self._kinds[number % len(self._kinds)]
                number += 1
                # the next time it will do
                with suppress(psycopg.Error):
                    kind()
                    self.done[kind.__name__.strip("_")] += 1
            else:
                time.sleep(0.01)
            if not restart_at and number >= len(self._kinds):
                self._ledger.is_disturbed = True

    def _terminate(self) -> None:
        self._run(f"select pg_terminate_backend(pid) {_OTHERS}")

    def _cancel(self) -> None:
        for _ in range(10):
            self._run(f"select pg_cancel_backend(pid) {_OTHERS}")
            time.sleep(0.002)

    def _drift(self) -> None:
        self._run("alter table drifting alter column n type bigint")
        time.sleep(0.03)
        self._run("alter table drifting alter column n type int")

    def _remake(self) -> None:
        labels = ["'glad'", "'so so'", "'sad'"]
        self._random.shuffle(labels)
        self._run(_REMADE.format(labels=", ".join(labels)))

    def _reshape(self) -> None:
        self._run("alter table facts add column extra int default 7")
        self._run("alter table facts drop column extra")
        self._run("create index on writes (number)")
        self._run("drop index writes_number_idx")

    def _analyze(self) -> None:
        self._run("analyze writes; vacuum moods")

    def _restart(self) -> None:
        pid = self._server.status().pid
        if self._random.randrange(2) or pid is None:
            self.done["restart"] += 1
            self._server.stop(force=True)
        else:
            self.done["crash"] += 1
            os.kill(pid, signal.SIGKILL)
            while self._server.status().pid == pid:
                time.sleep(0.05)
        self._server.start()

    def _run(self, text: str) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute("set lock_timeout = '5s'")
            for part in text.split(";\n") if "begin" in text else [text]:
                connection.execute(part.encode())
