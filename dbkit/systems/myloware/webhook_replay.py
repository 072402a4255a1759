"""Process the webhooks that are queued until none is due; any number of workers may at once."""

import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias

from psycopg import AsyncConnection, Connection, Rollback
from psycopg.pq import TransactionStatus

from dbkit.errors import DbkitError
from dbkit.pools import AsyncDatabase, Database
from dbkit.processes import heartbeat, heartbeat_async
from dbkit.systems.myloware import webhook_dlq
from dbkit.systems.myloware.webhook_dlq import ClaimRow

ProcessWebhook: TypeAlias = Callable[[ClaimRow], object]
ProcessWebhookAsync: TypeAlias = Callable[[ClaimRow], Awaitable[object]]

_LOG = logging.getLogger("myloware.replay")
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

    @property
    def total(self) -> int:
        """How many webhooks were claimed."""
        return self.resolved + self.postponed + self.given_up + self.lost


def replay(
    connection: Connection[Any],
    process: ProcessWebhook,
    *,
    max_retries: int = 8,
    lease: timedelta = _LEASE,
    max_webhooks: int | None = None,
    database: Database | None = None,
) -> ReplayCounts:
    """Claim one webhook after another and process it, until none is due, or so many were claimed.

    What `process` writes on this connection and the removal of the webhook from the queue are
    one transaction, so a worker that dies leaves nothing half done. If `process` raises, its
    writes are rolled back and the webhook is postponed, or given up after `max_retries` attempts.
    With a `database` the lease is renewed, on another connection, as long as `process` works.

        replay(connection, lambda webhook: handle(connection, webhook.payload))
    """
    _refuse_transaction(connection)
    replayed = ReplayCounts()
    while replayed.total != max_webhooks:
        with connection.transaction():
            # one at a time: if it took several, the lease of the last would run while it waits
            claimed = webhook_dlq.claim(
                connection, max_entries=1, max_retries=max_retries, lease=lease
            )
        if not claimed:
            break
        [entry] = claimed
        try:
            resolved = 0
            with connection.transaction():
                with _renewing(database, entry, lease):
                    process(entry)
                resolved = webhook_dlq.resolve(connection, id=entry.id)
                if not resolved:
                    raise Rollback  # noqa: TRY301 - the way out of the block, not an error
        except Exception as error:  # noqa: BLE001 - an error of one webhook must not stop the rest
            told = _told(entry, error)
            with connection.transaction():
                is_given_up = webhook_dlq.postpone(
                    connection, id=entry.id, retry_count=entry.retry_count, error=told
                )
            _count_postponed(replayed, is_given_up)
        else:
            _count_resolved(replayed, resolved)
    return replayed


async def replay_async(
    connection: AsyncConnection[Any],
    process: ProcessWebhookAsync,
    *,
    max_retries: int = 8,
    lease: timedelta = _LEASE,
    max_webhooks: int | None = None,
    database: AsyncDatabase | None = None,
) -> ReplayCounts:
    """Do as `replay` on an event loop."""
    _refuse_transaction(connection)
    replayed = ReplayCounts()
    while replayed.total != max_webhooks:
        async with connection.transaction():
            claimed = await webhook_dlq.claim(
                connection, max_entries=1, max_retries=max_retries, lease=lease
            )
        if not claimed:
            break
        [entry] = claimed
        try:
            resolved = 0
            async with connection.transaction():
                async with _renewing_async(database, entry, lease):
                    await process(entry)
                resolved = await webhook_dlq.resolve(connection, id=entry.id)
                if not resolved:
                    raise Rollback  # noqa: TRY301 - as above
        except Exception as error:  # noqa: BLE001 - as above
            told = _told(entry, error)
            async with connection.transaction():
                is_given_up = await webhook_dlq.postpone(
                    connection, id=entry.id, retry_count=entry.retry_count, error=told
                )
            _count_postponed(replayed, is_given_up)
        else:
            _count_resolved(replayed, resolved)
    return replayed


def _renewing(
    database: Database | None, entry: ClaimRow, lease: timedelta
) -> AbstractContextManager[object]:
    """Renew the lease of a webhook while the block lasts; its row is not locked meanwhile."""
    if database is None:
        return nullcontext()

    def renew() -> int:
        with database.transaction() as connection:
            return webhook_dlq.renew(
                connection, id=entry.id, retry_count=entry.retry_count, lease=lease
            )

    return heartbeat(renew, lease=lease, work=_named(entry))


def _renewing_async(
    database: AsyncDatabase | None, entry: ClaimRow, lease: timedelta
) -> AbstractAsyncContextManager[object]:
    if database is None:
        return nullcontext()

    async def renew() -> int:
        async with database.transaction() as connection:
            return await webhook_dlq.renew(
                connection, id=entry.id, retry_count=entry.retry_count, lease=lease
            )

    return heartbeat_async(renew, lease=lease, work=_named(entry))


def _named(entry: ClaimRow) -> str:
    return f"webhook {entry.idempotency_key} of {entry.provider}"


def _refuse_transaction(connection: Connection[Any] | AsyncConnection[Any]) -> None:
    if connection.pgconn.transaction_status != TransactionStatus.IDLE:
        raise InTransaction


def _told(entry: ClaimRow, error: Exception) -> str:
    # the message may hold a NUL character, which PostgreSQL refuses; its repr does not
    told = repr(error)
    _LOG.warning(
        "webhook %s of %s failed in attempt %d: %s",
        entry.idempotency_key,
        entry.provider,
        entry.retry_count,
        told,
    )
    return told


def _count_resolved(replayed: ReplayCounts, resolved: int) -> None:
    if resolved:
        replayed.resolved += 1
    else:
        replayed.lost += 1


def _count_postponed(replayed: ReplayCounts, is_given_up: bool | None) -> None:
    if is_given_up is None:
        replayed.lost += 1
    elif is_given_up:
        replayed.given_up += 1
    else:
        replayed.postponed += 1
