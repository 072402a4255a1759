"""Spinners and progress bars on stderr, shown only on a terminal."""

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from threading import Timer
from typing import TYPE_CHECKING, Protocol

import click

if TYPE_CHECKING:
    from rich.progress import Progress

_SLOW_SECONDS = 1.0
_LOG_SECONDS = 10.0


class ShowBar(Protocol):
    """A function that shows on a bar how many rows are done, and of what."""

    def __call__(self, rows: int, title: str | None = None, /) -> object:
        """Show the number of rows done so far."""


def spinner() -> "Progress":
    """Return a line with a spinner, a text and the time; it is shown after its `start()`."""
    # loaded only on a terminal
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    text = TextColumn("{task.description}", markup=False)
    line = Progress(
        SpinnerColumn(), text, TimeElapsedColumn(), console=Console(stderr=True), transient=True
    )
    line.add_task("", total=None)
    return line


@contextmanager
def spinner_when_slow() -> Generator[Callable[[str], object]]:
    """Yield a function that takes what is being done; it is shown after the first second.

    In a log a line is printed every ten seconds.
    """
    if not sys.stderr.isatty():
        yield _LogLines().show
        return
    line = _DelayedLine()
    # in a thread, because a single answer of the server may take longer than a second
    timer = Timer(_SLOW_SECONDS, line.start)
    timer.daemon = True
    timer.start()
    try:
        yield line.show
    finally:
        timer.cancel()
        timer.join()
        line.close()


@contextmanager
def row_bar(title: str, count_total: Callable[[], int | None]) -> Generator[ShowBar]:
    """Yield a function that shows the number of rows done on a bar.

    `count_total` is called only on a terminal. The total may be a guess: the bar grows with the
    rows. It is None if nobody knows.
    """
    if not sys.stderr.isatty():
        yield lambda _rows, _title=None, /: None
        return
    from rich.console import Console  # noqa: PLC0415 - loaded only on a terminal
    from rich.progress import Progress  # noqa: PLC0415

    total = count_total()
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(title, total=total)

        def show(rows: int, new_title: str | None = None, /) -> None:
            end = max(total, rows) if total is not None else None
            progress.update(task, description=new_title or title, completed=rows, total=end)

        yield show


class _LogLines:
    def __init__(self) -> None:
        self._next = time.monotonic() + _LOG_SECONDS

    def show(self, text: str) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _LOG_SECONDS
            click.echo(text, err=True)


class _DelayedLine:
    def __init__(self) -> None:
        self._text = ""
        self._line: Progress | None = None

    def start(self) -> None:
        self._line = spinner()
        self.show(self._text)
        self._line.start()

    def show(self, text: str) -> None:
        self._text = text
        if self._line is not None:
            [task] = self._line.task_ids
            self._line.update(task, description=text)

    def close(self) -> None:
        if self._line is not None:
            self._line.stop()
