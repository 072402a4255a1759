"""How a run is told to a person at a terminal, to a log, and to a program."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import click

from dbkit.cli.counting import count_of
from dbkit.cli.moving import moving_line
from dbkit.migrations import Blocker, Outcome, Reporter, Silent

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

# the first and only task of a progress has this number
_TASK = cast("TaskID", 0)
_QUIET = {"DEBUG", "LOG", "INFO"}


class Console:
    """A line for each migration when it is done, and on a terminal one that moves until then."""

    def __init__(self, system: str) -> None:
        self._system = system
        self._name = ""
        self._statements = 0
        self._told_wait = 0.0
        self._moving: Progress | None = None

    def started(self, name: str, statements: int, *, direction: str) -> None:
        """Remember what is running."""
        del direction
        self._name, self._statements, self._told_wait = name, statements, 0.0
        self._start_moving()
        if self._moving is not None:
            self._moving.reset(_TASK, description=f"{self._system}: {name}")

    def statement(self, number: int) -> None:
        """Show which statement runs, where somebody watches."""
        self._show(f"{self._name}: statement {number} of {self._statements}")

    def finished(self, name: str, seconds: float, *, direction: str) -> None:
        """Say that it is done."""
        verb = "applied" if direction == "apply" else "rolled back"
        self._say(f"{name} {verb} in {seconds:.2f} s ({count_of(self._statements, 'statement')})")

    def waiting(self, what: str, blockers: tuple[Blocker, ...], seconds: float) -> None:
        """Say for whom we wait; a log hears it half as often each time."""
        name = f"{self._name}: " if self._name else ""
        who = "; ".join(map(str, blockers))
        text = f"{name}waiting {what}, {seconds:.0f} s so far" + (f" ({who})" if who else "")
        self._start_moving()
        if self._moving is not None:
            self._show(text)
        elif not seconds < 2 * self._told_wait:
            self._told_wait = seconds
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

    def _start_moving(self) -> None:
        if self._moving is None and sys.stderr.isatty():
            self._moving = moving_line()
            self._moving.start()

    def _say(self, text: str) -> None:
        line = f"{self._system}: {text}"
        if self._moving is not None:
            self._moving.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            click.echo(line, err=True)

    def _show(self, text: str) -> None:
        if self._moving is not None:
            self._moving.update(_TASK, description=f"{self._system}: {text}")


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
