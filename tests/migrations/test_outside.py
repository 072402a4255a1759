"""A migration outside a transaction goes on after any end of its run, and says what it knows."""

import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any

import psycopg
import pytest

from dbkit.migrations import Blocker, Silent
from dbkit.migrations.errors import (
    EditedWhileHalfDone,
    HalfDone,
    HalfDoneElsewhere,
    NothingToResume,
    OpenTransaction,
    UnfinishedMigration,
)
from tests.project import Project

OUTSIDE = "-- transactional: false\n"
ORDERS = "create table orders (id integer, note text);\n"
INDEX = "create index concurrently orders_id on orders (id);\n"
PROCEDURE = """
create procedure fill() language plpgsql as $$
begin
    insert into orders values (1);
    commit;
    raise notice 'half';
    perform pg_sleep(coalesce(current_setting('shop.sleep', true), '0')::float);
    insert into orders values (2);
end $$;
"""
INDEXES = """
select relation.relname, index.indisvalid
from pg_index as index
inner join pg_class as relation on relation.oid = index.indexrelid
where index.indrelid = 'orders'::regclass
order by 1
"""
WAITING = "select from pg_stat_activity where wait_event = 'virtualxid'"

pytestmark = pytest.mark.usefixtures("ctrl_c")


@dataclass
class Dying(Silent):
    """A reporter that kills its own process before the statement of a number."""

    number: int

    def statement(self, number: int) -> None:
        if number == self.number:
            os.kill(os.getpid(), signal.SIGKILL)


@dataclass
class Noticing(Silent):
    """A reporter that keeps what it is told, and acts when it is told of a wait."""

    act: Callable[[], object] = lambda: None
    notices: list[str] = field(default_factory=list[str])
    waits: list[str] = field(default_factory=list[str])

    def notice(self, severity: str, message: str) -> None:
        del severity
        self.notices.append(message)

    def waiting(self, what: str, blockers: tuple[Blocker, ...], seconds: float) -> None:
        del blockers, seconds
        self.waits.append(what)
        self.act()


def migrate_and_die(project: Project, number: int) -> None:
    with project.connect() as connection:
        project.runner(connection, Dying(number)).migrate()


def killed_before(project: Project, number: int) -> None:
    dying = get_context("spawn").Process(target=migrate_and_die, args=(project, number))
    dying.start()
    dying.join()
    assert dying.exitcode == -signal.SIGKILL


def migrate(project: Project, reporter: Silent | None = None) -> None:
    with project.connect() as connection:
        project.runner(connection, reporter).migrate()


@pytest.fixture
def orders(project: Project) -> Project:
    """A project whose database has a table with rows."""
    project.migration("0001_orders", f"{ORDERS}insert into orders select generate_series(1, 9);")
    migrate(project)
    return project


def killed_while_it_waits(project: Project, number: signal.Signals) -> None:
    """Stop a run whose statement waits for another session's transaction."""
    with project.connect() as reader:
        reader.execute("begin; select from orders; insert into orders values (0)")
        with project.start("migrate") as runner:
            wait_until(project, WAITING)
            runner.send_signal(number)
            runner.communicate()
        # the server notices a process that was killed within two seconds
        wait_until(project, WAITING, there=False)
        reader.execute("rollback")


def wait_until(project: Project, query: str, *, there: bool = True) -> None:
    deadline = time.monotonic() + 30
    while bool(project.rows(f"{query} and datname = current_database()")) != there:
        assert time.monotonic() < deadline, query
        time.sleep(0.02)


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_a_run_killed_before_any_statement_is_gone_on_with_there(
    orders: Project, number: int
) -> None:
    orders.migration(
        "0002_more",
        f"{OUTSIDE}insert into orders values (10);\n{INDEX}vacuum orders;\n"
        "begin;\ninsert into orders values (11);\ncommit;\n",
    )

    killed_before(orders, number)
    migrate(orders)

    assert orders.rows("select id from orders where id > 9 order by id") == [(10,), (11,)]
    assert orders.rows(INDEXES) == [("orders_id", True)]
    assert orders.status()["version"] == 2
    assert orders.rows("select count(*) from dbkit._dbkit_journal") == [(0,)]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_an_index_that_was_left_invalid_is_dropped_and_built(
    orders: Project, number: signal.Signals
) -> None:
    orders.migration("0002_index", f"{OUTSIDE}{INDEX}")

    killed_while_it_waits(orders, number)
    heard = Noticing()
    with orders.connect() as connection:
        orders.runner(connection, heard).migrate()

    assert orders.rows(INDEXES) == [("orders_id", True)]
    assert "left by an earlier attempt: drop index concurrently if exists public.orders_id" in (
        heard.notices
    )


