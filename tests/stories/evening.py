"""An evening of real processes: some are killed while they work, and all of the work gets done.

Each system's own command line is started, `python -m dbkit.systems.mrwa work` and the like. What a
provider would do is done here: a webhook that was not answered with 2xx comes again.
"""

import hmac
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from random import Random
from typing import Any

import psycopg

from dbkit.database import connect
from dbkit.systems.ai_orchestration import runs as workflow_runs
from dbkit.systems.ai_orchestration import tenants
from dbkit.systems.mrwa import executions, users
from dbkit.systems.myloware import runs
from tests.conftest import ROOT
from tests.stories.telling import Say
from tests.systems.ai_orchestration.drafts import Draft

# what an application would write
_WORK = """
import time
from dbkit.systems.mrwa import executions
from dbkit.systems.myloware import artifacts


def execute(database, work):
    with database.transaction() as connection:
        executions.start_step(connection, execution_id=work.id, attempt=work.attempt, step_id=1)
    time.sleep(0.3)


def record(connection, webhook):
    time.sleep(0.1)
    key = webhook.idempotency_key
    artifacts.add(
        connection,
        run_id=key.rpartition("-")[0],
        type="clip",
        provider=webhook.provider,
        url=key,
    )
"""
_PROVIDERS = '[kieai]\nsecrets-env = ["KIEAI_SECRET"]\n'
_SECRET = "of a demonstration"  # noqa: S105 - of nobody
_WORKERS, _KILLED, _PIECES = 4, 3, 12
_LEASE = ("--lease", "1.5")
_PATIENCE = 60.0
_BETWEEN_LOOKS = 0.1

Evening = Callable[[str, "Processes", str, Say], list[str]]


