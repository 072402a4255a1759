"""The processes of ai_orchestration, started, called and killed as their owner would."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import pytest
from psycopg import Connection

from dbkit.systems.ai_orchestration import runs, tenants, vault, webhooks
from dbkit.systems.ai_orchestration.webhook_calls import TOLERANCE, new_secret, sign
from tests.addresses import url_of
from tests.conftest import ROOT
from tests.systems.ai_orchestration.drafts import Draft
from tests.systems.ai_orchestration.processes import DEADLINE, wait_for
from tests.systems.ai_orchestration.scheduling import add_schedule, make_due

OLD, NEW = os.urandom(32), os.urandom(32)


# a process takes on the role of the application, which no pooler passes on
pytestmark = pytest.mark.usefixtures("own_session")


@contextmanager
def started(
    database: Connection, *arguments: str, **environment: str
) -> Generator[subprocess.Popen[str]]:
    """Start a process; it is killed at the end unless it has ended."""
    database.commit()
    with subprocess.Popen(
        [
            *(sys.executable, "-m", "dbkit.systems.ai_orchestration", *arguments),
            *("--url", url_of(database)),
        ],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def ran(database: Connection, *arguments: str, **environment: str) -> tuple[int, str, str]:
    with started(database, *arguments, **environment) as process:
        out, err = process.communicate(timeout=DEADLINE)
        return process.returncode, out, err


class Address(NamedTuple):
    """Where a receiver listens, for one webhook."""

    host: str
    port: int
    path: str
    secret: str


class Answer(NamedTuple):
    """What a receiver answered."""

    status: int
    said: dict[str, Any]


@pytest.fixture
def draft(database: Connection, tenant: UUID) -> Draft:
    """A published workflow of one step."""
    draft = Draft(database, tenant)
    draft.step("fetch")
    draft.publish()
    return draft


@pytest.fixture
def address(database: Connection, draft: Draft) -> Generator[Address]:
    """A receiver that listens, and a webhook of the tenant's."""
    secret = new_secret()
    webhook = webhooks.add(
        database,
        **draft.key,
        name="orders",
        description=None,
        secret=secret,
        input_mapping=None,
        created_by=None,
    )
    with started(database, "receive", "--port", "0") as process:
        yield Address(*listening(process), f"/tenants/{draft.tenant}/webhooks/{webhook}", secret)


def listening(process: subprocess.Popen[str]) -> tuple[str, int]:
    assert process.stderr
    for line in process.stderr:
        if found := re.search(r"listening at http://(.+):(\d+)", line):
            return found[1], int(found[2])
    raise AssertionError("it never listened")  # noqa: TRY003 - a test's own


def post(
    address: Address, body: bytes = b"{}", *, path: str | None = None, **headers: str | None
) -> Answer:
    """Send a signed call; a header is left out with None, and replaced by what is given."""
    now = int(time.time())
    sent = {
        "x-timestamp": str(now),
        "x-signature": sign(body, secret=address.secret, timestamp=now),
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    connection = http.client.HTTPConnection(address.host, address.port, timeout=DEADLINE)
    connection.request(
        "POST",
        path or address.path,
        body,
        {name: value for name, value in sent.items() if value is not None},
    )
    response = connection.getresponse()
    answer = Answer(response.status, json.loads(response.read()))
    connection.close()
    return answer


def count(database: Connection) -> int:
    database.rollback()
    return database.execute("select from runs").rowcount


def test_a_signed_call_is_answered_when_its_run_is_committed(
    database: Connection, address: Address
) -> None:
    answer = post(address, b'{"n": 1}')

    assert answer.status == 202
    database.rollback()
    row = database.execute("select id::text, status, input from runs").fetchone()
    assert row == (answer.said["run_id"], "pending", {"n": 1})
    assert answer.said["is_first"] is True


def test_equal_calls_at_once_start_one_run_over_http(
    database: Connection, address: Address
) -> None:
    now = str(int(time.time()))
    signature = sign(b"{}", secret=address.secret, timestamp=int(now))

    def call(_: int) -> Answer:
        return post(address, x_timestamp=now, x_signature=signature)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(call, range(8)))

    assert sorted(answer.status for answer in answers) == [200] * 7 + [202]
    assert len({answer.said["run_id"] for answer in answers}) == 1
    assert count(database) == 1


