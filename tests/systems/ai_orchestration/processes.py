"""Processes that are killed while they work, for the tests of ai_orchestration."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from time import monotonic, sleep

from psycopg import Connection

DEADLINE = 30


def killed_at_work(program: str, *arguments: str) -> None:
    """Run a program in a process of its own, and kill it when it says that it has begun."""
    with subprocess.Popen(
        [sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "begun\n"
        os.kill(process.pid, signal.SIGKILL)


def wait_for(database: Connection, what: str, is_so: Callable[[], object]) -> None:
    """Return when something is so, each time in a transaction of its own."""
    deadline = monotonic() + DEADLINE
    while True:
        database.rollback()
        if is_so():
            database.rollback()
            return
        assert monotonic() < deadline, f"{what} never came"
        sleep(0.02)
