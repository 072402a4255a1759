"""Store the API keys of profiles encrypted with AES-256-GCM, under keys that can be replaced."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from psycopg import AsyncConnection, Connection

from dbkit.systems.errors import NotSealed, UnknownKey
from dbkit.systems.sealing import Keyring as Keyring
from dbkit.systems.sealing import seal, unseal
from dbkit.systems.softwarestudio import agent_settings

_LOG = logging.getLogger(__name__)

UnreadableApiKey: TypeAlias = NotSealed | UnknownKey


def put(
    connection: Connection[Any],
    keyring: Keyring,
    *,
    profile_name: str,
    api_key: str,
    auth_type: str = "api_key",
) -> datetime | None:
    """Encrypt and store the key of a profile, and tell when; None if there is no such profile."""
    return agent_settings.change_key(
        connection,
        profile_name=profile_name,
        auth_type=auth_type,
        api_key_encrypted=seal(keyring, api_key, subject=profile_name),
    )


def reveal(connection: Connection[Any], keyring: Keyring, *, profile_name: str) -> str | None:
    """Read and decrypt the key of a profile; None if the profile or its key does not exist."""
    found = agent_settings.find_key(connection, profile_name=profile_name)
    return _revealed(keyring, found, profile_name)


async def put_async(
    connection: AsyncConnection[Any],
    keyring: Keyring,
    *,
    profile_name: str,
    api_key: str,
    auth_type: str = "api_key",
) -> datetime | None:
    """Do what `put` does, on an async connection."""
    return await agent_settings.change_key(
        connection,
        profile_name=profile_name,
        auth_type=auth_type,
        api_key_encrypted=seal(keyring, api_key, subject=profile_name),
    )


async def reveal_async(
    connection: AsyncConnection[Any], keyring: Keyring, *, profile_name: str
) -> str | None:
    """Do what `reveal` does, on an async connection."""
    found = await agent_settings.find_key(connection, profile_name=profile_name)
    return _revealed(keyring, found, profile_name)


def _warn(profile_name: str, error: UnreadableApiKey) -> None:
    _LOG.warning("passed over the key of profile %s: %s", profile_name, error)


def rotate(
    connection: Connection[Any],
    keyring: Keyring,
    *,
    report: Callable[[str, UnreadableApiKey], object] = _warn,
) -> int:
    """Encrypt all keys that another key encrypted again with the current one; return how many.

    One that does not decrypt stays as it is, and `report` is called with its profile and the
    reason. Commit, and call it again if some were being changed meanwhile.
    """
    last, changed = 0, 0
    while batch := agent_settings.list_keys_to_rotate(
        connection, prefix=keyring.prefix, after=last
    ):
        last = batch[-1].id
        for row, text in _rotated(keyring, batch, report):
            changed += agent_settings.change_encryption(
                connection, id=row.id, previous=row.api_key_encrypted, api_key_encrypted=text
            )
    return changed


async def rotate_async(
    connection: AsyncConnection[Any],
    keyring: Keyring,
    *,
    report: Callable[[str, UnreadableApiKey], object] = _warn,
) -> int:
    """Do what `rotate` does, on an async connection."""
    last, changed = 0, 0
    while batch := await agent_settings.list_keys_to_rotate(
        connection, prefix=keyring.prefix, after=last
    ):
        last = batch[-1].id
        for row, text in _rotated(keyring, batch, report):
            changed += await agent_settings.change_encryption(
                connection, id=row.id, previous=row.api_key_encrypted, api_key_encrypted=text
            )
    return changed


def _revealed(
    keyring: Keyring, found: agent_settings.FindKeyRow | None, profile_name: str
) -> str | None:
    if found is None or found.api_key_encrypted is None:
        return None
    return unseal(keyring, found.api_key_encrypted, subject=profile_name)


def _rotated(
    keyring: Keyring,
    batch: Sequence[agent_settings.ListKeysToRotateRow],
    report: Callable[[str, UnreadableApiKey], object],
) -> list[tuple[agent_settings.ListKeysToRotateRow, str]]:
    changes: list[tuple[agent_settings.ListKeysToRotateRow, str]] = []
    for row in batch:
        try:
            value = unseal(keyring, row.api_key_encrypted, subject=row.profile_name)
        except (NotSealed, UnknownKey) as error:
            report(row.profile_name, error)
        else:
            changes.append((row, seal(keyring, value, subject=row.profile_name)))
    return changes
