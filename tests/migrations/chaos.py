"""End a migration run in every way and at every moment, and see that the next run finishes it.

`python -m tests.migrations.chaos 500 7` is 500 rounds with seed 7: what each of them does is told
by seed and round alone, up to the milliseconds of the machine.
"""

import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from enum import StrEnum, auto
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import psycopg

from dbkit.cli.app import run
from dbkit.migrations.session import Session
from dbkit.server import Binaries, EmbeddedServer, find_binaries
from tests.project import Project

_OUTSIDE = "-- transactional: false\n"
_BATCHES = 5
# each has its rollback; the ids are written out, because a number of a sequence that was taken in
# vain is gone
_MIGRATIONS = {
    "0001_orders": (
        (
            "create table orders (id integer primary key, note text, state text);\n"
            "insert into orders select n, 'note ' || n, 'new' from generate_series(1, 3000) as n;\n"
            "create type mood as enum ('calm');\n"
        ),
        "drop type mood;\ndrop table orders;\n",
    ),
    "0002_items": (
        (
            "create table items (id integer primary key, of_order integer references orders);\n"
            "select pg_sleep(0.02);\n"
            "insert into items select n, n from generate_series(1, 500) as n;\n"
            "alter table orders add column total numeric default 0;\n"
        ),
        "drop table items;\nalter table orders drop column total;\n",
    ),
    "0003_outside": (
        (
            f"{_OUTSIDE}"
            "insert into orders (id, note) values (4001, 'once');\n"
            "create index concurrently orders_note on orders (note);\n"
            "create unique index concurrently if not exists orders_unique on orders (note, id);\n"
            "update orders set total = total + 1;\n"
            "create index concurrently on orders (state);\n"
            "set search_path = public, pg_temp;\n"
            "select pg_sleep(0.02);\n"
            "vacuum analyze orders;\n"
            "begin;\n"
            "insert into orders (id, note) values (4002, 'together');\n"
            "update orders set total = total + 1;\n"
            "commit;\n"
            "reindex table concurrently orders;\n"
            "alter type mood add value 'wild';\n"
            "do $$ begin update orders set total = total + 1; end $$;\n"
            "create index concurrently orders_passing on orders (total);\n"
            "drop index concurrently orders_passing;\n"
            "alter table orders add column seen boolean;\n"
        ),
        (
            f"{_OUTSIDE}"
            "alter table orders drop column seen;\n"
            "drop index concurrently orders_note;\n"
            "update orders set total = total - 1;\n"
            "drop index concurrently if exists orders_unique;\n"
            "drop index concurrently orders_state_idx;\n"
            "delete from orders where id > 4000;\n"
            "vacuum orders;\n"
            "update orders set total = 0;\n"
            "begin;\nalter type mood rename to mood_before;\ncreate type mood as enum ('calm');\n"
            "drop type mood_before;\ncommit;\n"
        ),
    ),
    "0004_batches": (
        (
            "create table batches (id integer primary key);\n"
            "create procedure fill() language plpgsql as $$\n"
            "begin\n"
            f"    for batch in 1..{_BATCHES} loop\n"
            "        insert into batches values (batch) on conflict do nothing;\n"
            "        commit;\n"
            "        perform pg_sleep(0.005);\n"
            "    end loop;\n"
            "end $$;\n"
        ),
        "drop procedure fill;\ndrop table batches;\n",
    ),
    "0005_filled": (
        f"{_OUTSIDE}select 1;\ncall fill();\ncreate index concurrently on batches (id);\n",
        f"{_OUTSIDE}drop index concurrently batches_id_idx;\ntruncate batches;\n",
    ),
    "0006_last": (
        "alter table items add column amount integer default 1;\n",
        "alter table items drop column amount;\n",
    ),
}
_OBJECTS = {
    "open_orders": "create or replace view open_orders as\nselect id, note from orders;\n",
    "order_count": (
        "create or replace function order_count() returns bigint language sql\n"
        "begin atomic select count(*) from open_orders; end;\n"
    ),
}
# whatever two databases can differ in here, as text
_STATE = """
select 'column', format('%s.%s %s', attrelid::regclass, attname, format_type(atttypid, atttypmod))
from pg_attribute inner join pg_class on pg_class.oid = attrelid
where relnamespace = 'public'::regnamespace and attnum > 0 and not attisdropped and relkind <> 'i'
union all
select 'index', pg_get_indexdef(indexrelid) || ' ' || indisvalid
from pg_index inner join pg_class on pg_class.oid = indexrelid
where relnamespace = 'public'::regnamespace or not indisvalid
union all
select 'constraint', conname || pg_get_constraintdef(oid)
from pg_constraint where connamespace = 'public'::regnamespace
union all
select 'routine', pg_get_functiondef(oid) from pg_proc where pronamespace = 'public'::regnamespace
union all
select 'view', definition from pg_views where schemaname = 'public'
union all
select 'label', enumlabel::text from pg_enum
union all
select 'order', to_jsonb(orders)::text from orders
union all
select 'item', to_jsonb(items)::text from items
union all
select 'batch', to_jsonb(batches)::text from batches
union all
select 'ledger', version || ' ' || name from schema_version
union all
select 'mark', migration_id from dbkit._yoyo_migration
union all
select 'object', path || ' ' || identity from dbkit._dbkit_object where checksum <> ''
union all
select 'journal', to_jsonb(journal)::text from dbkit._dbkit_journal as journal
order by 1, 2
"""
_CRASHED = 99
# until another transaction has begun
_PAUSE = 0.02


