"""The API keys of profiles are encrypted, each for its profile, and can be rotated."""

import asyncio
from dataclasses import replace

import pytest
from psycopg import AsyncConnection, Connection

from dbkit.systems.errors import NotSealed, UnknownKey
from dbkit.systems.sealing import Keyring
from dbkit.systems.softwarestudio import agent_settings, api_keys
from tests.systems.softwarestudio.crowd import Crowd

OLD = Keyring("old", {"old": b"o" * 32})
NEW = Keyring("new", {"new": b"n" * 32, "old": b"o" * 32})
SECRET = "sk-ant-1234"  # noqa: S105 - of nobody


def stored(database: Connection, profile: str) -> str:
    found = agent_settings.find_key(database, profile_name=profile)
    assert found
    assert found.api_key_encrypted
    return found.api_key_encrypted


def test_a_key_is_encrypted_and_read_by_its_profile_alone(database: Connection) -> None:
    assert api_keys.put(database, OLD, profile_name="eng", api_key=SECRET)

    assert SECRET not in stored(database, "eng")
    assert api_keys.reveal(database, OLD, profile_name="eng") == SECRET
    moved = "update agent_settings set api_key_encrypted = %s where profile_name = 'qa'"
    database.execute(moved, [stored(database, "eng")])
    with pytest.raises(NotSealed):
        api_keys.reveal(database, OLD, profile_name="qa")


def test_without_a_key_there_is_none(database: Connection) -> None:
    assert api_keys.reveal(database, OLD, profile_name="pm") is None
    assert api_keys.reveal(database, OLD, profile_name="nobody") is None
    assert api_keys.put(database, OLD, profile_name="nobody", api_key=SECRET) is None


def test_a_rotation_passes_over_what_it_cannot_read_and_goes_on(database: Connection) -> None:
    plain = "update agent_settings set api_key_encrypted = 'gAAAAA' where profile_name = 'arch'"
    lost = Keyring("lost", {"lost": b"l" * 32})
    database.execute(plain.encode())
    api_keys.put(database, lost, profile_name="eng", api_key=SECRET)
    for profile in ("pm", "qa"):
        api_keys.put(database, OLD, profile_name=profile, api_key=profile)
    told: dict[str, type] = {}

    def report(profile: str, error: api_keys.UnreadableApiKey) -> None:
        told[profile] = type(error)

    assert api_keys.rotate(database, NEW, report=report) == 2
    assert api_keys.rotate(database, NEW) == 0

    assert told == {"arch": NotSealed, "eng": UnknownKey}
    only_new = replace(NEW, keys={"new": b"n" * 32})
    assert api_keys.reveal(database, only_new, profile_name="qa") == "qa"
    assert stored(database, "arch") == "gAAAAA"


def test_a_loop_does_the_same(database: Connection, crowd: Crowd) -> None:
    async def run() -> tuple[str | None, int, str | None]:
        async with await AsyncConnection.connect(crowd.url) as connection:
            await api_keys.put_async(connection, OLD, profile_name="eng", api_key=SECRET)
            before = await api_keys.reveal_async(connection, OLD, profile_name="eng")
            changed = await api_keys.rotate_async(connection, NEW)
            after = await api_keys.reveal_async(connection, NEW, profile_name="eng")
            return before, changed, after

    assert asyncio.run(run()) == (SECRET, 1, SECRET)
    assert stored(database, "eng").startswith("v1.new.")
