"""Verify signed calls of webhooks and start the runs they ask for."""

import hmac
import json
import math
import re
import secrets
import time
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any, NoReturn, TypedDict
from uuid import UUID

from psycopg import AsyncConnection, Connection

from dbkit.errors import DbkitError
from dbkit.runtime import OMITTED, Omitted
from dbkit.systems.ai_orchestration import webhooks as queries

TOLERANCE = 300
"""How many seconds the timestamp of a call may be before or after now."""

_DELIVERY_ID = re.compile(r"[\x21-\x7e]{1,255}")
# what jsonb cannot hold: the NUL character, and half of a character
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


@dataclass(eq=False)
class UnknownWebhook(DbkitError):
    """The tenant has no such webhook."""

    webhook_id: UUID

    def __str__(self) -> str:
        return f"unknown webhook {self.webhook_id}; give the id of one of this tenant's webhooks"


@dataclass(eq=False)
class WrongSignature(DbkitError):
    """A call was not signed with the webhook's key, or was changed afterwards."""

    def __str__(self) -> str:
        return (
            "the signature does not match this timestamp and body; "
            "sign exactly what is sent, with the webhook's secret"
        )


@dataclass(eq=False)
class StaleCall(DbkitError):
    """A call was signed too long ago or in the future, so it may be a call sent a second time."""

    timestamp: int
    tolerance: int

    def __str__(self) -> str:
        return (
            f"the call was signed at {self.timestamp}, more than {self.tolerance} seconds ago "
            "or ahead; sign a call when you send it"
        )


@dataclass(eq=False)
class UnreadableBody(DbkitError):
    """The body of a call is not JSON that can be stored."""

    def __str__(self) -> str:
        return (
            "the body is not JSON that can be stored; send JSON in UTF-8 whose texts have neither"
            " \\u0000 nor half of a surrogate pair, and whose numbers are not beyond 1e308"
        )


@dataclass(eq=False)
class BadDeliveryId(DbkitError):
    """The sender's id of a call has the wrong form."""

    def __str__(self) -> str:
        return "the delivery id is refused; send 1 to 255 visible ASCII characters"


@dataclass(eq=False)
class SilentWebhook(DbkitError):
    """A webhook cannot start a run as it is now."""

    webhook_id: UUID

    def __str__(self) -> str:
        return (
            f"webhook {self.webhook_id} starts nothing because it is disabled, or its workflow is "
            "removed or not published; enable it, or publish a version of its workflow"
        )


def new_secret() -> str:
    """Make a random key to sign calls with."""
    return secrets.token_urlsafe(32)


def sign(body: bytes, *, secret: str, timestamp: int, delivery_id: str | None = None) -> str:
    """Return the signature of a body that is sent at a time, in seconds since 1970.

    With `delivery_id`, the sender's own id of the call, the signature covers that too: then nobody
    can send the call again under another id.
    """
    message = _signed(body, timestamp, delivery_id)
    return f"sha256={hmac.new(secret.encode(), message, sha256).hexdigest()}"


def verify(  # noqa: PLR0913 - the parts of a call
    body: bytes,
    *,
    secret: str,
    timestamp: int,
    signature: str,
    delivery_id: str | None = None,
    now: float | None = None,
) -> None:
    """Refuse a call that was not signed with this key in the last moments."""
    _verified(body, (secret,), timestamp, signature, delivery_id, now)


def trigger(  # noqa: PLR0913 - the parts of a call as they arrive
    connection: Connection[Any],
    *,
    tenant_id: UUID,
    webhook_id: UUID,
    body: bytes,
    timestamp: int,
    signature: str,
    delivery_id: str | None = None,
) -> queries.TriggerRow:
    """Verify a call and start its run; a call that is refused changes nothing.

    A call that comes twice starts one run: the second one is given the run of the first, with
    `is_first` false. It is the same call if its delivery id is the same, or if timestamp and body
    are. Two calls with an equal body in the same second are two only if a signed delivery id tells
    them apart. The tenant is a part of the address that was called, because every statement needs
    it.
    """
    known = queries.find_secrets(connection, tenant_id=tenant_id, webhook_id=webhook_id)
    if known is None:
        raise UnknownWebhook(webhook_id)
    call = _read(body, _keys(known), timestamp, signature, delivery_id)
    if delivery_id is None:
        run = queries.trigger(connection, tenant_id=tenant_id, webhook_id=webhook_id, **call)
    else:
        run = queries.trigger(
            connection,
            tenant_id=tenant_id,
            webhook_id=webhook_id,
            delivery_id=delivery_id,
            **call,
        )
    if run is None:
        raise SilentWebhook(webhook_id)
    return run


