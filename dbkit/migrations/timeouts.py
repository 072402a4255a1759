"""Say how long a statement may run, and how long it may wait for a lock."""

from typing import NamedTuple

# seconds that one attempt of a migration waits for the lock of a table
LOCK_TIMEOUT = 5.0


class Timeouts(NamedTuple):
    """The limits of a run or of a file in seconds; None where nothing was said, 0 for no limit."""

    lock: float | None = None
    statement: float | None = None

    def over(self, other: "Timeouts") -> "Timeouts":
        """Return these limits, and the other's where these say nothing."""
        return Timeouts(
            other.lock if self.lock is None else self.lock,
            other.statement if self.statement is None else self.statement,
        )

    def setting(self, scope: str) -> str:
        """Return the statements that set them: scope is "" for the session, "local" for less."""
        lock = LOCK_TIMEOUT if self.lock is None else self.lock
        text = f"set {scope} lock_timeout = {round(lock * 1000)}"
        if self.statement is not None:
            text += f"; set {scope} statement_timeout = {round(self.statement * 1000)}"
        return text
