"""Say how long a statement may run, and how long it may wait for a lock."""

import re
from typing import NamedTuple

# seconds that one attempt of a migration waits for the lock of a table
LOCK_TIMEOUT = 5.0
_SECONDS_OF = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)[ \t]*(ms|s|min|h|d)")
# what the server takes at most, in milliseconds
_LONGEST = 2**31 - 1


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

    def settings(self, scope: str) -> list[str]:
        """Return the statements that set them: scope is "" for the session, "local" for less."""
        lock = LOCK_TIMEOUT if self.lock is None else self.lock
        statements = [f"set {scope} lock_timeout = {round(lock * 1000)}"]
        if self.statement is not None:
            statements.append(f"set {scope} statement_timeout = {round(self.statement * 1000)}")
        return statements


def read_duration(text: str) -> float:
    """Return the seconds that a text such as `2s` or `1.5h` means, or raise ValueError.

    A number alone is refused: PostgreSQL takes it for milliseconds, a person for seconds.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        message = "needs a number and its unit, ms, s, min, h or d, as in 500ms, 2s or 1h"
        raise ValueError(message)
    seconds = float(match[1]) * _SECONDS_OF[match[2]]
    if seconds * 1000 > _LONGEST:
        message = "is longer than the 24 days that PostgreSQL can count"
        raise ValueError(message)
    if 0 < seconds * 1000 < 1:
        message = "is shorter than a millisecond, the least that PostgreSQL counts"
        raise ValueError(message)
    return seconds
