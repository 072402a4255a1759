"""What tests say to other processes and to servers, and what they hear."""

import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psycopg

from dbkit.server import Binaries, EmbeddedServer


@dataclass(frozen=True)
class Actor:
    """Another process, as `actor.py` describes it."""

    process: subprocess.Popen[str]

    def hear(self, beginning: str) -> str:
        """Wait for the line that begins so and return the rest of it."""
        assert self.process.stdout is not None
        lines: list[str] = []
        for line in self.process.stdout:
            if line.startswith(beginning):
                return line.removeprefix(beginning).strip()
            lines.append(line)
        raise AssertionError(beginning, lines)

    def kill(self, number: signal.Signals) -> None:
        """Send a signal to it alone and wait for its end."""
        self.process.send_signal(number)
        self.process.wait(timeout=30)


class StartActor(Protocol):
    """Starts another process, as `actor.py` describes it."""

    def __call__(
        self,
        folder: Path,
        *words: str,
        programs: Path | None = ...,
        account: str = ...,
        options: tuple[str, ...] = ...,
        environment: dict[str, str] | None = ...,
    ) -> Actor: ...


def run_sql(server: EmbeddedServer, statement: str) -> object:
    """Run one statement and return its first value, if it has one."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def wait_until(true: Callable[[], bool]) -> None:
    """Wait for something that other processes do."""
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def wrap(binaries: Binaries, parent: Path, **before: str) -> Binaries:
    """Make a bin folder whose programs run a line of shell first: real ones, in real trouble."""
    folder = parent / "wrapped"
    folder.mkdir()
    for program in binaries.bin.iterdir():
        wrapper = folder / program.name
        if program.name in before:
            wrapper.write_text(f'#!/bin/sh\n{before[program.name]}\nexec "{program}" "$@"\n')
            wrapper.chmod(0o755)
        else:
            wrapper.symlink_to(program)
    return Binaries(folder)
