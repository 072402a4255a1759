"""Hash passwords by bcrypt, and verify them in a time that tells nothing."""

from dataclasses import dataclass

import bcrypt

from dbkit.errors import DbkitError

COST = 12
"""What the document asks for: four thousand rounds, about a quarter of a second."""

_MOST_BYTES = 72
# a well-formed hash that belongs to nobody: verifying by it takes as long as by a user's
_NOBODYS = f"$2b${COST:02}$abcdefghijklmnopqrstuuHsbBcDgbh9Hql9bmKZlFYT5bUmmw7fe"


@dataclass(eq=False)
class TooLongPassword(DbkitError):
    """A password is longer than what bcrypt reads of it."""

    size: int

    def __str__(self) -> str:
        return (
            f"the password has {self.size} bytes in UTF-8, of which bcrypt reads {_MOST_BYTES}; "
            "choose a shorter one"
        )


def hash_password(password: str) -> str:
    """Hash a new password, or refuse one of which bcrypt would not read the end."""
    secret = password.encode()
    if len(secret) > _MOST_BYTES:
        raise TooLongPassword(len(secret))
    return bcrypt.hashpw(secret, bcrypt.gensalt(COST)).decode()


def verify_password(password: str, hashed: str | None) -> bool:
    """Say whether a password is the one that was hashed; where there is no user, hashed is None.

    It takes as long without a user as with one, so the time does not tell who is registered.
    """
    secret = password.encode()
    # nobody has such a password, so this is soon known for every user alike
    if len(secret) > _MOST_BYTES:
        return False
    fits = bcrypt.checkpw(secret, (hashed or _NOBODYS).encode())
    return fits and hashed is not None


def is_outdated(hashed: str) -> bool:
    """Say whether a hash was made with a lower cost or in an older form than new ones are."""
    _, form, cost, _ = hashed.split("$")
    return form != "2b" or int(cost) < COST