def test_a_delivery_has_an_id_of_the_senders(database: Connection, address: Address) -> None:
    now = int(time.time())
    statuses: list[int] = []
    for timestamp in (now, now - 1):
        signature = sign(b"{}", secret=address.secret, timestamp=timestamp, delivery_id="order-1")
        answer = post(
            address,
            x_timestamp=str(timestamp),
            x_signature=signature,
            x_delivery_id="order-1",
        )
        statuses.append(answer.status)

    assert (statuses, count(database)) == ([202, 200], 1)


def test_a_call_that_is_refused_says_why_and_starts_nothing(
    database: Connection, address: Address
) -> None:
    late = int(time.time()) - TOLERANCE - 5
    refused = {
        "wrong": post(address, x_signature="sha256=00"),
        "missing": post(address, x_signature=None),
        "no time": post(address, x_timestamp=None),
        "no number": post(address, x_timestamp="soon"),
        "huge time": post(address, x_timestamp="9" * 400),
        "late": post(
            address,
            x_timestamp=str(late),
            x_signature=sign(b"{}", secret=address.secret, timestamp=late),
        ),
        "not utf-8": post(address, b'"\xff"'),
        "not json": post(address, b"{"),
        "nul": post(address, rb'"\u0000"'),
        "empty": post(address, b""),
        "10 MB": post(address, b'"' + b"x" * 10_000_000 + b'"'),
        "delivery": post(address, x_delivery_id="a b"),
        "unknown": post(address, path=re.sub(r"[^/]+$", str(uuid4()), address.path)),
        "no tenant": post(
            address, path=re.sub(r"tenants/[^/]+", f"tenants/{uuid4()}", address.path)
        ),
    }

    assert {name: answer.status for name, answer in refused.items()} == {
        **dict.fromkeys(("wrong", "missing", "no time", "no number", "huge time", "late"), 401),
        **dict.fromkeys(("not utf-8", "not json", "nul", "empty", "delivery"), 400),
        "10 MB": 413,
        **dict.fromkeys(("unknown", "no tenant"), 404),
    }
    assert all(answer.said["error"] for answer in refused.values())
    assert count(database) == 0
    assert post(address).status == 202


def test_a_webhook_that_starts_nothing_is_a_conflict(
    database: Connection, address: Address, draft: Draft
) -> None:
    database.execute("update webhooks set enabled = false")
    database.commit()

    answer = post(address)

    assert answer.status == 409
    assert "starts nothing because it is disabled" in answer.said["error"]
    assert draft.tenant


def test_what_cannot_be_committed_is_no_success(database: Connection, address: Address) -> None:
    # the run is written, and its commit fails
    database.execute(
        "create function refuse() returns trigger language plpgsql as"
        " $$ begin raise exception 'no room'; end; $$"
    )
    database.execute(
        "create constraint trigger refuse after insert on runs deferrable initially deferred"
        " for each row execute function refuse()"
    )
    database.commit()
    connection = http.client.HTTPConnection(address.host, address.port, timeout=DEADLINE)
    now = int(time.time())
    signature = sign(b"{}", secret=address.secret, timestamp=now)

    connection.request(
        "POST", address.path, b"{}", {"x-timestamp": str(now), "x-signature": signature}
    )
    status = connection.getresponse().status
    connection.close()

    assert (status, count(database)) == (500, 0)


def test_a_receiver_tells_that_it_is_healthy_and_ends_when_it_is_told(
    database: Connection,
) -> None:
    with started(database, "receive", "--port", "0") as process:
        connection = http.client.HTTPConnection(*listening(process), timeout=DEADLINE)
        connection.request("GET", "/health")
        assert connection.getresponse().status == 200
        connection.close()

        process.send_signal(signal.SIGTERM)

        assert process.wait(DEADLINE) == 0


def test_what_a_killed_work_process_left_another_one_finishes(
    database: Connection, draft: Draft
) -> None:
    for _ in range(3):
        assert runs.add(
            database, **draft.key, workflow_version=None, input=None, triggered_by_user=None
        )
    hanging = ("--adapter", "tool=time:sleep_for_ever")
    wrong, _, told = ran(database, "work", "--once", *hanging)
    slow = ("--adapter", "tool=tests.systems.ai_orchestration.slow_adapter:answer")

    with started(database, "work", "--lease", "1", *slow) as process:
        wait_for(
            database,
            "a step under way",
            lambda: database.execute("select from step_runs where status = 'running'").rowcount,
        )
        process.send_signal(signal.SIGKILL)
        process.wait(DEADLINE)
    wait_for(
        database,
        "the end of its lease",
        lambda: runs.list_stalled(database, tenant_id=draft.tenant),
    )
    code, _, said = ran(database, "work", "--once", "--lease", "5")

    assert wrong == 2
    assert "'time:sleep_for_ever' cannot be imported" in told
    assert (code, said.count("failed:")) == (0, 0)
    database.rollback()
    states = database.execute("select status, attempts > 1 from runs").fetchall()
    assert {status for status, _ in states} == {"completed"}
    assert any(was_lost for _, was_lost in states)


