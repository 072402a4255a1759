"""Store the secrets of tenants encrypted with AES-256-GCM, under keys that can be replaced."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias
from uuid import UUID

from psycopg import AsyncConnection, Connection

from dbkit.errors import DbkitError
from dbkit.systems.ai_orchestration import secrets as queries
from dbkit.systems.errors import NotSealed
from dbkit.systems.errors import UnknownKey as UnknownKey
from dbkit.systems.errors import UnusableKey as UnusableKey
from dbkit.systems.sealing import Keyring as Keyring
from dbkit.systems.sealing import seal, unseal

_LOG = logging.getLogger(__name__)
_FIRST = UUID(int=0)


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


def encrypt(keyring: Keyring, value: str, *, tenant_id: UUID, name: str) -> str:
    """Encrypt a value with the current key, so that it decrypts for this tenant and name only."""
    return seal(keyring, value, subject=_subject(tenant_id, name))


def decrypt(keyring: Keyring, text: str, *, tenant_id: UUID, name: str) -> str:
    """Decrypt a text that was encrypted for this tenant and name."""
    try:
        return unseal(keyring, text, subject=_subject(tenant_id, name))
    except NotSealed:
        raise UnreadableSecret(tenant_id, name) from None


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


def _subject(tenant_id: UUID, name: str) -> str:
    """Return what a text is encrypted for.

    The name comes last, because it is the only part that may contain any character.
    """
    return f"{tenant_id}.{name}"
