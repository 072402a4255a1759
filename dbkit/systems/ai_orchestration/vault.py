"""Store the secrets of tenants encrypted with AES-256-GCM, under keys that can be replaced."""

import logging
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg import AsyncConnection, Connection

from dbkit.errors import DbkitError
from dbkit.systems.ai_orchestration import secrets as queries

_LOG = logging.getLogger(__name__)
_VERSION = "v1"
_KEY_BYTES, _NONCE_BYTES = 32, 12
_FIRST = UUID(int=0)
_KEY_ID = re.compile(r"[A-Za-z0-9_-]+")
_HEXADECIMAL = re.compile(r"[0-9a-fA-F]{64}")
# version, key id, nonce, ciphertext with its tag; in hexadecimal, lower-case only
_SEALED = re.compile(
    rf"{_VERSION}\.({_KEY_ID.pattern})\.((?:[0-9a-f]{{2}}){{12}})\.((?:[0-9a-f]{{2}}){{16,}})"
)


@dataclass(eq=False)
class UnusableKey(DbkitError):
    """A key or its id has the wrong form."""

    key_id: str

    def __str__(self) -> str:
        return (
            f"key {self.key_id!r} is unusable; a key has {_KEY_BYTES} bytes, and its id consists of"
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
class UnreadableSecret(DbkitError):
    """A stored text was not encrypted for this tenant and name, or was changed."""

    tenant_id: UUID
    name: str

    def __str__(self) -> str:
        return (
            f"the secret {self.name!r} of tenant {self.tenant_id} does not decrypt: its text was "
            "changed, or encrypted for another tenant, name or key; put the secret again"
        )


@dataclass(frozen=True)
class Keyring:
    """Keys by their ids: the current one encrypts; each one decrypts what it encrypted."""

    current: str
    keys: Mapping[str, bytes] = field(repr=False)

    def __post_init__(self) -> None:
        for key_id, key in self.keys.items():
            if not _KEY_ID.fullmatch(key_id) or len(key) != _KEY_BYTES:
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


def encrypt(keyring: Keyring, value: str, *, tenant_id: UUID, name: str) -> str:
    """Encrypt a value with the current key, so that it decrypts for this tenant and name only."""
    nonce = os.urandom(_NONCE_BYTES)
    bound = _bound_to(keyring.current, tenant_id, name)
    sealed = keyring.cipher(keyring.current).encrypt(nonce, value.encode(), bound)
    return f"{keyring.prefix}{nonce.hex()}.{sealed.hex()}"


def decrypt(keyring: Keyring, text: str, *, tenant_id: UUID, name: str) -> str:
    """Decrypt a text that was encrypted for this tenant and name."""
    match = _SEALED.fullmatch(text)
    if match is None:
        raise UnreadableSecret(tenant_id, name)
    key_id, nonce, sealed = match.groups()
    cipher, bound = keyring.cipher(key_id), _bound_to(key_id, tenant_id, name)
    try:
        value = cipher.decrypt(bytes.fromhex(nonce), bytes.fromhex(sealed), bound)
    except InvalidTag:
        raise UnreadableSecret(tenant_id, name) from None
    return value.decode()


def put(  # noqa: PLR0913 - all but the first two are columns
    connection: Connection[Any],
    keyring: Keyring,
    *,
    tenant_id: UUID,
    name: str,
    value: str,
    created_by: UUID | None = None,
) -> UUID:
    """Encrypt and store a secret under its name; a secret of that name is replaced."""
    return queries.put(
        connection,
        tenant_id=tenant_id,
        name=name,
        encrypted_value=encrypt(keyring, value, tenant_id=tenant_id, name=name),
        created_by=created_by,
    )


def reveal(
    connection: Connection[Any], keyring: Keyring, *, tenant_id: UUID, name: str
) -> str | None:
    """Read and decrypt a secret, or return None if there is none of this name."""
    secret = queries.find(connection, tenant_id=tenant_id, name=name)
    if secret is None:
        return None
    return decrypt(keyring, secret.encrypted_value, tenant_id=tenant_id, name=name)


async def put_async(  # noqa: PLR0913 - as above
    connection: AsyncConnection[Any],
    keyring: Keyring,
    *,
    tenant_id: UUID,
    name: str,
    value: str,
    created_by: UUID | None = None,
) -> UUID:
    """Do what `put` does, on an async connection."""
    return await queries.put(
        connection,
        tenant_id=tenant_id,
        name=name,
        encrypted_value=encrypt(keyring, value, tenant_id=tenant_id, name=name),
        created_by=created_by,
    )


async def reveal_async(
    connection: AsyncConnection[Any], keyring: Keyring, *, tenant_id: UUID, name: str
) -> str | None:
    """Do what `reveal` does, on an async connection."""
    secret = await queries.find(connection, tenant_id=tenant_id, name=name)
    if secret is None:
        return None
    return decrypt(keyring, secret.encrypted_value, tenant_id=tenant_id, name=name)


Unreadable: TypeAlias = UnreadableSecret | UnknownKey


def _warn(error: Unreadable) -> None:
    _LOG.warning("passed over: %s", error)


def rotate(
    connection: Connection[Any],
    keyring: Keyring,
    *,
    tenant_id: UUID | None = None,
    max_secrets: int = 100,
    report: Callable[[Unreadable], object] = _warn,
) -> int:
    """Encrypt a batch of secrets, of one tenant or of all, again with the current key.

    It returns how many it encrypted. Commit and call it again until it returns 0; then no text
    needs an older key but those that do not decrypt: they stay as they are, and `report` is called
    with each, which logs it if you give no other. A secret that is replaced meanwhile keeps its new
    value.

        while rotate(connection, keyring):
            connection.commit()
    """
    last = _FIRST
    while True:
        if tenant_id is None:
            batch = queries.list_all_to_rotate(
                connection, prefix=keyring.prefix, after=last, max_secrets=max_secrets
            )
        else:
            batch = queries.list_to_rotate(
                connection,
                tenant_id=tenant_id,
                prefix=keyring.prefix,
                after=last,
                max_secrets=max_secrets,
            )
        changes = _rotated(keyring, batch, report)
        if changes or not batch:
            queries.change_encryption(connection, changes)
            return len(changes)
        last = batch[-1].id


async def rotate_async(
    connection: AsyncConnection[Any],
    keyring: Keyring,
    *,
    tenant_id: UUID | None = None,
    max_secrets: int = 100,
    report: Callable[[Unreadable], object] = _warn,
) -> int:
    """Do what `rotate` does, on an async connection."""
    last = _FIRST
    while True:
        if tenant_id is None:
            batch = await queries.list_all_to_rotate(
                connection, prefix=keyring.prefix, after=last, max_secrets=max_secrets
            )
        else:
            batch = await queries.list_to_rotate(
                connection,
                tenant_id=tenant_id,
                prefix=keyring.prefix,
                after=last,
                max_secrets=max_secrets,
            )
        changes = _rotated(keyring, batch, report)
        if changes or not batch:
            await queries.change_encryption(connection, changes)
            return len(changes)
        last = batch[-1].id


def _rotated(
    keyring: Keyring,
    batch: Sequence[queries.EncryptedSecret],
    report: Callable[[Unreadable], object],
) -> list[queries.ChangeEncryptionValues]:
    changes: list[queries.ChangeEncryptionValues] = []
    for secret in batch:
        tenant_id, name, previous = secret.tenant_id, secret.name, secret.encrypted_value
        try:
            value = decrypt(keyring, previous, tenant_id=tenant_id, name=name)
        except UnreadableSecret as error:
            report(error)
        except UnknownKey as error:
            report(replace(error, secret=(tenant_id, name)))
        else:
            changes.append(
                queries.ChangeEncryptionValues(
                    secret_id=secret.id,
                    tenant_id=tenant_id,
                    previous_value=previous,
                    encrypted_value=encrypt(keyring, value, tenant_id=tenant_id, name=name),
                )
            )
    return changes


def _bound_to(key_id: str, tenant_id: UUID, name: str) -> bytes:
    """Return the additional data that GCM authenticates: the text decrypts with it only.

    The name comes last, because it is the only part that may contain any character.
    """
    return f"{_VERSION}.{key_id}.{tenant_id}.{name}".encode()
