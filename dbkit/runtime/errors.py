"""What a connection that is lost leaves unknown."""

from dataclasses import dataclass

import psycopg

from dbkit.errors import DbkitError


@dataclass(eq=False)
class CommitUnknown(DbkitError, psycopg.OperationalError):
    """The connection was lost after commit was sent and before it was answered."""

    def __post_init__(self) -> None:
        psycopg.Error.__init__(self)

    def __str__(self) -> str:
        return (
            "the connection was lost while the transaction was committed, so it may be committed "
            "or not; look for what it writes before it is done again"
        )
