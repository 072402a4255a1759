"""What was done by hand is recorded by decree, and nothing is run."""

import signal

import psycopg
import pytest
from yoyo.migrations import get_migration_hash

from dbkit.migrations.backend import AtomicBackend
from tests.project import Project

ORDERS = "create table orders (id integer);"
# outside a transaction, with a moment in which its runner can be killed
STEPS = """-- transactional: false
create table steps (id integer);
do $$ begin raise notice 'here'; perform pg_sleep(60); end $$;
insert into steps values (1);
"""


@pytest.fixture
def two(project: Project) -> Project:
    """A project at version 1 with a second migration that is pending."""
    project.migration("0001_orders", ORDERS, "drop table orders;")
    migrate(project)
    project.migration("0002_name", "alter table orders add column name text;")
    return project


@pytest.fixture
def unfinished(project: Project) -> Project:
    """A project whose first migration stopped after one of its three statements."""
    project.migration("0001_steps", STEPS, "drop table steps;")
    with project.start("migrate") as runner:
        assert runner.stderr is not None
        assert any("here" in line for line in runner.stderr)
        runner.send_signal(signal.SIGKILL)
    return project


def migrate(project: Project) -> None:
    with project.connect() as connection:
        project.runner(connection).migrate()


def recorded(project: Project) -> tuple[list[str], list[str]]:
    """Return the names in the ledger and among yoyo's marks."""
    ledger = project.rows("select name from schema_version order by version")
    marks = project.rows("select migration_id from dbkit._yoyo_migration order by migration_id")
    return [name for (name,) in ledger], [name for (name,) in marks]


def test_forcing_forward_records_and_runs_nothing(two: Project) -> None:
    forced = two.dbkit("force", "shop", "2")

    assert (forced.returncode, forced.stdout) == (
        0,
        "shop: recorded version 2 (it was 1); nothing was run\n",
    )
    names = ["0001_orders", "0002_name"]
    assert recorded(two) == (names, names)
    assert two.dbkit("status").returncode == 0
    with pytest.raises(psycopg.errors.UndefinedColumn):
        two.rows("select orders.name from orders")


def test_forcing_backward_records_and_runs_nothing(two: Project) -> None:
    migrate(two)

    forced = two.dbkit("force", "shop", "0")

    assert forced.returncode == 0
    assert recorded(two) == ([], [])
    assert two.rows("select name from orders") == []
    assert [pending["version"] for pending in two.status()["pending"]] == [1, 2]


def test_forcing_an_edited_migration_accepts_what_the_file_says_now(two: Project) -> None:
    migrate(two)
    [(earlier,)] = two.rows("select applied_at from schema_version where version = 1")
    two.migration("0002_name", "alter table orders add column name varchar(80);")
    wrong = two.dbkit("status").returncode

    forced = two.dbkit("force", "shop", "2")

    assert (wrong, forced.returncode, two.dbkit("status").returncode) == (3, 0, 0)
    # what was not edited keeps the moment at which it was run
    assert two.rows("select applied_at from schema_version where version = 1") == [(earlier,)]


def test_forcing_a_renamed_migration_accepts_its_new_name(two: Project) -> None:
    folder = two.root / "migrations" / "shop"
    for suffix in ("", ".rollback"):
        (folder / f"0001_orders{suffix}.sql").rename(folder / f"0001_sales{suffix}.sql")

    forced = two.dbkit("force", "shop", "1")

    assert forced.returncode == 0
    assert recorded(two) == (["0001_sales"], ["0001_sales"])
    assert two.dbkit("status").returncode == 2


def test_an_unfinished_migration_that_was_finished_by_hand_is_forced_forward(
    unfinished: Project,
) -> None:
    with unfinished.connect() as by_hand:
        by_hand.execute("insert into steps values (1)")

    forced = unfinished.dbkit("force", "shop", "1")

    assert forced.returncode == 0, forced.stderr
    assert unfinished.dbkit("status").returncode == 0
    assert recorded(unfinished) == (["0001_steps"], ["0001_steps"])
    assert unfinished.dbkit("rollback", "shop").returncode == 0


