"""yoyo's own command line, safe on a `postgresql+dbkit://` URL."""

import subprocess
import sys

import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.project import Project

ORDERS = "create table orders (id integer);"
DROP_ORDERS = "drop table orders;"


def yoyo(project: Project, command: str) -> subprocess.CompletedProcess[str]:
    """Run yoyo's command line on the project's folder and database, through dbkit's backend."""
    parts = conninfo_to_dict(project.url)
    url = (
        f"postgresql+dbkit://{parts['user']}@/{parts['dbname']}"
        f"?host={parts['host']}&port={parts['port']}"
    )
    return subprocess.run(
        [
            *(sys.executable, "-m", "yoyo", command),
            *("--batch", "--no-config-file", "--database", url, "migrations/shop"),
        ],
        cwd=project.root,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_yoyo_applies_a_migration_with_its_mark_and_its_row_in_one_transaction(
    project: Project,
) -> None:
    project.migration("0001_orders", f"{ORDERS} insert into orders values (1);")

    applied = yoyo(project, "apply")

    assert applied.returncode == 0, applied.stderr
    assert project.rows(
        "select migration_id, description, ledger.xmin = mark.xmin, mark.xmin = orders.xmin "
        "from schema_version as ledger, dbkit._yoyo_migration as mark, orders"
    ) == [("0001_orders", "Orders", True, True)]
    assert project.dbkit("status").returncode == 0


def test_yoyo_leaves_nothing_of_a_migration_that_fails(project: Project) -> None:
    project.migration("0001_orders", f"{ORDERS} select 1 / 0;")

    failed = yoyo(project, "apply")

    assert failed.returncode != 0
    assert project.rows("select to_regclass('orders'), count(*) from schema_version") == [(None, 0)]
    assert project.rows("select count(*) from dbkit._yoyo_migration") == [(0,)]


def test_yoyo_leaves_nothing_of_a_migration_that_fails_at_its_commit(project: Project) -> None:
    project.migration(
        "0001_orders",
        "create table orders (id integer unique deferrable initially deferred);"
        "insert into orders values (1), (1);",
    )

    failed = yoyo(project, "apply")

    assert failed.returncode != 0
    assert project.rows("select to_regclass('orders'), count(*) from schema_version") == [(None, 0)]


def test_yoyo_rolls_back_a_migration_with_its_mark_and_its_row(project: Project) -> None:
    project.migration("0001_orders", ORDERS, DROP_ORDERS)
    project.dbkit("migrate")

    back = yoyo(project, "rollback")

    assert back.returncode == 0, back.stderr
    assert project.rows("select to_regclass('orders')") == [(None,)]
    assert project.rows("select count(*) from dbkit._yoyo_migration") == [(0,)]
    assert project.status()["version"] == 0


def test_yoyo_lists_what_dbkit_applied(project: Project) -> None:
    project.migration("0001_orders", ORDERS)
    project.dbkit("migrate")
    project.migration("0002_more", "select 1;")

    listed = yoyo(project, "list").stdout

    assert [line.split()[:2] for line in listed.splitlines()[2:]] == [
        ["A", "0001_orders"],
        ["U", "0002_more"],
    ]


@pytest.mark.parametrize(("command", "version"), [("mark", 1), ("unmark", 0)])
def test_yoyo_marks_and_unmarks_in_the_ledger_too(
    project: Project, command: str, version: int
) -> None:
    project.migration("0001_orders", ORDERS)
    if command == "unmark":
        project.dbkit("migrate")

    done = yoyo(project, command)

    assert done.returncode == 0, done.stderr
    assert project.status()["version"] == version
    assert project.status()["problems"] == []


def test_yoyo_runs_a_migration_outside_a_transaction(project: Project) -> None:
    project.migration("0001_orders", ORDERS)
    project.migration(
        "0002_index", "-- transactional: false\ncreate index concurrently by_id on orders (id);"
    )

    applied = yoyo(project, "apply")

    assert applied.returncode == 0, applied.stderr
    assert project.status()["version"] == 2
