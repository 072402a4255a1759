"""What a run tells whoever watches it, while it lasts."""

from typing import NamedTuple, Protocol


class Blocker(NamedTuple):
    """A session that holds what we wait for."""

    pid: int
    user: str
    application: str
    query: str
    seconds: float

    def __str__(self) -> str:
        who = f"pid {self.pid}, user {self.user}"
        if self.application:
            who += f", {self.application}"
        return f"{who}, for {self.seconds:.0f} s: {self.query or 'no query'}"


class Reporter(Protocol):
    """Someone who is told; every method may do nothing."""

    def started(self, name: str, statements: int, *, direction: str) -> None:
        """Hear that a migration begins."""

    def statement(self, number: int) -> None:
        """Hear that the statement of this number (from 1) is about to run."""

    def finished(self, name: str, seconds: float, *, direction: str) -> None:
        """Hear that the migration is committed."""

    def waiting(self, what: str, blockers: tuple[Blocker, ...], seconds: float) -> None:
        """Hear that the run waits, for whom and for how long so far."""

    def notice(self, severity: str, message: str) -> None:
        """Hear what the server says beside the result."""

    def objects(self, verb: str, paths: tuple[str, ...]) -> None:
        """Hear which object files were applied, put back or left out."""


class Silent:
    """A reporter that keeps everything to itself."""

    def started(self, name: str, statements: int, *, direction: str) -> None:
        """Say nothing."""

    def statement(self, number: int) -> None:
        """Say nothing."""

    def finished(self, name: str, seconds: float, *, direction: str) -> None:
        """Say nothing."""

    def waiting(self, what: str, blockers: tuple[Blocker, ...], seconds: float) -> None:
        """Say nothing."""

    def notice(self, severity: str, message: str) -> None:
        """Say nothing."""

    def objects(self, verb: str, paths: tuple[str, ...]) -> None:
        """Say nothing."""
