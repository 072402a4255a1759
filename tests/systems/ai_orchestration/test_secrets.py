"""A secret is read by its own tenant and name, its key can be replaced, and nothing tells it."""

import asyncio
import os
import re
import traceback
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import AsyncConnection, Connection, errors

from dbkit.errors import DbkitError
from dbkit.systems.ai_orchestration import audit_logs, secrets
from dbkit.systems.ai_orchestration.vault import (
    Keyring,
    UnknownKey,
    UnreadableSecret,
    UnusableKey,
    decrypt,
    encrypt,
    put,
    put_async,
    reveal,
    reveal_async,
    rotate,
    rotate_async,
)
from tests.addresses import url_of
from tests.systems.ai_orchestration.conftest import AtOnce

VALUE = "sk-live-πlaintext"
OLD, NEW = os.urandom(32), os.urandom(32)


@pytest.fixture
def keyring() -> Keyring:
    """The keys before a rotation."""
    return Keyring("old", {"old": OLD})


@pytest.fixture
def rotated() -> Keyring:
    """The keys during a rotation."""
    return Keyring("new", {"old": OLD, "new": NEW})


@dataclass(frozen=True)
class Stored:
    """A secret in the database."""

    tenant: UUID
    id: UUID
    name: str

    def text(self, database: Connection) -> str:
        row = database.execute(
            "select encrypted_value from secrets where id = %s", [self.id]
        ).fetchone()
        assert row
        return str(row[0])


@pytest.fixture
def stored(database: Connection, keyring: Keyring, tenant: UUID) -> Stored:
    """A secret of the tenant, under the old key."""
    secret_id = put(database, keyring, tenant_id=tenant, name="openai", value=VALUE)
    return Stored(tenant, secret_id, "openai")


def test_a_secret_is_read_as_it_was_stored(
    database: Connection, keyring: Keyring, stored: Stored
) -> None:
    assert reveal(database, keyring, tenant_id=stored.tenant, name="openai") == VALUE


@pytest.mark.parametrize("value", ["", "x", "a\0b\n", "ü" * 10_000])
def test_any_text_comes_back(keyring: Keyring, value: str) -> None:
    place: dict[str, Any] = {"tenant_id": uuid4(), "name": "any.name\nat all"}

    assert decrypt(keyring, encrypt(keyring, value, **place), **place) == value


def test_the_stored_text_names_version_key_and_nonce_and_no_value(
    database: Connection, keyring: Keyring, stored: Stored
) -> None:
    text = stored.text(database)

    assert re.fullmatch(r"v1\.old\.[0-9a-f]{24}\.[0-9a-f]+", text)
    assert VALUE not in text
    put(database, keyring, tenant_id=stored.tenant, name="openai", value=VALUE)
    assert stored.text(database) != text


def test_a_text_moved_to_another_row_does_not_decrypt(
    database: Connection, keyring: Keyring, stored: Stored, stranger: UUID
) -> None:
    text = stored.text(database)
    for tenant, name in ((stranger, stored.name), (stored.tenant, "anthropic")):
        secrets.put(database, tenant_id=tenant, name=name, encrypted_value=text, created_by=None)

        with pytest.raises(UnreadableSecret):
            reveal(database, keyring, tenant_id=tenant, name=name)


def test_a_text_that_was_changed_anywhere_does_not_decrypt(keyring: Keyring) -> None:
    place: dict[str, Any] = {"tenant_id": uuid4(), "name": "openai"}
    text = encrypt(keyring, VALUE, **place)

    for at in range(len(text)):
        changed = text[:at] + ("0" if text[at] != "0" else "1") + text[at + 1 :]
        with pytest.raises((UnreadableSecret, UnknownKey)):
            decrypt(keyring, changed, **place)
    for cut in ("", "v1", text[:-1], text + "A", text.replace(".", ":")):
        with pytest.raises(UnreadableSecret):
            decrypt(keyring, cut, **place)


def test_another_key_under_the_same_id_does_not_decrypt(stored: Stored) -> None:
    place: dict[str, Any] = {"tenant_id": stored.tenant, "name": stored.name}
    text = encrypt(Keyring("old", {"old": OLD}), VALUE, **place)

    with pytest.raises(UnreadableSecret):
        decrypt(Keyring("old", {"old": NEW}), text, **place)
    with pytest.raises(UnknownKey, match="unknown key 'old'; known keys: new"):
        decrypt(Keyring("new", {"new": NEW}), text, **place)


@pytest.mark.parametrize(
    ("current", "keys"),
    [("old", {}), ("new", {"old": OLD}), ("a.b", {"a.b": OLD}), ("old", {"old": OLD[:16]})],
)
def test_a_keyring_without_a_usable_current_key_is_refused(
    current: str, keys: dict[str, bytes]
) -> None:
    with pytest.raises((UnknownKey, UnusableKey)):
        Keyring(current, keys)


