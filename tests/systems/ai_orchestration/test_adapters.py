"""Global adapters are every tenant's to use, its own ones a tenant's to change."""

from uuid import UUID

import pytest
from psycopg import Connection

from dbkit.systems.ai_orchestration import adapters, audit_logs

BUILT_IN = {"anthropic", "http", "mock", "openai"}


@pytest.fixture
def own(database: Connection, tenant: UUID) -> str:
    """An adapter of the tenant's own."""
    adapter_id = add(database, tenant, "acme-crm")
    assert adapter_id
    return adapter_id


def add(database: Connection, tenant: UUID, adapter_id: str) -> str | None:
    return adapters.add(
        database,
        tenant_id=tenant,
        adapter_id=adapter_id,
        name="CRM",
        description=None,
        config={"url": "https://crm.example"},
        input_schema=None,
        output_schema=None,
    )


def change(database: Connection, tenant: UUID, adapter_id: str, *, enabled: bool) -> int:
    return adapters.change(
        database,
        tenant_id=tenant,
        adapter_id=adapter_id,
        name="CRM 2",
        description="the new one",
        config=None,
        input_schema={"type": "object"},
        output_schema=None,
        enabled=enabled,
    )


def ids(database: Connection, tenant: UUID) -> set[str]:
    return {one.id for one in adapters.list_for_tenant(database, tenant_id=tenant)}


def test_a_tenant_has_the_global_adapters_and_its_own(
    database: Connection, tenant: UUID, stranger: UUID, own: str
) -> None:
    assert ids(database, tenant) == {*BUILT_IN, own}
    assert ids(database, stranger) == BUILT_IN
    assert adapters.find(database, tenant_id=stranger, adapter_id=own) is None


def test_an_adapter_of_ones_own_is_custom(database: Connection, tenant: UUID, own: str) -> None:
    found = adapters.find(database, tenant_id=tenant, adapter_id=own)

    assert found
    assert (found.type, found.is_global, found.config) == (
        "custom",
        False,
        {"url": "https://crm.example"},
    )


def test_an_id_that_is_taken_is_taken_for_all(
    database: Connection, tenant: UUID, stranger: UUID, own: str
) -> None:
    assert add(database, stranger, own) is None
    assert add(database, tenant, "openai") is None


def test_a_built_in_adapter_is_untouched_by_tenants(database: Connection, tenant: UUID) -> None:
    assert change(database, tenant, "openai", enabled=False) == 0
    assert adapters.remove(database, tenant_id=tenant, adapter_id="openai") == 0

    found = adapters.find(database, tenant_id=tenant, adapter_id="openai")
    assert found
    assert (found.type, found.is_global, found.name) == ("builtin", True, "OpenAI")


def test_a_disabled_adapter_is_found_and_not_offered(
    database: Connection, tenant: UUID, stranger: UUID, own: str
) -> None:
    assert change(database, stranger, own, enabled=False) == 0
    assert change(database, tenant, own, enabled=False) == 1

    found = adapters.find(database, tenant_id=tenant, adapter_id=own)
    assert found
    assert (found.name, found.enabled, found.config) == ("CRM 2", False, None)
    assert ids(database, tenant) == BUILT_IN


def test_a_removed_adapter_is_gone_until_it_is_restored(
    database: Connection, tenant: UUID, own: str
) -> None:
    assert adapters.remove(database, tenant_id=tenant, adapter_id=own) == 1
    assert adapters.find(database, tenant_id=tenant, adapter_id=own) is None

    assert adapters.restore(database, tenant_id=tenant, adapter_id=own) == 1
    assert own in ids(database, tenant)


def test_each_change_of_an_adapter_is_in_the_audit_log(
    database: Connection, tenant: UUID, own: str
) -> None:
    change(database, tenant, own, enabled=True)
    adapters.remove(database, tenant_id=tenant, adapter_id=own)
    adapters.restore(database, tenant_id=tenant, adapter_id=own)

    entries = audit_logs.list_recent(database, tenant_id=tenant, resource_type="adapter")

    assert sorted(entry.action for entry in entries) == ["create", "delete", "update", "update"]
    assert all(f"'adapter_id': {own!r}" in repr(entry.metadata) for entry in entries)