def test_an_index_without_a_name_is_not_built_twice(orders: Project) -> None:
    orders.migration(
        "0002_index",
        f"{OUTSIDE}create index concurrently on orders (id);\nselect 1 / 0;\n",
    )
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(orders)
    with orders.connect() as connection:
        # as if the run had been killed before it noted the end of the first statement
        connection.execute(
            "update dbkit._dbkit_journal set done = 0, digest = '', running = "
            "'create index concurrently on orders (id)', facts = jsonb_build_object("
            "'kind', 'create index', 'table', 'orders'::regclass::oid::bigint, 'name', null, "
            "'present', '[]'::jsonb)"
        )
    orders.migration("0002_index", f"{OUTSIDE}create index concurrently on orders (id);\n")

    migrate(orders)

    assert orders.rows(INDEXES) == [("orders_id_idx", True)]


@pytest.mark.parametrize("guard", ["", "if not exists "])
def test_an_invalid_index_of_the_name_is_no_index(orders: Project, guard: str) -> None:
    with orders.connect() as connection:
        connection.execute("insert into orders values (1)")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("create unique index concurrently orders_id on orders (id)")
    orders.migration(
        "0002_index", f"{OUTSIDE}create index concurrently {guard}orders_id on orders (id);"
    )

    migrate(orders)

    assert orders.rows(INDEXES) == [("orders_id", True)]


def test_an_index_that_another_session_builds_is_waited_for_and_not_dropped(
    orders: Project,
) -> None:
    orders.migration(
        "0002_index", f"{OUTSIDE}create index concurrently if not exists orders_id on orders (id);"
    )
    with orders.connect() as reader, orders.connect() as builder:
        reader.execute("begin; insert into orders values (0)")
        pgconn = builder.pgconn
        pgconn.send_query(b"create index concurrently orders_id on orders (id)")
        wait_until(orders, WAITING)
        heard = Noticing(lambda: reader.execute("rollback"))
        migrate(orders, heard)
        while pgconn.get_result() is not None:
            pass

    assert heard.waits[:1] == ["for who builds public.orders_id"]
    assert orders.rows(INDEXES) == [("orders_id", True)]
    assert not any("left by" in notice for notice in heard.notices)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_what_reindex_left_is_dropped_and_it_is_done_again(
    orders: Project, number: signal.Signals
) -> None:
    with orders.connect() as connection:
        connection.execute("create index orders_id on orders (id)")
    orders.migration("0002_reindex", f"{OUTSIDE}reindex table concurrently orders;")

    killed_while_it_waits(orders, number)
    migrate(orders)

    assert orders.rows(INDEXES) == [("orders_id", True)]
    left = "select from pg_index where not indisvalid"
    assert orders.rows(left) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_an_index_that_is_half_dropped_is_dropped(orders: Project, number: signal.Signals) -> None:
    with orders.connect() as connection:
        connection.execute("create index orders_id on orders (id)")
    orders.migration("0002_drop", f"{OUTSIDE}drop index concurrently orders_id;")

    killed_while_it_waits(orders, number)
    migrate(orders)

    assert orders.rows(INDEXES) == []


def test_a_partition_that_is_half_detached_is_detached(project: Project) -> None:
    project.migration(
        "0001_orders",
        "create table orders (id integer) partition by list (id);"
        "create table one partition of orders for values in (1);"
        "create table two partition of orders for values in (2);",
    )
    migrate(project)
    project.migration(
        "0002_detach", f"{OUTSIDE}alter table orders detach partition one concurrently;"
    )

    killed_while_it_waits_for_a_reader(project)
    left = project.rows("select inhdetachpending from pg_inherits order by 1")
    migrate(project)

    assert left == [(False,), (True,)]
    assert project.rows("select inhrelid::regclass::text from pg_inherits") == [("two",)]
    assert project.status()["version"] == 2


