"""What a run reports while it is going on."""

from typing import NamedTuple, Protocol


class Blocker(NamedTuple):
    """Another session that we wait for."""

    pid: int
    user: str
    application: str
    query: str
    seconds: float

    def __str__(self) -> str:
        session = f"pid {self.pid}, user {self.user}"
        if self.application:
            session += f", {self.application}"
        return f"{session}, for {self.seconds:.0f} s: {self.query or 'no query'}"


class Reporter(Protocol):
    """What a run reports to; every method may do nothing."""

    def started(self, name: str, statements: int, *, direction: str) -> None:
        """Report that a migration begins."""

    def statement(self, number: int) -> None:
        """Report that the statement of this number, counted from 1, is about to run."""

    def finished(self, name: str, seconds: float, *, direction: str) -> None:
        """Report that the migration is committed."""

    def waiting(self, what: str, blockers: tuple[Blocker, ...], seconds: float) -> None:
        """Report that the run waits for these sessions, for so many seconds until now."""

    def notice(self, severity: str, message: str) -> None:
        """Report a notice or a warning of the server."""

    def objects(self, verb: str, paths: tuple[str, ...]) -> None:
        """Report which object files were applied or left out, as the verb says."""


class Silent:
    """A reporter that reports nothing."""

    def started(self, name: str, statements: int, *, direction: str) -> None:
        """Report nothing."""

    def statement(self, number: int) -> None:
        """Report nothing."""

    def finished(self, name: str, seconds: float, *, direction: str) -> None:
        """Report nothing."""

    def waiting(self, what: str, blockers: tuple[Blocker, ...], seconds: float) -> None:
        """Report nothing."""

    def notice(self, severity: str, message: str) -> None:
        """Report nothing."""

    def objects(self, verb: str, paths: tuple[str, ...]) -> None:
        """Report nothing."""
