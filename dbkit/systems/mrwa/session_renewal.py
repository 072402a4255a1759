"""Open sessions, and renew each with a refresh token that is valid once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Literal, cast
from uuid import UUID

from psycopg import Connection

from dbkit.systems.mrwa import sessions
from dbkit.systems.mrwa.tokens import digest, new_token

RefusalReason = Literal["unknown", "expired", "late", "reused"]

_THIRTY_DAYS = timedelta(days=30)
_TEN_SECONDS = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Device:
    """The device of a user; the keys of `info` are device_type, browser, os and platform."""

    info: Mapping[str, str] | None = None
    ip_address: IPv4Address | IPv6Address | None = None
    user_agent: str | None = None


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A session, and the token that renews it, which only its client knows."""

    session_id: UUID
    user_id: UUID | None
    refresh_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RefusedRenewal:
    """No session, and the reason.

    `unknown` and `expired` are tokens to log in again for. `late` is a token that was renewed a
    moment ago, most likely by the same client: let it use the session it got then. `reused` is a
    token that was stolen: all sessions that began with the same login have been revoked.
    """

    reason: RefusalReason
    user_id: UUID | None


def open_session(
    connection: Connection[Any],
    *,
    user_id: UUID,
    device: Device | None = None,
    lifetime: timedelta = _THIRTY_DAYS,
) -> OpenedSession:
    """Open a session for a user who has been identified, for example by a password."""
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
    return OpenedSession(session_id, user_id, token)


def renew_session(
    connection: Connection[Any],
    *,
    refresh_token: str,
    device: Device | None = None,
    lifetime: timedelta = _THIRTY_DAYS,
    leeway: timedelta = _TEN_SECONDS,
) -> OpenedSession | RefusedRenewal:
    """Exchange a refresh token for a new session with a new token.

    A refusal is returned, not raised, because it must be committed: an error would roll back
    the transaction, and with it the revocation of a stolen token's sessions.
    """
    token = new_token()
    device = device or Device()
    rotated = sessions.rotate(
        connection,
        presented_token=digest(refresh_token),
        refresh_token=digest(token),
        ip_address=device.ip_address,
        user_agent=device.user_agent,
        lifetime=lifetime,
        leeway=leeway,
    )
    if rotated.session_id is None:
        return RefusedRenewal(cast("RefusalReason", rotated.outcome), rotated.user_id)
    return OpenedSession(rotated.session_id, rotated.user_id, token)
