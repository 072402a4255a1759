"""`dbkit backup` and `restore` keep what a careful administrator would have kept."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from dbkit.operations.backups import Shelf
from dbkit.operations.databases import create, creation_options, maintenance
from dbkit.operations.restoring import copy_name, swap
from tests.cli.seen import refusal
from tests.project import Project


@pytest.fixture
def shop(project: Project) -> Iterator[Project]:
    """A shop with a table, and no database left of it."""
    project.migration("0001_orders", "create table orders (id integer primary key);")
    assert project.dbkit("migrate").returncode == 0
    yield project
    made = "select datname from pg_database where starts_with(datname, %s)"
    with maintenance(project.url) as server:
        for (beside,) in server.execute(made, (f"{current(project)}_",)).fetchall():
            server.execute(sql.SQL("drop database {}").format(sql.Identifier(beside)))


def current(project: Project) -> str:
    return str(conninfo_to_dict(project.url)["dbname"])


def other(project: Project, database: str) -> str:
    return make_conninfo("", **{**conninfo_to_dict(project.url), "dbname": database})


def restored(project: Project, *options: str) -> str:
    """Back up and restore, and return the new database's URL."""
    assert project.dbkit("backup", "shop").returncode == 0
    ran = project.dbkit("restore", "shop", "--json", *options)
    assert ran.returncode == 0, ran.stderr
    return other(project, json.loads(ran.stdout)["database"])


def test_the_settings_of_a_database_keep_their_lists(shop: Project) -> None:
    name = current(shop)
    role = f"granted_{uuid4().hex}"
    with shop.connect() as connection:
        for statement in (
            f"create role {role}",
            f"""alter database {name} set search_path = "My schema", "$user", public, 'a"b', ''""",
            f"alter database {name} set application_name = 'a, \"b\"'",
            f"grant connect on database {name} to {role} with grant option",
        ):
            connection.execute(statement.encode())
    before = shop.rows("select unnest(setconfig) from pg_db_role_setting order by 1")

    url = restored(shop, "--swap")

    with psycopg.connect(url) as connection:
        path = connection.execute("show search_path").fetchone()
        named = connection.execute("show application_name").fetchone()
        may = "select has_database_privilege(%s, current_database(), 'connect with grant option')"
        assert connection.execute(may, (role,)).fetchone() == (True,)
    assert path == ('"My schema", "$user", public, "a""b", ""',)
    assert named == ('a, "b"',)
    assert {row for (row,) in before} == {
        row for (row,) in shop.rows("select unnest(setconfig) from pg_db_role_setting")
    }
    with shop.connect() as connection:
        for (database,) in connection.execute("select datname from pg_database").fetchall():
            revoke = sql.SQL("revoke all on database {} from {}")
            names = map(sql.Identifier, (database, role))
            connection.execute(revoke.format(*names))
        connection.execute(f"drop role {role}".encode())


def test_a_database_comes_back_with_its_own_locale(shop: Project) -> None:
    with maintenance(shop.url) as server:
        # every build has the one, since 17; the other is a matter of how it was built
        provider = "builtin" if server.info.server_version >= 170_000 else "icu"
        like = {
            "locale_provider": provider,
            f"{provider}_locale": "C.UTF-8" if provider == "builtin" else "de",
            "encoding": "UTF8",
        }
        name = f"other_{uuid4().hex}"
        try:
            create(server, name, like)
        except psycopg.errors.FeatureNotSupported:
            pytest.skip("this PostgreSQL knows the locales of libc alone")
    url = other(shop, name)
    assert shop.dbkit("backup", "shop", "--url", url).returncode == 0

    ran = shop.dbkit("restore", "shop", "--json", "--url", url)

    assert ran.returncode == 0, ran.stderr
    made = other(shop, json.loads(ran.stdout)["database"])
    with psycopg.connect(url) as source, psycopg.connect(made) as copy:
        assert creation_options(source) == creation_options(copy)
        assert creation_options(copy)["locale_provider"] == provider
    with maintenance(shop.url) as server:
        for database in (name, json.loads(ran.stdout)["database"]):
            server.execute(sql.SQL("drop database {}").format(sql.Identifier(database)))


def test_large_objects_are_counted_and_come_back(shop: Project) -> None:
    with shop.connect() as connection:
        connection.execute("select lo_from_bytea(0, 'abc')")

    url = restored(shop)

    [described] = (shop.root / "backups").glob("*.json")
    assert json.loads(described.read_text())["rows"]["large objects"] == 1
    with psycopg.connect(url) as connection:
        assert connection.execute("select count(*) from pg_largeobject").fetchone() == (1,)


def test_a_check_that_lists_a_null_comes_back_the_same(shop: Project) -> None:
    with shop.connect() as connection:
        connection.execute("alter table orders add v varchar check (v not in ('a', null))")

    assert restored(shop)


def test_a_long_name_is_cut_between_characters() -> None:
    name = copy_name("ü" * 31, "restored")

    assert len(name.encode()) <= 63
    assert name.startswith("üüü")
    assert "_restored_20" in name