def test_a_work_process_that_is_told_to_stop_gives_its_run_back_between_two_steps(
    database: Connection, draft: Draft, tmp_path: Path
) -> None:
    [fetch] = database.execute("select id from steps").fetchone() or []
    draft.edge(fetch, draft.step("report"))
    draft.publish()
    runs.add(database, **draft.key, workflow_version=None, input=None, triggered_by_user=None)
    file = tmp_path / "go on"
    slow = ("--adapter", "tool=tests.systems.ai_orchestration.slow_adapter:wait_for_file")
    steps = "select step_name, status, attempt from step_runs order by created_at"

    with started(database, "work", *slow, SLOW_ADAPTER_FILE=str(file)) as process:
        wait_for(
            database,
            "a step under way",
            lambda: database.execute("select from step_runs where status = 'running'").rowcount,
        )
        process.send_signal(signal.SIGTERM)
        assert process.stderr
        assert any("stopping" in line for line in process.stderr)
        file.touch()
        _, told = process.communicate(timeout=DEADLINE)
    left = database.execute("select status, worker, attempts from runs").fetchall()
    done = database.execute(steps).fetchall()
    ended = ran(database, "work", "--once")

    assert process.returncode == 0
    assert "ended: 0 done, 0 failed" in told
    assert (left, done) == ([("pending", None, 0)], [("fetch", "completed", 1)])
    assert ended[0] == 0
    database.rollback()
    assert database.execute("select status, attempts from runs").fetchall() == [("completed", 1)]
    assert database.execute(steps).fetchall() == [*done, ("report", "completed", 1)]


def test_the_schedule_process_starts_what_is_due(database: Connection, draft: Draft) -> None:
    add_schedule(database, draft.tenant, draft.id)
    broken = add_schedule(database, draft.tenant, draft.id)
    database.execute("update schedules set timezone = 'Mars' where id = %s", [broken])
    make_due(database)

    code, _, _ = ran(database, "schedule", "--once")

    database.rollback()
    assert (code, count(database)) == (0, 1)
    rows = database.execute(
        "select status, run_count, worker, attempts from schedules order by status"
    ).fetchall()
    assert rows == [("active", 1, None, 0), ("paused", 0, None, 0)]


def test_secrets_are_rotated_and_what_cannot_be_read_is_named(
    database: Connection, tenant: UUID
) -> None:
    old = vault.Keyring("old", {"old": OLD})
    for number in range(3):
        vault.put(database, old, tenant_id=tenant, name=f"{number}", value="x")
    keys = {"AI_ORCHESTRATION_KEYS": f"new:{NEW.hex()} old:{OLD.hex()}"}

    good = ran(database, "rotate-secrets", **keys)
    database.execute("update secrets set encrypted_value = 'spoilt' where name = '1'")
    bad = ran(database, "rotate-secrets", **keys)
    none = ran(database, "rotate-secrets", AI_ORCHESTRATION_KEYS="new:12")

    assert good[:2] == (0, "3 secrets are under key 'new', 0 are not\n")
    assert bad[:2] == (1, "0 secrets are under key 'new', 1 are not\n")
    assert f"passed over: the secret '1' of tenant {tenant} does not decrypt" in bad[2]
    assert none[0] == 1
    assert "key 'new' is unusable" in none[2]


def test_the_prune_process_removes_what_is_not_kept(database: Connection, draft: Draft) -> None:
    tenants.change_settings(database, tenant_id=draft.tenant, settings={"data_retention_days": 1})
    run = runs.add(database, **draft.key, workflow_version=None, input=None, triggered_by_user=None)
    database.execute(
        "update runs set status = 'completed', completed_at = now() - interval '2 days'"
    )

    code, _, said = ran(database, "prune", "--once")

    assert run
    assert (code, count(database)) == (0, 0)
    assert "ai_orchestration.prune: retention.remove_old_runs: 1 rows" in said
