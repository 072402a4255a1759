"""`dbkit monitor` tells how a database fares, and which query file a statement comes from."""

import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from dbkit import open_database, project
from dbkit.loading import load
from dbkit.server import EmbeddedServer
from tests.project import Project

_FIND = "-- One order.\n-- :many\nselect note from orders where id = :'id' for update;\n"


@pytest.fixture
def shop(project: Project) -> Project:
    """A shop with an order and a query file that locks it."""
    project.migration("0001_orders", "create table orders (id integer primary key, note text);")
    folder = project.root / "sql" / "shop" / "orders"
    folder.mkdir()
    (folder / "list_locked.sql").write_text(_FIND)
    assert project.dbkit("migrate").returncode == 0
    with project.connect() as connection:
        connection.execute("insert into orders select n, 'x' from generate_series(1, 500) as n")
    return project


def monitored(shop: Project) -> dict[str, Any]:
    ran = shop.dbkit("monitor", "shop", "--json")
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def test_tables_and_indexes_have_their_sizes(shop: Project) -> None:
    found = monitored(shop)

    assert found["tables"][0]["name"] == "orders"
    assert found["tables"][0]["bytes"] > found["tables"][0]["index_bytes"] > 0
    keys = {index["name"]: index["keeps_constraint"] for index in found["indexes"]}
    assert keys["orders_pkey"] is True
    assert 0 < found["cache"]["tables"] <= 1


def test_connections_are_counted_by_what_they_do(shop: Project) -> None:
    with shop.connect() as connection, shop.connect():
        connection.execute("begin; select 1")

        connections = monitored(shop)["connections"]

    assert connections["idle_in_transaction"] == 1
    assert connections["idle"] == 1
    assert connections["room"] >= connections["everywhere"] >= connections["here"] == 2


def test_who_waits_for_whom_is_told_by_the_names_of_their_queries(shop: Project) -> None:
    queries = load(shop.root / "sql" / "shop", root=shop.root)
    with psycopg.connect(shop.url) as holding, shop.connect() as watching:
        holder = holding.info.backend_pid
        queries["orders.list_locked"](holding, id=1)
        running = shop.start("call", "shop", "orders.list_locked", "id=1")
        while watching.execute("select from pg_locks where not granted").fetchone() is None:
            assert running.poll() is None
            time.sleep(0.01)

        [wait] = monitored(shop)["waits"]
        printed = shop.dbkit("monitor", "shop").stdout

        holding.rollback()
        running.communicate(timeout=60)
    assert wait["query_name"] == wait["blocking_query_name"] == "orders.list_locked"
    assert wait["blocked_by"] == holder
    assert wait["blocking_state"] == "idle in transaction"
    [waits] = [part for part in printed.split("\n\n") if part.startswith("Who waits for whom\n")]
    assert waits.count("orders.list_locked") == 2


def test_a_statement_too_long_to_be_shown_whole_is_known_by_its_beginning(shop: Project) -> None:
    many = " or ".join(f"note = 'note number {number}'" for number in range(100))
    file = shop.root / "sql" / "shop" / "orders" / "list_long.sql"
    file.write_text(f"-- Many.\n-- :many\nselect id from orders where {many} for update;\n")
    queries = load(shop.root / "sql" / "shop", root=shop.root)
    with shop.connect() as holding, psycopg.connect(shop.url) as waiting:
        holding.execute("begin; lock table orders in exclusive mode")
        with ThreadPoolExecutor() as pool:
            failing = pool.submit(queries["orders.list_long"], waiting)
            while holding.execute("select from pg_locks where not granted").fetchone() is None:
                time.sleep(0.01)
            [wait] = monitored(shop)["waits"]
            holding.execute("rollback")
            assert failing.result() == []

    assert wait["query_name"] == "orders.list_long"


def test_a_lock_that_hinders_others_is_listed(shop: Project) -> None:
    with shop.connect() as connection:
        connection.execute("begin; lock table orders in share mode")

        locks = monitored(shop)["locks"]

    assert {"name": "orders", "mode": "ShareLock", "held": 1, "wanted": 0} in locks


def test_nobody_who_holds_a_table_for_himself_is_waited_for(shop: Project) -> None:
    with shop.connect() as connection, connection.transaction(force_rollback=True):
        connection.execute("lock table orders")
        connection.execute("reindex index orders_pkey")

        found = monitored(shop)

    [table] = [table for table in found["tables"] if table["name"] == "orders"]
    [index] = [index for index in found["indexes"] if index["name"] == "orders_pkey"]
    assert (table["bytes"], table["index_bytes"], index["bytes"]) == (None, None, None)


def test_a_role_that_may_not_see_what_others_do_is_told_so(shop: Project, reader_url: str) -> None:
    with shop.connect() as connection:
        connection.execute("begin; select 1")

        ran = shop.dbkit("monitor", "shop", "--url", reader_url)

    assert ran.stdout.startswith("connections: 1 here (0 active, "), ran.stderr
    assert "what 1 of them do is shown to members of pg_monitor\n" in ran.stdout


def test_a_role_that_may_not_have_statements_counted_is_told_how_it_is_done(
    shop: Project, reader_url: str
) -> None:
    found = json.loads(shop.dbkit("monitor", "shop", "--json", "--url", reader_url).stdout)

    assert found["slow_statements"] is None
    assert "shared_preload_libraries" in found["missing"]
    assert "create extension pg_stat_statements" in found["missing"]


