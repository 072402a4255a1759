"""A transaction, or a savepoint in the caller's, in which statements are analysed and undone."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

from dbkit.analysis.roundtrip import Answers, Command, command, exchange

_SAVEPOINT = "savepoint dbkit_analysis"
_BACK = f"rollback to {_SAVEPOINT}"
# catalogs are read as they are now, and a session that is read-only by habit is not here
_BEGIN = "begin isolation level read committed"
# pg_stat_statements keeps the first text of a statement, and ours lacks the name of its query;
# only who may set it has the statements of others to look at
_UNCOUNTED = (
    "select pg_catalog.set_config('compute_query_id', 'off', true) "
    "where pg_catalog.has_parameter_privilege('compute_query_id', 'set')"
)


class Undone:
    """What is sent is undone at the end; it begins with the first round trip."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self._is_nested = connection.pgconn.transaction_status != TransactionStatus.IDLE
        is_standby = connection.pgconn.parameter_status(b"in_hot_standby") == b"on"
        self._begin = _BEGIN if is_standby else f"{_BEGIN}, read write"
        # what has to be sent before the next command
        self._first = [_SAVEPOINT if self._is_nested else self._begin, _UNCOUNTED]
        self._has_begun = False

    def exchange(self, commands: Sequence[Command]) -> Answers:
        """Send commands in one round trip; the answers are to these alone.

        One that is refused undoes all that was done before.
        """
        while True:
            first = [command(text) for text in self._first]
            answers = exchange(self.connection, [*first, *commands])
            self._has_begun = True
            refused = answers.refused
            if refused is None:
                self._first = []
                return answers.without(len(first))
            self._first = [*([_BACK] if self._is_nested else ["rollback", self._begin]), _UNCOUNTED]
            if refused >= len(first):
                return answers.without(len(first))
            error = answers.error(refused)
            if self._is_nested or self._begin == _BEGIN:
                self._has_begun = False
                raise error
            # a standby behind a pooler does not say what it is
            self._begin = _BEGIN
            self._first = ["rollback", self._begin, _UNCOUNTED]

    def run(self, text: str) -> None:
        """Run one statement."""
        answers = self.exchange([command(text)])
        if (refused := answers.refused) is not None:
            raise answers.error(refused)

    def mend(self) -> None:
        """Undo what a refused command left, so that other commands can follow."""
        if self._has_begun and self._first:
            answers = self.exchange([])
            if (refused := answers.refused) is not None:
                raise answers.error(refused)

    def undo(self) -> None:
        """Undo it all."""
        if self._has_begun and not self.connection.closed:
            end = [_BACK, f"release {_SAVEPOINT}"] if self._is_nested else ["rollback"]
            answers = exchange(self.connection, [command(text) for text in end])
            if (refused := answers.refused) is not None:
                raise answers.error(refused)
        self._has_begun = False


@contextmanager
def undone(connection: psycopg.Connection[Any]) -> Generator[Undone]:
    """Undo all that is sent inside."""
    attempt = Undone(connection)
    try:
        yield attempt
    finally:
        attempt.undo()
