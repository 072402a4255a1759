"""Make the tokens that users bring back, and what the database keeps of them."""

from hashlib import sha256
from secrets import token_urlsafe

_BYTES = 32


def new_token() -> str:
    """Make a token that nobody can guess: 256 random bits, in 43 characters that suit a URL."""
    return token_urlsafe(_BYTES)


def digest(token: str) -> str:
    """Give the SHA-256 of a token, in 64 hexadecimal digits, which is what the database keeps.

    Whoever reads it there can use nothing of it. Against guessing a slow hash would add nothing:
    unlike a password, a token is random.
    """
    return sha256(token.encode()).hexdigest()
