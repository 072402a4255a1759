"""The processes of myloware as their owner starts and ends them, over real sockets and signals."""

import hmac
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest
from psycopg import Connection

from dbkit.systems.myloware import runs, webhook_dlq, webhook_events
from tests.conftest import ROOT

# a process takes on the role of the application, which no pooler passes on
pytestmark = pytest.mark.usefixtures("own_session")

SECRETS = {"KIEAI_SECRET": "new", "KIEAI_OLD_SECRET": "old", "SHOTSTACK_SECRET": "theirs"}
PROVIDERS = """\
[kieai]
secrets-env = ["KIEAI_SECRET", "KIEAI_OLD_SECRET"]

[shotstack]
secrets-env = ["SHOTSTACK_SECRET"]

[upload-post]
scheme = "token"
secrets-env = ["SHOTSTACK_SECRET"]
"""
# what an application would write
WORK = """\
import os, signal, time
from dbkit.systems.myloware import artifacts, runs


def record(connection, webhook):
    if webhook.payload == b"bad":
        raise ValueError("bad")
    if webhook.payload == b"deadly" and webhook.retry_count == 1:
        print("dying", flush=True)
        time.sleep(60)
    artifacts.add(connection, run_id="run_1", type="clip", provider=webhook.provider,
                  url=webhook.idempotency_key)


def publish(database, leased):
    with database.transaction() as connection:
        runs.finish(connection, run_id=leased.run.run_id, result={}, lease_id=leased.lease_id)
"""


