"""Encrypt texts with AES-256-GCM, each for one subject, under keys that can be replaced."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dbkit.systems.errors import KEY_BYTES, NotSealed, UnknownKey, UnusableKey

_VERSION = "v1"
_NONCE_BYTES = 12
_KEY_ID = re.compile(r"[A-Za-z0-9_-]+")
_HEXADECIMAL = re.compile(r"[0-9a-fA-F]{64}")
# version, key id, nonce, ciphertext with its tag; in hexadecimal, lower-case only
_SEALED = re.compile(
    rf"{_VERSION}\.({_KEY_ID.pattern})\.((?:[0-9a-f]{{2}}){{12}})\.((?:[0-9a-f]{{2}}){{16,}})"
)


@dataclass(frozen=True)
class Keyring:
    """Keys by their ids: the current one encrypts; each one decrypts what it encrypted."""

    current: str
    keys: Mapping[str, bytes] = field(repr=False)

    def __post_init__(self) -> None:
        for key_id, key in self.keys.items():
            if not _KEY_ID.fullmatch(key_id) or len(key) != KEY_BYTES:
                raise UnusableKey(key_id)
        self.cipher(self.current)

    @classmethod
    def read(cls, text: str) -> "Keyring":
        """Read keys as an environment variable has them: `id:64 hexadecimal digits`, several.

        They stand one after the other with blanks or commas between; the first one is current.
        While a key is replaced, the new one comes first and the old one stays behind it.
        """
        pairs = [entry.partition(":") for entry in text.replace(",", " ").split()]
        keys: dict[str, bytes] = {}
        for key_id, _, digits in pairs:
            if not _HEXADECIMAL.fullmatch(digits) or key_id in keys:
                raise UnusableKey(key_id)
            keys[key_id] = bytes.fromhex(digits)
        if not keys:
            raise UnusableKey("")
        return cls(next(iter(keys)), keys)

    @property
    def prefix(self) -> str:
        """The first characters of every text that the current key encrypts."""
        return f"{_VERSION}.{self.current}."

    def cipher(self, key_id: str) -> AESGCM:
        """Return the cipher of a key, or refuse an id that is not in the keyring."""
        if key_id not in self.keys:
            raise UnknownKey(key_id, tuple(self.keys))
        return AESGCM(self.keys[key_id])


def seal(keyring: Keyring, value: str, *, subject: str) -> str:
    """Encrypt a value with the current key, so that it decrypts for this subject only."""
    nonce = os.urandom(_NONCE_BYTES)
    bound = _bound_to(keyring.current, subject)
    sealed = keyring.cipher(keyring.current).encrypt(nonce, value.encode(), bound)
    return f"{keyring.prefix}{nonce.hex()}.{sealed.hex()}"


def unseal(keyring: Keyring, text: str, *, subject: str) -> str:
    """Decrypt a text that was encrypted for this subject."""
    match = _SEALED.fullmatch(text)
    if match is None:
        raise NotSealed(subject)
    key_id, nonce, sealed = match.groups()
    cipher, bound = keyring.cipher(key_id), _bound_to(key_id, subject)
    try:
        value = cipher.decrypt(bytes.fromhex(nonce), bytes.fromhex(sealed), bound)
    except InvalidTag:
        raise NotSealed(subject) from None
    return value.decode()


def _bound_to(key_id: str, subject: str) -> bytes:
    """Return the additional data that GCM authenticates: the text decrypts with it only."""
    return f"{_VERSION}.{key_id}.{subject}".encode()
