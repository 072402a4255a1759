"""After a failure a person reads how the database stands, and a program reads JSON."""

import json
import re
import signal
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dbkit.cli.errors import Failed, Standing
from dbkit.cli.failures import standing_told
from dbkit.migrations import read_files
from dbkit.projects import SystemDatabase
from dbkit.server import EmbeddedServer
from dbkit.settings import load_settings
from tests.project import Project

ORDERS = "create table orders (id integer);"
ITEMS = "create table items (id integer);"
DROPS = "drop table orders;"


def error_of(project: Project, *call: str, code: int = 1) -> dict[str, Any]:
    """Return the error that a program reads, beside the sentence that a person reads."""
    ran = project.dbkit(*call, "--json")
    assert ran.returncode == code, ran
    found: dict[str, Any] = json.loads(ran.stdout)
    assert ran.stderr.startswith("error: ")
    error: dict[str, Any] = found["error"]
    assert set(error) == {"kind", "message", "system", "version", "next", "faults"}
    return error


def last_line(text: str) -> str:
    """Return what is said last."""
    return text.splitlines()[-1]


def test_a_migration_that_fails_is_followed_by_where_the_database_stands(project: Project) -> None:
    project.migration("0001_orders", ORDERS)
    project.migration("0002_items", ITEMS)
    project.migration("0003_wrong", "select 1 / 0;")

    ran = project.dbkit("migrate")

    assert last_line(ran.stderr) == (
        "shop is at version 2; mend the file and run dbkit migrate shop"
    )
    assert project.status()["version"] == 2
    assert error_of(project, "migrate", "--to", "3") == {
        "kind": "database",
        "message": "migrations/shop/0003_wrong.sql:1:1: division by zero\nselect 1 / 0;\n^",
        "system": "shop",
        "version": 2,
        "next": "dbkit migrate shop --to 3",
        "faults": [
            {
                "kind": "database",
                "class": "DivisionByZero",
                "message": "migrations/shop/0003_wrong.sql:1:1: division by zero\nselect 1 / 0;\n^",
                "version": None,
                "path": None,
                "line": None,
                "column": None,
                "sqlstate": "22012",
            }
        ],
    }


def test_a_rollback_that_fails_names_the_version_that_it_goes_to(project: Project) -> None:
    project.migration("0001_orders", ORDERS, "select 1 / 0;")
    project.migration("0002_items", ITEMS, "drop table items;")
    project.migration("0003_more", "create table more ();", "drop table more;")
    project.dbkit("migrate")

    ran = project.dbkit("rollback", "shop", "--steps", "3")

    assert last_line(ran.stderr) == (
        "shop is at version 1; mend the file and run dbkit rollback shop --to 0"
    )
    assert project.status()["version"] == 1


def test_a_url_is_part_of_the_command_and_its_password_is_not(project: Project) -> None:
    project.migration("0001_orders", "select 1 / 0;")
    url = project.url.replace("postgres@", "postgres:geheim@")

    ran = project.dbkit("migrate", "--url", url, SHOP_DATABASE_URL="")

    hidden = url.replace("geheim", "***")
    assert last_line(ran.stderr) == (
        f"shop is at version 0; mend the file and run dbkit migrate shop --url '{hidden}'"
    )


def test_a_lock_that_is_held_is_no_fault_of_a_file(project: Project) -> None:
    project.migration("0001_orders", ORDERS)
    project.dbkit("migrate")
    project.migration("0002_price", "alter table orders add column price integer;")
    with project.connect() as reader, reader.transaction():
        pid = reader.info.backend_pid
        reader.execute("set application_name = 'nightly report'")
        reader.execute("select * from orders")
        ran = project.dbkit("migrate", "--wait", "0")
        error = error_of(project, "migrate", "--wait", "0")

    *_, blocker, standing = ran.stderr.splitlines()
    assert re.fullmatch(
        rf"the lock is held by pid {pid}, user postgres, nightly report, for \d+ s: "
        r"select \* from orders",
        blocker,
    )
    assert standing == "shop is at version 1; when that session is done, run dbkit migrate shop"
    assert (error["kind"], error["version"]) == ("database", 1)
    assert blocker.partition(", for ")[0] in error["message"]
    assert error["faults"][0]["sqlstate"] == "55P03"
    assert project.dbkit("migrate", "shop").returncode == 0


def test_a_statement_timeout_of_the_role_is_told_with_the_way_out(project: Project) -> None:
    project.migration("0001_slow", "select pg_sleep(2);")
    with project.connect() as connection:
        name = connection.info.dbname
        connection.execute(f"alter database {name} set statement_timeout = '100ms'".encode())

    ran = project.dbkit("migrate")

    assert ran.stderr.splitlines()[-2] == (
        "hint: the statement_timeout of this database, 100ms, has ended it; give this file a limit "
        "of its own with `-- statement-timeout: 1h` on its first line"
    )
    project.migration("0001_slow", "-- statement-timeout: 1h\nselect pg_sleep(0.3);")
    assert project.dbkit("migrate").returncode == 0


