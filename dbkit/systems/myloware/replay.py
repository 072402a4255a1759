"""Replay failed webhooks, as one of any number of workers, until none is due."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias

from psycopg import Connection, Rollback
from psycopg.pq import TransactionStatus

from dbkit.errors import DbkitError
from dbkit.systems.myloware import webhook_dlq
from dbkit.systems.myloware.webhook_dlq import Claimed

Process: TypeAlias = Callable[[Claimed], object]

_LEASE = timedelta(minutes=5)


@dataclass(eq=False)
class InTransaction(DbkitError):
    """A claim could not be committed before the webhook is replayed."""

    def __str__(self) -> str:
        return "webhooks are replayed on a connection that is in no transaction"


@dataclass
class Replayed:
    """What became of the webhooks that one worker replayed."""

    resolved: int = 0
    postponed: int = 0
    given_up: int = 0
    # the lease was over before the webhook was processed, and another worker was faster
    lost: int = 0


def replay(
    connection: Connection[Any],
    process: Process,
    *,
    max_retries: int = 8,
    lease: timedelta = _LEASE,
) -> Replayed:
    """Claim one webhook after the other and process it, until none is due.

    What `process` does on the connection and the webhook's leaving the queue are one
    transaction: whatever dies in between, in this database it is done once. If it raises, that
    is taken back and the webhook postponed, or given up after so many attempts.
    """
    if connection.pgconn.transaction_status != TransactionStatus.IDLE:
        raise InTransaction
    replayed = Replayed()
    while entry := _claim(connection, max_retries, lease):
        try:
            if _is_resolved(connection, entry, process):
                replayed.resolved += 1
            else:
                replayed.lost += 1
        except Exception as error:  # noqa: BLE001 - whatever one webhook raises, the next is due
            _postpone(connection, entry, error, replayed)
    return replayed


def _claim(connection: Connection[Any], max_retries: int, lease: timedelta) -> Claimed | None:
    with connection.transaction():
        # one at a time: of several, the last would wait while its lease runs
        claimed = webhook_dlq.claim(connection, max_entries=1, max_retries=max_retries, lease=lease)
    return claimed[0] if claimed else None


def _is_resolved(connection: Connection[Any], entry: Claimed, process: Process) -> bool:
    resolved = 0
    with connection.transaction():
        process(entry)
        resolved = webhook_dlq.resolve(connection, id=entry.id)
        if not resolved:
            raise Rollback
    return bool(resolved)


def _postpone(
    connection: Connection[Any], entry: Claimed, error: Exception, replayed: Replayed
) -> None:
    with connection.transaction():
        is_given_up = webhook_dlq.postpone(
            connection,
            id=entry.id,
            retry_count=entry.retry_count,
            # a message may hold what no text in PostgreSQL can; its repr does not
            error=repr(error),
        )
    if is_given_up is None:
        replayed.lost += 1
    elif is_given_up:
        replayed.given_up += 1
    else:
        replayed.postponed += 1
