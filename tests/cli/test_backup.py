"""`dbkit backup` and `restore` lose nothing, prove it, and leave nothing half done."""

import json
import os
import signal
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from dbkit.operations.schema import compare, read_schema
from dbkit.server import Binaries
from tests.cli.seen import refusal
from tests.project import Project

_NASTY = """
create type mood as enum ('fine', 'it''s over');
create domain percent as numeric(5, 2) check (value between 0 and 100) not null;
create table "Odd name" (
    id bigint generated always as identity primary key,
    "sélect" varchar(20) check ("sélect" in ('a', 'b''c', 'd')),
    mood mood default 'fine',
    share percent default 1,
    twice numeric generated always as (id * 2) stored,
    at timestamptz default now(),
    tags text[] default '{}',
    unique nulls not distinct ("sélect", tags)
);
create index odd_lower on "Odd name" (lower("sélect")) where mood = 'fine';
create table parts (id integer, day date) partition by range (day);
create table parts_2026 partition of parts for values from ('2026-01-01') to ('2027-01-01');
create view odd as select id, mood from "Odd name" where mood in ('fine', 'it''s over');
create materialized view counted as select count(*) as count from parts with no data;
create function touched() returns trigger language plpgsql as $$ begin return new; end $$;
create trigger touch before update on "Odd name" for each row execute function touched();
alter table "Odd name" enable row level security;
create policy mine on "Odd name" for select using (mood = 'fine') ;
insert into "Odd name" ("sélect") values ('a'), ('b''c'), (null);
insert into parts select n, '2026-03-01' from generate_series(1, 1000) as n;
"""


@pytest.fixture
def shop(project: Project) -> Project:
    """A shop whose database has one of everything."""
    project.migration("0001_everything", _NASTY)
    assert project.dbkit("migrate").returncode == 0
    return project


def backed_up(shop: Project) -> Path:
    ran = shop.dbkit("backup", "shop", "--json")
    assert ran.returncode == 0, ran.stderr
    return Path(json.loads(ran.stdout)["backup"]["file"])


def databases(shop: Project) -> set[str]:
    return {name for (name,) in shop.rows("select datname from pg_database")}


def described(archive: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(archive.with_suffix(".json").read_text())
    return found


def describe(archive: Path, **changed: object) -> None:
    path = archive.with_suffix(".json")
    path.write_text(json.dumps({**described(archive), **changed}))


def test_what_was_lost_is_in_the_new_database(shop: Project) -> None:
    backed_up(shop)
    with shop.connect() as connection:
        connection.execute("delete from parts")

    ran = shop.dbkit("restore", "shop", "--json")

    restored = json.loads(ran.stdout)
    assert restored["verified"] is True
    url = shop.url.replace(shop.url.split("@/")[1].split("?")[0], restored["database"])
    with psycopg.connect(url) as connection:
        assert connection.execute("select count(*) from parts").fetchone() == (1000,)
    assert shop.rows("select count(*) from parts") == [(0,)]


def test_a_swap_puts_it_in_place_and_keeps_the_former_one(shop: Project) -> None:
    backed_up(shop)
    name = shop.rows("select current_database()")[0][0]
    with shop.connect() as connection:
        connection.execute("delete from parts")
        connection.execute(f"alter database {name} set statement_timeout = '77s'".encode())
        connection.execute(f"revoke connect on database {name} from public".encode())

        ran = shop.dbkit("restore", "shop", "--swap", "--json")
        assert ran.returncode == 0, ran.stderr

        with pytest.raises(psycopg.OperationalError):
            connection.execute("select 1")
    former = json.loads(ran.stdout)["former"]
    assert shop.rows("select count(*) from parts") == [(1000,)]
    assert shop.rows("show statement_timeout") == [("77s",)]
    assert former in databases(shop)
    public = "select has_database_privilege('pg_monitor', current_database(), 'connect')"
    assert shop.rows(public) == [(False,)]
    assert shop.status()["version"] == 1


def test_what_is_written_meanwhile_is_no_difference(shop: Project) -> None:
    with shop.connect() as holding, shop.connect() as writing:
        holding.execute("begin; lock table parts in access exclusive mode")
        running = shop.start("backup", "shop")
        # its snapshot is taken before it comes to the lock
        waiting = "select count(*) from pg_locks where not granted"
        while writing.execute(waiting).fetchone() == (0,):
            assert running.poll() is None
            time.sleep(0.01)
        writing.execute("""insert into "Odd name" ("sélect") values ('d')""")
        holding.execute("rollback")
        running.communicate(timeout=60)

    ran = shop.dbkit("restore", "shop", "--json")

    assert json.loads(ran.stdout)["verified"] is True
    [backup] = json.loads(shop.dbkit("backup", "shop", "--list", "--json").stdout)["backups"]
    assert described(Path(backup["file"]))["rows"]['public."Odd name"'] == 3


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=str)
def test_a_backup_that_is_stopped_is_no_backup(
    shop: Project, sent: signal.Signals, ctrl_c: None
) -> None:
    del ctrl_c
    folder = shop.root / "backups"
    with shop.connect() as holding, shop.connect() as watching:
        holding.execute("begin; lock table parts in access exclusive mode")
        running = shop.start("backup", "shop")
        while watching.execute("select from pg_locks where not granted").fetchone() is None:
            assert running.poll() is None
            time.sleep(0.01)
        running.send_signal(sent)
        running.communicate(timeout=60)

    assert shop.dbkit("backup", "shop", "--list", "--json").stdout == '{"backups": []}\n'
    archive = backed_up(shop)
    left = {path.name for path in folder.iterdir()} - {".lock", ".gitignore"}
    assert left == {archive.name, archive.with_suffix(".json").name}