def killed_while_it_waits_for_a_reader(project: Project) -> None:
    with project.connect() as reader:
        reader.execute("begin; select from orders")
        with project.start("migrate") as runner:
            wait_until(project, WAITING)
            runner.terminate()
            runner.communicate()
        reader.execute("rollback")


def test_a_call_that_commits_asks_a_person(orders: Project) -> None:
    orders.migration("0002_fill", PROCEDURE)
    orders.migration("0003_filled", f"{OUTSIDE}call fill();\ninsert into orders values (3);\n")
    with orders.start("migrate", PGOPTIONS="-c shop.sleep=60") as runner:
        assert runner.stderr is not None
        assert any("half" in line for line in runner.stderr)
        runner.kill()
        runner.communicate()

    refused = orders.dbkit("migrate")
    [problem] = orders.status()["problems"]

    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1] == f"error: {problem['message']}"
    assert problem["message"] == (
        "apply of 0003_filled stopped in statement 1 of 2 (its connection was lost), and the "
        "database cannot tell how much of it is done: call fill(); look what is there, then say "
        "dbkit resume shop --done to go on with statement 2, or dbkit resume shop --again to run "
        "statement 1 again"
    )


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("--done", [(1,), (3,)]), ("--again", [(1,), (1,), (2,), (3,)])],
)
def test_the_answer_of_a_person_is_followed(
    orders: Project, answer: str, expected: list[tuple[int]]
) -> None:
    orders.migration("0002_fill", f"delete from orders;{PROCEDURE}")
    orders.migration("0003_filled", f"{OUTSIDE}call fill();\ninsert into orders values (3);\n")
    orders.migration("0004_later", "create table later ();")
    with orders.start("migrate", PGOPTIONS="-c shop.sleep=60") as runner:
        assert runner.stderr is not None
        assert any("half" in line for line in runner.stderr)
        runner.kill()
        runner.communicate()

    resumed = orders.dbkit("resume", "shop", answer)

    assert (resumed.returncode, resumed.stdout) == (0, "shop: at version 3\n"), resumed.stderr
    assert orders.rows("select id from orders order by id") == expected
    assert orders.dbkit("migrate").returncode == 0


def test_there_is_nothing_to_answer_where_all_is_known(orders: Project) -> None:
    orders.migration("0002_more", f"{OUTSIDE}insert into orders values (10);\nselect 1;\n")
    killed_before(orders, 2)

    with orders.connect() as connection, pytest.raises(NothingToResume):
        orders.runner(connection).resume(done=True)
    refused = orders.dbkit("resume", "shop", "--done")
    wrong = orders.dbkit("resume", "shop")

    assert refused.stderr == (
        "error: shop has no question that a person must answer; go on with: dbkit migrate shop\n"
    )
    assert (wrong.returncode, "--done or --again" in wrong.stderr) == (64, True)


def test_a_call_that_commits_nothing_is_known(orders: Project) -> None:
    orders.migration(
        "0002_call",
        "create procedure one() language sql as 'insert into orders values (10)';",
    )
    orders.migration("0003_called", f"{OUTSIDE}call one();\nselect 1;\n")

    killed_before(orders, 2)
    migrate(orders)

    assert orders.rows("select id from orders where id > 9") == [(10,)]


def test_what_the_session_kept_is_set_again(orders: Project) -> None:
    orders.migration(
        "0002_place",
        f"{OUTSIDE}create schema elsewhere;\nset search_path = elsewhere;\n"
        "select pg_catalog.set_config('shop.tenant', 'ada', false);\ncreate table placed ();\n"
        "create table told as select current_setting('shop.tenant') as tenant;",
    )

    killed_before(orders, 4)
    migrate(orders)

    assert orders.rows("select to_regclass('elsewhere.placed')::text") == [("elsewhere.placed",)]
    assert orders.rows("select tenant from elsewhere.told") == [("ada",)]


