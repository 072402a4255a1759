"""Statements that are sent together run as they do when each is sent alone."""

import signal
import subprocess
from dataclasses import dataclass, field

import psycopg
import pytest

from dbkit.migrations import Silent
from tests.project import Project

# what people write to know who changed what
AUDITED = """
create table told (at timestamptz, query text);
create function tell() returns event_trigger language plpgsql
as $$ begin insert into told values (statement_timestamp(), current_query()); end $$;
create event trigger telling on ddl_command_end execute function tell();
create function tell_row() returns trigger language plpgsql
as $$ begin insert into told values (statement_timestamp(), current_query()); return new; end $$;
"""
LISTED = """\
create table items (id integer primary key);
create trigger telling after insert on items for each row execute function tell_row();
insert into items values (1);
insert into items values (2);
comment on table items is 'ñandú';
"""


@dataclass
class Listener(Silent):
    """A reporter that remembers which statements were said to run."""

    heard: list[int] = field(default_factory=list[int])

    def statement(self, number: int) -> None:
        self.heard.append(number)


def test_each_statement_is_seen_alone_by_what_it_sets_off(project: Project) -> None:
    project.migration("0001_told", AUDITED)
    project.migration("0002_items", LISTED)
    # the last one has the objects with it, and takes another way
    project.migration("0003_last", LISTED.replace("items", "parts"))

    with project.connect() as connection:
        project.runner(connection).migrate()

    told = [query for (query,) in project.rows("select query from told order by at")]
    expected = [f"{line};" for line in LISTED.replace(";\n", "\n").splitlines()]
    assert [query.removesuffix(";") + ";" for query in told[-10:]] == [
        *expected,
        *(line.replace("items", "parts") for line in expected),
    ]
    assert project.rows("select count(distinct at) from told where at is not null")[0][0] >= 10


@pytest.mark.parametrize("name", ["0002_items", "0003_last"])
def test_a_failure_is_found_in_its_own_statement_and_nothing_stays(
    project: Project, name: str
) -> None:
    texts = {file: LISTED.replace("items", file[5:]) for file in ("0002_items", "0003_last")}
    texts[name] = texts[name].replace("values (2)", "values (1)")
    project.migration("0001_told", AUDITED)
    for file, text in texts.items():
        project.migration(file, text)

    failed = project.dbkit("migrate")

    assert failed.returncode == 1
    assert f"migrations/shop/{name}.sql:4:1: duplicate key" in failed.stderr
    assert project.rows(f"select to_regclass('{name[5:]}')") == [(None,)]
    assert project.status()["version"] == int(name[:4]) - 1


@pytest.mark.parametrize("name", ["0001_items", "0002_last"])
def test_the_place_inside_a_statement_is_shown(project: Project, name: str) -> None:
    project.migration("0001_items", "create table items ();\n")
    project.migration("0002_last", "create table last ();\n")
    path = project.migration(name, "create table é ();\ncreate table other (\n  id no_type\n);\n")

    failed = project.dbkit("migrate")

    assert f'{path.name}:3:6: type "no_type" does not exist' in failed.stderr


def test_a_constraint_that_is_checked_late_fails_at_the_commit(project: Project) -> None:
    project.migration(
        "0001_items",
        "create table items (id integer unique deferrable initially deferred);\n"
        "insert into items values (1);\ninsert into items values (1);\n",
    )
    project.migration("0002_more", "create table more ();\n")

    failed = project.dbkit("migrate")

    assert "0001_items.sql: at commit: duplicate key" in failed.stderr
    assert project.rows("select to_regclass('items'), to_regclass('more')") == [(None, None)]


def test_which_statement_takes_long_is_told(project: Project) -> None:
    slow = "create table {0} (id integer);\ninsert into {0} select 1 from pg_sleep(2.5);\n"
    project.migration("0001_items", slow.format("items"))
    project.migration("0002_more", f"create table more ();\n{slow.format('parts')}")
    listener = Listener()

    with project.connect() as connection:
        project.runner(connection, listener).migrate()

    assert list(dict.fromkeys(listener.heard)) == [1, 2, 3]
    assert listener.heard.index(3) > listener.heard.index(2)
    assert listener.heard.count(1) == 2


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing_half_done(
    project: Project, number: signal.Signals
) -> None:
    sleep = "insert into items select 1 from pg_sleep(coalesce(nullif(current_setting("
    sleep += "'shop.sleep', true), ''), '0')::float);\n"
    project.migration(
        "0001_items", f"create table items (id integer);\n{sleep}create table parts ();\n"
    )
    project.migration("0002_more", "create table more ();\n")
    with project.start("migrate", PGOPTIONS="-c shop.sleep=60") as runner:
        _wait_for_sleep(project)
        runner.send_signal(number)
        try:
            runner.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            runner.kill()
            raise

    assert runner.returncode != 0
    assert project.rows("select to_regclass('items'), to_regclass('parts')") == [(None, None)]
    assert project.dbkit("migrate").returncode == 0
    assert project.rows("select count(*) from items") == [(1,)]


def test_a_server_that_ends_the_session_says_so(project: Project) -> None:
    project.migration(
        "0001_items",
        "create table items (pid integer);\n"
        "insert into items select pg_backend_pid() where pg_terminate_backend(pg_backend_pid());\n"
        "create table parts ();\n",
    )
    project.migration("0002_more", "create table more ();\n")

    with project.connect() as connection, pytest.raises(psycopg.errors.AdminShutdown):
        project.runner(connection).migrate()

    assert project.rows("select to_regclass('items'), to_regclass('more')") == [(None, None)]


def _wait_for_sleep(project: Project) -> None:
    query = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'"
    while project.rows(query) == [(0,)]:
        pass