def test_a_damaged_backup_is_refused_before_anything_is_made(shop: Project) -> None:
    archive = backed_up(shop)
    before = databases(shop)
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 1
    archive.write_bytes(content)

    message = refusal(shop.dbkit("restore", "shop"))

    assert message == f"{archive} is damaged: its checksum differs; use another backup"
    assert databases(shop) == before


def test_what_came_back_otherwise_is_dropped_again(shop: Project) -> None:
    archive = backed_up(shop)
    before = databases(shop)
    rows = described(archive)["rows"]
    describe(archive, rows={**rows, "public.parts_2026": 1001})

    message = refusal(shop.dbkit("restore", "shop"))

    assert "so it is dropped again: public.parts_2026 has 1,000 rows of 1,001" in message
    assert databases(shop) == before


def test_a_missing_index_is_a_difference(shop: Project) -> None:
    archive = backed_up(shop)
    schema = described(archive)["schema"]
    describe(archive, schema={**schema, "index gone": "CREATE INDEX gone ON parts (id)"})

    assert "again: index gone is missing" in refusal(shop.dbkit("restore", "shop"))


def test_a_database_that_exists_is_not_overwritten(shop: Project) -> None:
    backed_up(shop)
    name = shop.rows("select current_database()")[0][0]

    message = refusal(shop.dbkit("restore", "shop", "--into", name))

    assert message == f"database {name!r} exists; restore --into another name, or drop it first"
    assert shop.rows("select count(*) from parts") == [(1000,)]


def test_old_backups_go_when_a_newer_one_is_good(shop: Project) -> None:
    old = backed_up(shop)
    describe(old, made_at=(datetime.now(UTC) - timedelta(days=8)).isoformat())

    ran = shop.dbkit("backup", "shop")

    assert f"{old} removed, older than 7 days" in ran.stdout
    assert not old.exists()
    assert not old.with_suffix(".json").exists()