def test_the_name_of_a_service_is_looked_up(shop: Project) -> None:
    facts = conninfo_to_dict(shop.url)
    services = shop.root / "services.conf"
    services.write_text("[shop]\n" + "".join(f"{key}={value}\n" for key, value in facts.items()))
    service = {"PGSERVICEFILE": str(services), "SHOP_DATABASE_URL": "service=shop"}
    assert shop.dbkit("backup", "shop", **service).returncode == 0

    ran = shop.dbkit("restore", "shop", "--swap", "--json", **service)

    assert json.loads(ran.stdout)["database"] == current(shop)


def test_a_swap_succeeds_while_sessions_come_back_at_once(shop: Project) -> None:
    assert shop.dbkit("backup", "shop").returncode == 0
    stopped = False

    def come_back() -> None:
        while not stopped:
            try:
                with shop.connect() as connection:
                    while not stopped:
                        connection.execute("select 1")
            except psycopg.OperationalError:
                continue

    with ThreadPoolExecutor() as pool:
        coming = [pool.submit(come_back) for _ in range(4)]
        time.sleep(0.2)
        ran = shop.dbkit("restore", "shop", "--swap")
        stopped = True
    for visit in coming:
        visit.result()

    assert ran.returncode == 0, ran.stderr


def test_a_swap_that_is_killed_leaves_the_database_open(shop: Project) -> None:
    assert shop.dbkit("backup", "shop").returncode == 0
    comment = sql.SQL("comment on database {} is 'held'").format(sql.Identifier(current(shop)))
    waiting = "select from pg_locks where not granted and classid = 'pg_database'::regclass"
    with (
        maintenance(shop.url) as watching,
        maintenance(shop.url) as holding,
        holding.transaction(force_rollback=True),
    ):
        holding.execute(comment)
        running = shop.start("restore", "shop", "--swap")
        while watching.execute(waiting).fetchone() is None:
            assert running.poll() is None
            time.sleep(0.01)
        running.kill()
        running.communicate(timeout=60)

    assert shop.rows("select count(*) from orders") == [(0,)]


def test_a_swap_that_fails_leaves_both_where_they_were(shop: Project) -> None:
    with pytest.raises(psycopg.errors.InvalidCatalogName) as caught:
        swap(shop.url, "no_such_database")

    assert caught.value.__notes__ == [
        f"neither {current(shop)} nor the restored no_such_database was renamed"
    ]
    assert shop.rows("select count(*) from orders") == [(0,)]


def test_plain_sql_is_told_where_it_belongs(shop: Project) -> None:
    (shop.root / "backup.sql").write_text("-- PostgreSQL database dump\n")

    message = refusal(shop.dbkit("restore", "shop", "backup.sql"), code=64)

    assert message.startswith("backup.sql is no archive of `pg_dump -Fc`; ")


def test_a_folder_that_was_there_shows_a_backup_to_nobody(shop: Project) -> None:
    folder = shop.root / "kept"
    folder.mkdir(mode=0o755)

    shop.dbkit("backup", "shop", "--folder", str(folder))

    written = [path for path in folder.iterdir() if path.name.startswith("shop-")]
    assert len(written) == 2
    assert all(path.stat().st_mode & 0o077 == 0 for path in written)


def test_a_description_whose_archive_never_came_is_removed(shop: Project) -> None:
    shop.dbkit("backup", "shop")
    [archive] = (shop.root / "backups").glob("*.dump")
    archive.unlink()

    shop.dbkit("backup", "shop")

    assert len(list((shop.root / "backups").glob("*.json"))) == 1


def test_a_full_disk_is_told_in_a_sentence_and_leaves_nothing(shop: Project) -> None:
    with shop.connect() as connection:
        connection.execute(
            "create table noise as select md5(n::text) from generate_series(1, 20000) as n"
        )

    # what measures coverage would write a file of its own, for which there is no room either
    environment = {name: text for name, text in os.environ.items() if "COVERAGE" not in name}

    ran = subprocess.run(
        ["bash", "-c", 'ulimit -f 40; exec "$0" -m dbkit backup shop', sys.executable],
        cwd=shop.root,
        env={**environment, "SHOP_DATABASE_URL": shop.url},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr
    left = {path.name for path in (shop.root / "backups").iterdir()} - {".lock", ".gitignore"}
    assert left == set()
    assert Shelf(shop.root / "backups", "shop").find() == []


def test_a_description_that_names_another_file_removes_nothing(shop: Project) -> None:
    assert shop.dbkit("backup", "shop").returncode == 0
    mine = shop.root / "mine.dump"
    mine.write_text("not a backup")
    [description] = (shop.root / "backups").glob("*.json")
    told = json.loads(description.read_text())
    planted = description.with_name("shop-20000101T000000.000Z.json")
    planted.write_text(
        json.dumps({**told, "file": "../mine.dump", "made_at": "2000-01-01T00:00:00+00:00"})
    )

    again = shop.dbkit("backup", "shop", "--keep-days", "1")

    assert again.returncode == 0, again.stderr
    assert mine.read_text() == "not a backup"
    assert "mine" not in shop.dbkit("backup", "shop", "--list").stdout
