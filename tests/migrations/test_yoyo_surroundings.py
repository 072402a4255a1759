"""What yoyo makes of roles, search paths, locales and URLs, and dbkit does not."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from dbkit.server import EmbeddedServer
from tests.project import Project

ORDERS = "create table orders (id integer);"
ROOT = Path(__file__).parents[2]
# Python without UTF-8 anywhere, as in a bare container
POSIX = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.fixture
def reader(project: Project) -> Iterator[str]:
    """The project's URL for a role that may read everything and write nothing."""
    name = sql.Identifier(f"reader_{uuid4().hex}")
    with project.connect() as owner:
        owner.execute(sql.SQL("create role {}").format(name))
        owner.execute("revoke create, usage on schema public from public")
        for grant in (
            "grant usage on schema public to {}",
            "grant select on all tables in schema public to {}",
            "alter default privileges in schema public grant select on tables to {}",
        ):
            owner.execute(sql.SQL(grant).format(name))
        yield f"{project.url}&options=-c%20role%3D{name.as_string().strip(chr(34))}"
        owner.execute(sql.SQL("drop owned by {}").format(name))
        owner.execute(sql.SQL("drop role {}").format(name))


@pytest.fixture
def oddly_named(project: Project, server: EmbeddedServer) -> Iterator[str]:
    """The name of a database that a URL has to encode."""
    name = "odd %41 näme/?#" + project.url[-4:]
    server.ensure_database(name)
    yield name
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def test_y18_a_role_that_may_only_read_is_told_where_the_database_stands(
    project: Project, reader: str
) -> None:
    project.migration("0001_orders", ORDERS)
    before = project.dbkit("status", "--url", reader)
    project.dbkit("migrate")
    after = project.dbkit("status", "--url", reader)
    nothing_to_do = project.dbkit("migrate", "--url", reader)

    assert (before.returncode, after.returncode, nothing_to_do.returncode) == (2, 0, 0)


def test_y18_a_role_that_may_not_write_is_told_so_when_it_migrates(
    project: Project, reader: str
) -> None:
    project.migration("0001_orders", ORDERS)
    refused = project.dbkit("migrate", "--url", reader)

    assert refused.returncode == 1
    assert refused.stderr.startswith(
        "error: permission denied for schema public; "
        "migrate with a role that may create tables there\n"
    )


def test_y19_status_writes_nothing_and_leaves_no_error_in_the_servers_log(
    project: Project, server: EmbeddedServer
) -> None:
    project.migration("0001_orders", ORDERS)
    folders = server.status().data.parents
    log = next(folder / "log" for folder in folders if (folder / "log").is_file())
    read_only = f"{project.url}&options=-c%20default_transaction_read_only%3Don"
    length = log.stat().st_size

    statuses = [project.dbkit("status", "--url", read_only).returncode]
    project.dbkit("migrate")
    statuses.append(project.dbkit("status", "--url", read_only).returncode)

    assert statuses == [2, 0]
    # other tests have databases of other encodings
    assert b"ERROR" not in log.read_bytes()[length:]


def test_y20_a_migration_that_changes_the_search_path_does_not_lose_the_ledger(
    project: Project,
) -> None:
    [(database,)] = project.rows("select current_database()")
    project.migration(
        "0001_app", f"create schema app; alter database {database} set search_path = app;"
    )
    first = project.dbkit("migrate")
    project.migration("0002_orders", ORDERS, "drop table orders;")

    second = project.dbkit("migrate")
    back = project.dbkit("rollback", "shop", "--to", "1")

    assert (first.returncode, second.returncode, back.returncode) == (0, 0, 0)
    assert project.status()["version"] == 1
    assert project.rows(
        "select relnamespace::regnamespace::text, relname from pg_class "
        "where relname in ('schema_version', '_yoyo_migration') order by relname"
    ) == [("dbkit", "_yoyo_migration"), ("public", "schema_version")]


def test_y20_a_search_path_set_in_a_migration_ends_with_it(project: Project) -> None:
    project.migration("0001_app", "create schema app; set search_path = app; create table one ();")
    project.migration("0002_more", "create table two ();")

    project.dbkit("migrate")

    assert project.rows("select to_regclass('app.one')::text, to_regclass('public.two')::text") == [
        ("app.one", "two")
    ]
    assert project.status()["version"] == 2


