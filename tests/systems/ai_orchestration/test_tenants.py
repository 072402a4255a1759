"""Tenants are added, changed, removed and restored, and each change is in the audit log."""

from uuid import UUID, uuid4

import pytest
from psycopg import Connection, errors

from dbkit.pgtypes import JsonLike
from dbkit.systems.ai_orchestration import audit_logs, tenants

DEFAULT = UUID("00000000-0000-0000-0000-000000000001")


def audited(database: Connection, tenant: UUID) -> list[tuple[str, str]]:
    entries = audit_logs.list_recent(database, tenant_id=tenant)
    return [(entry.action, entry.resource_type) for entry in entries]


def test_the_default_tenant_is_found_by_its_id_and_slug(database: Connection) -> None:
    by_id = tenants.find(database, tenant_id=DEFAULT)

    assert by_id == tenants.find_by_slug(database, slug="default")
    assert by_id
    assert by_id.id == DEFAULT


def test_a_new_tenant_has_the_settings_it_was_given(database: Connection) -> None:
    settings = {"data_retention_days": 30, "max_concurrent_runs": 10}

    tenant_id = tenants.add(database, name="Acme", slug="acme", settings=settings)

    found = tenants.find(database, tenant_id=tenant_id)
    assert found
    assert (found.name, found.slug, found.settings) == ("Acme", "acme", settings)
    assert audited(database, tenant_id) == [("create", "tenant")]


@pytest.mark.usefixtures("tenant")
def test_a_slug_belongs_to_one_tenant(database: Connection) -> None:
    with pytest.raises(errors.UniqueViolation):
        tenants.add(database, name="Acme too", slug="acme")


def test_a_tenant_changes_its_name_and_slug(
    database: Connection, tenant: UUID, stranger: UUID
) -> None:
    assert tenants.change(database, tenant_id=tenant, name="Acme Ltd", slug="acme-ltd") == 1

    found = tenants.find_by_slug(database, slug="acme-ltd")
    assert found
    assert (found.id, found.name) == (tenant, "Acme Ltd")
    assert audited(database, tenant)[0] == ("update", "tenant")
    assert audited(database, stranger) == [("create", "tenant")]


def test_a_setting_changes_and_leaves_the_others(database: Connection, tenant: UUID) -> None:
    tenants.change_settings(
        database, tenant_id=tenant, settings={"data_retention_days": 30, "theme": "dark"}
    )

    tenants.change_settings(database, tenant_id=tenant, settings={"data_retention_days": 7})
    tenants.change_settings(database, tenant_id=tenant, settings={"theme": None, "language": "de"})

    found = tenants.find(database, tenant_id=tenant)
    assert found
    assert found.settings == {"data_retention_days": 7, "language": "de"}


@pytest.mark.parametrize("name", ["data_retention_days", "max_concurrent_runs"])
@pytest.mark.parametrize("value", [0, -1, 1.5, "30", [30], {"days": 30}, True, 10**9])
def test_a_setting_of_another_kind_is_refused(
    database: Connection, tenant: UUID, name: str, value: JsonLike
) -> None:
    with pytest.raises(errors.CheckViolation, match="tenants_settings_check"):
        tenants.change_settings(database, tenant_id=tenant, settings={name: value})


def test_a_removed_tenant_is_hidden_until_it_is_restored(
    database: Connection, tenant: UUID
) -> None:
    assert tenants.remove(database, tenant_id=tenant) == 1

    assert tenants.find(database, tenant_id=tenant) is None
    assert tenants.find_by_slug(database, slug="acme") is None
    assert tenants.remove(database, tenant_id=tenant) == 0
    assert tenants.change_settings(database, tenant_id=tenant, settings={}) == 0

    assert tenants.restore(database, tenant_id=tenant) == 1

    assert tenants.find(database, tenant_id=tenant)
    assert tenants.restore(database, tenant_id=tenant) == 0


@pytest.mark.usefixtures("tenant")
def test_all_tenants_are_listed_in_the_order_that_is_asked_for(
    database: Connection, stranger: UUID
) -> None:
    tenants.remove(database, tenant_id=stranger)

    by_name = tenants.list_all(database)
    by_age = tenants.list_all(database, sort="created_at", with_removed=True, skipped=1)

    assert [one.slug for one in by_name] == ["acme", "default"]
    assert {one.slug for one in by_age} == {"acme", "other"}


def test_what_changes_nothing_is_not_in_the_audit_log(database: Connection, tenant: UUID) -> None:
    before = audited(database, tenant)

    tenants.restore(database, tenant_id=tenant)
    tenants.change(database, tenant_id=uuid4(), name="Nobody", slug="nobody")

    assert audited(database, tenant) == before
