"""Where yoyo's runners get into each other's way, or give up, and dbkit's do not."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from dbkit.migrations import Blocker, Silent
from dbkit.migrations.backend import AtomicBackend
from dbkit.migrations.errors import Locked
from dbkit.migrations.lock import KEY
from dbkit.server import EmbeddedServer
from dbkit.sqltext.errors import UndecodableFile
from tests.project import Project

ORDERS = "create table orders (id integer);"


@dataclass
class Patience(Silent):
    """A reporter that acts when it hears that the run waits."""

    act: Callable[[], object]

    def waiting(self, what: str, blockers: tuple[Blocker, ...], seconds: float) -> None:
        del what, blockers, seconds
        self.act()


@pytest.fixture
def neighbour(tmp_path: Path, server: EmbeddedServer) -> Iterator[Project]:
    """A second project, with a database of its own, for the same process."""
    name = "neighbour"
    server.ensure_database(name)
    yield Project(tmp_path / "neighbour", server.url(name))
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("drop database neighbour with (force)")


def test_y04_twenty_runners_at_once_on_an_empty_database_run_each_migration_once(
    project: Project,
) -> None:
    project.migration("0001_orders", ORDERS)
    project.migration("0002_order", "insert into orders values (1);")

    with ExitStack() as stack:
        runners = [stack.enter_context(project.start("migrate")) for _ in range(20)]
        errors = [runner.communicate()[1] for runner in runners]

    assert [runner.returncode for runner in runners] == [0] * 20, errors
    assert project.rows("select count(*) from orders") == [(1,)]
    assert project.rows("select version from schema_version order by version") == [(1,), (2,)]
    assert project.rows("select count(*) from dbkit._yoyo_log") == [(2,)]


def test_y04_there_is_no_command_that_breaks_the_lock_of_a_living_runner(
    project: Project,
) -> None:
    refused = project.dbkit("break-lock")

    assert refused.returncode == 64
    assert "no such command 'break-lock'" in refused.stderr


def test_y04_breaking_the_lock_through_yoyo_leaves_it_with_its_runner(project: Project) -> None:
    with project.connect() as connection, project.connect() as other:
        runner, yoyo = AtomicBackend(connection=connection), AtomicBackend(connection=other)
        with runner.lock():
            yoyo.break_lock()

            [(held,)] = project.rows("select pid from pg_locks where locktype = 'advisory'")

        assert held == connection.info.backend_pid


def test_y05_a_runner_waits_as_long_as_it_was_told_to(project: Project) -> None:
    project.migration("0001_orders", ORDERS)

    with project.connect() as other, project.connect() as connection:
        other.execute("select pg_advisory_lock(%s)", (KEY,))
        with pytest.raises(Locked) as refused:
            project.runner(connection, wait=0.4).migrate()
        free = Patience(lambda: other.execute("select pg_advisory_unlock(%s)", (KEY,)))
        outcome = project.runner(connection, free, wait=30).migrate()

    assert refused.value.waited >= 0.4
    assert outcome.migrations == ("0001_orders",)


def test_y05_a_runner_waits_ten_minutes_unless_told_otherwise(project: Project) -> None:
    shown = project.dbkit("migrate", "--help").stdout

    assert "[default: 600.0" in shown


def test_y21_others_get_past_a_migration_that_waits_behind_a_reader(project: Project) -> None:
    project.migration("0001_orders", ORDERS)
    project.dbkit("migrate")
    project.migration("0002_name", "alter table orders add column name text;")

    with (
        project.connect() as reader,
        project.connect() as passer,
        project.connect() as connection,
    ):

        def pass_by() -> None:
            passer.execute("begin; lock table orders in access share mode nowait; commit")
            reader.execute("commit")

        reader.execute("begin; select from orders")
        outcome = project.runner(connection, Patience(pass_by), lock_timeout=0.2).migrate()

    assert outcome.migrations == ("0002_name",)


def test_y21_a_statement_is_not_left_waiting_for_a_lock_for_ever(project: Project) -> None:
    project.migration(
        "0001_orders",
        "create table seen as select current_setting('lock_timeout') as lock_timeout;",
    )

    project.dbkit("migrate")

    assert project.rows("select lock_timeout from seen") == [("5s",)]


def test_y26_two_folders_with_the_same_names_are_kept_apart_in_one_process(
    project: Project, neighbour: Project
) -> None:
    project.migration("0001_first", ORDERS)
    neighbour.migration("0001_first", "create table guests (id integer);")

    with project.connect() as first, neighbour.connect() as second:
        outcomes = [project.runner(first).migrate(), neighbour.runner(second).migrate()]

    assert [outcome.migrations for outcome in outcomes] == [("0001_first",)] * 2
    assert project.rows("select to_regclass('orders')::text, to_regclass('guests')::text") == [
        ("orders", None)
    ]
    assert neighbour.rows("select to_regclass('orders')::text, to_regclass('guests')::text") == [
        (None, "guests")
    ]


def test_y26_a_migration_that_cannot_be_read_stops_the_run_before_its_first_statement(
    project: Project,
) -> None:
    project.migration("0001_orders", ORDERS)
    project.migration("0002_guests", "").write_bytes(
        b"create table guests (name text); -- Z\xfcrich"
    )

    with project.connect() as connection, pytest.raises(UndecodableFile) as caught:
        project.runner(connection).migrate()

    assert str(caught.value) == (
        "migrations/shop/0002_guests.sql:1:38: byte 0xfc is not UTF-8; save the file as UTF-8"
    )
    assert project.rows("select to_regclass('orders')") == [(None,)]


def test_y26_two_runners_in_one_process_take_turns_without_being_told_to(
    project: Project,
) -> None:
    project.migration("0001_orders", f"select pg_sleep(0.5); {ORDERS}")

    def migrate(connection: psycopg.Connection) -> tuple[str, ...]:
        return project.runner(connection).migrate().migrations

    with project.connect() as first, project.connect() as second, ThreadPoolExecutor() as threads:
        ran = list(threads.map(migrate, (first, second)))

    assert sorted(ran) == [(), ("0001_orders",)]
