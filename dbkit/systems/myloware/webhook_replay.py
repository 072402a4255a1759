"""Replay failed webhooks until none is due; any number of workers may do it at once."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias

from psycopg import Connection, Rollback
from psycopg.pq import TransactionStatus

from dbkit.errors import DbkitError
from dbkit.systems.myloware import webhook_dlq
from dbkit.systems.myloware.webhook_dlq import ClaimRow

ProcessWebhook: TypeAlias = Callable[[ClaimRow], object]

_LEASE = timedelta(minutes=5)


@dataclass(eq=False)
class InTransaction(DbkitError):
    """A connection is in a transaction, so a claim cannot be committed before the replay."""

    def __str__(self) -> str:
        return "the connection is in a transaction; replay webhooks on one that is in none"


@dataclass
class ReplayCounts:
    """What became of the webhooks that one worker replayed."""

    resolved: int = 0
    postponed: int = 0
    given_up: int = 0
    # the lease ended before the webhook was processed, and another worker claimed it
    lost: int = 0


def replay(
    connection: Connection[Any],
    process: ProcessWebhook,
    *,
    max_retries: int = 8,
    lease: timedelta = _LEASE,
) -> ReplayCounts:
    """Claim one webhook after another and process it, until none is due.

    What `process` writes on this connection and the removal of the webhook from the queue are
    one transaction, so a worker that dies leaves nothing half done. If `process` raises, its
    writes are rolled back and the webhook is postponed, or given up after `max_retries` attempts.

        replay(connection, lambda webhook: handle(connection, webhook.payload))
    """
    if connection.pgconn.transaction_status != TransactionStatus.IDLE:
        raise InTransaction
    replayed = ReplayCounts()
    while entry := _claim(connection, max_retries, lease):
        try:
            if _is_resolved(connection, entry, process):
                replayed.resolved += 1
            else:
                replayed.lost += 1
        except Exception as error:  # noqa: BLE001 - an error of one webhook must not stop the rest
            _postpone(connection, entry, error, replayed)
    return replayed


def _claim(connection: Connection[Any], max_retries: int, lease: timedelta) -> ClaimRow | None:
    with connection.transaction():
        # one at a time: if it took several, the lease of the last would run while it waits
        claimed = webhook_dlq.claim(connection, max_entries=1, max_retries=max_retries, lease=lease)
    return claimed[0] if claimed else None


def _is_resolved(connection: Connection[Any], entry: ClaimRow, process: ProcessWebhook) -> bool:
    resolved = 0
    with connection.transaction():
        process(entry)
        resolved = webhook_dlq.resolve(connection, id=entry.id)
        if not resolved:
            raise Rollback
    return bool(resolved)


def _postpone(
    connection: Connection[Any], entry: ClaimRow, error: Exception, replayed: ReplayCounts
) -> None:
    with connection.transaction():
        is_given_up = webhook_dlq.postpone(
            connection,
            id=entry.id,
            retry_count=entry.retry_count,
            # the message may hold a NUL character, which PostgreSQL refuses; its repr does not
            error=repr(error),
        )
    if is_given_up is None:
        replayed.lost += 1
    elif is_given_up:
        replayed.given_up += 1
    else:
        replayed.postponed += 1