class Processes:
    """The processes of one system that were started, on its own database."""

    def __init__(self, system: str, url: str, folder: Path, random: Random) -> None:
        self._command = [sys.executable, "-m", f"dbkit.systems.{system}"]
        self._url = url
        self.folder = folder
        self.random = random
        self.started: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start one of its processes."""
        process = subprocess.Popen(
            [*self._command, *arguments, "--url", self._url],
            cwd=ROOT,
            env={
                **os.environ,
                "PYTHONPATH": f"{ROOT}:{self.folder}",
                "KIEAI_SECRET": _SECRET,
            },
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def kill_one(self) -> None:
        """End one that is at work as a machine that loses its power does."""
        alive = [process for process in self.started if process.poll() is None]
        victim = self.random.choice(alive)
        victim.kill()
        victim.wait()

    def stop(self) -> list[str]:
        """Tell all to stop, and return what did not end well."""
        alive = [process for process in self.started if process.poll() is None]
        for process in alive:
            process.send_signal(signal.SIGTERM)
        wrong: list[str] = []
        for process in alive:
            _, said = process.communicate(timeout=_PATIENCE)
            # one that is told to stop while it is loaded was at nothing
            if process.returncode not in {0, -signal.SIGTERM}:
                wrong.append(f"{process.args!r}: {process.returncode}: {said[-500:]}")
        return wrong

    def end(self) -> None:
        """Leave none behind."""
        for process in self.started:
            with suppress(ProcessLookupError):
                process.kill()
            process.wait()
            if process.stderr is not None:
                process.stderr.close()


def spend(system: str, url: str, seed: int, say: Say) -> list[str]:
    """Spend an evening with the processes of a system, and return what went wrong."""
    with _processes(system, url, seed) as processes:
        wrong = _EVENINGS[system](url, processes, f"evening-{seed}", say)
        return [*wrong, *processes.stop()]


@contextmanager
def _processes(system: str, url: str, seed: int) -> Generator[Processes]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dbkit-evening-")))
        (folder / "evening_work.py").write_text(_WORK)
        (folder / "providers.toml").write_text(_PROVIDERS)
        processes = Processes(system, url, folder, Random(seed))  # noqa: S311 - no secret
        stack.callback(processes.end)
        yield processes


def _mrwa(url: str, processes: Processes, name: str, say: Say) -> list[str]:
    with connect(url) as connection, connection.transaction():
        user = users.add(
            connection,
            email=f"{name}@example.org",
            password_hash="-",  # noqa: S106 - nobody logs in
            name=None,
            verification_token=None,
        )
        if user is None:
            raise AssertionError(name)
        for number in range(_PIECES):
            executions.add(
                connection,
                user_id=user,
                input_type="pdf",
                input_value=f"{number}.pdf",
                input_file_url=None,
                steps=[{"name": "Extract"}],
            )
    _work(processes, say, "work", "--execute", "evening_work:execute", *_LEASE, "--role", "none")
    query = "select status, count(*) from executions where user_id = %s group by 1"
    found = _wait(url, query, user, {"completed": _PIECES})
    say(f"{_PIECES} executions by {_WORKERS} processes, {_KILLED} killed: {found}")
    return [] if found == {"completed": _PIECES} else [f"executions are {found}"]


def _myloware(url: str, processes: Processes, name: str, say: Say) -> list[str]:
    with connect(url) as connection:
        runs.add(connection, run_id=name, project=name, payload=None)
    options = ("--port", "0", "--providers", str(processes.folder / "providers.toml"))
    receiver = processes.start("receive", *options, "--role", "none")
    port, unanswered = _port(receiver), 0
    replays = ("replay", "--process", "evening_work:record", *_LEASE, "--role", "none")
    for _ in range(_WORKERS):
        processes.start(*replays)
    waiting = [f"{name}-{number}" for number in range(_PIECES)]
    while waiting:
        key = waiting.pop(0)
        if processes.random.random() < 1 / _KILLED:
            # before, in the midst of the request, or after it
            threading.Timer(processes.random.uniform(0, 0.02), receiver.kill).start()
        if not _is_taken(port, key):
            # as a provider does: it comes again, until it is answered
            unanswered += 1
            waiting.append(key)
            with suppress(subprocess.TimeoutExpired):
                receiver.wait(0.1)
            if receiver.poll() is not None:
                receiver = processes.start("receive", *options, "--role", "none")
                port = _port(receiver)
    for _ in range(_KILLED):
        time.sleep(0.3)
        processes.kill_one()
        processes.start(*replays)
    query = """
    select case times when 1 then 'once' else 'often' end, count(*)
    from (select count(*) as times from artifacts where url like %s group by url) as recorded
    group by 1
    """
    found = _wait(url, query, f"{name}-%", {"once": _PIECES})
    say(f"{_PIECES} webhooks, {unanswered} sent again, recorded: {found}")
    return [] if found == {"once": _PIECES} else [f"webhooks were recorded {found}"]


def _ai_orchestration(url: str, processes: Processes, name: str, say: Say) -> list[str]:
    with connect(url) as connection, connection.transaction():
        tenant = tenants.add(connection, name=name, slug=name)
        draft = Draft(connection, tenant)
        draft.step("fetch")
        draft.publish()
        for _ in range(_PIECES):
            workflow_runs.add(
                connection,
                **draft.key,
                workflow_version=None,
                input=None,
                triggered_by_user=None,
            )
    _work(processes, say, "work", "--concurrency", "2", *_LEASE, "--role", "none")
    query = "select status, count(*) from runs where tenant_id = %s group by 1"
    found = _wait(url, query, tenant, {"completed": _PIECES})
    say(f"{_PIECES} runs by {_WORKERS} processes, {_KILLED} killed: {found}")
    return [] if found == {"completed": _PIECES} else [f"runs are {found}"]


def _softwarestudio(url: str, processes: Processes, name: str, say: Say) -> list[str]:
    del url, name
    wrong: list[str] = []
    for process in ("expire", "reset-usage", "prune"):
        started = processes.start(process, "--once")
        _, said = started.communicate(timeout=_PATIENCE)
        if started.returncode != 0:
            wrong.append(f"{process}: {said[-500:]}")
    say("sessions expire, a new day of usage begins, and old rows are removed")
    return wrong


_EVENINGS: Mapping[str, Evening] = {
    "ai_orchestration": _ai_orchestration,
    "mrwa": _mrwa,
    "myloware": _myloware,
    "softwarestudio": _softwarestudio,
}


def _work(processes: Processes, say: Say, *arguments: str) -> None:
    """Start workers, and kill some of them while they work; others take their places."""
    for _ in range(_WORKERS):
        processes.start(*arguments)
    for _ in range(_KILLED):
        time.sleep(processes.random.uniform(0.3, 0.9))
        processes.kill_one()
        processes.start(*arguments)
    say(f"{_KILLED} of {_WORKERS} processes were killed, and others took their places")


def _wait(url: str, query: str, value: Any, wanted: dict[str, int]) -> dict[str, int]:  # noqa: ANN401 - an id or a text
    """Ask until it is as wanted, or for a minute, and return how it is."""
    ends = time.monotonic() + _PATIENCE
    with psycopg.connect(url, autocommit=True) as connection:
        while True:
            found = {
                str(key): int(count) for key, count in connection.execute(query.encode(), (value,))
            }
            if found == wanted or time.monotonic() > ends:
                return found
            time.sleep(_BETWEEN_LOOKS)


def _port(receiver: "subprocess.Popen[str]") -> int:
    for line in receiver.stderr or ():
        if "listening at http://" in line:
            return int(line.rpartition(":")[2])
    raise AssertionError(receiver.args)


def _is_taken(port: int, key: str) -> bool:
    body = b'{"done": true}'
    headers = {
        "X-Request-Id": key,
        "X-Signature": hmac.digest(_SECRET.encode(), body, "sha256").hex(),
    }
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", "/webhooks/kieai", body, headers)
        return connection.getresponse().status // 100 == 2
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
