"""The audit log tells who did what, and nobody changes what it tells."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from uuid import UUID, uuid4

import pytest
from psycopg import Connection, errors

from dbkit.systems.ai_orchestration import audit_logs, tenants, users
from dbkit.transactions import transaction


def add(database: Connection, tenant: UUID, action: str = "create", **values: object) -> UUID:
    resource_id = values.get("resource_id")
    assert resource_id is None or isinstance(resource_id, UUID)
    return audit_logs.add(
        database,
        tenant_id=tenant,
        action=action,
        resource_type=str(values.get("resource_type", "workflow")),
        resource_id=resource_id,
        metadata={"why": "a test"},
    )


@pytest.mark.parametrize(
    "statement",
    [
        "update audit_logs set action = 'delete'",
        "update audit_logs set metadata = null where false or true",
        "delete from audit_logs",
        "truncate audit_logs",
        "truncate tenants cascade",
        "insert into audit_logs (id, tenant_id, action, resource_type)"  # noqa: ISC004 - one of many
        " select id, tenant_id, action, resource_type from audit_logs"
        " on conflict (id) do update set action = 'delete'",
    ],
)
def test_what_was_written_is_neither_changed_nor_deleted(
    database: Connection, tenant: UUID, statement: str
) -> None:
    add(database, tenant)
    before = audit_logs.list_recent(database, tenant_id=tenant)

    with (
        pytest.raises(errors.InsufficientPrivilege, match="audit_logs is append-only"),
        database.transaction(),
    ):
        database.execute(statement.encode())

    assert audit_logs.list_recent(database, tenant_id=tenant) == before


def test_a_change_and_its_entry_are_one_transaction(
    database: Connection, tenant: UUID, ada: UUID
) -> None:
    before = audit_logs.list_recent(database, tenant_id=tenant)

    with database.transaction(force_rollback=True):
        users.change_role(database, tenant_id=tenant, user_id=ada, role="builder")
        written = audit_logs.list_recent(database, tenant_id=tenant)

    assert len(written) == len(before) + 1
    assert audit_logs.list_recent(database, tenant_id=tenant) == before


def test_an_entry_tells_who_did_it_and_from_where(
    database: Connection, tenant: UUID, ada: UUID
) -> None:
    settings = {
        "app.actor_id": ada,
        "app.ip_address": "2001:db8::7",
        "app.user_agent": "curl/8.5",
    }

    with transaction(database, settings=settings):
        tenants.change(database, tenant_id=tenant, name="Acme Ltd", slug="acme")

    [entry] = audit_logs.list_recent(database, tenant_id=tenant, actor_id=ada, action="update")
    assert (entry.resource_type, entry.resource_id) == ("tenant", tenant)
    assert (entry.actor_email, entry.ip_address, entry.user_agent) == (
        "ada@example.org",
        ip_address("2001:db8::7"),
        "curl/8.5",
    )


def test_an_actor_of_another_tenant_has_no_email_here(
    database: Connection, stranger: UUID, ada: UUID
) -> None:
    with transaction(database, settings={"app.actor_id": ada}):
        add(database, stranger)

    [entry] = audit_logs.list_recent(database, tenant_id=stranger, actor_id=ada)
    assert entry.actor_email is None


def test_the_record_outlives_who_did_it(database: Connection, tenant: UUID, ada: UUID) -> None:
    with transaction(database, settings={"app.actor_id": ada}):
        add(database, tenant)

    database.execute("delete from users")

    [entry] = audit_logs.list_recent(database, tenant_id=tenant, resource_type="workflow")
    assert (entry.actor_id, entry.actor_email) == (ada, "ada@example.org")


@pytest.mark.parametrize(
    ("action", "resource_type"), [("read", "workflow"), ("create", "password")]
)
def test_an_unknown_action_or_resource_is_refused(
    database: Connection, tenant: UUID, action: str, resource_type: str
) -> None:
    with pytest.raises(errors.CheckViolation):
        add(database, tenant, action, resource_type=resource_type)


def test_the_log_is_filtered_and_paged_newest_first(
    database: Connection, tenant: UUID, stranger: UUID
) -> None:
    resource = uuid4()
    for action in ("create", "update", "publish"):
        add(database, tenant, action, resource_id=resource)
        database.commit()
    add(database, tenant, resource_type="run")
    add(database, stranger, resource_id=resource)

    of_it = audit_logs.list_recent(database, tenant_id=tenant, resource_id=resource)
    updates = audit_logs.list_recent(
        database, tenant_id=tenant, resource_id=resource, action="update"
    )
    second = audit_logs.list_recent(
        database, tenant_id=tenant, resource_id=resource, max_entries=1, skipped=1
    )

    assert [entry.action for entry in of_it] == ["publish", "update", "create"]
    assert updates == second == of_it[1:2]


def test_a_period_is_read_row_by_row_oldest_first(
    database: Connection, tenant: UUID, stranger: UUID
) -> None:
    now = datetime.now(UTC)
    for days, action in ((1, "publish"), (3, "create"), (2, "update"), (0, "execute")):
        database.execute(
            "insert into audit_logs (tenant_id, action, resource_type, created_at)"
            " values (%(tenant)s, %(action)s, 'workflow', %(at)s),"
            " (%(stranger)s, %(action)s, 'workflow', %(at)s)",
            {
                "tenant": tenant,
                "stranger": stranger,
                "action": action,
                "at": now - timedelta(days),
            },
        )

    with audit_logs.read_period(
        database, tenant_id=tenant, since=now - timedelta(3), until=now - timedelta(1)
    ) as entries:
        found = [entry.action for entry in entries]

    assert found == ["create", "update"]
