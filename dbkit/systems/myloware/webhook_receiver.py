"""Receive webhooks over HTTP: each is recorded and queued before its provider hears that it is."""

import hashlib
import logging
from collections.abc import Mapping
from datetime import timedelta

import psycopg
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dbkit.errors import DbkitError
from dbkit.pools import AsyncDatabase
from dbkit.systems.myloware import webhook_events
from dbkit.systems.myloware.webhook_signatures import Provider, SignatureStatus, check_signature

_LOG = logging.getLogger("myloware.receive")
# a longer one is no key of a provider's, and of some thousand bytes no index takes it
_LONGEST_KEY = 200
_SECONDS_AWAY = "5"
_HEALTH_TIMEOUT = 2.0
_NOBODY = timedelta(0)


def receiver(
    database: AsyncDatabase, providers: Mapping[str, Provider], *, max_body: int
) -> Starlette:
    """Return an ASGI application that takes `POST /webhooks/PROVIDER`, and `GET /health`.

    202 is a webhook that was recorded and queued, 200 one that was known; both are sent after the
    commit. 401 is a signature that is invalid or missing, 409 a key that is another provider's,
    413 a body larger than `max_body`, 400 a key that is none, 404 an unknown provider. 503 asks
    the provider to send it again later, because the database could not be reached.
    """

    async def receive(request: Request) -> Response:
        provider = providers.get(request.path_params["provider"])
        if provider is None:
            raise HTTPException(404, "no such provider")
        body = await _body(request, max_body)
        headers = _headers(request)
        key = _key(provider, headers, body)
        status = check_signature(provider, headers, body, parameters=request.query_params)
        outcome = await _record(database, provider, key, headers, body, status)
        if outcome == "other_provider":
            _LOG.warning("a webhook of %s has a key of another provider's", provider.name)
            raise HTTPException(409, "the key is another provider's")
        if status != "valid":
            _LOG.warning("a webhook of %s has a signature that is %s", provider.name, status)
            raise HTTPException(401, f"the signature is {status}")
        return JSONResponse({"outcome": outcome}, 202 if outcome == "recorded" else 200)

    async def health(_: Request) -> Response:
        try:
            async with database.connection(timeout=_HEALTH_TIMEOUT) as connection:
                await connection.execute("select 1")
        except (psycopg.Error, DbkitError) as error:
            raise HTTPException(503, "no database") from error
        return JSONResponse({"outcome": "healthy"})

    return Starlette(
        routes=[
            Route("/webhooks/{provider}", receive, methods=["POST"]),
            Route("/health", health, methods=["GET"]),
        ],
        exception_handlers={HTTPException: _refuse},
    )


async def _record(
    database: AsyncDatabase,
    provider: Provider,
    key: str,
    headers: Mapping[str, str],
    body: bytes,
    status: SignatureStatus,
) -> str:
    """Record a webhook and commit, and say what came of it."""
    try:
        async with database.transaction() as connection:
            added = await webhook_events.add(
                connection,
                idempotency_key=key,
                provider=provider.name,
                headers=headers,
                payload=body,
                signature_status=status,
                # nobody works on it yet: a worker may have it at once
                lease=_NOBODY,
            )
    except (psycopg.OperationalError, DbkitError) as error:
        _LOG.warning("a webhook of %s was not recorded: %s", provider.name, error)
        raise HTTPException(503, "not recorded", {"Retry-After": _SECONDS_AWAY}) from error
    return added.outcome


def _refuse(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return JSONResponse({"outcome": error.detail}, error.status_code, error.headers)


async def _body(request: Request, limit: int) -> bytes:
    """Return the body, or stop reading as soon as it is too large."""
    too_large = HTTPException(413, f"the body has more than {limit} bytes")
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > limit:
        raise too_large
    parts: list[bytes] = []
    size = 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > limit:
                raise too_large
            parts.append(part)
    except ClientDisconnect as error:
        raise HTTPException(400, "the body ended too early") from error
    return b"".join(parts)


def _headers(request: Request) -> dict[str, str]:
    """Return all headers; one that comes several times has all its values, as HTTP joins them."""
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        if "\0" in value:
            raise HTTPException(400, f"{name} has a NUL character")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _key(provider: Provider, headers: Mapping[str, str], body: bytes) -> str:
    """Return the webhook's key; without a header for it, what was sent is its own key."""
    key = headers.get((provider.key_header or "").lower(), "").strip()
    if not key:
        return f"{provider.name} sha256 {hashlib.sha256(body).hexdigest()}"
    if len(key) > _LONGEST_KEY:
        raise HTTPException(400, f"{provider.key_header} has more than {_LONGEST_KEY} characters")
    return key
