"""Receive the signed calls of webhooks over HTTP and start the runs they ask for."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from uuid import UUID

from psycopg import DataError
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dbkit.errors import DbkitError
from dbkit.pools import AsyncDatabase
from dbkit.systems.ai_orchestration.webhook_calls import (
    BadDeliveryId,
    SilentWebhook,
    StaleCall,
    UnknownWebhook,
    UnreadableBody,
    WrongSignature,
    trigger_async,
)

_LOG = logging.getLogger("ai_orchestration.receive")
_MAX_BODY = 1024 * 1024
# so much of a body that is too long is read and thrown away: a client that is cut off while it
# sends sees a lost connection, and not the answer
_THROWN_AWAY = 64 * 1024 * 1024
_STATUSES: Mapping[type[DbkitError], int] = {
    UnknownWebhook: 404,
    WrongSignature: 401,
    StaleCall: 401,
    UnreadableBody: 400,
    BadDeliveryId: 400,
    SilentWebhook: 409,
}


def receiver(database: AsyncDatabase, *, max_body: int = _MAX_BODY) -> Starlette:
    """Make the application that answers `POST /tenants/{tenant}/webhooks/{webhook}`.

    The headers `x-timestamp` and `x-signature` are those that `webhook_calls.sign` makes, and
    `x-delivery-id`, if there is one, is the sender's own id of the call. The answer is 202 with the
    run's id once the run is committed; 200 for a call that was here before. Anything else is an
    `error` in one sentence, and nothing was started. Send a call again after 5xx, not after 4xx.
    """

    async def receive(request: Request) -> Response:
        try:
            return await _received(database, request, max_body)
        except ClientDisconnect:
            return _refused(400, "the call was not sent to its end")

    return Starlette(
        routes=[
            Route("/tenants/{tenant:uuid}/webhooks/{webhook:uuid}", receive, methods=["POST"]),
            Route("/health", _health(database), methods=["GET"]),
        ]
    )


async def _received(database: AsyncDatabase, request: Request, max_body: int) -> Response:
    tenant_id, webhook_id = (UUID(str(request.path_params[name])) for name in ("tenant", "webhook"))
    signature = request.headers.get("x-signature")
    timestamp = request.headers.get("x-timestamp", "")
    if signature is None or not (timestamp.isascii() and timestamp.isdigit()):
        return _refused(401, "the call is not signed; send x-timestamp and x-signature")
    body, length = bytearray(), 0
    async for piece in request.stream():
        length += len(piece)
        if length <= max_body:
            body += piece
        elif length > max_body + _THROWN_AWAY:
            break
    if length > max_body:
        return _refused(413, f"the body is longer than {max_body:,} bytes; send less at once")
    try:
        async with database.transaction(settings={"app.tenant_id": tenant_id}) as connection:
            run = await trigger_async(
                connection,
                tenant_id=tenant_id,
                webhook_id=webhook_id,
                body=bytes(body),
                timestamp=int(timestamp[:20]),
                signature=signature,
                delivery_id=request.headers.get("x-delivery-id"),
            )
    except tuple(_STATUSES) as error:
        _LOG.info("a call of webhook %s was refused: %s", webhook_id, error)
        return _refused(_STATUSES[type(error)], str(error))
    except DataError as error:
        # what jsonb takes has limits that no check before can know
        _LOG.warning("a call of webhook %s cannot be stored: %s", webhook_id, error)
        return _refused(400, str(UnreadableBody()))
    # the transaction has committed
    return JSONResponse(
        {"run_id": str(run.id), "is_first": run.is_first}, 202 if run.is_first else 200
    )


def _health(database: AsyncDatabase) -> Callable[[Request], Awaitable[Response]]:
    async def health(_: Request) -> Response:
        async with database.connection() as connection:
            await connection.execute("select 1")
        return JSONResponse({"healthy": True})

    return health


def _refused(status: int, reason: str) -> JSONResponse:
    return JSONResponse({"error": reason}, status)
