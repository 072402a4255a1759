"""One run at a time changes a database, and one that waits says which session it waits for."""

import re
import subprocess
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest

from dbkit.migrations import Blocker, Silent
from dbkit.migrations.errors import Locked
from dbkit.migrations.lock import KEY
from tests.project import Project

LOCK = "select pg_advisory_lock(%s)"
UNLOCK = "select pg_advisory_unlock(%s)"
# who holds an advisory lock, and how a session that waits for one looks to the server
HOLDER = "select pid from pg_locks where locktype = 'advisory' and granted"
WAITING = """
select
    activity.state,
    activity.backend_xmin,
    (select count(*) from pg_locks as lock where lock.pid = activity.pid and not lock.granted)
from pg_stat_activity as activity
where activity.pid = %s
"""
ORDERS = "create table orders (id integer);"


# a migration that says it is there and goes on when the test's own session lets go of 1
GATE = """
do $$
begin
    raise notice 'at the gate';
    perform pg_advisory_xact_lock(1);
end $$;
"""


@dataclass
class Listener(Silent):
    """A reporter that remembers what it heard of waiting, and acts when it hears of it."""

    when: str
    act: Callable[[], object]
    heard: list[tuple[str, tuple[Blocker, ...]]] = field(
        default_factory=list[tuple[str, tuple[Blocker, ...]]]
    )

    def waiting(self, what: str, blockers: tuple[Blocker, ...], seconds: float) -> None:
        del seconds
        self.heard.append((what, blockers))
        if self.when in what:
            self.act()


@pytest.fixture
def server_url(project: Project) -> str:
    """The URL of another database of the same server."""
    [(name,)] = project.rows("select current_database()")
    return project.url.replace(name, "postgres")


@pytest.fixture
def gate(project: Project) -> Iterator[psycopg.Connection]:
    """A session that keeps the gate shut."""
    with project.connect() as keeper:
        keeper.execute("select pg_advisory_lock(1)")
        yield keeper


@contextmanager
def started(project: Project) -> Generator[subprocess.Popen[str]]:
    """Start a runner, and end it with the test, however that ends."""
    with project.start("migrate") as runner:
        try:
            yield runner
        finally:
            runner.kill()


def wait_for(runner: subprocess.Popen[str], text: str) -> None:
    assert runner.stderr is not None
    assert any(text in line for line in runner.stderr)


def test_a_second_runner_waits_for_the_first_and_finds_nothing_to_do(
    project: Project, gate: psycopg.Connection
) -> None:
    project.migration("0001_orders", GATE + ORDERS)

    with started(project) as first:
        wait_for(first, "at the gate")
        with started(project) as second:
            wait_for(second, "waiting for another migration run")
            gate.execute("select pg_advisory_unlock(1)")
            printed, _ = second.communicate()
        first.communicate()

    assert (first.returncode, second.returncode) == (0, 0)
    assert printed == "shop: up to date at version 1\n"
    assert project.rows("select count(*) from schema_version") == [(1,)]


def test_the_waiting_runner_is_told_pid_user_and_query_of_the_other(project: Project) -> None:
    project.migration("0001_orders", ORDERS)

    with project.connect() as other, project.connect() as connection:
        other.execute(LOCK, (KEY,))
        listener = Listener("another migration run", lambda: other.execute(UNLOCK, (KEY,)))
        outcome = project.runner(connection, listener).migrate()
        [(what, [blocker])] = listener.heard

        assert outcome.migrations == ("0001_orders",)
        assert what == "for another migration run"
        assert (blocker.pid, blocker.user) == (other.info.backend_pid, other.info.user)
        assert blocker.query == "select pg_advisory_lock($1)"


def test_a_runner_gives_up_after_the_time_it_was_told_in_one_sentence(project: Project) -> None:
    project.migration("0001_orders", ORDERS)

    with project.connect() as other:
        other.execute(LOCK, (KEY,))
        refused = project.dbkit("migrate", "--wait", "0.5")

    assert refused.returncode == 1
    assert re.fullmatch(
        r"error: another migration run holds the lock \(pid \d+, user postgres, for \d+ s: "
        r"select pg_advisory_lock\(\$1\)\); waited \d+ s, "
        r"try again when it is done or wait longer with --wait\n",
        refused.stderr,
    )
    assert project.status()["version"] == 0


@pytest.mark.parametrize("command", ["migrate", "status"])
def test_with_nothing_pending_nobody_waits_for_the_lock(project: Project, command: str) -> None:
    project.migration("0001_orders", ORDERS)
    project.dbkit("migrate")
    patience = ("--wait", "0") if command == "migrate" else ()

    with project.connect() as other:
        other.execute(LOCK, (KEY,))
        done = project.dbkit(command, *patience)

    assert done.returncode == 0
    assert "up to date" in done.stdout