def test_statements_are_told_where_nobody_created_the_extension(
    shop: Project, counting_url: str
) -> None:
    with psycopg.connect(counting_url, autocommit=True) as connection:
        connection.execute("select 'counted from the first'")

        ran = shop.dbkit("monitor", "shop", "--json", "--most", "1000", "--url", counting_url)

        made = connection.execute("select from pg_extension where extname = 'pg_stat_statements'")
        assert made.fetchone() is None
        assert connection.execute("select to_regnamespace('dbkit_monitor')").fetchone() == (None,)
    found = json.loads(ran.stdout)
    assert found["missing"] is None
    assert [row["calls"] for row in found["slow_statements"] if row["query"] == "select $1"] == [1]


@pytest.fixture
def counting_url(contrib_server: EmbeddedServer) -> Iterator[str]:
    """A database of a server that counts its statements."""
    name = f"counting_{uuid4().hex}"
    contrib_server.ensure_database(name)
    yield contrib_server.url(name)
    with psycopg.connect(contrib_server.url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def test_slow_statements_are_told_by_the_names_of_their_queries(
    shop: Project, counting_url: str
) -> None:
    counting = ("--url", counting_url)
    assert shop.dbkit("migrate", "shop", *counting).returncode == 0
    with psycopg.connect(counting_url, autocommit=True) as connection:
        connection.execute("create schema extensions")
        connection.execute("create extension pg_stat_statements schema extensions")
        connection.execute("select pg_sleep(1.01)")
    shop.dbkit("call", "shop", "orders.list_locked", "id=1", *counting)
    shop.dbkit("call", "shop", "orders.list_locked", "id=2", *counting)

    found = json.loads(shop.dbkit("monitor", "shop", "--json", "--most", "1000", *counting).stdout)

    [mine] = [
        statement
        for statement in found["slow_statements"]
        if statement["query_name"] == "orders.list_locked"
    ]
    assert (mine["calls"], mine["rows"]) == (2, 0)
    assert found["missing"] is None
    slow = found["slow_statements"][0]
    assert (slow["query"], slow["is_slow"], mine["is_slow"]) == ("select pg_sleep($1)", True, False)


def test_the_pool_of_a_program_is_told_with_its_use(shop: Project) -> None:
    with open_database(shop.url, name="shop.web", min_size=2, max_size=4) as database:
        with database.transaction() as connection:
            connection.execute("select 1")
            [told] = [pool for pool in monitored(shop)["pools"] if pool["program"] == "shop.web"]
            itself = project(shop.root)["shop"].at(shop.url).monitor(database=database)
        printed = shop.dbkit("monitor", "shop").stdout

    assert (told["connections"], told["in_use"], told["max_size"]) == (2, 1, 4)
    assert told["utilization"] == 0.25
    assert told["process"].startswith(f"{os.getpid()}.")
    pool: Any = itself.as_json()["pool"]
    assert (pool["max_size"], pool["lent"], pool["waiting"], pool["utilization"]) == (4, 1, 0, 0.25)
    assert "shop.web" in printed
    assert "Pools, the fullest first" in printed


def test_a_name_of_any_length_leaves_the_size_of_the_pool(shop: Project) -> None:
    with open_database(shop.url, name="long" * 30, max_size=7):
        [told] = [pool for pool in monitored(shop)["pools"] if pool["max_size"] == 7]

    assert told["program"].startswith("longlong")


def test_an_open_transaction_is_told_with_its_age(shop: Project) -> None:
    with psycopg.connect(shop.url) as connection:
        connection.execute("select note from orders")
        [open_now] = monitored(shop)["transactions"]

    assert open_now["state"] == "idle in transaction"
    assert open_now["query"] == "select note from orders"
    assert open_now["seconds"] > 0


def test_a_table_tells_its_growth_since_an_earlier_run(shop: Project, tmp_path: Path) -> None:
    earlier = tmp_path / "earlier.json"
    earlier.write_text(shop.dbkit("monitor", "shop", "--json").stdout)
    with shop.connect() as connection:
        connection.execute("insert into orders select n, 'x' from generate_series(501, 3000) as n")
        connection.execute("create table newer (id integer)")
        # what a session changed is counted when it ends
    with shop.connect() as connection:
        connection.execute("analyze orders")

    ran = shop.dbkit("monitor", "shop", "--json", "--since", str(earlier))

    tables = {table["name"]: table for table in json.loads(ran.stdout)["tables"]}
    assert tables["orders"]["grown_bytes"] > 2500 * len("x")
    assert tables["orders"]["grown_rows"] >= 2500
    assert tables["newer"]["grown_bytes"] is None
    assert "grown_bytes" not in json.loads(earlier.read_text())["tables"][0]


def test_a_file_that_is_not_an_earlier_run_is_refused(shop: Project, tmp_path: Path) -> None:
    (other := tmp_path / "other.json").write_text('{"tables": 1}')

    ran = shop.dbkit("monitor", "shop", "--since", str(other))

    assert ran.returncode == 64
    assert "is not what `dbkit monitor SYSTEM --json` printed" in ran.stderr
