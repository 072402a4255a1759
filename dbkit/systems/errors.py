"""What goes wrong in that which the systems share."""

from dataclasses import dataclass
from uuid import UUID

from dbkit.errors import DbkitError

KEY_BYTES = 32


@dataclass(eq=False)
class UnusableKey(DbkitError):
    """A key or its id has the wrong form."""

    key_id: str

    def __str__(self) -> str:
        return (
            f"key {self.key_id!r} is unusable; a key has {KEY_BYTES} bytes, and its id consists of"
            " letters, digits, - and _"
        )


@dataclass(eq=False)
class UnknownKey(DbkitError):
    """No key of this id is in the keyring."""

    key_id: str
    known: tuple[str, ...]
    # the tenant and the name of what that key encrypted
    secret: tuple[UUID, str] | None = None

    def __str__(self) -> str:
        of = f" of the secret {self.secret[1]!r} of tenant {self.secret[0]}" if self.secret else ""
        return f"unknown key {self.key_id!r}{of}; known keys: {', '.join(self.known)}"


@dataclass(eq=False)
class NotSealed(DbkitError):
    """A text was not encrypted for this subject, or was changed."""

    subject: str

    def __str__(self) -> str:
        return (
            f"the text of {self.subject!r} does not decrypt: it was changed, or encrypted for "
            "something else or by another program; put it again"
        )
