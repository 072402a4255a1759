"""Register users, log them in, and verify their email addresses."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection

from dbkit.systems.mrwa import sessions, users
from dbkit.systems.mrwa.passwords import hash_password, is_outdated, verify_password
from dbkit.systems.mrwa.session_renewal import Device, OpenedSession, open_session
from dbkit.systems.mrwa.tokens import digest, new_token

_A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class RegisteredUser:
    """A new user, and the token to send to the user's address to verify it."""

    user_id: UUID
    verification_token: str = field(repr=False)


def register(
    connection: Connection[Any],
    *,
    email: str,
    password: str,
    name: str | None = None,
    verify_within: timedelta = _A_DAY,
) -> RegisteredUser | None:
    """Register a user, or return None if the address is taken.

    The password is hashed in both cases, so the time it takes does not tell which one it was.
    """
    token = new_token()
    user_id = users.add(
        connection,
        email=email,
        password_hash=hash_password(password),
        name=name,
        verification_token=digest(token),
        lifetime=verify_within,
    )
    return RegisteredUser(user_id, token) if user_id else None


def log_in(
    connection: Connection[Any], *, email: str, password: str, device: Device | None = None
) -> OpenedSession | None:
    """Open a session if the password is right, or return None without the reason.

    A hash made with a lower cost than today's is replaced, since the password is known here.
    """
    user = users.find_by_email(connection, email=email)
    if not verify_password(password, user.password_hash if user else None) or user is None:
        return None
    verified = user.password_hash
    # this locks the user's row: a password changed before this line is seen here, and one
    # changed later revokes the session
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

    It returns False and changes nothing if the old password is wrong.
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
    connection: Connection[Any], *, user_id: UUID, email: str, verify_within: timedelta = _A_DAY
) -> str | None:
    """Change a user's address and return the token that verifies it; None if there is no user.

    If another user has the address, psycopg raises `UniqueViolation`.
    """
    token = new_token()
    changed = users.change_email(
        connection,
        user_id=user_id,
        email=email,
        verification_token=digest(token),
        lifetime=verify_within,
    )
    return token if changed else None


def renew_verification(
    connection: Connection[Any], *, user_id: UUID, verify_within: timedelta = _A_DAY
) -> str | None:
    """Return a new token to verify an address with, or None if it is verified already."""
    token = new_token()
    changed = users.change_verification_token(
        connection, user_id=user_id, verification_token=digest(token), lifetime=verify_within
    )
    return token if changed else None


def verify_email(connection: Connection[Any], *, token: str) -> UUID | None:
    """Mark an address as verified and return its user, or None if the token is not valid.

    A token is valid once, until it expires.
    """
    return next(iter(users.verify_email(connection, verification_token=digest(token))), None)
