"""`dbkit force`, `new`, `url` and `psql`: one small thing each."""

import pytest
from psycopg.conninfo import make_conninfo

from tests.cli.seen import contents, refusal
from tests.project import Project


def test_new_writes_the_next_pair(project: Project) -> None:
    project.migration("0001_orders", "create table orders (id integer);")

    ran = project.dbkit("new", "shop", "Add an index, on orders!")

    forward, backward = (project.root / path for path in ran.stdout.splitlines())
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == (
        "migrations/shop/0002_add_an_index_on_orders.sql\n"
        "migrations/shop/0002_add_an_index_on_orders.rollback.sql\n"
    )
    assert forward.read_text() == "-- Why this change is made, in a sentence.\n\n"
    assert backward.read_text() == "-- Undoes 0002_add_an_index_on_orders.sql.\n\n"


def test_new_makes_the_folder_of_the_first_migration(project: Project) -> None:
    (project.root / "migrations/shop").rmdir()
    (project.root / "migrations").rmdir()

    ran = project.dbkit("new", "shop", "create orders")

    assert ran.returncode == 0
    assert (project.root / "migrations/shop/0001_create_orders.sql").is_file()


@pytest.mark.parametrize("name", ["!", "a" * 61])
def test_new_refuses_a_name_that_makes_no_file_name(project: Project, name: str) -> None:
    ran = project.dbkit("new", "shop", name)

    assert refusal(ran) == (
        f"'{name}': a migration's name is a few words of a-z and 0-9, 60 letters at most"
    )
    assert list((project.root / "migrations/shop").iterdir()) == []


def test_new_tells_in_a_sentence_that_it_cannot_write(project: Project) -> None:
    (project.root / "migrations/shop").rmdir()
    (project.root / "migrations/shop").write_text("")

    ran = project.dbkit("new", "shop", "create orders")

    assert refusal(ran) == f"{project.root}/migrations/shop: file exists"


def test_force_records_and_runs_nothing(project: Project) -> None:
    project.migration("0001_orders", "create table orders (id integer);")

    ran = project.dbkit("force", "shop", "1")

    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == "shop: recorded version 1 (it was 0); nothing was run\n"
    assert project.rows("select version, name from schema_version") == [(1, "0001_orders")]
    assert project.rows("select to_regclass('orders')") == [(None,)]


def test_force_refuses_a_version_without_a_file(project: Project) -> None:
    project.migration("0001_orders", "create table orders (id integer);")

    ran = project.dbkit("force", "shop", "2")

    assert refusal(ran) == "shop cannot go to version 2: the newest migration is 1"
    assert contents(project) == {}


def test_url_prints_the_url_and_nothing_else(project: Project) -> None:
    ran = project.dbkit("url", "shop")

    assert (ran.returncode, ran.stdout, ran.stderr) == (0, f"{project.url}\n", "")


def test_psql_runs_on_the_database_with_what_follows(project: Project) -> None:
    ran = project.dbkit("psql", "shop", "--", "-AXtc", "select current_database()")

    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == f"{project.rows('select current_database()')[0][0]}\n"


def test_psql_ends_with_psql_s_own_exit_code(project: Project) -> None:
    script = project.root / "wrong.sql"
    script.write_text("select foo;")

    ran = project.dbkit("psql", "shop", "--", "-X", "-v", "ON_ERROR_STOP=1", "-f", str(script))

    assert ran.returncode == 3
    assert 'column "foo" does not exist' in ran.stderr


def test_nobody_reads_the_password_in_the_arguments_of_psql(project: Project) -> None:
    url = make_conninfo(project.url, password="s3cret")  # noqa: S106 - of nobody
    look = "\\! tr '\\\\0' ' ' < /proc/$PPID/cmdline; echo; echo $PGPASSWORD"

    ran = project.dbkit("psql", "shop", "--url", url, "--", "-Xc", look)

    assert ran.returncode == 0, ran.stderr
    arguments, password = ran.stdout.splitlines()
    assert "--dbname" in arguments
    assert "s3cret" not in arguments
    assert password == "s3cret"  # noqa: S105 - as above


def test_a_reader_of_the_output_that_leaves_early_is_no_error(project: Project) -> None:
    status = project.start("status", "--json")
    assert status.stdout is not None
    status.stdout.close()

    _, message = status.communicate(timeout=30)

    assert "Traceback" not in message