class _End(StrEnum):
    """How a run ends."""

    KILL = auto()
    TERM = auto()
    INTERRUPT = auto()
    BACKEND = auto()
    SERVER = auto()


# stopping the server takes a second, and is seldom anything else for the run than a lost backend
_ENDS = [_End.KILL, _End.TERM, _End.INTERRUPT, _End.BACKEND] * 3 + [_End.SERVER]


class _Moment(NamedTuple):
    """The message at which a run tells by its pipe where it is, and for how long it then stops."""

    number: int
    pipe: int
    pause: float = 0


@dataclass
class _Sent:
    """How many messages a run sent, and which of them take several transactions."""

    messages: int
    concurrently: list[int]


@dataclass
class Chaos:
    """A server, and the project whose migrations are run on it in vain."""

    server: EmbeddedServer
    folder: Path

    def __post_init__(self) -> None:
        self._numbers = count()
        self._database = ""
        self._project = Project(self.folder / "project", "")
        for name, (up, down) in _MIGRATIONS.items():
            self._project.migration(name, up, down)
        for name, text in _OBJECTS.items():
            self._project.object(name, text)
        self._make_database()
        self.forward = self._run(["migrate"])
        self.expected = self._state()
        self.back = self._run(["rollback", "shop", "--to", "1"])
        self._run(["migrate"])
        if self._state() != self.expected:
            raise AssertionError

    def round(self, random: Random) -> list[str]:
        """End one run, or several in turn, finish what they began, and return what happened."""
        self._make_database()
        told: list[str] = []
        arguments, sent = ["migrate"], self.forward
        if random.random() < 0.3:
            self._run(["migrate"])
            arguments, sent = ["rollback", "shop", "--to", "1"], self.back
        for _ in range(random.choice([1, 1, 2, 3])):
            end = random.choice(_ENDS)
            at, delay = (
                random.randint(1, sent.messages),
                random.choice([0, random.uniform(0, 0.03)]),
            )
            if inside := random.random() < 0.3:
                # in the midst of what takes several transactions
                at, delay = random.choice(sent.concurrently), random.uniform(0.02, 0.05)
            code = self._disturb(arguments, end, at, delay, inside=inside)
            told.append(f"{arguments[0]} {end} at {at} + {delay * 1000:.0f} ms: {code}")
            arguments, sent = ["migrate"], self.forward
        self._finish(told)
        if (state := self._state()) != self.expected:
            differing = sorted({*state} ^ {*self.expected})[:9]
            told.append(f"DIFFERENT {differing}")
            raise AssertionError("\n".join(told))
        return told

    def _finish(self, told: list[str]) -> None:
        printed = ""
        for _ in range(4):
            code, printed = self._call(["migrate"])
            if code == 0:
                return
            if "dbkit resume shop" not in printed:
                break
            done = self._rows("select count(*) from batches") == [(_BATCHES,)]
            answer = "--done" if done else "--again"
            told.append(f"resume {answer}")
            code, printed = self._call(["resume", "shop", answer])
            if code != 0:
                break
        told.append(printed)
        raise AssertionError("\n".join(told))

    def _disturb(
        self, arguments: list[str], end: _End, at: int, delay: float, *, inside: bool
    ) -> int:
        reached, reaching = os.pipe()
        pid, output = self._fork(arguments, _Moment(at, reaching, pause=_PAUSE if inside else 0))
        os.close(reaching)
        with os.fdopen(reached, "rb") as told:
            backend = told.readline()
        if backend:
            with psycopg.connect(self.server.url(self._database)) as older:
                if inside:
                    # a concurrent statement waits until this transaction has ended
                    older.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                    older.execute("select from orders limit 1")
                time.sleep(delay)
                self._end(end, pid, int(backend))
                with suppress(psycopg.OperationalError):
                    older.rollback()
        _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        if end is _End.SERVER:
            self.server.start()
        if code == _CRASHED:
            raise AssertionError(output.read_text())
        return code

    def _end(self, end: _End, pid: int, backend: int) -> None:
        number = {
            _End.KILL: signal.SIGKILL,
            _End.TERM: signal.SIGTERM,
            _End.INTERRUPT: signal.SIGINT,
        }.get(end)
        if number is not None:
            os.kill(pid, number)
        elif end is _End.BACKEND:
            with psycopg.connect(self.server.url("postgres"), autocommit=True) as connection:
                connection.execute("select pg_terminate_backend(%s)", (backend,))
        else:
            postmaster = self.server.status().pid
            if postmaster is None:
                raise AssertionError
            # the immediate stop: nobody finishes anything
            os.kill(postmaster, signal.SIGQUIT)
            while self.server.status().running:
                time.sleep(0.01)

    def _run(self, arguments: list[str]) -> _Sent:
        """Run a command undisturbed, and return which messages it sent."""
        counted, counting = os.pipe()
        pid, output = self._fork(arguments, _Moment(0, counting))
        os.close(counting)
        with os.fdopen(counted, "rb") as told:
            messages = [int(number) for number in told.read().split()]
        _, status = os.waitpid(pid, 0)
        if status != 0:
            raise AssertionError(output.read_text())
        return _Sent(messages.pop(), messages)

    def _call(self, arguments: list[str]) -> tuple[int, str]:
        pid, output = self._fork(arguments, None)
        _, status = os.waitpid(pid, 0)
        return os.waitstatus_to_exitcode(status), output.read_text()

    def _fork(self, arguments: list[str], moment: _Moment | None) -> tuple[int, Path]:
        """Run the command line in a process of its own, which tells of a moment by a pipe."""
        output = self.folder / f"output-{next(self._numbers)}"
        pid = os.fork()
        if pid:
            return pid, output
        code = _CRASHED
        try:
            target = os.open(output, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
            for standard in (1, 2):
                os.dup2(target, standard)
            os.chdir(self._project.root)
            os.environ["SHOP_DATABASE_URL"] = self.server.url(self._database)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            sys.stdout = os.fdopen(1, "w", closefd=False)
            sys.stderr = os.fdopen(2, "w", closefd=False)
            messages = _watch(moment) if moment else None
            code = run(arguments)
            if moment and messages and moment.number == 0:
                told = [*messages.concurrently, messages.messages]
                os.write(moment.pipe, " ".join(map(str, told)).encode())
        finally:
            os._exit(code)

    def _make_database(self) -> None:
        with psycopg.connect(self.server.url("postgres"), autocommit=True) as connection:
            if self._database:
                connection.execute(f"drop database {self._database} with (force)".encode())
            self._database = f"chaos_{next(self._numbers)}"
            connection.execute(f"create database {self._database}".encode())

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.server.url(self._database)) as connection:
            return connection.execute(query.encode()).fetchall()

    def _state(self) -> list[tuple[Any, ...]]:
        return self._rows(_STATE)


