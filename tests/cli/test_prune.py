"""`dbkit prune` removes what is not kept forever, in batches, and loses nothing when stopped."""

import json
import signal
from pathlib import Path

import pytest

from tests.cli.seen import refusal
from tests.project import Project

_LOGS = "create table logs (id integer primary key, at timestamptz not null);"
_OLD = r"""-- Logs older than thirty days.
-- :exec
\if :{?max_rows} \else \set max_rows 10 \endif
delete from logs
where id in (
    select log.id from logs as log
    where log.at < now() - interval '30 days'
    order by log.at, log.id
    limit :'max_rows'
);
"""
_ADD = """
insert into logs
select n, now() + interval '1 hour' - n * interval '1 day' from generate_series(1, 100) as n
"""


@pytest.fixture
def shop(project: Project) -> Project:
    """A shop with 100 logs, of which 70 are older than thirty days."""
    project.migration("0001_logs", _LOGS)
    assert project.dbkit("migrate").returncode == 0
    with project.connect() as connection:
        connection.execute(_ADD)
    rule(project, "remove_old_logs", _OLD)
    return project


def rule(project: Project, name: str, text: str) -> Path:
    folder = project.root / "sql" / "shop" / "retention"
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.sql"
    path.write_text(text)
    return path


def test_what_is_old_goes_in_batches_and_the_rest_stays(shop: Project) -> None:
    ran = shop.dbkit("prune", "shop")

    assert ran.stdout == "shop: retention.remove_old_logs removed 70 rows in 7 batches\n"
    assert shop.rows("select count(*), max(id) from logs") == [(30, 30)]


def test_each_batch_is_a_transaction_of_its_own(shop: Project) -> None:
    with shop.connect() as connection:
        connection.execute("create table gone (id integer, by xid8 default pg_current_xact_id())")
        connection.execute(
            "create rule keep as on delete to logs do also insert into gone values (old.id)"
        )

    shop.dbkit("prune", "shop", "--batch", "35")

    assert shop.rows("select count(*), count(distinct by::text) from gone") == [(70, 2)]


def test_a_plan_counts_and_removes_nothing(shop: Project) -> None:
    ran = shop.dbkit("prune", "shop", "--plan")

    assert ran.stdout == "shop: retention.remove_old_logs would remove 70 rows in 7 batches\n"
    assert shop.rows("select count(*) from logs") == [(100,)]


def test_a_plan_counts_in_the_batches_that_were_asked_for(shop: Project) -> None:
    ran = shop.dbkit("prune", "shop", "--plan", "--batch", "35")

    assert ran.stdout == "shop: retention.remove_old_logs would remove 70 rows in 2 batches\n"


def test_a_program_reads_the_counts(shop: Project) -> None:
    ran = shop.dbkit("prune", "shop", "--json")

    [removed] = json.loads(ran.stdout)["retention"]
    assert removed == {
        "query": "retention.remove_old_logs",
        "rows": 70,
        "batches": 7,
        "does": "remove",
    }


def test_a_file_without_batches_is_run_once(shop: Project) -> None:
    rule(shop, "age_the_rest", "-- All of them.\n-- :exec\nupdate logs set at = at;\n")

    ran = shop.dbkit("prune", "shop")

    assert ran.stdout.startswith("shop: retention.age_the_rest updated 100 rows\n")


def test_a_run_that_is_stopped_keeps_its_batches_and_can_be_started_again(
    shop: Project, ctrl_c: None
) -> None:
    del ctrl_c
    with shop.connect() as connection:
        # the second batch meets a row that somebody holds
        with connection.transaction():
            connection.execute("select from logs where id = 85 for update")
            running = shop.start("prune", "shop")
            while connection.execute("select from pg_locks where not granted").fetchone() is None:
                assert running.poll() is None
            running.send_signal(signal.SIGINT)
            out, err = running.communicate(timeout=60)
        left = connection.execute("select count(*) from logs").fetchone()

    again = shop.dbkit("prune", "shop")

    assert out == ""
    assert "shop: retention.remove_old_logs stopped after it removed 10 rows\n" in err
    assert left == (90,)
    assert "removed 60 rows in 6 batches" in again.stdout


def test_a_file_that_fails_half_way_keeps_what_its_batches_did(shop: Project) -> None:
    with shop.connect() as connection:
        connection.execute("create table kept (id integer references logs); ")
        connection.execute("insert into kept values (75)")

    ran = shop.dbkit("prune", "shop")

    assert ran.returncode == 1
    message = "shop: retention.remove_old_logs stopped after it removed 20 rows in 2 batches\n"
    assert ran.stderr.startswith(message)
    assert "(sql/shop/retention/remove_old_logs.sql:4)" in ran.stderr
    assert shop.rows("select count(*) from logs") == [(80,)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "-- Old ones.\n-- :exec\ndelete from logs where id > :'days';\n",
            (
                "sql/shop/retention/wrong.sql: a retention file is run without values, "
                "but :'days' has no default; "
                r"write \if :{?days} \else \set days … \endif"
            ),
        ),
        (
            "-- Old ones.\n-- :many\ndelete from logs returning id;\n",
            (
                "sql/shop/retention/wrong.sql: a retention file cannot be a :many; "
                "write :exec in its header"
            ),
        ),
    ],
    ids=["wants_a_value", "gives_rows"],
)
def test_a_file_that_cannot_run_unattended_is_refused_before_any_is_run(
    shop: Project, text: str, message: str
) -> None:
    rule(shop, "wrong", text)

    assert refusal(shop.dbkit("prune", "shop")) == message
    assert shop.rows("select count(*) from logs") == [(100,)]


def test_a_system_without_retention_is_told_where_it_would_be(project: Project) -> None:
    project.migration("0001_logs", _LOGS)
    project.dbkit("migrate")

    message = refusal(project.dbkit("prune", "shop"))
    (project.root / "sql" / "shop" / "retention").mkdir()
    empty = refusal(project.dbkit("prune", "shop"))

    assert message.startswith("there is no query file in sql/shop/retention; ")
    assert empty == message


_AGAIN = r"""-- Old logs, which stay old.
-- :exec
\if :{?max_rows} \else \set max_rows 10 \endif
update logs set at = at
where id in (
    select log.id from logs as log
    where log.at < now() - interval '30 days'
    limit :'max_rows'
);
"""


@pytest.mark.parametrize("options", [[], ["--plan"]])
def test_a_file_that_comes_to_the_same_rows_again_is_refused(
    shop: Project, options: list[str]
) -> None:
    rule(shop, "again", _AGAIN)

    ran = shop.dbkit("prune", "shop", *options)

    assert ran.returncode == 1
    assert ran.stderr.endswith(
        "error: sql/shop/retention/again.sql: updated 110 rows of a table that has 100, so the same"
        " rows come again; let its condition leave out the rows that it has changed\n"
    )


def test_a_file_that_leaves_out_what_it_has_changed_runs_dry(shop: Project) -> None:
    (shop.root / "sql" / "shop" / "retention" / "remove_old_logs.sql").unlink()
    rule(shop, "renew", _AGAIN.replace("at = at", "at = now()"))

    ran = shop.dbkit("prune", "shop")

    assert ran.stdout == "shop: retention.renew updated 70 rows in 7 batches\n"
