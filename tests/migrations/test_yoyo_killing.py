"""What yoyo leaves behind when its process ends at a bad moment, and dbkit does not."""

import os
import signal
import socket
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import psycopg
import pytest

from dbkit.migrations import Silent
from dbkit.migrations.session import Session
from tests.project import Project

# says that it is reached, and lasts as long as the runner's PGOPTIONS tell: 0 s in a rerun
PAUSE = """
    raise notice 'here';
    perform pg_sleep(coalesce(current_setting('shop.sleep', true), '0')::float);
"""
HERE = f"do $$ begin {PAUSE} end $$;"
LONG = "-c shop.sleep=60"
ORDERS = "create table orders (id integer);"
ORDER = "insert into orders values (1);"
PAUSE_AT_COMMIT = f"""
create function pause() returns trigger language plpgsql
as $$ begin {PAUSE} return null; end $$;
create constraint trigger pausing after insert on orders initially deferred
for each row execute function pause();
"""


pytestmark = pytest.mark.usefixtures("ctrl_c")


@dataclass
class Deadly(Silent):
    """A reporter that kills its own process when it hears of one moment."""

    moment: str

    def started(self, name: str, statements: int, *, direction: str) -> None:
        del statements
        self._hear(f"{direction} of {name} started")

    def statement(self, number: int) -> None:
        self._hear(f"statement {number}")

    def finished(self, name: str, seconds: float, *, direction: str) -> None:
        del seconds
        self._hear(f"{direction} of {name} finished")

    def _hear(self, moment: str) -> None:
        if moment == self.moment:
            os.kill(os.getpid(), signal.SIGKILL)


class Interrupted(Silent):
    """A reporter during whose work somebody presses Ctrl-C."""

    def notice(self, severity: str, message: str) -> None:
        del severity, message
        raise KeyboardInterrupt