def test_an_unfinished_migration_that_was_undone_by_hand_is_forced_back_and_run_again(
    unfinished: Project,
) -> None:
    with unfinished.connect() as by_hand:
        by_hand.execute("drop table steps")
    unfinished.migration("0001_steps", STEPS.replace("pg_sleep(60)", "pg_sleep(0)"))

    forced = unfinished.dbkit("force", "shop", "0")
    again = unfinished.dbkit("migrate")

    assert (forced.returncode, again.returncode) == (0, 0), forced.stderr
    assert unfinished.rows("select count(*) from steps") == [(1,)]
    assert unfinished.dbkit("status").returncode == 0


def test_an_unfinished_rollback_is_told_and_forced(project: Project) -> None:
    project.migration(
        "0001_steps",
        "create table steps (); create table more ();",
        "-- transactional: false\ndrop table steps;\nselect 1 / 0;\ndrop table more;\n",
    )
    migrate(project)
    failed = project.dbkit("rollback", "shop")
    [half_done] = project.status()["half_done"]

    forced = project.dbkit("force", "shop", "0")

    assert (failed.returncode, forced.returncode) == (1, 0)
    assert half_done == {
        "version": 1,
        "name": "0001_steps",
        "direction": "rollback",
        "done": 1,
        "statements": 3,
    }
    assert project.dbkit("status").returncode == 2


def test_a_database_made_by_other_means_is_adopted(project: Project) -> None:
    project.migration("0001_orders", ORDERS)
    project.migration("0002_name", "alter table orders add column name text;")
    with project.connect() as by_hand:
        by_hand.execute(ORDERS.encode())
    refused = project.dbkit("migrate")

    forced = project.dbkit("force", "shop", "1")
    migrated = project.dbkit("migrate")

    assert (refused.returncode, forced.returncode, migrated.returncode) == (1, 0, 0)
    assert refused.stderr.endswith(
        "holds 1 table or view but no ledger; "
        "find out which version that is, and record it, with: dbkit adopt shop\n"
    )
    assert project.rows("select name from orders") == []


def test_what_yoyo_alone_applied_is_taken_over(project: Project) -> None:
    project.migration("0001_orders", ORDERS)
    migrate(project)
    with project.connect() as by_hand:
        by_hand.execute(
            "drop table schema_version, dbkit._dbkit_object, dbkit._dbkit_journal cascade"
        )
    refused = project.dbkit("migrate")

    forced = project.dbkit("force", "shop", "1")

    assert "yoyo recorded 1 migration" in refused.stderr
    assert refused.stderr.endswith("and record it, with: dbkit adopt shop\n")
    assert (forced.returncode, project.dbkit("status").returncode) == (0, 0)
    assert recorded(project) == (["0001_orders"], ["0001_orders"])


@pytest.mark.parametrize(("version", "code"), [("1", 2), ("2", 0)])
def test_a_mark_that_yoyo_made_alone_is_taken_away_or_taken_over(
    two: Project, version: str, code: int
) -> None:
    with two.connect() as by_hand:
        by_hand.execute(
            "insert into dbkit._yoyo_migration values (%s, '0002_name', now())",
            (get_migration_hash("0002_name"),),
        )
    before = two.dbkit("status")

    two.dbkit("force", "shop", version)
    after = two.dbkit("status")

    assert (before.returncode, after.returncode) == (3, code)
    assert "0002_name.sql was applied by yoyo alone" in before.stdout


@pytest.mark.parametrize("version", [3, 999_999_999_999])
def test_a_version_that_does_not_exist_is_refused(two: Project, version: int) -> None:
    refused = two.dbkit("force", "shop", str(version))

    assert refused.returncode == 1
    assert refused.stderr.startswith(f"error: shop cannot go to version {version}: ")
    assert two.status()["version"] == 1


def test_a_version_below_nothing_is_a_wrong_usage(two: Project) -> None:
    refused = two.dbkit("force", "shop", "--", "-1")

    assert refused.returncode == 64


def test_a_runner_at_work_is_not_overruled(two: Project) -> None:
    with two.connect() as connection, AtomicBackend(connection=connection).lock():
        refused = two.dbkit("force", "shop", "2", "--wait", "0.2")

    assert refused.returncode == 1
    assert "another migration run holds the lock" in refused.stderr
    assert two.status()["version"] == 1