def test_putting_a_secret_again_replaces_it_and_brings_a_removed_one_back(
    database: Connection, keyring: Keyring, stored: Stored
) -> None:
    secrets.remove(database, tenant_id=stored.tenant, secret_id=stored.id)
    assert reveal(database, keyring, tenant_id=stored.tenant, name="openai") is None
    assert secrets.list_for_tenant(database, tenant_id=stored.tenant) == []

    again = put(database, keyring, tenant_id=stored.tenant, name="openai", value="new")

    assert again == stored.id
    assert reveal(database, keyring, tenant_id=stored.tenant, name="openai") == "new"


def test_a_removed_secret_can_be_restored(
    database: Connection, keyring: Keyring, stored: Stored
) -> None:
    where = {"tenant_id": stored.tenant, "secret_id": stored.id}
    assert secrets.remove(database, **where) == 1
    assert secrets.remove(database, **where) == 0
    assert secrets.restore(database, **where) == 1

    assert reveal(database, keyring, tenant_id=stored.tenant, name="openai") == VALUE


def test_each_change_of_a_secret_is_in_the_audit_log_without_its_value(
    database: Connection, keyring: Keyring, rotated: Keyring, stored: Stored
) -> None:
    put(database, keyring, tenant_id=stored.tenant, name="openai", value=VALUE)
    rotate(database, rotated)
    secrets.remove(database, tenant_id=stored.tenant, secret_id=stored.id)

    entries = audit_logs.list_recent(database, tenant_id=stored.tenant, resource_id=stored.id)

    assert sorted(entry.action for entry in entries) == ["create", "delete", "update", "update"]
    assert stored.text(database) not in repr(entries)
    assert VALUE not in repr(entries)


def test_a_rotation_puts_all_tenants_secrets_under_the_current_key_in_batches(
    database: Connection, keyring: Keyring, rotated: Keyring, tenant: UUID, stranger: UUID
) -> None:
    places = [(owner, f"key {number}") for owner in (tenant, stranger) for number in range(5)]
    for owner, name in places:
        put(database, keyring, tenant_id=owner, name=name, value=name)
    removed = put(database, keyring, tenant_id=tenant, name="removed", value="x")
    secrets.remove(database, tenant_id=tenant, secret_id=removed)

    batches = list(iter(lambda: rotate(database, rotated, max_secrets=4), 0))

    assert batches == [4, 4, 3]
    only_new = Keyring("new", {"new": NEW})
    for owner, name in places:
        assert reveal(database, only_new, tenant_id=owner, name=name) == name
    secrets.restore(database, tenant_id=tenant, secret_id=removed)
    assert reveal(database, only_new, tenant_id=tenant, name="removed") == "x"


def test_a_rotation_passes_over_what_it_cannot_read_and_tells_of_it(
    database: Connection, keyring: Keyring, rotated: Keyring, tenant: UUID, stranger: UUID
) -> None:
    for number in range(50):
        put(database, keyring, tenant_id=tenant, name=f"key {number:02}", value=f"{number}")
    lost = Keyring("lost", {"lost": os.urandom(32)})
    put(database, lost, tenant_id=stranger, name="of a lost key", value="x")
    database.execute("update secrets set encrypted_value = 'v1.old.spoilt' where name ~ '0$'")
    told: list[str] = []

    counts = list(
        iter(
            lambda: rotate(
                database, rotated, max_secrets=2, report=lambda error: told.append(str(error))
            ),
            0,
        )
    )

    assert sum(counts) == 45
    assert set(told) == {
        *(
            f"the secret 'key {number:02}' of tenant {tenant} does not decrypt: its text was "
            "changed, or encrypted for another tenant, name or key; put the secret again"
            for number in range(0, 50, 10)
        ),
        (
            f"unknown key 'lost' of the secret 'of a lost key' of tenant {stranger}; "
            "known keys: old, new"
        ),
    }
    only_new = Keyring("new", {"new": NEW})
    assert reveal(database, only_new, tenant_id=tenant, name="key 49") == "49"
    assert rotate(database, rotated, tenant_id=tenant, report=print) == 0


def test_what_a_rotation_passes_over_is_logged_if_nobody_asks_for_it(
    database: Connection, rotated: Keyring, stored: Stored, caplog: pytest.LogCaptureFixture
) -> None:
    database.execute("update secrets set encrypted_value = 'spoilt'")

    assert rotate(database, rotated) == 0

    [record] = caplog.records
    assert record.name == "dbkit.systems.ai_orchestration.vault"
    assert f"passed over: the secret 'openai' of tenant {stored.tenant}" in record.getMessage()


