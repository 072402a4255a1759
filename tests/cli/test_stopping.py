"""A run that is stopped, or that meets another, leaves the database whole."""

import signal
import subprocess
import time

import pytest

from tests.cli.seen import leftovers
from tests.project import Project

SLOW = "create table orders (id integer);\nselect pg_sleep(60);\ncreate table items (id integer);"
STOPPED = "error: stopped; dbkit status shows where the database stands"


def _wait_for(project: Project, query: str) -> None:
    deadline = time.monotonic() + 30
    while not project.rows(query):
        assert time.monotonic() < deadline, query
        time.sleep(0.02)


def _wait_for_the_sleep(project: Project) -> None:
    _wait_for(
        project,
        "select from pg_stat_activity where datname = current_database() "
        "and wait_event = 'PgSleep'",
    )


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_takes_back_what_was_under_way(
    project: Project, number: signal.Signals, code: int
) -> None:
    project.migration("0001_orders", SLOW)
    runner = project.start("migrate")
    _wait_for_the_sleep(project)

    runner.send_signal(number)
    out, message = runner.communicate(timeout=30)

    assert runner.returncode == code
    assert (out, message.strip()) == ("", STOPPED)
    assert leftovers(project) == {}
    assert project.rows("select from pg_stat_activity where wait_event = 'PgSleep'") == []


def test_what_was_applied_before_the_signal_stays_and_the_rest_can_go_on(project: Project) -> None:
    project.migration("0001_customers", "create table customers (id integer);")
    project.migration("0002_orders", SLOW)
    runner = project.start("migrate")
    _wait_for_the_sleep(project)
    runner.terminate()
    runner.communicate(timeout=30)
    before = project.status()
    project.migration("0002_orders", SLOW.replace("60", "0"))

    ran = project.dbkit("migrate")

    assert (before["version"], before["problems"]) == (1, [])
    assert ran.returncode == 0
    assert project.rows("select version from schema_version order by 1") == [(1,), (2,)]


def test_a_rollback_that_is_stopped_has_undone_nothing(project: Project) -> None:
    project.migration(
        "0001_orders",
        "create table orders (id integer);",
        "drop table orders;\nselect pg_sleep(60);",
    )
    project.dbkit("migrate")
    runner = project.start("rollback", "shop")
    _wait_for_the_sleep(project)

    runner.terminate()
    runner.communicate(timeout=30)

    assert runner.returncode == 143
    assert project.rows("select to_regclass('orders') is not null") == [(True,)]
    assert project.status()["version"] == 1


def test_two_runners_at_once_run_each_migration_once(project: Project) -> None:
    project.migration(
        "0001_orders", "create table orders (id integer);\nselect pg_advisory_xact_lock(7);"
    )
    project.migration("0002_items", "insert into orders values (1);")
    sessions = "select from pg_stat_activity where datname = current_database()"
    with project.connect() as holder:
        holder.execute("select pg_advisory_lock(7)")
        first = project.start("migrate")
        _wait_for(project, "select from pg_locks where locktype = 'advisory' and not granted")
        before = len(project.rows(sessions))
        second = project.start("migrate")
        _wait_for(project, f"{sessions} having count(*) > {before}")

    assert _ends_well(first)[1].count(" applied in ") == 2
    assert _ends_well(second) == ("shop: up to date at version 2\n", "")
    assert project.rows("select * from orders") == [(1,)]
    assert project.rows("select version from schema_version order by 1") == [(1,), (2,)]


def test_a_runner_that_may_not_wait_names_the_other(project: Project) -> None:
    project.migration("0001_orders", SLOW)
    first = project.start("migrate")
    _wait_for_the_sleep(project)

    second = project.start("migrate", "--wait", "0.1")
    out, message = second.communicate(timeout=30)

    first.terminate()
    first.communicate(timeout=30)
    assert (second.returncode, out) == (1, "")
    assert message.startswith("error: another migration run holds the lock (pid ")
    assert "select pg_sleep(60)" in message
    assert message.endswith("try again when it is done or wait longer with --wait\n")


def _ends_well(runner: subprocess.Popen[str]) -> tuple[str, str]:
    out, message = runner.communicate(timeout=30)
    assert runner.returncode == 0, message
    return out, message
