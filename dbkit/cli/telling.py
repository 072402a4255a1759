"""How a run is told to a person at a terminal, to a log, and to a program."""

import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from dbkit.migrations.report import Blocker, Reporter, Silent
from dbkit.migrations.runner import Outcome

if TYPE_CHECKING:
    from rich.status import Status

_SHOW_AFTER = 0.2
_QUIET = {"DEBUG", "LOG", "INFO"}


class Console:
    """A line for each migration when it is done, and on a terminal one that moves until then."""

    def __init__(self, system: str) -> None:
        self._system = system
        self._name = ""
        self._statements = 0
        self._began = 0.0
        self._moving: Status | None = None

    def started(self, name: str, statements: int, *, direction: str) -> None:
        """Remember what is running."""
        del direction
        self._name, self._statements, self._began = name, statements, time.monotonic()

    def statement(self, number: int) -> None:
        """Show which statement runs, where somebody watches."""
        if sys.stderr.isatty() and (
            self._moving or number > 1 or time.monotonic() - self._began > _SHOW_AFTER
        ):
            self._show(f"{self._name}: statement {number} of {self._statements}")

    def finished(self, name: str, seconds: float, *, direction: str) -> None:
        """Say that it is done."""
        verb = "applied" if direction == "apply" else "rolled back"
        self._say(f"{name} {verb} in {seconds:.2f} s ({_count(self._statements, 'statement')})")

    def waiting(self, what: str, blockers: tuple[Blocker, ...], seconds: float) -> None:
        """Say for whom we wait; a log hears it less often each time."""
        name = f"{self._name}: " if self._name else ""
        who = "; ".join(map(str, blockers))
        text = f"{name}waiting {what}, {seconds:.0f} s so far" + (f" ({who})" if who else "")
        if sys.stderr.isatty():
            self._show(text)
        else:
            self._say(text)

    def notice(self, severity: str, message: str) -> None:
        """Pass on what the server says."""
        if severity not in _QUIET:
            self._say(f"{severity.lower()}: {message}")

    def objects(self, verb: str, paths: tuple[str, ...]) -> None:
        """Say what became of views, functions and triggers."""
        self._say(f"{verb}: {', '.join(paths)}")

    def close(self) -> None:
        """Take the moving line away."""
        if self._moving is not None:
            self._moving.stop()
            self._moving = None

    def _say(self, text: str) -> None:
        self.close()
        click.echo(f"{self._system}: {text}", err=True)

    def _show(self, text: str) -> None:
        if self._moving is None:
            from rich.console import Console as Terminal  # noqa: PLC0415 - only where it is watched

            self._moving = Terminal(stderr=True).status(f"{self._system}: {text}")
            self._moving.start()
        else:
            self._moving.update(f"{self._system}: {text}")


@contextmanager
def reporter(system: str, as_json: bool) -> Generator[Reporter]:
    """Report to the terminal, or to nobody where a program reads the output."""
    if as_json:
        yield Silent()
        return
    console = Console(system)
    try:
        yield console
    finally:
        console.close()


def outcome_json(outcome: Outcome) -> dict[str, Any]:
    """Return what a run did, or would do, as a program can read it."""
    return {
        "name": outcome.system,
        "from": outcome.before,
        "version": outcome.after,
        "migrations": list(outcome.migrations),
        "objects": list(outcome.objects),
        "left_out": list(outcome.left_out),
        "dropped": list(outcome.dropped),
    }


def say_plan(outcome: Outcome, verb: str) -> None:
    """Say what a run would do."""
    if not outcome.changed:
        click.echo(f"{outcome.system}: nothing to do at version {outcome.after}")
        return
    click.echo(f"{outcome.system}: from version {outcome.before} to {outcome.after}, {verb}")
    for name in (*outcome.migrations, *outcome.objects):
        click.echo(f"  {name}")
    for name in outcome.dropped:
        click.echo(f"  drop what {name} made")


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