def test_temporary_tables_that_are_gone_are_asked_about(orders: Project) -> None:
    orders.migration(
        "0002_temporary",
        f"{OUTSIDE}create temp table noted as select 10 as id;\nselect 1;\n"
        "insert into orders select id from noted;\n",
    )
    killed_before(orders, 3)

    with pytest.raises(UnfinishedMigration, match="the temporary tables of that run are gone"):
        migrate(orders)
    resumed = orders.dbkit("resume", "shop", "--again")

    assert resumed.returncode == 0, resumed.stderr
    assert orders.rows("select id from orders where id > 9") == [(10,)]


def test_the_journal_is_written_with_our_own_rights(orders: Project) -> None:
    [(database,)] = orders.rows("select current_database()")
    role = f"clerk_{database}"
    with orders.connect() as connection:
        connection.execute(f"create role {role}".encode())
        connection.execute(f"grant create on schema public to {role}".encode())
    orders.migration(
        "0002_clerk",
        f"{OUTSIDE}set role {role};\ncreate table theirs (id integer);\n"
        "create index concurrently on theirs (id);\nselect 1;\n",
    )

    killed_before(orders, 4)
    migrate(orders)

    assert orders.rows("select tableowner from pg_tables where tablename = 'theirs'") == [(role,)]
    with orders.connect() as connection:
        connection.execute(f"drop owned by {role}; drop role {role}".encode())


def test_statements_that_ran_may_not_be_edited_and_those_to_come_may(orders: Project) -> None:
    first = "insert into orders values (10);\n"
    orders.migration("0002_more", f"{OUTSIDE}{first}select 1 / 0;\n")
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(orders)

    orders.migration("0002_more", f"{OUTSIDE}insert into orders values (11);\nselect 1;\n")
    with pytest.raises(EditedWhileHalfDone):
        migrate(orders)
    orders.migration("0002_more", f"{OUTSIDE}{first}insert into orders values (12);\n")
    migrate(orders)

    assert orders.rows("select id from orders where id > 9 order by id") == [(10,), (12,)]


def test_a_half_done_migration_whose_file_is_gone_is_told(orders: Project) -> None:
    path = orders.migration("0002_more", f"{OUTSIDE}select 1;\nselect 1 / 0;\n", None)
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(orders)
    path.unlink()

    [problem] = orders.status()["problems"]
    with pytest.raises(HalfDoneElsewhere) as caught:
        migrate(orders)

    assert problem["message"] == str(caught.value)


def test_nothing_else_is_done_while_a_migration_is_half_done(orders: Project) -> None:
    orders.migration("0002_more", f"{OUTSIDE}select 1;\nselect 1 / 0;\n")
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(orders)

    with orders.connect() as connection, pytest.raises(HalfDone):
        orders.runner(connection).rollback(0)
    status = orders.dbkit("status")

    assert status.returncode == 2
    assert (
        "shop: apply of 0002_more is half done, 1 of 2 statements (division by zero); "
        "go on with: dbkit migrate shop --to 2"
    ) in status.stdout


def test_a_lost_rollback_is_finished_and_the_migration_made_anew(orders: Project) -> None:
    orders.migration(
        "0002_more",
        "create table more (id integer);insert into orders values (10);",
        f"{OUTSIDE}delete from orders where id = 10;\nselect 1 / 0;\ndrop table more;\n",
    )
    migrate(orders)
    with orders.connect() as connection, pytest.raises(psycopg.errors.DivisionByZero):
        orders.runner(connection).rollback(1)
    orders.migration(
        "0002_more",
        "create table more (id integer);insert into orders values (10);",
        f"{OUTSIDE}delete from orders where id = 10;\nselect 1;\ndrop table more;\n",
    )

    migrate(orders)

    assert orders.rows("select id from orders where id > 9") == [(10,)]
    assert (orders.status()["version"], orders.status()["half_done"]) == (2, [])


def _plan(project: Project, *command: str) -> tuple[str, Any]:
    """Return a plan as a person reads it, and what a program reads of what is half done."""
    for_program = json.loads(project.dbkit(*command, "--plan", "--json").stdout)
    return project.dbkit(*command, "--plan").stdout, for_program["systems"][0]["half_done"]