class Victim:
    """Cuts a connection before a message to the server: what it sees of a runner that is killed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._connection: psycopg.Connection | None = None
        self._messages = 0
        run, run_all, execute = Session.run, Session.run_all, psycopg.Cursor.execute

        def run_or_die(session: Session, text: str, copy_data: str | None = None) -> None:
            self._count(session.connection)
            run(session, text, copy_data)

        def run_all_or_die(
            session: Session, texts: Sequence[str], report: Callable[[int], None] | None = None
        ) -> None:
            self._count(session.connection)
            run_all(session, texts, report)

        def execute_or_die(
            cursor: psycopg.Cursor,
            *arguments: Any,  # noqa: ANN401 - handed on as they come
            **options: Any,  # noqa: ANN401 - as above
        ) -> psycopg.Cursor:
            self._count(cursor.connection)
            return execute(cursor, *arguments, **options)

        monkeypatch.setattr(Session, "run", run_or_die)
        monkeypatch.setattr(Session, "run_all", run_all_or_die)
        monkeypatch.setattr(psycopg.Cursor, "execute", execute_or_die)

    def survives(
        self, action: Callable[[], object], connection: psycopg.Connection, messages: int
    ) -> bool:
        """Do something with a connection that lives for so many messages less one."""
        self._connection, self._messages = connection, messages
        try:
            action()
        except psycopg.OperationalError:
            return False
        return True

    def _count(self, connection: psycopg.Connection) -> None:
        if connection is self._connection:
            self._messages -= 1
            if self._messages == 0:
                with socket.socket(fileno=os.dup(connection.fileno())) as line:
                    line.shutdown(socket.SHUT_RDWR)


def migrate_and_die(project: Project, moment: str) -> None:
    with project.connect() as connection:
        project.runner(connection, Deadly(moment)).migrate()


def roll_back_and_die(project: Project, moment: str) -> None:
    with project.connect() as connection:
        project.runner(connection, Deadly(moment)).rollback(0)


def wait_for(runner: subprocess.Popen[str], text: str) -> None:
    assert runner.stderr is not None
    assert any(text in line for line in runner.stderr)


def start_and_stop(project: Project, number: signal.Signals) -> subprocess.Popen[str]:
    """Start a migration that takes long, and send a signal when it is in the midst of it."""
    with project.start("migrate", PGOPTIONS=LONG) as runner:
        wait_for(runner, "here")
        runner.send_signal(number)
        runner.communicate()
    return runner


@pytest.mark.parametrize(
    "sql",
    [
        pytest.param(HERE + ORDERS + ORDER, id="in the first statement"),
        pytest.param(ORDERS + HERE + ORDER, id="between two statements"),
        pytest.param(ORDERS + ORDER + HERE, id="in the last statement"),
        pytest.param(ORDERS + PAUSE_AT_COMMIT + ORDER, id="in the commit"),
    ],
)
def test_y01_a_migration_killed_on_the_server_is_not_there_and_can_be_run_again(
    project: Project, sql: str
) -> None:
    project.migration("0001_orders", sql)

    start_and_stop(project, signal.SIGKILL)
    left = project.rows("select to_regclass('orders'), count(*) from schema_version")
    again = project.dbkit("migrate")

    assert left == [(None, 0)]
    assert again.returncode == 0
    assert project.rows("select count(*) from orders") == [(1,)]
    assert project.rows("select count(*) from schema_version") == [(1,)]
    assert project.rows("select count(*) from dbkit._yoyo_migration") == [(1,)]


@pytest.mark.parametrize(
    ("moment", "applied"),
    [
        ("apply of 0001_orders started", 0),
        ("statement 2", 0),
        ("apply of 0001_orders finished", 1),
        ("apply of 0002_more started", 1),
        ("apply of 0002_more finished", 2),
    ],
)
def test_y01_a_runner_killed_between_two_steps_leaves_each_migration_whole_or_not_at_all(
    project: Project, moment: str, applied: int
) -> None:
    project.migration("0001_orders", ORDERS + HERE + ORDER)
    project.migration("0002_more", "insert into orders values (2);")
    dying = get_context("spawn").Process(target=migrate_and_die, args=(project, moment))

    dying.start()
    dying.join()
    left = project.status()
    again = project.dbkit("migrate")

    assert dying.exitcode == -signal.SIGKILL
    assert (left["version"], left["problems"]) == (applied, [])
    assert again.returncode == 0
    assert project.rows("select id from orders order by id") == [(1,), (2,)]
    assert project.rows("select version from schema_version order by version") == [(1,), (2,)]
    assert project.rows("select count(*) from dbkit._yoyo_migration") == [(2,)]


def test_y01_a_connection_cut_before_any_message_leaves_each_migration_whole_or_not_at_all(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.migration("0001_orders", ORDERS + ORDER)
    project.migration("0002_more", "insert into orders values (2);")
    victim = Victim(monkeypatch)

    messages, survived = 0, False
    while not survived:
        messages += 1
        with project.connect() as connection:
            connection.execute("drop schema public cascade; create schema public")
        with project.connect() as connection:
            survived = victim.survives(project.runner(connection).migrate, connection, messages)
        left = project.rows("select to_regclass('orders')::text, to_regclass('schema_version')")
        applied = project.rows("select name from schema_version") if left[0][1] else []
        orders = project.rows("select id from orders order by id") if left[0][0] else []
        with project.connect() as connection:
            project.runner(connection).migrate()

        assert orders == [(1,), (2,)][: len(applied)], messages
        assert project.rows("select id from orders order by id") == [(1,), (2,)], messages
        assert project.rows("select count(*) from dbkit._yoyo_migration") == [(2,)], messages

    assert messages > 10


@pytest.mark.parametrize(
    ("moment", "left"),
    [("statement 2", 2), ("rollback of 0002_more finished", 1)],
)
def test_y01_a_killed_rollback_leaves_each_migration_whole_or_not_at_all(
    project: Project, moment: str, left: int
) -> None:
    project.migration("0001_orders", ORDERS, "drop table orders;")
    project.migration("0002_more", ORDER, "delete from orders; select 1;")
    project.dbkit("migrate")
    dying = get_context("spawn").Process(target=roll_back_and_die, args=(project, moment))

    dying.start()
    dying.join()

    assert dying.exitcode == -signal.SIGKILL
    assert (project.status()["version"], project.status()["problems"]) == (left, [])
    assert project.rows("select count(*) from orders") == [(left - 1,)]
    assert project.rows("select count(*) from dbkit._yoyo_migration") == [(left,)]


@pytest.mark.parametrize(
    ("number", "code", "patience"),
    [(signal.SIGKILL, -9, "20"), (signal.SIGTERM, 143, "0"), (signal.SIGINT, 130, "0")],
    ids=["SIGKILL", "SIGTERM", "SIGINT"],
)
def test_y03_a_runner_that_is_ended_leaves_no_lock_behind(
    project: Project, number: signal.Signals, code: int, patience: str
) -> None:
    project.migration("0001_orders", ORDERS + HERE)

    ended = start_and_stop(project, number)
    status = project.dbkit("status")
    again = project.dbkit("migrate", "--wait", patience)

    assert ended.returncode == code
    assert status.returncode == 2
    assert again.returncode == 0, again.stderr
    assert project.status()["version"] == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_y03_a_runner_that_is_told_to_stop_says_so_in_one_sentence(
    project: Project, number: signal.Signals
) -> None:
    project.migration("0001_orders", ORDERS + HERE)

    with project.start("migrate", PGOPTIONS=LONG) as runner:
        wait_for(runner, "here")
        runner.send_signal(number)
        _, errors = runner.communicate()

    assert errors.strip() == ("error: stopped; dbkit status shows where the database stands")


def test_y03_an_interruption_that_comes_while_a_notice_is_told_is_not_lost(
    project: Project,
) -> None:
    project.migration("0001_orders", HERE.replace("'0'", "'60'"))

    with project.connect() as connection:
        with pytest.raises(KeyboardInterrupt):
            project.runner(connection, Interrupted()).migrate()
        [(state,)] = project.rows(
            f"select state from pg_stat_activity where pid = {connection.info.backend_pid}"
        )

    assert state == "idle"
    assert project.status()["version"] == 0


def test_y06_the_server_stops_the_statement_of_a_runner_that_was_killed(project: Project) -> None:
    project.migration("0001_orders", ORDERS)
    project.dbkit("migrate")
    project.migration("0002_more", "lock table orders;" + HERE)

    start_and_stop(project, signal.SIGKILL)

    with project.connect() as connection, connection.transaction():
        connection.execute("set local lock_timeout = '10s'")
        connection.execute("lock table orders")
        connection.execute("insert into orders values (1)")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_y11_a_stopped_migration_without_a_transaction_goes_on_where_it_was(
    project: Project, number: signal.Signals
) -> None:
    project.migration(
        "0001_orders", f"-- transactional: false\n{ORDERS}{ORDER}{HERE}create table more ();"
    )

    start_and_stop(project, number)
    before = project.status()
    again = project.dbkit("migrate")

    assert before["problems"] == []
    assert [(row["done"], row["statements"]) for row in before["half_done"]] == [(2, 4)]
    assert again.returncode == 0, again.stderr
    assert project.rows("select count(*) from orders") == [(1,)]
    assert project.rows("select to_regclass('more')::text") == [("more",)]
    assert project.status()["version"] == 1