@pytest.mark.parametrize("arguments", ["'status'", "'migrate'", "'status', '--json'"])
def test_y22_to_say_that_nothing_is_pending_no_migration_is_parsed(
    project: Project, arguments: str
) -> None:
    project.migration("0001_orders", ORDERS)
    project.dbkit("migrate")
    program = f"import sys; from dbkit.cli import run; run([{arguments}]); print(*sys.modules)"

    loaded = subprocess.run(
        [sys.executable, "-c", program],
        cwd=project.root,
        env={"SHOP_DATABASE_URL": project.url, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()

    assert "psycopg" in loaded
    assert not {"yoyo", "sqlparse", "dbkit.migrations.script"}.intersection(loaded)


def test_y24_a_migration_is_utf_8_whatever_the_locale(project: Project) -> None:
    project.migration(
        "0001_cities", "-- Städte\ncreate table cities as select 'Zürich 🐘'::text as name;"
    )

    done = project.dbkit("migrate", **POSIX)

    assert (done.returncode, project.rows("select name from cities")) == (0, [("Zürich 🐘",)])


def test_y24_an_error_is_told_in_any_locale(project: Project) -> None:
    project.migration("0001_cities", "select 'Zürich', oops;")

    failed = project.dbkit("migrate", **POSIX)

    assert failed.returncode == 1
    assert failed.stderr.startswith("error: migrations/shop/0001_cities.sql:1:18: ")
    assert "Traceback" not in failed.stderr


def test_y24_a_view_is_utf_8_whatever_the_locale(project: Project) -> None:
    project.migration("0001_orders", ORDERS)
    project.object("city", "create view city as select 'Zürich'::text as name;")

    done = project.dbkit("migrate", **POSIX)

    assert (done.returncode, project.rows("select name from city")) == (0, [("Zürich",)])


def test_y25_the_name_of_a_database_may_be_percent_encoded(
    project: Project, server: EmbeddedServer, oddly_named: str
) -> None:
    project.migration("0001_orders", ORDERS)
    parts = conninfo_to_dict(project.url)
    url = (
        f"postgresql://{parts['user']}@/{quote(oddly_named, safe='')}"
        f"?host={quote(str(parts['host']), safe='')}&port={parts['port']}"
    )

    done = project.dbkit("migrate", "--url", url)

    assert done.returncode == 0, done.stderr
    with psycopg.connect(server.url(oddly_named)) as connection:
        assert connection.execute("select to_regclass('orders')::text").fetchone() == ("orders",)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://{user}@{host}:{port}/{name}",
        "postgresql://{user}@%2Fnowhere:1,{host}:{port}/{name}",
        "postgresql://{user}@/{name}?host=%2Fnowhere,{host}&port=1,{port}",
        "postgresql+psycopg://{user}@{host}:{port}/{name}",
        "postgres://{user}@{host}:{port}/{name}?application_name=",
        "host='{socket}' port={port} user={user} dbname={name}",
    ],
    ids=["socket as host", "two hosts", "two hosts asked", "driver named", "blank", "keywords"],
)
def test_y25_a_url_is_what_libpq_takes_for_one(project: Project, url: str) -> None:
    project.migration("0001_orders", ORDERS)
    parts = conninfo_to_dict(project.url)
    filled = url.format(
        user=parts["user"],
        host=quote(str(parts["host"]), safe=""),
        socket=parts["host"],
        port=parts["port"],
        name=parts["dbname"],
    )

    done = project.dbkit("migrate", "--url", filled)

    assert done.returncode == 0, done.stderr
    assert project.status()["version"] == 1


def test_y25_a_password_is_asked_of_nobody_and_written_nowhere(project: Project) -> None:
    project.migration("0001_orders", ORDERS)

    project.dbkit("migrate", "--url", project.url.replace("@", ":s3cret@"))
    refused = project.dbkit(
        "migrate", "--url", "postgresql://u:s3cret@%2Fnowhere/x?password=s3cret"
    )

    written = [path for path in project.root.rglob("*") if path.is_file()]
    assert sorted(path.name for path in written) == [
        "0001_orders.rollback.sql",
        "0001_orders.sql",
        "pyproject.toml",
    ]
    assert refused.returncode == 1
    assert "s3cret" not in refused.stdout + refused.stderr