def test_a_plan_says_with_which_statement_a_half_done_migration_goes_on(orders: Project) -> None:
    orders.migration("0002_more", f"{OUTSIDE}select 1;\nselect 1 / 0;\n")
    orders.migration("0003_last", "select 1;")
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(orders)

    plan, half_done = _plan(orders, "migrate", "shop")
    lower = orders.dbkit("migrate", "shop", "--to", "1", "--plan")
    back = orders.dbkit("rollback", "shop", "--plan")
    orders.migration("0002_more", f"{OUTSIDE}select 2;\nselect 1;\n")
    edited = orders.dbkit("migrate", "shop", "--plan")

    assert plan.splitlines() == [
        "shop: from version 1 to 3, would run",
        "  apply of 0002_more is half done, and goes on with statement 2 of 2",
        "  0002_more",
        "  0003_last",
    ]
    assert half_done == [
        {"name": "0002_more", "direction": "apply", "statement": 2, "statements": 2}
    ]
    assert "finish it first with: dbkit migrate shop --to 2" in lower.stderr
    assert "finish it first with: dbkit migrate shop --to 2" in back.stderr
    assert "its first 1 statements are done, and were edited since" in edited.stderr


def test_a_plan_says_that_a_half_done_rollback_is_finished_first(orders: Project) -> None:
    undoing = f"{OUTSIDE}drop table more;\nselect 1 / 0;\n"
    orders.migration("0002_more", "create table more (id integer);", undoing)
    migrate(orders)
    with orders.connect() as connection, pytest.raises(psycopg.errors.DivisionByZero):
        orders.runner(connection).rollback(1)
    told = "  rollback of 0002_more is half done, and goes on with statement 2 of 2"

    forward, _ = _plan(orders, "migrate", "shop")
    back, half_done = _plan(orders, "rollback", "shop")
    orders.migration("0002_more", "create table more (id integer);", undoing.replace("/ 0", ""))
    migrate(orders)

    assert forward.splitlines() == ["shop: from version 2 to 2, would run", told, "  0002_more"]
    assert back.splitlines() == ["shop: from version 2 to 1, would undo", told, "  0002_more"]
    assert half_done[0]["direction"] == "rollback"
    assert orders.rows("select * from more") == []
    assert _plan(orders, "migrate", "shop") == ("shop: nothing to do at version 2\n", [])


def test_a_plan_knows_what_the_catalog_says_of_a_lost_statement(orders: Project) -> None:
    [(name,)] = orders.rows("select 'planned_' || current_database()")
    create = f"create database {name}"
    orders.migration("0002_database", f"{OUTSIDE}{create};\ndrop database {name};\n")
    killed_before(orders, 2)
    with orders.connect() as connection:
        # as if the run had been killed before it noted the end of the first statement
        connection.execute(
            "update dbkit._dbkit_journal set done = 0, digest = '', running = %s, facts = "
            "jsonb_build_object('kind', 'existence', 'what', 'database', 'name', %s::text, "
            "'wanted', true, 'present', false)",
            (create, name),
        )

    plan, _ = _plan(orders, "migrate", "shop")
    migrate(orders)

    assert "goes on with statement 2 of 2" in plan


def test_an_object_that_stands_in_the_way_is_taken_down_and_put_back(orders: Project) -> None:
    orders.object("shown", "create view shown as select note from orders;")
    migrate(orders)
    orders.migration(
        "0002_wide",
        f"{OUTSIDE}alter table orders alter column note type varchar(99);\nvacuum orders;\n",
        f"{OUTSIDE}alter table orders alter column note type text;\n",
    )

    migrate(orders)
    there = orders.rows("select count(note) from shown")
    with orders.connect() as connection:
        orders.runner(connection).rollback(1)

    assert there == [(0,)]
    assert orders.rows("select count(note) from shown") == [(0,)]
    assert orders.status()["version"] == 1


def test_a_transaction_that_is_not_ended_is_refused(orders: Project) -> None:
    orders.migration("0002_open", f"{OUTSIDE}begin;\ninsert into orders values (10);\n")

    with pytest.raises(OpenTransaction):
        migrate(orders)

    assert orders.rows("select id from orders where id > 9") == []
    assert orders.status()["half_done"] == []


