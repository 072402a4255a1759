"""Why nothing can be proved of a statement, and what would be right."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class LossCause(StrEnum):
    """What kept the server's analysed tree from being had."""

    # of the role and of the session: another one would have it
    RIGHT = "right"
    READ_ONLY = "read-only"
    STANDBY = "standby"
    # of the server: another dbkit would understand it
    UNKNOWN = "unknown"
    # of the statement
    UTILITY = "utility"
    PARAMETERS = "parameters"
    RECORD = "record"
    DEPTH = "depth"
    REFUSED = "refused"

    @property
    def is_of_the_session(self) -> bool:
        """Whether another role, session or server could prove the statement."""
        return self in {LossCause.RIGHT, LossCause.READ_ONLY, LossCause.STANDBY}


class Untyped(NamedTuple):
    """A parameter with a type that no value is of, and the type to cast it to."""

    number: int
    type: str
    meant: str


@dataclass(frozen=True, slots=True)
class LostProof:
    """Why nothing is proved of a statement: all that it gives and takes may be null."""

    cause: LossCause
    # in the server's words, where it was the server that refused
    reason: str
    # what to do about it; empty where nothing can be done
    remedy: str = ""
    # the parameter that has no type of its own, if that is why
    untyped: Untyped | None = None

    def __str__(self) -> str:
        return f"{self.reason}; {self.remedy}" if self.remedy else self.reason

    @property
    def doubt(self) -> str:
        """The doubt about every column of the statement."""
        return f"not analysed: {self.reason}"


def not_known(part: str) -> LostProof:
    """Return the loss of a statement whose tree has a part that is not known."""
    reason = f"its tree has {part}, which this dbkit does not know; a newer dbkit may"
    return LostProof(LossCause.UNKNOWN, reason)


NESTED_TOO_DEEPLY = LostProof(LossCause.DEPTH, "it is nested too deeply")
