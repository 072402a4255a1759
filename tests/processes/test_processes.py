"""Processes that work, are stopped, and lose their server, as their owner would see them."""

import asyncio
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from dbkit.processes import heartbeat, heartbeat_async, is_away
from tests.project import Project

PROGRAM = """
import threading
import time
import click
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from dbkit.processes import Processes, function_option

processes = Processes("shop", "The processes of the shop.")


@processes.worker(
    "send", every=0.1, concurrency=2, options=[click.option("--seconds", type=float, default=0.0)]
)
def send(database, seconds):
    '''Send the mails that are due.'''
    with database.connection() as connection:
        row = connection.execute(
            "update mails set sent = sent + 1 where id = (select id from mails where sent = 0 "
            "order by id limit 1 for update skip locked) returning id, text"
        ).fetchone()
        if row is None:
            return 0
        if row[1] == "bad":
            raise ValueError(row[0])
        print("sending", row[0], flush=True)
        time.sleep(seconds)
    return 1


@processes.server("receive", port=0)
def receive(database):
    '''Receive mails.'''

    async def add(request):
        text = (await request.body()).decode()
        async with database.connection() as connection:
            await connection.execute("insert into mails (text) values (%s)", (text,))
            if text == "slow":
                await connection.execute("select pg_sleep(1)")
            if text == "bad":
                raise ValueError(text)
        return PlainTextResponse("added")

    return Starlette(routes=[Route("/", add, methods=["POST"])])


@processes.worker("apply", every=1, options=[function_option("--process", what="What is done.")])
def apply(database, process):
    '''Do something.'''
    print(process(4), flush=True)
    return 0


@processes.worker("wait", every=0.1)
def wait(database, stopping):
    '''Wait until it is told to stop.'''
    print("waiting", flush=True)
    print("told" if stopping.wait(60) else "never told", flush=True)
    return 1


pairs, both = [(1, 2), (2, 1)], threading.Barrier(2)


@processes.worker("cross", every=0.1, concurrency=2)
def cross(database):
    '''Lock two mails, at the same time in either order.'''
    if not pairs:
        return 0
    first, second = pairs.pop()
    with database.transaction() as connection:
        connection.execute("set local deadlock_timeout = 10")
        connection.execute("update mails set sent = 1 where id = %s", (first,))
        both.wait()
        connection.execute("update mails set sent = 1 where id = %s", (second,))
    return 1


processes.pruning()

if __name__ == "__main__":
    processes.run()
"""
SLOW_CLIENT = """
import sys, urllib.request
print(urllib.request.urlopen(sys.argv[1], data=b"slow", timeout=20).status)
"""
RETENTION = """\
-- Mails that were sent.
-- :exec
delete from mails where sent > 0;
"""


@pytest.fixture
def shop(project: Project) -> Project:
    project.migration(
        "0001_mails",
        "create table mails (id integer primary key generated always as identity,"
        " text text not null, sent integer not null default 0);",
    )
    assert project.dbkit("migrate").returncode == 0
    (project.root / "shopping.py").write_text(PROGRAM)
    return project


def fill(shop: Project, *texts: str) -> None:
    with shop.connect() as connection:
        connection.cursor().executemany(
            "insert into mails (text) values (%s)", [(text,) for text in texts]
        )


def sent(shop: Project) -> list[int]:
    return [count for (count,) in shop.rows("select sent from mails order by id")]


@contextmanager
def started(shop: Project, *arguments: str) -> Generator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "shopping", *arguments, "--url", shop.url],
        cwd=shop.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def finished(process: subprocess.Popen[str], seconds: float = 30) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=seconds)
    return process.returncode, out, err


def told(process: subprocess.Popen[str], text: str) -> str:
    """Read what it logs up to a line with this text."""
    assert process.stderr is not None
    for line in process.stderr:
        if text in line:
            return line
    raise AssertionError(text)


def test_once_does_what_is_there_and_ends(shop: Project) -> None:
    fill(shop, *"abcdefgh")

    with started(shop, "send", "--once", "--concurrency", "4") as process:
        code, out, err = finished(process)

    assert code == 0, err
    assert sent(shop) == [1] * 8
    assert sorted(re.findall(r"\d+", out), key=int) == [str(number) for number in range(1, 9)]
    assert re.search(r"INFO shop\.send: ended: 8 done, 0 failed", err)


def test_a_failure_is_logged_and_the_rest_is_done(shop: Project) -> None:
    with started(shop, "send", "--concurrency", "1") as process:
        fill(shop, "a", "bad")
        log = told(process, "ValueError: 2")
        with shop.connect() as connection:
            connection.execute("update mails set text = 'good' where text = 'bad'")
        while sent(shop) != [1, 1]:
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        code, _, err = finished(process)

    assert "ValueError" in log
    assert code == 0, err
    assert re.search(r"ended: 2 done, [1-9]\d* failed", err)


