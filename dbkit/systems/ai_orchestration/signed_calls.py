"""Start runs for calls from outside whose signature proves who sent them."""

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
"""How many seconds a call's timestamp may be away from now, either way."""


@dataclass(eq=False)
class UnknownWebhook(DbkitError):
    """The tenant has no such webhook."""

    webhook_id: UUID

    def __str__(self) -> str:
        return f"unknown webhook {self.webhook_id}"


@dataclass(eq=False)
class WrongSignature(DbkitError):
    """A call was not signed with the webhook's key, or changed afterwards."""

    def __str__(self) -> str:
        return "the signature is not that of this timestamp and body"


@dataclass(eq=False)
class StaleCall(DbkitError):
    """A call was signed too long ago or in the future: somebody may be sending it again."""

    timestamp: int
    tolerance: int

    def __str__(self) -> str:
        return (
            f"the call was signed at {self.timestamp}, more than {self.tolerance} seconds away;"
            " sign it when it is sent"
        )


@dataclass(eq=False)
class UnreadableBody(DbkitError):
    """The body of a call is not JSON."""

    def __str__(self) -> str:
        return "the body is not JSON in UTF-8"


@dataclass(eq=False)
class SilentWebhook(DbkitError):
    """A webhook starts nothing as things stand."""

    webhook_id: UUID

    def __str__(self) -> str:
        return (
            f"webhook {self.webhook_id} starts nothing; it is disabled, or its workflow is removed"
            " or not published"
        )


def new_secret() -> str:
    """Make a key to sign calls with."""
    return secrets.token_urlsafe(32)


def sign(body: bytes, *, secret: str, timestamp: int) -> str:
    """Sign a body as sent at a time, in seconds since 1970."""
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
    """Refuse a call that was not signed with this key just now."""
    expected = sign(body, secret=secret, timestamp=timestamp)
    # as bytes: of text, only ASCII can be compared
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
) -> queries.Trigger:
    """Verify a call and start the run it asks for; whatever is refused leaves no trace.

    The tenant comes from the address that was called, as every statement needs it.
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
    """Give a webhook a new key and return it; the old one signs nothing any more."""
    secret = new_secret()
    if not queries.change_secret(
        connection, tenant_id=tenant_id, webhook_id=webhook_id, secret=secret
    ):
        raise UnknownWebhook(webhook_id)
    return secret


def _payload(body: bytes) -> Any:  # noqa: ANN401 - whatever the caller sent
    try:
        return json.loads(body.decode(), parse_constant=_refuse)
    except (ValueError, RecursionError):
        # what was sent may be confidential, and the error of the parser would carry it along
        raise UnreadableBody from None


def _refuse(constant: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python reads and JSON does not know."""
    raise ValueError(constant)
