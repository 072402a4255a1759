"""Verify signed calls of webhooks and start the runs they ask for."""

import hmac
import json
import secrets
import time
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NoReturn
from uuid import UUID

from psycopg import Connection

from dbkit.errors import DbkitError
from dbkit.systems.ai_orchestration import webhooks as queries

TOLERANCE = 300
"""How many seconds the timestamp of a call may be before or after now."""


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
    """The body of a call is not JSON."""

    def __str__(self) -> str:
        return "the body is not JSON; send JSON in UTF-8"


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


def sign(body: bytes, *, secret: str, timestamp: int) -> str:
    """Return the signature of a body that is sent at a time, in seconds since 1970."""
    message = b"%d.%b" % (timestamp, body)
    return f"sha256={hmac.new(secret.encode(), message, sha256).hexdigest()}"


def verify(
    body: bytes,
    *,
    secret: str,
    timestamp: int,
    signature: str,
    now: float | None = None,
) -> None:
    """Refuse a call that was not signed with this key in the last moments."""
    expected = sign(body, secret=secret, timestamp=timestamp)
    # as bytes: compare_digest takes no text outside ASCII
    if not hmac.compare_digest(expected.encode(), signature.encode(errors="replace")):
        raise WrongSignature
    if abs((time.time() if now is None else now) - timestamp) > TOLERANCE:
        raise StaleCall(timestamp, TOLERANCE)


def trigger(  # noqa: PLR0913 - the parts of a call as they arrive
    connection: Connection[Any],
    *,
    tenant_id: UUID,
    webhook_id: UUID,
    body: bytes,
    timestamp: int,
    signature: str,
) -> queries.TriggerRow:
    """Verify a call and start its run; a call that is refused changes nothing.

    The tenant is a part of the address that was called, because every statement needs it.
    """
    secret = queries.find_secret(connection, tenant_id=tenant_id, webhook_id=webhook_id)
    if secret is None:
        raise UnknownWebhook(webhook_id)
    verify(body, secret=secret, timestamp=timestamp, signature=signature)
    run = queries.trigger(
        connection, tenant_id=tenant_id, webhook_id=webhook_id, payload=_payload(body)
    )
    if run is None:
        raise SilentWebhook(webhook_id)
    return run


def rotate_secret(connection: Connection[Any], *, tenant_id: UUID, webhook_id: UUID) -> str:
    """Give a webhook a new key and return it; calls signed with the old key are refused."""
    secret = new_secret()
    if not queries.change_secret(
        connection, tenant_id=tenant_id, webhook_id=webhook_id, secret=secret
    ):
        raise UnknownWebhook(webhook_id)
    return secret


def _payload(body: bytes) -> Any:  # noqa: ANN401 - any JSON
    try:
        return json.loads(body.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        # the parser's error would quote the body, which may be confidential
        raise UnreadableBody from None


def _refuse_constant(constant: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python reads although they are not JSON."""
    raise ValueError(constant)