def test_the_only_good_backup_stays_however_old(shop: Project) -> None:
    old, damaged = backed_up(shop), backed_up(shop)
    damaged.write_bytes(b"")
    for archive in (old, damaged):
        describe(archive, made_at=(datetime.now(UTC) - timedelta(days=8)).isoformat())

    from dbkit.operations.backups import Shelf  # noqa: PLC0415 - no command removes alone

    removed = Shelf(old.parent, "shop").remove_old()

    assert [backup.file for backup in removed] == [damaged.name]
    assert old.exists()


def test_two_backups_at_once_do_not_meet(shop: Project) -> None:
    with shop.connect() as holding, shop.connect() as watching:
        holding.execute("begin; lock table parts in access exclusive mode")
        running = shop.start("backup", "shop")
        while watching.execute("select from pg_locks where not granted").fetchone() is None:
            time.sleep(0.01)
        message = refusal(shop.dbkit("backup", "shop"))
        holding.execute("rollback")
        running.communicate(timeout=60)

    assert message.startswith("another backup is being written in ")
    assert running.returncode == 0


def test_an_archive_of_pg_dumps_own_is_restored_unproved(shop: Project, binaries: Binaries) -> None:
    archive = shop.root / "by_hand.dump"
    subprocess.run([binaries.bin / "pg_dump", "-Fc", "-f", archive, "-d", shop.url], check=True)

    ran = shop.dbkit("restore", "shop", str(archive))

    assert "not verified: it has no description" in ran.stdout


def test_without_a_backup_it_says_how_to_make_one(shop: Project) -> None:
    assert "make one with `dbkit backup shop --folder " in refusal(shop.dbkit("restore", "shop"))


def test_nobody_else_can_read_a_backup(shop: Project) -> None:
    archive = backed_up(shop)

    assert archive.parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("system", ["ai_orchestration", "mrwa"])
def test_the_documents_own_dump_and_restore_work(
    system: str, empty_url: str, binaries: Binaries, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    source: psycopg.Connection = request.getfixturevalue(system)
    info = source.info
    url = f"host={info.host} port={info.port} user={info.user} dbname={info.dbname}"
    backup = tmp_path / "backup.sql.gz"
    environment = {**os.environ, "PATH": f"{binaries.bin}:{os.environ['PATH']}"}
    script = 'pg_dump "$1" | gzip > "$2" && gunzip < "$2" | psql -qX -v ON_ERROR_STOP=1 "$3"'

    subprocess.run(
        ["bash", "-o", "pipefail", "-c", script, "-", url, backup, empty_url],
        env=environment,
        check=True,
        capture_output=True,
    )

    with psycopg.connect(empty_url) as restored:
        assert compare(read_schema(source), read_schema(restored)) == []


def test_a_server_without_a_role_of_the_backup_is_told_before_anything_is_made(
    shop: Project,
) -> None:
    name = f"gone {uuid4().hex[:8]}"
    with shop.connect() as connection:
        connection.execute(sql.SQL("create role {}").format(sql.Identifier(name)))
        connection.execute(sql.SQL('grant select on "Odd name" to {}').format(sql.Identifier(name)))
        file = backed_up(shop)
        connection.execute(sql.SQL("drop owned by {0}; drop role {0}").format(sql.Identifier(name)))

        ran = shop.dbkit("restore", "shop")

        sentence = refusal(ran)
        assert sentence == (
            f"{file} has what belongs or is granted to {name}, and this server has no such role; "
            f'make it first: create role "{name}"'
        )
        try:
            # the sentence is followed as it stands
            connection.execute(sentence.rpartition("first: ")[2].encode())
            assert shop.dbkit("restore", "shop", "--swap").returncode == 0
        finally:
            connection.close()
    assert shop.rows(f"select has_table_privilege('{name}', '\"Odd name\"', 'select')") == [(True,)]
    with shop.connect() as connection:
        former = connection.execute(
            "select datname from pg_database where datname like current_database() || '_before%'"
        ).fetchall()
        for (database,) in former:
            connection.execute(sql.SQL("drop database {}").format(sql.Identifier(database)))
        connection.execute(sql.SQL("drop owned by {0}; drop role {0}").format(sql.Identifier(name)))
