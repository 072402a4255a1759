"""The processes of mrwa, started as its owner starts them."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep
from uuid import UUID

import pytest
from psycopg import Connection
from psycopg.conninfo import make_conninfo

from dbkit.systems.mrwa import execution_logs, executions
from tests.conftest import ROOT

STEPS = """
import time
from dbkit.systems.mrwa import executions

def finish(database, work):
    with database.transaction() as connection:
        executions.start_step(connection, execution_id=work.id, attempt=work.attempt, step_id=1)

def hang(database, work):
    finish(database, work)
    time.sleep(60)
"""


class Started(subprocess.Popen[str]):
    """A process of mrwa on the test's own database."""

    def __init__(self, database: Connection, folder: Path, *arguments: str) -> None:
        info = database.info
        url = make_conninfo(host=info.host, port=info.port, user=info.user, dbname=info.dbname)
        (folder / "steps.py").write_text(STEPS)
        super().__init__(
            [sys.executable, "-m", "dbkit.systems.mrwa", *arguments, "--url", url],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def planned(database: Connection, ada: UUID) -> UUID:
    """An execution that waits for a worker, with one step."""
    execution_id = executions.add(
        database,
        user_id=ada,
        input_type="pdf",
        input_value="a.pdf",
        input_file_url=None,
        steps=[{"name": "Extract"}],
    )
    database.commit()
    return execution_id


def wait_until(database: Connection, status: str, attempts: int) -> None:
    deadline = monotonic() + 30
    query = "select status, current_step, attempts from executions"
    while database.execute(query.encode()).fetchall() != [(status, 1, attempts)]:
        database.rollback()
        assert monotonic() < deadline, f"it never was {status}"
        sleep(0.05)
    database.rollback()


def write(database: Connection, execution: UUID, *messages: str) -> None:
    values = [execution_logs.AddValues(execution, "info", line, None, None) for line in messages]
    execution_logs.add(database, values)
    database.commit()


def test_what_a_killed_process_left_is_done_by_the_next(
    database: Connection, planned: UUID, tmp_path: Path
) -> None:
    doomed = Started(database, tmp_path, "work", "--execute", "steps:hang", "--lease", "0.6")
    with doomed:
        wait_until(database, "running", 1)
        doomed.kill()

    with Started(database, tmp_path, "work", "--execute", "steps:finish") as worker:
        wait_until(database, "completed", 2)
        worker.send_signal(signal.SIGTERM)
        _, said = worker.communicate(timeout=30)

    assert worker.returncode == 0, said
    found = executions.find_progress(database, execution_id=planned)
    assert found
    assert found.steps[0].attempts == 2


def test_a_process_that_is_told_to_work_once_ends(
    database: Connection, planned: UUID, tmp_path: Path
) -> None:
    with Started(database, tmp_path, "work", "--execute", "steps:finish", "--once") as worker:
        _, said = worker.communicate(timeout=30)

    assert worker.returncode == 0, said
    assert "1 done" in said
    found = executions.find_progress(database, execution_id=planned)
    assert found
    assert found.status == "completed"


def test_a_function_that_is_none_is_told(database: Connection, tmp_path: Path) -> None:
    with Started(database, tmp_path, "work", "--execute", "steps:missing") as worker:
        _, said = worker.communicate(timeout=30)

    assert worker.returncode == 2
    assert "cannot be imported" in said


def test_the_lines_of_an_execution_are_followed_and_can_be_gone_on_with(
    database: Connection, execution: UUID, tmp_path: Path
) -> None:
    write(database, execution, "one", "two")
    with Started(database, tmp_path, "tail", str(execution), "--json") as first:
        assert first.stdout
        lines = [json.loads(first.stdout.readline()) for _ in range(2)]
        first.send_signal(signal.SIGTERM)
        first.communicate(timeout=30)
    write(database, execution, "three")
    executions.fail(database, execution_id=execution, error_message="of a test")
    database.commit()

    again = Started(database, tmp_path, "tail", str(execution), "--position", lines[-1]["position"])
    with again:
        out, said = again.communicate(timeout=30)

    assert [line["message"] for line in lines] == ["one", "two"]
    assert first.returncode == 0
    assert (again.returncode, out.split()[2:]) == (0, ["info", "three"]), said


def test_old_rows_are_pruned(database: Connection, execution: UUID, tmp_path: Path) -> None:
    write(database, execution, "old", "new")
    database.execute(
        "update execution_logs set timestamp = now() - interval '31 days' where message = 'old'"
    )
    database.commit()

    with Started(database, tmp_path, "prune", "--once") as pruning:
        _, said = pruning.communicate(timeout=60)

    assert pruning.returncode == 0, said
    left = database.execute("select message from execution_logs").fetchall()
    assert left == [("new",)]
