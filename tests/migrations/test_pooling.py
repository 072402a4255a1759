"""Migrating over pgbouncer: in session mode it works, in transaction mode it is refused."""

import threading

import psycopg
import pytest

from dbkit.migrations.errors import PooledConnection
from dbkit.migrations.pooling import refuse_shared_process
from tests.cli.seen import leftovers, refusal
from tests.pooler import PoolMode, needs_pgbouncer, pooler
from tests.project import Project

pytestmark = needs_pgbouncer
POOLED = (
    "this URL leads through a pooler in transaction mode, where no lock can be held; "
    "migrate over a direct URL, or one in session mode"
)
ORDERS = "create table orders (id integer);"
# with and without lending in turn; a single process to lend shows the mode only to a second client
POOLS = [(1, "0"), (2, "0"), (2, "1"), (5, "1")]


@pytest.mark.parametrize(("servers", "in_turn"), POOLS)
def test_a_session_is_migrated_through_a_pooler_in_session_mode(
    project: Project, servers: int, in_turn: str
) -> None:
    project.migration("0001_orders", ORDERS, "drop table orders;")

    with pooler(project.url, "session", servers=servers, server_round_robin=in_turn) as url:
        for call in ("migrate --plan", "migrate", "status", "rollback shop", "force shop 1"):
            ran = project.dbkit(*call.split(), SHOP_DATABASE_URL=url)
            assert ran.returncode in {0, 2}, ran

    assert project.status()["version"] == 1


@pytest.mark.parametrize(("servers", "in_turn"), POOLS)
def test_behind_transaction_mode_it_is_read_and_never_migrated(
    project: Project, servers: int, in_turn: str
) -> None:
    project.migration("0001_orders", ORDERS, "drop table orders;")
    project.dbkit("migrate")
    project.migration("0002_items", "create table items (id integer);")

    with pooler(project.url, "transaction", servers=servers, server_round_robin=in_turn) as url:
        # with several processes to lend
        with psycopg.connect(url) as one, psycopg.connect(url) as other:
            one.execute("select 1")
            if servers > 1:
                other.execute("select 1")
        calls = ("migrate --plan", "migrate", "rollback shop --plan", "rollback shop")
        ran = [project.dbkit(*call.split(), SHOP_DATABASE_URL=url) for call in calls]
        forced = project.dbkit("force", "shop", "2", SHOP_DATABASE_URL=url)
        status = project.dbkit("status", SHOP_DATABASE_URL=url)

    assert [refusal(one) for one in (*ran, forced)] == [POOLED] * 5
    assert status.returncode == 2
    assert "1 pending, next 0002_items" in status.stdout
    assert project.rows("select version from schema_version") == [(1,)]


def test_with_nothing_pending_a_program_may_start_behind_transaction_mode(project: Project) -> None:
    project.migration("0001_orders", ORDERS)
    project.dbkit("migrate")

    with pooler(project.url, "transaction") as url:
        ran = project.dbkit("migrate", SHOP_DATABASE_URL=url)

    assert ran.stdout == "shop: up to date at version 1\n"


def test_transaction_mode_is_found_while_others_use_the_pool(empty_url: str) -> None:
    with pooler(empty_url, "transaction", servers=2) as url:
        ends = threading.Event()

        def work() -> None:
            with psycopg.connect(url, autocommit=True, prepare_threshold=None) as busy:
                while not ends.is_set():
                    busy.execute("select pg_sleep(0.01)")

        workers = [threading.Thread(target=work) for _ in range(6)]
        for worker in workers:
            worker.start()
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                for _ in range(5):
                    with pytest.raises(PooledConnection):
                        refuse_shared_process(connection)
                    assert connection.execute("select 1").fetchone() == (1,)
        finally:
            ends.set()
            for worker in workers:
                worker.join()


@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_a_pooler_that_takes_no_second_client_is_refused_with_the_reason(
    empty_url: str, mode: PoolMode
) -> None:
    with (
        pooler(empty_url, mode, max_client_conn="1") as url,
        psycopg.connect(url, autocommit=True) as connection,
        pytest.raises(PooledConnection, match=r"could not be found out .*no more connections"),
    ):
        refuse_shared_process(connection)


def test_a_run_through_a_pooler_says_whom_it_waits_for(project: Project) -> None:
    project.migration("0001_orders", ORDERS)
    project.dbkit("migrate")
    project.migration("0002_items", "alter table orders add column price integer;")

    with (
        pooler(project.url, "session", servers=5) as url,
        project.connect() as reader,
        reader.transaction(),
    ):
        reader.execute("select * from orders")
        ran = project.dbkit("migrate", "--wait", "0", SHOP_DATABASE_URL=url)

        assert ran.returncode == 1
        assert f"waiting for a lock, 1 s so far (pid {reader.info.backend_pid}" in ran.stderr
    assert leftovers(project).keys() >= {"orders"}