def test_once_ends_with_1_after_a_failure(shop: Project) -> None:
    fill(shop, "bad")

    with started(shop, "send", "--once") as process:
        code, _, _ = finished(process)

    assert code == 1
    assert sent(shop) == [0]


def test_what_is_under_way_is_finished_when_it_is_told_to_stop(shop: Project) -> None:
    fill(shop, "a", "b", "c")

    with started(shop, "send", "--seconds", "1", "--concurrency", "1") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        code, _, err = finished(process)

    assert code == 0, err
    assert sent(shop) == [1, 0, 0]
    assert "stopping: what is under way is finished first" in err


def test_a_step_that_asks_for_it_is_told_to_stop(shop: Project) -> None:
    with started(shop, "wait") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        code, out, err = finished(process)

    assert (code, out) == (0, "told\n"), err


def test_what_takes_longer_than_the_grace_is_left_to_others(shop: Project) -> None:
    fill(shop, "a")

    with started(shop, "send", "--seconds", "60", "--grace", "0.3") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        code, _, err = finished(process)

    assert code == 1
    assert "did not end in 0.3 s" in err
    assert sent(shop) == [0]


def test_a_second_signal_ends_it_at_once(shop: Project) -> None:
    fill(shop, "a")

    with started(shop, "send", "--seconds", "60") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        told(process, "stopping")
        process.send_signal(signal.SIGINT)
        code, _, _ = finished(process)

    assert code == 130
    assert sent(shop) == [0]


def test_it_goes_on_after_its_connections_were_lost(shop: Project) -> None:
    with started(shop, "send", "--health", "0.1") as process:
        told(process, "healthy: 0 done")
        for _ in range(3):
            with shop.connect() as connection:
                connection.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity "
                    "where datname = current_database() and pid <> pg_backend_pid()"
                )
        fill(shop, "a", "b")
        while sent(shop) != [1, 1]:
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        code, _, err = finished(process)

    assert code == 0, err


def test_a_deadlock_is_a_failure_and_no_lost_server(shop: Project) -> None:
    fill(shop, "a", "b")

    with started(shop, "cross", "--once") as process:
        code, _, err = finished(process)

    assert code == 1
    assert "DeadlockDetected" in err
    assert "ended: 1 done, 1 failed, 0 times without a server" in err


def test_a_url_that_leads_nowhere_is_one_sentence(shop: Project) -> None:
    url = "postgresql://nobody@127.0.0.1:1/nothing"
    ran = subprocess.run(
        [sys.executable, "-m", "shopping", "send", "--url", url],
        cwd=shop.root,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 1
    assert ran.stderr.startswith("error: ")
    assert "Traceback" not in ran.stderr


def test_it_runs_as_the_role_of_the_settings(shop: Project) -> None:
    role = f"worker_{uuid4().hex}"
    with shop.connect() as connection:
        connection.execute(f"create role {role}; grant select on mails to {role}".encode())
    settings = shop.root / "pyproject.toml"
    settings.write_text(f'{settings.read_text()}role = "{role}"\n')
    fill(shop, "a")

    with started(shop, "send", "--once") as refused:
        _, _, reason = finished(refused)
    with started(shop, "send", "--once", "--role", "none") as process:
        code, _, err = finished(process)
    with shop.connect() as connection:
        connection.execute(f"drop owned by {role}; drop role {role}".encode())

    assert "permission denied for table mails" in reason
    assert code == 0, err
    assert sent(shop) == [1]


@pytest.mark.parametrize(
    ("named", "code", "said"),
    [
        ("math:sqrt", 0, "2.0"),
        ("math:nothing", 2, "'math:nothing' cannot be imported"),
        ("no_such_module:f", 2, "'no_such_module:f' cannot be imported"),
        ("math", 2, "'math' is no function; write package.module:function"),
    ],
)
def test_a_function_is_named_by_its_module(shop: Project, named: str, code: int, said: str) -> None:
    with started(shop, "apply", "--once", "--process", named) as process:
        ended, out, err = finished(process)

    assert ended == code
    assert said in f"{out}{err}"


def test_help_says_what_there_is(shop: Project) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "shopping", "--help"],
        cwd=shop.root,
        capture_output=True,
        text=True,
        check=True,
    )

    assert "The processes of the shop." in ran.stdout
    assert "Send the mails that are due." in ran.stdout
    assert "python -m shopping" in ran.stdout


def post(log: str, text: bytes) -> int:
    url = log.split("listening at ")[1].strip()
    try:
        with urllib.request.urlopen(url, data=text, timeout=20) as answer:  # noqa: S310 - our own
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_a_server_answers_until_it_is_told_to_stop(shop: Project) -> None:
    with started(shop, "receive", "--health", "0.2") as process:
        log = told(process, "listening at")
        codes = [post(log, text) for text in (b"a", b"bad", b"b")]
        told(process, "healthy: 3 answered, 1 of them with an error of ours")
        process.send_signal(signal.SIGTERM)
        code, _, err = finished(process)

    assert codes == [200, 500, 200]
    assert code == 0, err
    assert shop.rows("select text from mails order by id") == [("a",), ("b",)]


