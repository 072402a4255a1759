"""How a command can fail."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from dbkit.errors import DbkitError


class Standing(NamedTuple):
    """How a database stood after a failure, and the command that goes on from there."""

    system: str
    # None if it could not be looked up
    version: int | None
    next: str
    # empty if there is nothing to say of it
    sentence: str


class UnwrittenResult(DbkitError):
    """A call was committed, and what it gave could not be printed."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error)
        self.error = error

    def __str__(self) -> str:
        return f"the call is committed, and its result cannot be written: {self.error.strerror}"


class Failed(DbkitError):
    """A command failed while it changed a database, which was looked at afterwards."""

    def __init__(
        self, error: Exception, standing: Standing, done: Sequence[dict[str, Any]] = ()
    ) -> None:
        super().__init__(error)
        self.error = error
        self.standing = standing
        # what the command had done with other systems, for a program
        self.done = done
