"""A secret is read by its own tenant and name, its key can be replaced, and nothing tells it."""

import os
import re
import traceback
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import Connection, errors

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
    reveal,
    rotate,
)
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
