"""What a connection that is lost leaves unknown, and what a shared one cannot do."""

from dataclasses import dataclass

import psycopg

from dbkit.errors import DbkitError, QueryError


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


@dataclass(eq=False)
class OnlyCalls(QueryError, AttributeError):
    """A connection that many tasks share was asked for what only one of them can have."""

    def __str__(self) -> str:
        return (
            "a connection of pipelined() makes single calls of :one, :optional, :many and :exec; "
            "for anything else, lend one by connection() or transaction()"
        )


@dataclass(eq=False)
class OtherLoop(QueryError):
    """An async connection was used from two event loops at the same time."""

    def __str__(self) -> str:
        return (
            "the connection is used by another event loop that is running; open a connection for "
            "each loop"
        )
