"""Open sessions, and renew them by refresh tokens that are good once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Literal, cast
from uuid import UUID

from psycopg import Connection

from dbkit.systems.mrwa import sessions
from dbkit.systems.mrwa.tokens import digest, new_token

Reason = Literal["unknown", "expired", "late", "reused"]

_THIRTY_DAYS = timedelta(days=30)
_TEN_SECONDS = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Device:
    """From where a user comes; of the document's info are device_type, browser, os, platform."""

    info: Mapping[str, str] | None = None
    ip_address: IPv4Address | IPv6Address | None = None
    user_agent: str | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """A session, and the token to renew it with, which is known to nobody but its client."""

    session_id: UUID
    user_id: UUID | None
    refresh_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Refused:
    """No session, and the reason.

    `late` is a token that was renewed a moment ago, by the same client in all likelihood: it
    should go on with what it got then. `reused` is one that was stolen: whoever came from the
    same login has been logged out.
    """

    reason: Reason
    user_id: UUID | None


def open_session(
    connection: Connection[Any],
    *,
    user_id: UUID,
    device: Device | None = None,
    lifetime: timedelta = _THIRTY_DAYS,
) -> Opened:
    """Open a session for a user who has been identified."""
    token = new_token()
    device = device or Device()
    session_id = sessions.add(
        connection,
        user_id=user_id,
        refresh_token=digest(token),
        device_info=device.info,
        ip_address=device.ip_address,
        user_agent=device.user_agent,
        lifetime=lifetime,
    )
    return Opened(session_id, user_id, token)


def renew_session(
    connection: Connection[Any],
    *,
    refresh_token: str,
    device: Device | None = None,
    lifetime: timedelta = _THIRTY_DAYS,
    leeway: timedelta = _TEN_SECONDS,
) -> Opened | Refused:
    """Exchange a refresh token for a new session, the token for another.

    A refusal is returned and not raised, for it has to be committed: an error would take back
    with the transaction that a stolen token's sessions were revoked.
    """
    token = new_token()
    device = device or Device()
    found = sessions.rotate(
        connection,
        presented_token=digest(refresh_token),
        refresh_token=digest(token),
        ip_address=device.ip_address,
        user_agent=device.user_agent,
        lifetime=lifetime,
        leeway=leeway,
    )
    if found.session_id is None:
        return Refused(cast("Reason", found.outcome), found.user_id)
    return Opened(found.session_id, found.user_id, token)
