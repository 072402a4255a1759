"""Hash passwords with bcrypt, and verify them in the same time for every user."""

from dataclasses import dataclass

import bcrypt

from dbkit.errors import DbkitError

COST = 12
"""The cost the document asks for: 4,096 rounds, about a quarter of a second."""

_MAX_BYTES = 72
# a well-formed hash that belongs to no user: to verify with it takes as long as with a real one
_DUMMY_HASH = f"$2b${COST:02}$abcdefghijklmnopqrstuuHsbBcDgbh9Hql9bmKZlFYT5bUmmw7fe"


@dataclass(eq=False)
class TooLongPassword(DbkitError):
    """A password is longer than the 72 bytes that bcrypt reads."""

    size: int

    def __str__(self) -> str:
        return (
            f"the password has {self.size} bytes in UTF-8, but bcrypt reads only {_MAX_BYTES}; "
            "choose a shorter one"
        )


def hash_password(password: str) -> str:
    """Hash a new password, or refuse one that bcrypt would not read to its end."""
    secret = password.encode()
    if len(secret) > _MAX_BYTES:
        raise TooLongPassword(len(secret))
    return bcrypt.hashpw(secret, bcrypt.gensalt(COST)).decode()


def verify_password(password: str, hashed: str | None) -> bool:
    """Say whether this is the password that was hashed; `hashed` is None if there is no user.

    It takes as long without a user as with one, so the time does not tell who is registered.
    """
    secret = password.encode()
    # no user can have such a password, so the fast answer tells nothing about any user
    if len(secret) > _MAX_BYTES:
        return False
    is_right = bcrypt.checkpw(secret, (hashed or _DUMMY_HASH).encode())
    return is_right and hashed is not None


def is_outdated(hashed: str) -> bool:
    """Say whether a hash has a lower cost or an older format than new hashes have."""
    _, version, cost, _ = hashed.split("$")
    return version != "2b" or int(cost) < COST
