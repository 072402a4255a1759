"""Show a run of migrations to a person at a terminal, to a log and to a program."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import click

from dbkit.cli.bars import spinner
from dbkit.cli.printing import count_of
from dbkit.migrations import WAIT, Blocker, Outcome, Reporter, Silent, read_duration

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

# the first and only task of a spinner has this number
_TASK = cast("TaskID", 0)
# what the server says at these levels is of no use to a person
_QUIET_SEVERITIES = {"DEBUG", "LOG", "INFO"}
_LONGEST_STATEMENT = 160
_NAMED_OBJECTS = 20

wait_option = click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=WAIT,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for another runner, or for a lock.",
)


def _read_time(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> float | None:
    """Return the seconds of a time with its unit, such as 2s, as PostgreSQL's settings have it."""
    try:
        return None if value is None else read_duration(value)
    except ValueError as error:
        raise click.BadParameter(f"{value!r} {error}", context, parameter) from None


lock_timeout_option = click.option(
    "--lock-timeout",
    callback=_read_time,
    metavar="TIME",
    help="How long one attempt waits for a lock, such as 2s; 5s by default.",
)
statement_timeout_option = click.option(
    "--statement-timeout",
    callback=_read_time,
    metavar="TIME",
    help="How long a statement may run, such as 1h; by default as long as the role may.",
)


class ConsoleReporter:
    """Print a line when a migration is done, and on a terminal show a spinner until then."""

    def __init__(self, system: str) -> None:
        self._system = system
        self._migration = ""
        self._statements = 0
        self._reported_wait = 0.0
        self._spinner: Progress | None = None

    def started(self, name: str, statements: int, *, direction: str) -> None:
        """Remember which migration runs."""
        del direction
        self._migration, self._statements, self._reported_wait = name, statements, 0.0
        self._start_spinner()
        if self._spinner is not None:
            self._spinner.reset(_TASK, description=f"{self._system}: {name}")

    def statement(self, number: int) -> None:
        """Show which statement runs."""
        self._spin(f"{self._migration}: statement {number} of {self._statements}")

    def finished(self, name: str, seconds: float, *, direction: str) -> None:
        """Print that a migration is done."""
        verb = "applied" if direction == "apply" else "rolled back"
        self._print(f"{name} {verb} in {seconds:.2f} s ({count_of(self._statements, 'statement')})")

    def waiting(self, what: str, blockers: tuple[Blocker, ...], seconds: float) -> None:
        """Show what we wait for; in a log, each time after twice as long as the time before."""
        name = f"{self._migration}: " if self._migration else ""
        sessions = "; ".join(map(str, blockers))
        text = f"{name}waiting {what}, {seconds:.0f} s so far"
        text += f" ({sessions})" if sessions else ""
        self._start_spinner()
        if self._spinner is not None:
            self._spin(text)
        elif seconds >= 2 * self._reported_wait:
            self._reported_wait = seconds
            self._print(text)

    def notice(self, severity: str, message: str) -> None:
        """Print a message of the server."""
        if severity not in _QUIET_SEVERITIES:
            self._print(f"{severity.lower()}: {message}")

    def objects(self, verb: str, paths: tuple[str, ...]) -> None:
        """Print which views, functions and triggers were replaced or dropped."""
        more = len(paths) - _NAMED_OBJECTS
        others = f" and {more:,} more" if more > 0 else ""
        self._print(f"{verb}: {', '.join(paths[:_NAMED_OBJECTS])}{others}")

    def close(self) -> None:
        """Remove the spinner."""
        if self._spinner is not None:
            self._spinner.stop()

    def _start_spinner(self) -> None:
        if self._spinner is None and sys.stderr.isatty():
            self._spinner = spinner()
            self._spinner.start()

    def _print(self, text: str) -> None:
        line = f"{self._system}: {text}"
        if self._spinner is not None:
            self._spinner.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            # there may be thousands, and click looks at the stream anew for each
            sys.stderr.write(f"{line}\n")

    def _spin(self, text: str) -> None:
        if self._spinner is not None:
            self._spinner.update(_TASK, description=f"{self._system}: {text}")


@contextmanager
def reporter(system: str, as_json: bool) -> Generator[Reporter]:
    """Yield a reporter that prints to stderr, or a silent one if a program reads the output."""
    if as_json:
        yield Silent()
        return
    console = ConsoleReporter(system)
    try:
        yield console
    finally:
        console.close()


def outcome_json(outcome: Outcome) -> dict[str, Any]:
    """Return what a run did, or would do, for a program."""
    return {
        "name": outcome.system,
        "from": outcome.before,
        "version": outcome.after,
        "migrations": list(outcome.migrations),
        "objects": list(outcome.objects),
        "left_out": list(outcome.left_out),
        "dropped": list(outcome.dropped),
        "ahead": list(outcome.ahead),
        "half_done": [going_on._asdict() for going_on in outcome.half_done],
        "undone": [{"name": name, "statements": list(texts)} for name, texts in outcome.undone],
    }


def print_up_to_date(outcome: Outcome) -> None:
    """Print that there was nothing to do, and which migrations a newer release applied."""
    ahead = f"; the database is ahead by {', '.join(outcome.ahead)}" if outcome.ahead else ""
    click.echo(f"{outcome.system}: up to date at version {outcome.after}{ahead}")


def print_plan(outcome: Outcome, verb: str) -> None:
    """Print what a run would do."""
    if not outcome.changed:
        click.echo(f"{outcome.system}: nothing to do at version {outcome.after}")
        return
    click.echo(f"{outcome.system}: from version {outcome.before} to {outcome.after}, {verb}")
    for name, direction, statement, statements in outcome.half_done:
        where = f"statement {statement} of {statements}"
        if statement > statements:
            where = f"its record: all of its {statements} statements are done"
        click.echo(f"  {direction} of {name} is half done, and goes on with {where}")
    for name, texts in outcome.undone:
        click.echo(f"  take back {name}")
        for text in texts:
            click.echo(f"    {text[:_LONGEST_STATEMENT]}")
    for name in (*outcome.migrations, *outcome.objects):
        click.echo(f"  {name}")
    for name in outcome.dropped:
        click.echo(f"  drop what {name} made")
