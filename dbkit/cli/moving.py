"""A line that moves while something lasts, where somebody watches."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress


def moving_line() -> "Progress":
    """Make a line on stderr, not begun yet."""
    # only where somebody watches, and there is something to watch
    from rich.console import Console as Terminal  # noqa: PLC0415
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    text = TextColumn("{task.description}", markup=False)
    terminal = Terminal(stderr=True)
    moving = Progress(SpinnerColumn(), text, TimeElapsedColumn(), console=terminal, transient=True)
    moving.add_task("", total=None)
    return moving
