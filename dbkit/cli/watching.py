"""A line that moves only once something has lasted for a while."""

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from threading import Timer
from typing import TYPE_CHECKING

from dbkit.cli.moving import moving_line

if TYPE_CHECKING:
    from rich.progress import Progress

_PATIENCE = 1.0


@contextmanager
def watched() -> Generator[Callable[[str], object]]:
    """Take what is under way, and show it on a terminal once all has lasted for a second."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    watch = _Watch()
    # a thread, for what lasts may be a single answer of the server's
    timer = Timer(_PATIENCE, watch.start)
    timer.daemon = True
    timer.start()
    try:
        yield watch.show
    finally:
        timer.cancel()
        timer.join()
        watch.close()


class _Watch:
    def __init__(self) -> None:
        self._text = ""
        self._moving: Progress | None = None

    def start(self) -> None:
        self._moving = moving_line()
        self.show(self._text)
        self._moving.start()

    def show(self, text: str) -> None:
        self._text = text
        if self._moving is not None:
            [task] = self._moving.task_ids
            self._moving.update(task, description=text)

    def close(self) -> None:
        if self._moving is not None:
            self._moving.stop()