def test_a_second_runner_waits_while_the_first_is_at_it(orders: Project) -> None:
    orders.migration(
        "0002_slow",
        f"{OUTSIDE}-- lock-timeout: 10min\nselect 1;\nselect pg_advisory_xact_lock(1);\n",
    )

    with orders.connect() as keeper:
        keeper.execute("select pg_advisory_lock(1)")
        first = orders.start("migrate")
        wait_until(orders, "select from pg_stat_activity where wait_event = 'advisory'")
        impatient = orders.dbkit("migrate", "--wait", "0")
        status = orders.dbkit("status")
        with orders.start("migrate") as second:
            keeper.execute("select pg_advisory_unlock(1)")
            printed, _ = second.communicate()
        first.communicate()

    assert impatient.stderr.startswith("error: another migration run holds the lock (pid ")
    assert "is half done, 1 of 2 statements; pid " in status.stdout
    assert (first.returncode, second.returncode) == (0, 0)
    assert printed == "shop: up to date at version 2\n"


def test_a_journal_of_an_earlier_version_is_asked_about(orders: Project) -> None:
    orders.migration("0002_more", f"{OUTSIDE}insert into orders values (10);\nselect 1;\n")
    with orders.connect() as connection:
        connection.execute(
            "alter table dbkit._dbkit_journal drop column running, drop column facts, "
            "drop column digest, drop column temporary"
        )
        connection.execute(
            "insert into dbkit._dbkit_journal (version, name, direction, done, statements) "
            "values (2, '0002_more', 'apply', 0, 2)"
        )

    [problem] = orders.status()["problems"]
    with pytest.raises(UnfinishedMigration):
        migrate(orders)
    resumed = orders.dbkit("resume", "shop", "--again")

    assert "an earlier version of dbkit ran it" in problem["message"]
    assert resumed.returncode == 0, resumed.stderr
    assert orders.rows("select id from orders where id > 9") == [(10,)]


def test_a_statement_outside_that_was_refused_a_lock_is_tried_again(orders: Project) -> None:
    orders.migration("0002_name", f"{OUTSIDE}alter table orders add column name text;\n")
    with orders.connect() as reader, orders.connect() as connection:
        reader.execute("begin; select from orders")
        heard = Noticing(lambda: None)

        def let_go() -> None:
            if any("trying again" in wait for wait in heard.waits):
                reader.execute("commit")

        heard.act = let_go
        orders.runner(connection, heard, lock_timeout=0.2).migrate()

    assert orders.status()["version"] == 2
    assert any("before trying again" in wait for wait in heard.waits)


def test_an_index_that_was_refused_a_lock_leaves_nothing_and_is_tried_again(
    orders: Project,
) -> None:
    orders.migration("0002_index", f"{OUTSIDE}{INDEX}")
    with orders.connect() as reader, orders.connect() as connection:
        reader.execute("begin; insert into orders values (0)")
        heard = Noticing()

        def let_go() -> None:
            if any("trying again" in wait for wait in heard.waits):
                reader.execute("rollback")

        heard.act = let_go
        orders.runner(connection, heard, lock_timeout=0.2).migrate()

    assert orders.rows(INDEXES) == [("orders_id", True)]


def test_databases_and_settings_of_the_server_are_known(orders: Project) -> None:
    [(name,)] = orders.rows("select 'made_' || current_database()")
    create = f"create database {name}"
    orders.migration("0002_database", f"{OUTSIDE}{create};\nselect 1;\n")
    killed_before(orders, 2)
    with orders.connect() as connection:
        # as if the run had been killed before it noted the end of the first statement
        connection.execute(
            "update dbkit._dbkit_journal set done = 0, digest = '', running = %s, facts = "
            "jsonb_build_object('kind', 'existence', 'what', 'database', 'name', %s::text, "
            "'wanted', true, 'present', false)",
            (create, name),
        )
    orders.migration("0003_drop", f"{OUTSIDE}drop database {name};\n")

    migrate(orders)

    assert orders.status()["version"] == 3
