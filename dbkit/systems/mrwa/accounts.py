"""Register users, log them in, and have them prove their addresses."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection

from dbkit.systems.mrwa import sessions, users
from dbkit.systems.mrwa.passwords import hash_password, is_outdated, verify_password
from dbkit.systems.mrwa.renewal import Device, Opened, open_session
from dbkit.systems.mrwa.tokens import digest, new_token

_A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Registered:
    """A new user, and the token that proves the address once it comes back from there."""

    user_id: UUID
    verification_token: str = field(repr=False)


def register(
    connection: Connection[Any],
    *,
    email: str,
    password: str,
    name: str | None = None,
    proved_within: timedelta = _A_DAY,
) -> Registered | None:
    """Register a user, or give None where the address is taken.

    The password is hashed either way, so the time does not tell which.
    """
    token = new_token()
    user_id = users.add(
        connection,
        email=email,
        password_hash=hash_password(password),
        name=name,
        verification_token=digest(token),
        lifetime=proved_within,
    )
    return Registered(user_id, token) if user_id else None


def log_in(
    connection: Connection[Any], *, email: str, password: str, device: Device | None = None
) -> Opened | None:
    """Open a session for the user who knows the password, or give None, without telling why.

    A hash of a lower cost than today's is replaced while the password is at hand.
    """
    user = users.find_by_email(connection, email=email)
    if not verify_password(password, user.password_hash if user else None) or user is None:
        return None
    verified = user.password_hash
    # this locks the user's row: a change of the password comes before, and is seen, or after,
    # and revokes the session
    if not users.change_last_login(connection, user_id=user.id, verified_hash=verified):
        return None
    if is_outdated(verified):
        users.change_password(
            connection,
            user_id=user.id,
            verified_hash=verified,
            password_hash=hash_password(password),
        )
    return open_session(connection, user_id=user.id, device=device)


def change_password(
    connection: Connection[Any], *, user_id: UUID, password: str, new_password: str
) -> bool:
    """Change the password of a user who knows the old one, and log out all devices.

    It gives False, and changes nothing, where the old one is not right.
    """
    new_hash = hash_password(new_password)
    verified = users.find_password_hash(connection, user_id=user_id)
    if not verify_password(password, verified) or verified is None:
        return False
    changed = users.change_password(
        connection, user_id=user_id, verified_hash=verified, password_hash=new_hash
    )
    if changed:
        sessions.revoke_all(connection, user_id=user_id)
    return bool(changed)


def change_email(
    connection: Connection[Any], *, user_id: UUID, email: str, proved_within: timedelta = _A_DAY
) -> str | None:
    """Give a user another address and the token that proves it, or None where there is no user.

    An address that another user has is psycopg's `UniqueViolation`.
    """
    token = new_token()
    changed = users.change_email(
        connection,
        user_id=user_id,
        email=email,
        verification_token=digest(token),
        lifetime=proved_within,
    )
    return token if changed else None


def renew_verification(
    connection: Connection[Any], *, user_id: UUID, proved_within: timedelta = _A_DAY
) -> str | None:
    """Give another token to prove an address with, or None where that is proved already."""
    token = new_token()
    changed = users.change_verification_token(
        connection, user_id=user_id, verification_token=digest(token), lifetime=proved_within
    )
    return token if changed else None


def verify_email(connection: Connection[Any], *, token: str) -> UUID | None:
    """Take an address for proved and give its user, or None where the token is not good any more.

    A token is good once, and until it expires.
    """
    return next(iter(users.verify_email(connection, verification_token=digest(token))), None)
