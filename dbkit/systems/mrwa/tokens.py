"""Make random tokens for users, and the digests of them that the database keeps."""

from hashlib import sha256
from secrets import token_urlsafe

_BYTES = 32


def new_token() -> str:
    """Make a token that nobody can guess: 256 random bits as 43 characters safe in a URL."""
    return token_urlsafe(_BYTES)


def digest(token: str) -> str:
    """Return the SHA-256 of a token as 64 hexadecimal digits, which the database keeps.

    A person who reads the database cannot log in with a digest. A slow hash, as for passwords,
    would add nothing: a token is random and cannot be guessed.
    """
    return sha256(token.encode()).hexdigest()