async def trigger_async(  # noqa: PLR0913 - as above
    connection: AsyncConnection[Any],
    *,
    tenant_id: UUID,
    webhook_id: UUID,
    body: bytes,
    timestamp: int,
    signature: str,
    delivery_id: str | None = None,
) -> queries.TriggerRow:
    """Do what `trigger` does, on an async connection."""
    known = await queries.find_secrets(connection, tenant_id=tenant_id, webhook_id=webhook_id)
    if known is None:
        raise UnknownWebhook(webhook_id)
    call = _read(body, _keys(known), timestamp, signature, delivery_id)
    if delivery_id is None:
        run = await queries.trigger(connection, tenant_id=tenant_id, webhook_id=webhook_id, **call)
    else:
        run = await queries.trigger(
            connection,
            tenant_id=tenant_id,
            webhook_id=webhook_id,
            delivery_id=delivery_id,
            **call,
        )
    if run is None:
        raise SilentWebhook(webhook_id)
    return run


def rotate_secret(
    connection: Connection[Any],
    *,
    tenant_id: UUID,
    webhook_id: UUID,
    overlap: timedelta | Omitted = OMITTED,
) -> str:
    """Give a webhook a new key and return it; calls signed with the old key are refused.

    With `overlap`, they are taken until it is over, so that the sender has time to change its key.
    Give none for a key that somebody else has seen; `webhooks.remove_old_secret` ends it early.
    """
    secret = new_secret()
    if not queries.change_secret(
        connection, tenant_id=tenant_id, webhook_id=webhook_id, secret=secret, overlap=overlap
    ):
        raise UnknownWebhook(webhook_id)
    return secret


async def rotate_secret_async(
    connection: AsyncConnection[Any],
    *,
    tenant_id: UUID,
    webhook_id: UUID,
    overlap: timedelta | Omitted = OMITTED,
) -> str:
    """Do what `rotate_secret` does, on an async connection."""
    secret = new_secret()
    if not await queries.change_secret(
        connection, tenant_id=tenant_id, webhook_id=webhook_id, secret=secret, overlap=overlap
    ):
        raise UnknownWebhook(webhook_id)
    return secret


class _Call(TypedDict):
    payload: Any
    call_digest: str


def _keys(known: queries.FindSecretsRow) -> tuple[str, ...]:
    return (known.secret,) if known.old_secret is None else (known.secret, known.old_secret)


def _read(
    body: bytes, keys: tuple[str, ...], timestamp: int, signature: str, delivery_id: str | None
) -> _Call:
    """Verify a call and return what of it is stored."""
    signed = _verified(body, keys, timestamp, signature, delivery_id, None)
    return {"payload": _payload(body), "call_digest": sha256(signed).hexdigest()}


def _verified(  # noqa: PLR0913, PLR0917 - the parts of a call
    body: bytes,
    keys: tuple[str, ...],
    timestamp: int,
    signature: str,
    delivery_id: str | None,
    now: float | None,
) -> bytes:
    """Return what was signed: with the delivery id, or without if the sender signs none."""
    if delivery_id is not None and not _DELIVERY_ID.fullmatch(delivery_id):
        raise BadDeliveryId
    for covered in dict.fromkeys((delivery_id, None)):
        matches = [
            # as bytes: compare_digest takes no text outside ASCII
            hmac.compare_digest(
                sign(body, secret=key, timestamp=timestamp, delivery_id=covered).encode(),
                signature.encode(errors="replace"),
            )
            for key in keys
        ]
        # each key is compared: the time does not tell by which one it was signed
        if any(matches):
            break
    else:
        raise WrongSignature
    if abs((time.time() if now is None else now) - timestamp) > TOLERANCE:
        raise StaleCall(timestamp, TOLERANCE)
    return _signed(body, timestamp, covered)


def _signed(body: bytes, timestamp: int, delivery_id: str | None) -> bytes:
    if delivery_id is None:
        return b"%d.%b" % (timestamp, body)
    # the colon keeps it from being read as a call without an id
    return b"%d:%b.%b" % (timestamp, delivery_id.encode(), body)


def _payload(body: bytes) -> Any:  # noqa: ANN401 - any JSON
    try:
        payload = json.loads(body.decode(), parse_constant=_refuse_constant)
        _refuse_unstorable(payload)
    except (ValueError, RecursionError):
        # the parser's error would quote the body, which may be confidential
        raise UnreadableBody from None
    return payload


def _refuse_unstorable(value: Any) -> None:  # noqa: ANN401 - as above
    """Refuse what is JSON and what jsonb cannot hold."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += [*one, *one.values()]
        elif isinstance(one, list):
            waiting += one
        elif (isinstance(one, str) and _UNSTORABLE.search(one)) or (
            isinstance(one, float) and not math.isfinite(one)
        ):
            raise ValueError


def _refuse_constant(constant: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python reads although they are not JSON."""
    raise ValueError(constant)