def test_a_run_that_waits_in_vain_for_another_tells_a_program_where_the_database_stands(
    project: Project,
) -> None:
    project.migration("0001_orders", ORDERS)
    project.dbkit("migrate")
    project.migration("0002_slow", "select pg_sleep(30);")
    project.migration("0003_items", ITEMS)
    with project.start("migrate") as first:
        deadline = time.monotonic() + 30
        sleeping = "select 1 from pg_stat_activity where query ~ '^select pg_sleep'"
        while not project.rows(sleeping) and time.monotonic() < deadline:
            time.sleep(0.05)
        error = error_of(project, "migrate", "--wait", "0")
        first.send_signal(signal.SIGTERM)
        first.wait()

    assert (error["kind"], error["version"]) == ("locked", 1)


def test_where_the_database_cannot_be_asked_nothing_is_claimed(project: Project) -> None:
    settings = load_settings(project.root)
    system = settings.system("shop")
    database = SystemDatabase(system, "postgresql://nobody@localhost:1/nothing", "--url")
    files = read_files(system, settings.root)

    with pytest.raises(Failed) as caught, standing_told(database, files, "dbkit migrate shop"):
        raise psycopg.OperationalError

    assert caught.value.standing == Standing(
        "shop",
        None,
        "dbkit status shop",
        "at which version shop is now could not be looked up; see dbkit status shop",
    )


def test_several_systems_tell_a_program_what_was_done_before_one_failed(
    project: Project, server: EmbeddedServer
) -> None:
    (project.root / "pyproject.toml").write_text(
        "[tool.dbkit.systems.first]\n[tool.dbkit.systems.shop]\n"
    )
    (project.root / "migrations" / "first").mkdir()
    (project.root / "migrations" / "first" / "0001_first.sql").write_text("create table first ();")
    project.migration("0001_orders", "select 1 / 0;")
    server.ensure_database("first")
    project.environment["FIRST_DATABASE_URL"] = server.url("first")

    ran = project.dbkit("migrate", "--json")

    with project.connect() as connection:
        connection.execute("drop database first with (force)")
    found = json.loads(ran.stdout)
    assert ran.returncode == 1
    assert [system["name"] for system in found["systems"]] == ["first"]
    assert found["error"]["system"] == "shop"


def test_several_faults_are_each_there_for_a_program(project: Project) -> None:
    project.migration("0001_orders", "begin;\ncommit;\n")
    project.migration("0003_items", ITEMS)

    error = error_of(project, "migrate")

    assert [(fault["kind"], fault["class"]) for fault in error["faults"]] == [
        ("gap", "GapInVersions"),
        ("file", "TransactionControl"),
        ("file", "TransactionControl"),
    ]
    assert error["faults"][2]["path"] == "migrations/shop/0001_orders.sql"
    assert (error["faults"][2]["line"], error["faults"][2]["column"]) == (2, 1)
    assert error["kind"] == "gap"
    assert error["message"].count("\n") == 2
    assert error["version"] == 0


@pytest.mark.parametrize(
    ("call", "kind", "code"),
    [
        ("migrate nowhere", "configuration", 1),
        ("migrate --to 1 shop", "migration", 1),
        ("migrate --to x", "usage", 64),
        ("migrate --unknown", "usage", 64),
        ("rollback shop --to 7", "migration", 1),
        ("rollback shop --steps 1 --to 2", "usage", 64),
        ("status nowhere", "configuration", 1),
        ("check nowhere", "configuration", 1),
        ("call shop orders.list_all", "query", 1),
        ("call shop orders.list_all --csv", "usage", 64),
        ("adopt shop", "configuration", 1),
        ("monitor nowhere", "configuration", 1),
        ("prune nowhere", "configuration", 1),
        ("backup nowhere", "configuration", 1),
        ("restore shop nowhere.dump", "usage", 64),
        ("import-sqlite shop nowhere.sqlite", "usage", 64),
    ],
)
def test_every_command_with_json_fails_in_json(
    project: Project, call: str, kind: str, code: int
) -> None:
    error = error_of(project, *call.split(), code=code)

    assert (error["kind"], error["version"]) == (kind, 0 if kind == "migration" else None)


def test_outside_a_project_a_program_reads_json_too(tmp_path: Path, project: Project) -> None:
    outside = Project(tmp_path / "outside", project.url)
    (outside.root / "pyproject.toml").unlink()

    assert error_of(outside, "status", code=64)["kind"] == "configuration"


def test_a_run_that_is_stopped_says_so_in_json(project: Project) -> None:
    project.migration("0001_slow", "select pg_sleep(30);")
    with project.start("migrate", "--json") as run:
        deadline = time.monotonic() + 30
        sleeping = "select 1 from pg_stat_activity where query ~ '^select pg_sleep'"
        while not project.rows(sleeping) and time.monotonic() < deadline:
            time.sleep(0.05)
        run.send_signal(signal.SIGTERM)
        out, _ = run.communicate(timeout=30)

    assert run.returncode == 143
    assert json.loads(out)["error"]["kind"] == "stopped"


def test_what_psql_is_told_in_json_is_not_dbkit_s(project: Project) -> None:
    ran = project.dbkit("psql", "nowhere", "--", "--json")

    assert ran.stdout == ""
    assert ran.returncode == 1