def test_in_an_event_loop_a_secret_is_put_read_and_rotated_as_well(
    database: Connection, keyring: Keyring, rotated: Keyring, tenant: UUID
) -> None:
    database.commit()

    async def work() -> list[object]:
        async with await AsyncConnection.connect(url_of(database)) as connection:
            where: dict[str, Any] = {"tenant_id": tenant, "name": "openai"}
            await put_async(connection, keyring, **where, value=VALUE)
            await connection.execute(
                "insert into secrets (id, tenant_id, name, encrypted_value)"
                " values ('00000000-0000-0000-0000-000000000001', %s, 'x', 'spoilt')",
                [tenant],
            )
            return [
                await rotate_async(connection, rotated, max_secrets=1),
                await rotate_async(connection, rotated, tenant_id=tenant),
                await reveal_async(connection, rotated, **where),
                await reveal_async(connection, rotated, tenant_id=tenant, name="none"),
            ]

    assert asyncio.run(work()) == [1, 0, VALUE, None]


def test_keys_are_read_as_an_environment_variable_has_them() -> None:
    ring = Keyring.read(f"new:{NEW.hex()}, old:{OLD.hex().upper()}\n")

    assert (ring.current, ring.keys) == ("new", {"new": NEW, "old": OLD})


@pytest.mark.parametrize(
    "text", ["", "new", "new:", f"new:{'0' * 63}", f"a:{'0' * 64} a:{'1' * 64}", f"ä:{'0' * 64}"]
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(UnusableKey):
        Keyring.read(text)


def test_a_rotation_of_one_tenant_leaves_the_others(
    database: Connection, keyring: Keyring, rotated: Keyring, stored: Stored, stranger: UUID
) -> None:
    put(database, keyring, tenant_id=stranger, name="openai", value="theirs")

    assert rotate(database, rotated, tenant_id=stored.tenant) == 1

    assert rotate(database, rotated, tenant_id=stored.tenant) == 0
    assert stored.text(database).startswith("v1.new.")
    assert reveal(database, keyring, tenant_id=stranger, name="openai") == "theirs"


def test_a_rotation_keeps_what_was_put_meanwhile(
    database: Connection, rotated: Keyring, stored: Stored, at_once: AtOnce
) -> None:
    def work(connection: Connection, number: int) -> None:
        if number:
            rotate(connection, rotated)
        else:
            put(connection, rotated, tenant_id=stored.tenant, name="openai", value="newest")

    at_once(4, work)

    assert reveal(database, rotated, tenant_id=stored.tenant, name="openai") == "newest"


def test_a_text_changed_since_it_was_read_is_not_overwritten(
    database: Connection, stored: Stored
) -> None:
    values = secrets.ChangeEncryptionValues(
        secret_id=stored.id,
        tenant_id=stored.tenant,
        previous_value="what it was before",
        encrypted_value="v1.new.x.y",
    )

    assert secrets.change_encryption(database, [values]) == 0

    assert stored.text(database).startswith("v1.old.")


def test_the_database_never_sees_a_value_or_a_key(
    database: Connection, keyring: Keyring, stored: Stored
) -> None:
    database.commit()
    session = database.execute("select pg_backend_pid()").fetchone()
    put(database, keyring, tenant_id=stored.tenant, name="openai", value=VALUE)
    info = database.info

    with psycopg.connect(
        host=info.host, port=info.port, user=info.user, dbname=info.dbname
    ) as observer:
        row = observer.execute(
            "select query from pg_stat_activity where pid = %s", session
        ).fetchone()

    assert row
    assert "secrets" in row[0]
    assert_silent(row[0])
    assert stored.text(database) not in row[0]


def test_no_error_tells_a_value_or_a_key(
    database: Connection, keyring: Keyring, stored: Stored
) -> None:
    def too_long() -> None:
        put(database, keyring, tenant_id=stored.tenant, name="n" * 300, value=VALUE)

    def no_tenant() -> None:
        put(database, keyring, tenant_id=uuid4(), name="openai", value=VALUE)

    def moved() -> None:
        text = encrypt(keyring, VALUE, tenant_id=stored.tenant, name="openai")
        decrypt(keyring, text, tenant_id=uuid4(), name="openai")

    def unknown_key() -> None:
        text = encrypt(keyring, VALUE, tenant_id=stored.tenant, name="openai")
        decrypt(Keyring("new", {"new": NEW}), text, tenant_id=stored.tenant, name="openai")

    def unusable_key() -> None:
        Keyring("old", {"old": OLD + OLD})

    for fail in (too_long, no_tenant, moved, unknown_key, unusable_key):
        with (
            pytest.raises((DbkitError, errors.DataError, errors.IntegrityError)) as raised,
            database.transaction(),
        ):
            fail()
        error = raised.value
        notes = getattr(error, "__notes__", [])
        assert_silent(str(error), repr(error), *notes, *traceback.format_exception(error))


def test_a_keyring_tells_no_key(keyring: Keyring) -> None:
    assert repr(keyring) == "Keyring(current='old')"
    assert_silent(str(keyring), f"{keyring!r}", f"{[keyring]}")


def assert_silent(*texts: str) -> None:
    for text in texts:
        for key in (OLD, NEW):
            assert key.hex() not in text
            assert repr(key)[2:-1] not in text
        assert VALUE not in text
        assert ascii(VALUE)[1:-1] not in text