def _watch(moment: _Moment) -> _Sent:
    """Tell by the pipe when so many messages were sent, and count them all."""
    sent = _Sent(0, [])
    send, send_all = Session.run, Session.run_all

    def tell(session: Session, text: str) -> None:
        sent.messages += 1
        if " concurrently " in text:
            sent.concurrently.append(sent.messages)
        if sent.messages == moment.number:
            os.write(moment.pipe, f"{session.connection.pgconn.backend_pid}\n".encode())
            time.sleep(moment.pause)

    def run_and_tell(session: Session, text: str, copy_data: str | None = None) -> None:
        tell(session, text)
        send(session, text, copy_data)

    def run_all_and_tell(
        session: Session, texts: Sequence[str], report: Callable[[int], None] | None = None
    ) -> None:
        for text in texts:
            tell(session, text)
        send_all(session, texts, report)

    # in a process of its own, which ends with the run
    for name, method in (("run", run_and_tell), ("run_all", run_all_and_tell)):
        setattr(Session, name, method)
    return sent


def make_chaos(rounds: int, seed: int, binaries: Binaries, seconds: float | None = None) -> int:
    """Do so many rounds, or as many as so many seconds allow, and return how many were done."""
    ends, number = Counter[str](), 0
    began = time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dbkit-chaos-")))
        # if we are root, the server's account has to pass through
        folder.chmod(0o711)
        settings = {"fsync": "off", "full_page_writes": "off", "autovacuum": "off"}
        server = EmbeddedServer(folder / "server", binaries=binaries, settings=settings)
        stack.callback(server.reset, force=True)
        server.start()
        chaos = Chaos(server, folder)
        with suppress(KeyboardInterrupt):
            for number in range(1, rounds + 1):
                try:
                    told = chaos.round(Random(f"{seed}/{number}"))  # noqa: S311 - no secret
                except AssertionError as error:
                    error.add_note(f"in round {number} with seed {seed}")
                    raise
                ends.update(line.split(" at ")[0].split(" --")[0] for line in told)
                if seconds is not None and time.monotonic() - began > seconds:
                    break
        seconds = time.monotonic() - began
        print(f"seed {seed}: {number} rounds in {seconds:.0f} s: {dict(ends)}")  # noqa: T201
    return number


def main() -> None:
    """Make chaos: rounds, a seed and a server are given."""
    rounds, seed, postgres = [*sys.argv[1:], "", "", ""][:3]
    number = int(seed or time.time())
    print(f"seed {number}", flush=True)  # noqa: T201 - a command's output
    make_chaos(int(rounds or 500), number, find_binaries(postgres or None))


if __name__ == "__main__":
    main()