class Process:
    """A process of myloware that was started, and what it says."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.popen = process

    def told(self, text: str) -> str:
        """Read what it logs up to a line with this text."""
        assert self.popen.stderr is not None
        seen: list[str] = []
        for line in self.popen.stderr:
            seen.append(line)
            if text in line:
                return line
        raise AssertionError("".join(seen))

    def stop(self) -> int:
        self.popen.send_signal(signal.SIGTERM)
        return self.popen.wait(30)

    def kill(self) -> None:
        self.popen.send_signal(signal.SIGKILL)
        self.popen.wait()


Start = Callable[..., Process]


@pytest.fixture
def start(database: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start a process of myloware on this test's database."""
    for name, secret in SECRETS.items():
        monkeypatch.setenv(name, secret)
    (tmp_path / "providers.toml").write_text(PROVIDERS)
    (tmp_path / "videos.py").write_text(WORK)
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{tmp_path}")

    with ExitStack() as stack:

        def started(name: str, *arguments: str) -> Process:
            command = [sys.executable, "-m", "dbkit.systems.myloware", name, *arguments]
            popen = stack.enter_context(
                subprocess.Popen(
                    [*command, "--url", database.info.dsn],
                    cwd=ROOT,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
            stack.callback(popen.kill)
            return Process(popen)

        yield started


class Receiver:
    """A receiver that listens, and a client of it."""

    def __init__(self, process: Process) -> None:
        self.process = process
        listening = process.told("listening at http://")
        self.port = int(listening.rpartition(":")[2])

    def send(
        self,
        body: bytes,
        *,
        provider: str = "kieai",
        secret: bytes | None = b"new",
        key: str | None = "request 1",
        headers: dict[str, str] | None = None,
    ) -> tuple[int, str]:
        """Send a webhook as its provider would; give the status and the outcome."""
        sent = {**({"X-Request-Id": key} if key is not None else {}), **(headers or {})}
        if secret is not None:
            sent["X-Signature"] = hmac.digest(secret, body, "sha256").hex()
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", f"/webhooks/{provider}", body, sent)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())["outcome"]
        finally:
            connection.close()


@contextmanager
def receiving(start: Start, folder: Path, *arguments: str) -> Generator[Receiver]:
    options = ("--port", "0", "--providers", str(folder / "providers.toml"), *arguments)
    yield Receiver(start("receive", *options))


@pytest.fixture
def receive(start: Start, tmp_path: Path) -> Iterator[Receiver]:
    """A receiver on this test's database."""
    with receiving(start, tmp_path) as receiver:
        yield receiver


def recorded(database: Connection) -> list[tuple[object, ...]]:
    rows = database.execute(
        "select idempotency_key, provider, signature_status from webhook_events"
        " order by received_at"
    ).fetchall()
    database.rollback()
    return rows


def queued(database: Connection) -> int:
    count = database.execute("select from webhook_dlq").rowcount
    database.rollback()
    return count


def test_a_signed_webhook_is_recorded_and_queued_and_known_when_it_comes_again(
    database: Connection, receive: Receiver
) -> None:
    first = receive.send(b"{}")
    again = receive.send(b"{}")
    old = receive.send(b"{}", secret=b"old", key="request 2")

    assert (first, again, old) == ((202, "recorded"), (200, "known"), (202, "recorded"))
    assert recorded(database) == [
        ("request 1", "kieai", "valid"),
        ("request 2", "kieai", "valid"),
    ]
    assert queued(database) == 2
    assert receive.process.stop() == 0


def test_a_webhook_without_a_right_signature_is_refused_recorded_and_not_queued(
    database: Connection, receive: Receiver
) -> None:
    wrong = receive.send(b"{}", secret=b"guessed")
    missing = receive.send(b"{}", secret=None, key="request 2")
    real = receive.send(b"{}")

    assert wrong == (401, "the signature is invalid")
    assert missing == (401, "the signature is missing")
    assert real == (202, "recorded")
    assert sorted(recorded(database)) == [
        ("request 1", "kieai", "valid"),
        ("request 2", "kieai", "missing"),
    ]
    assert queued(database) == 1


def test_a_provider_that_signs_nothing_is_known_by_its_url(
    database: Connection, receive: Receiver
) -> None:
    right = receive.send(b"1", provider="upload-post?token=theirs", secret=None)
    wrong = receive.send(b"2", provider="upload-post?token=guessed", secret=None)

    assert (right, wrong) == ((202, "recorded"), (401, "the signature is invalid"))
    assert queued(database) == 1


def test_a_key_of_another_provider_is_a_conflict(receive: Receiver) -> None:
    receive.send(b"{}")

    other = receive.send(b"{}", provider="shotstack", secret=b"theirs")

    assert other == (409, "the key is another provider's")


def test_an_unknown_provider_is_not_found(database: Connection, receive: Receiver) -> None:
    assert receive.send(b"{}", provider="nobody") == (404, "no such provider")
    assert recorded(database) == []


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe\x80", b"\x00", b'{"text": "\\u0000"}', "…".encode()]
)
def test_a_body_is_kept_as_it_came_whatever_it_is(
    database: Connection, receive: Receiver, body: bytes
) -> None:
    assert receive.send(body) == (202, "recorded")

    event = webhook_events.find(database, idempotency_key="request 1")
    [entry] = webhook_dlq.claim(database)
    assert event is not None
    assert event.payload == entry.payload == body


def test_a_body_that_is_too_large_is_refused(
    database: Connection, start: Start, tmp_path: Path
) -> None:
    with receiving(start, tmp_path) as receiver:
        # in pieces of unknown length as well
        connection = HTTPConnection("127.0.0.1", receiver.port, timeout=30)
        connection.request("POST", "/webhooks/kieai", iter([b"x" * 2**16] * 17))
        piecemeal = connection.getresponse().status
        connection.close()
        whole = receiver.send(b"x" * (2**20 + 1))

    assert (piecemeal, whole[0]) == (413, 413)
    assert recorded(database) == []


def test_ten_megabytes_are_taken_where_they_may_be(
    database: Connection, start: Start, tmp_path: Path
) -> None:
    body = bytes(range(256)) * 40_000

    with receiving(start, tmp_path, "--max-body", "11000000") as receiver:
        assert receiver.send(body) == (202, "recorded")

    event = webhook_events.find(database, idempotency_key="request 1")
    assert event is not None
    assert event.payload == body


def test_a_key_that_no_index_takes_is_refused(database: Connection, receive: Receiver) -> None:
    status, outcome = receive.send(b"{}", key="k" * 5_000)

    assert (status, outcome) == (400, "X-Request-Id has more than 200 characters")
    assert recorded(database) == []


def test_a_header_with_a_nul_character_is_refused(database: Connection, receive: Receiver) -> None:
    with socket.create_connection(("127.0.0.1", receive.port), timeout=30) as client:
        client.sendall(
            b"POST /webhooks/kieai HTTP/1.1\r\nHost: here\r\nX-Request-Id: \0\r\n"
            b"Content-Length: 2\r\nConnection: close\r\n\r\n{}"
        )
        answer = client.recv(1000)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert recorded(database) == []


def test_a_webhook_without_a_key_is_known_by_its_body(receive: Receiver) -> None:
    outcomes = [receive.send(body, key=None) for body in (b"1", b"1", b"2")]

    assert outcomes == [(202, "recorded"), (200, "known"), (202, "recorded")]


@pytest.mark.usefixtures("as_owner")
def test_nothing_is_answered_with_2xx_before_the_commit(
    database: Connection, receive: Receiver
) -> None:
    database.execute(
        "create function refuse() returns trigger language plpgsql as"
        " $$ begin raise operator_intervention; end $$"
    )
    # what a deferred trigger raises is raised by the commit
    database.execute(
        "create constraint trigger refuse after insert on webhook_events"
        " deferrable initially deferred for each row execute function refuse()"
    )
    database.commit()

    refused = receive.send(b"{}")
    database.execute("drop trigger refuse on webhook_events")
    database.commit()
    again = receive.send(b"{}")

    assert refused == (503, "not recorded")
    assert again == (202, "recorded")


def test_a_receiver_says_whether_its_database_is_there(receive: Receiver) -> None:
    connection = HTTPConnection("127.0.0.1", receive.port, timeout=30)
    connection.request("GET", "/health")

    assert connection.getresponse().status == 200
    connection.close()


def test_a_receiver_that_is_killed_has_lost_nothing_it_answered(
    database: Connection, run: str, receive: Receiver, start: Start
) -> None:
    answers = [receive.send(b"{}", key=str(number)) for number in range(5)]
    receive.process.kill()

    replaying = start("replay", "--process", "videos:record", "--once", "--concurrency", "2")

    assert answers == [(202, "recorded")] * 5
    assert replaying.popen.wait(30) == 0
    assert sorted(urls(database, run)) == [str(number) for number in range(5)]
    assert queued(database) == 0


def urls(database: Connection, run_id: str) -> list[str]:
    rows = database.execute("select url from artifacts where run_id = %s", [run_id]).fetchall()
    database.rollback()
    return [url for (url,) in rows]


def add_queued(database: Connection, key: str, payload: bytes) -> None:
    webhook_events.add(
        database,
        idempotency_key=key,
        provider="kieai",
        headers={},
        payload=payload,
        signature_status="valid",
    )
    database.execute("update webhook_dlq set next_retry_at = null")
    database.commit()


def test_a_replay_that_is_killed_leaves_its_webhook_to_the_next(
    database: Connection, run: str, start: Start
) -> None:
    add_queued(database, "1", b"deadly")
    killed = start("replay", "--process", "videos:record", "--lease", "0.5")
    assert killed.popen.stdout is not None
    assert killed.popen.stdout.readline() == "dying\n"
    killed.kill()
    meanwhile = urls(database, run)
    time.sleep(0.6)

    following = start("replay", "--process", "videos:record", "--once")

    assert following.popen.wait(30) == 0
    assert (meanwhile, urls(database, run)) == ([], ["1"])
    assert queued(database) == 0


def test_a_webhook_that_fails_is_logged_and_the_rest_is_done(
    database: Connection, run: str, start: Start
) -> None:
    add_queued(database, "1", b"bad")
    add_queued(database, "2", b"{}")

    replaying = start("replay", "--process", "videos:record", "--once")

    replaying.told("webhook 1 of kieai failed in attempt 1: ValueError('bad')")
    assert replaying.popen.wait(30) == 0
    assert urls(database, run) == ["2"]
    assert [error.error for error in webhook_dlq.list_common_errors(database)] == [
        "ValueError('bad')"
    ]


def test_a_replay_goes_on_until_it_is_told_to_stop(
    database: Connection, run: str, start: Start
) -> None:
    replaying = start("replay", "--process", "videos:record")
    replaying.told("working, 1 at once")

    add_queued(database, "1", b"{}")

    while queued(database):
        time.sleep(0.02)
    assert replaying.stop() == 0
    assert urls(database, run) == ["1"]


def test_work_is_done_on_running_runs(database: Connection, run: str, start: Start) -> None:
    working = start("work", "--process", "videos:publish", "--once")

    assert working.popen.wait(30) == 0
    found = runs.find(database, run_id=run)
    assert found is not None
    assert found.status == "published"


@pytest.mark.parametrize(
    "function", ["videos", "videos:nothing", "nowhere:record", ":", "videos:os"]
)
def test_what_is_no_function_is_refused(start: Start, function: str) -> None:
    refused = start("replay", "--process", function)

    _, told = refused.popen.communicate(timeout=30)
    assert refused.popen.returncode == 2
    assert f"{function!r} " in told


def test_old_webhooks_are_pruned(database: Connection, start: Start) -> None:
    add_queued(database, "old", b"{}")
    database.execute("delete from webhook_dlq")
    database.execute("update webhook_events set received_at = now() - interval '91 days'")
    database.commit()

    pruning = start("prune", "--once")

    assert pruning.popen.wait(30) == 0
    assert recorded(database) == []