def test_status_tells_what_is_pending_while_another_runner_is_at_work(project: Project) -> None:
    project.migration("0001_orders", ORDERS)

    with project.connect() as other:
        other.execute(LOCK, (KEY,))
        status = project.dbkit("status")

    assert status.returncode == 2
    assert "1 pending, next 0001_orders" in status.stdout


def test_five_runners_build_an_index_concurrently_without_a_deadlock(
    project: Project, gate: psycopg.Connection
) -> None:
    project.migration("0001_orders", GATE + ORDERS)
    project.migration(
        "0002_index", "-- transactional: false\ncreate index concurrently by_id on orders (id);"
    )

    with ExitStack() as stack:
        first = stack.enter_context(started(project))
        wait_for(first, "at the gate")
        others = [stack.enter_context(started(project)) for _ in range(4)]
        for other in others:
            wait_for(other, "waiting for another migration run")
        gate.execute("select pg_advisory_unlock(1)")
        printed = [runner.communicate() for runner in (first, *others)]

    assert [runner.returncode for runner in (first, *others)] == [0] * 5, printed
    assert project.rows("select indisvalid from pg_index where indrelid = 'orders'::regclass") == [
        (True,)
    ]
    assert project.status()["version"] == 2


def test_a_migration_behind_a_reader_tells_who_it_is_and_is_tried_again(project: Project) -> None:
    project.migration("0001_orders", ORDERS)
    project.dbkit("migrate")
    project.migration("0002_name", "alter table orders add column name text;")

    with project.connect() as reader, project.connect() as connection:
        reader.execute("begin")
        reader.execute("select 'reading' from orders")
        listener = Listener("before trying again", lambda: reader.execute("commit"))
        outcome = project.runner(connection, listener, lock_timeout=1.5).migrate()
        (for_a_lock, [blocker]), (pause, _) = listener.heard

        assert outcome.migrations == ("0002_name",)
        assert for_a_lock == "for a lock"
        assert pause == "0.5 s before trying again"
        assert blocker.pid == reader.info.backend_pid
        assert blocker.query == "select 'reading' from orders"


def test_a_migration_whose_reader_never_ends_gives_up_when_told(project: Project) -> None:
    project.migration("0001_orders", ORDERS)
    project.dbkit("migrate")
    project.migration("0002_name", "alter table orders add column name text;")

    with project.connect() as reader, project.connect() as connection:
        reader.execute("begin")
        reader.execute("select from orders")
        runner = project.runner(connection, lock_timeout=0.1, wait=0.7)
        with pytest.raises(psycopg.errors.LockNotAvailable):
            runner.migrate()
        reader.execute("commit")

    assert project.status()["version"] == 1


def test_a_runner_that_fails_lets_go_of_the_lock_on_a_connection_that_lives_on(
    project: Project,
) -> None:
    project.migration("0001_orders", "select 1 / 0;")

    with project.connect() as connection:
        with pytest.raises(psycopg.errors.DivisionByZero):
            project.runner(connection).migrate()
        held = project.rows("select count(*) from pg_locks where locktype = 'advisory'")

    assert held == [(0,)]


def test_a_runner_gives_up_while_the_other_still_holds_the_lock(project: Project) -> None:
    project.migration("0001_orders", ORDERS)

    with project.connect() as other, project.connect() as connection:
        other.execute(LOCK, (KEY,))
        with pytest.raises(Locked) as caught:
            project.runner(connection, wait=0.3).migrate()
        [(holder,)] = project.rows(HOLDER)

    assert caught.value.holder.startswith(f"pid {holder}, ")
    assert project.rows("select to_regclass('schema_version')::text") == [(None,)]


def test_the_lock_is_polled_so_a_waiting_runner_keeps_no_snapshot_and_no_place_in_a_queue(
    project: Project,
) -> None:
    project.migration("0001_orders", ORDERS)
    seen: list[tuple[Any, ...]] = []

    with project.connect() as other, project.connect() as connection:
        other.execute(LOCK, (KEY,))

        def look_and_let_go() -> None:
            seen.extend(other.execute(WAITING, (connection.info.backend_pid,)))
            other.execute(UNLOCK, (KEY,))

        listener = Listener("another migration run", look_and_let_go)
        outcome = project.runner(connection, listener).migrate()

    assert seen == [("idle", None, 0)]
    assert outcome.migrations == ("0001_orders",)


def test_two_databases_of_one_server_are_migrated_side_by_side(
    project: Project, server_url: str
) -> None:
    project.migration("0001_orders", ORDERS)

    with psycopg.connect(server_url, autocommit=True) as elsewhere:
        elsewhere.execute(LOCK, (KEY,))
        done = project.dbkit("migrate", "--wait", "0")

    assert done.returncode == 0