def test_a_request_under_way_is_answered_before_the_end(shop: Project) -> None:
    with started(shop, "receive") as process:
        log = told(process, "listening at")
        url = log.split("listening at ")[1].strip()
        client = subprocess.Popen(
            [
                sys.executable,
                "-c",
                SLOW_CLIENT,
                url,
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        query = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'"
        while shop.rows(query) == [(0,)]:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        answer, _ = client.communicate(timeout=30)
        code, _, err = finished(process)

    assert answer.strip() == "200"
    assert code == 0, err


def test_once_answers_one_request(shop: Project) -> None:
    with started(shop, "receive", "--once") as process:
        status = post(told(process, "listening at"), b"a")
        code, _, err = finished(process)

    assert (status, code) == (200, 0), err


def test_a_taken_port_is_one_sentence(shop: Project) -> None:
    with started(shop, "receive") as first:
        port = told(first, "listening at").rstrip().rpartition(":")[2]
        with started(shop, "receive", "--port", port) as second:
            code, _, err = finished(second)

    assert code == 1
    assert f"error: cannot listen at 127.0.0.1:{port}" in err


def test_pruning_runs_the_retention_files(shop: Project) -> None:
    folder = shop.root / "sql" / "shop" / "retention"
    folder.mkdir(parents=True)
    Path(folder / "mails.sql").write_text(RETENTION)
    fill(shop, "a", "b")
    with shop.connect() as connection:
        connection.execute("update mails set sent = 1 where text = 'a'")

    with started(shop, "prune", "--once") as process:
        code, _, err = finished(process)

    assert code == 0, err
    assert shop.rows("select text from mails") == [("b",)]
    assert "ended: 1 done, 0 failed" in err


RENEWED = "update leases set renewals = renewals + 1 where renewals < 3 returning 1"
SOON, LATE = timedelta(seconds=0.06), timedelta(minutes=3)


@pytest.fixture
def leases(empty_url: str) -> str:
    """The URL of a database with a lease that can be renewed three times."""
    with psycopg.connect(empty_url) as connection:
        connection.execute("create table leases (renewals integer); insert into leases values (0)")
    return empty_url


def test_a_lease_is_renewed_while_the_work_lasts(leases: str) -> None:
    with psycopg.connect(leases, autocommit=True) as connection:

        def renew() -> bool:
            return connection.execute(RENEWED).fetchone() is not None

        with heartbeat(renew, lease=SOON, work="this test") as lost:
            assert lost.wait(30)
        [renewals] = connection.execute("select renewals from leases").fetchone() or []
        with heartbeat(renew, lease=LATE, work="this test") as kept:
            pass

    assert renewals == 3
    assert not kept.is_set()


def test_a_lease_is_renewed_on_an_event_loop(leases: str) -> None:
    async def work() -> tuple[int, bool]:
        async with await psycopg.AsyncConnection.connect(leases, autocommit=True) as connection:

            async def renew() -> int:
                return (await connection.execute(RENEWED)).rowcount

            async with heartbeat_async(renew, lease=SOON, work="this test") as lost:
                assert await asyncio.to_thread(lost.wait, 30)
            [renewals] = await (await connection.execute("table leases")).fetchone() or []
            async with heartbeat_async(renew, lease=LATE, work="this test") as kept:
                pass
            return renewals, kept.is_set()

    assert asyncio.run(work()) == (3, False)


def test_a_renewal_that_fails_is_tried_again(leases: str) -> None:
    failures = [OSError("away"), KeyError("a fault of the renewal itself")]

    with psycopg.connect(leases, autocommit=True) as connection:

        def renew() -> int:
            if failures:
                raise failures.pop()
            return connection.execute(RENEWED).rowcount

        with heartbeat(renew, lease=SOON, work="this test") as lost:
            assert lost.wait(30)

    assert not failures


@pytest.mark.parametrize(
    ("statement", "away"),
    [
        ("select pg_terminate_backend(pg_backend_pid())", True),
        ("set statement_timeout = 1; select pg_sleep(10)", False),
        ("do $$ begin raise serialization_failure; end $$", False),
        ("do $$ begin raise deadlock_detected; end $$", False),
        ("select 1 / 0", False),
    ],
)
def test_a_lost_server_is_told_from_a_statement_that_fails(
    empty_url: str, statement: str, *, away: bool
) -> None:
    with psycopg.connect(empty_url) as connection, pytest.raises(psycopg.Error) as raised:
        connection.execute(statement.encode())

    assert is_away(raised.value) is away
