"""What is older than a tenant keeps its data goes for good, in batches; the audit log stays."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from psycopg import Connection

from dbkit.systems.ai_orchestration import audit_logs, retention, tenants
from tests.queries_by_name import add

DAYS = 30
NOW = datetime.now(UTC)
OLD, RECENT = NOW - timedelta(DAYS + 1), NOW - timedelta(DAYS - 1)
IN_ORDER: tuple[Callable[[Connection], int], ...] = (
    retention.remove_old_runs,
    retention.remove_deleted_webhooks,
    retention.remove_deleted_schedules,
    retention.remove_deleted_secrets,
    retention.remove_deleted_adapters,
    retention.remove_deleted_workflows,
    retention.remove_deleted_users,
)


@pytest.fixture
def brief(database: Connection, tenant: UUID) -> UUID:
    """A tenant that keeps its data for thirty days."""
    tenants.change_settings(database, tenant_id=tenant, settings={"data_retention_days": DAYS})
    return tenant


def add_run(database: Connection, tenant: UUID, workflow: UUID, **values: object) -> UUID:
    row = {"tenant_id": tenant, "workflow_id": workflow, "workflow_version": 2, **values}
    run_id: UUID = add(database, "runs", **row)
    return run_id


def fill(database: Connection, tenant: UUID, **values: object) -> None:
    """Give a tenant a row of every table that soft delete or retention knows."""
    user = add(database, "users", id=uuid4(), tenant_id=tenant, email="eve@example.org", **values)
    workflow = add(database, "workflows", tenant_id=tenant, name="w", created_by=user, **values)
    add(database, "workflow_versions", workflow_id=workflow, version=2, definition="{}")
    step = add(database, "steps", workflow_id=workflow, name="s", type="llm")
    group = add(database, "block_groups", workflow_id=workflow, name="g", type="foreach")
    run = add_run(database, tenant, workflow, status="completed", completed_at=OLD)
    add(database, "step_runs", run_id=run, step_id=step, step_name="s")
    add(database, "block_group_runs", run_id=run, block_group_id=group)
    owned = {"tenant_id": tenant, "name": "n", **values}
    of_workflow = {**owned, "workflow_id": workflow}
    add(database, "schedules", **of_workflow, cron_expression="* * * * *", last_run_id=run)
    add(database, "webhooks", **of_workflow, secret="key")  # noqa: S106 - no one's key
    add(database, "secrets", **owned, encrypted_value="x")
    add(database, "adapters", **owned, id=f"of {tenant}", type="custom")


def prune(database: Connection) -> int:
    return sum(sum(iter(lambda: remove(database), 0)) for remove in IN_ORDER)  # noqa: B023 - used at once


def left(database: Connection, tenant: UUID) -> dict[str, int]:
    tables = ("users", "workflows", "runs", "schedules", "webhooks", "secrets", "adapters")
    counts = {
        table: database.execute(
            f"select from {table} where tenant_id = %s".encode(), [tenant]
        ).rowcount
        for table in tables
    }
    return {table: rows for table, rows in counts.items() if rows}


def test_what_was_removed_long_ago_is_deleted_with_all_that_belongs_to_it(
    database: Connection, brief: UUID
) -> None:
    fill(database, brief, deleted_at=OLD)

    assert prune(database) == 7

    assert left(database, brief) == {}
    for table in ("steps", "block_groups", "step_runs", "block_group_runs", "workflow_versions"):
        assert database.execute(f"select from {table}".encode()).rowcount == 0


def test_what_was_removed_lately_or_never_stays(database: Connection, brief: UUID) -> None:
    fill(database, brief, deleted_at=RECENT)
    before = left(database, brief)

    assert prune(database) == 1  # the run that ended long ago

    del before["runs"]
    assert left(database, brief) == before


def test_without_the_setting_everything_stays(database: Connection, tenant: UUID) -> None:
    fill(database, tenant, deleted_at=OLD)
    before = left(database, tenant)

    assert prune(database) == 0

    assert left(database, tenant) == before


def test_each_tenant_has_its_own_time(database: Connection, brief: UUID, stranger: UUID) -> None:
    tenants.change_settings(database, tenant_id=stranger, settings={"data_retention_days": 365})
    for tenant in (brief, stranger):
        fill(database, tenant, deleted_at=OLD)
    before = left(database, stranger)

    prune(database)

    assert (left(database, brief), left(database, stranger)) == ({}, before)


def test_a_tenant_is_erased_when_nothing_of_it_is_left_and_its_slug_is_free(
    database: Connection, brief: UUID
) -> None:
    fill(database, brief)
    [(slug,)] = database.execute("select slug from tenants where id = %s", [brief]).fetchall()
    entries = audit_logs.list_recent(database, tenant_id=brief)
    database.execute("update tenants set deleted_at = %s where id = %s", [OLD, brief])

    while prune(database):
        pass
    assert retention.scrub_removed_tenants(database) == 1

    [row] = database.execute(
        "select name, slug, settings, erased_at is not null from tenants where id = %s", [brief]
    ).fetchall()
    assert row == ("erased", f"erased-{brief}", {}, True)
    kept = audit_logs.list_recent(database, tenant_id=brief)
    assert {entry.id for entry in entries} < {entry.id for entry in kept}
    assert {"erased": True, "name": "Acme", "slug": slug} in [entry.metadata for entry in kept]
    assert tenants.restore(database, tenant_id=brief) == 0
    assert tenants.add(database, name="Another", slug=slug)


def test_a_tenant_that_still_has_something_is_not_erased(database: Connection, brief: UUID) -> None:
    database.execute("update tenants set deleted_at = %s where id = %s", [OLD, brief])
    other = add(database, "workflows", tenant_id=brief, name="kept by a lock")
    assert other

    assert retention.scrub_removed_tenants(database) == 0

    database.execute("delete from workflows where id = %s", [other])
    assert retention.scrub_removed_tenants(database) == 1
    assert retention.scrub_removed_tenants(database) == 0


def test_a_tenant_removed_long_ago_keeps_nothing_but_itself_and_its_audit_log(
    database: Connection, brief: UUID
) -> None:
    fill(database, brief)
    workflow = add(database, "workflows", tenant_id=brief, name="at work")
    add_run(database, brief, workflow, status="running")
    entries = len(audit_logs.list_recent(database, tenant_id=brief))
    database.execute("update tenants set deleted_at = %s where id = %s", [OLD, brief])

    prune(database)

    assert left(database, brief) == {}
    assert len(audit_logs.list_recent(database, tenant_id=brief)) > entries
    assert database.execute("select from tenants where id = %s", [brief]).rowcount == 1


@pytest.mark.parametrize("status", ["completed", "failed", "cancelled"])
def test_a_run_counts_from_its_end_or_if_it_has_none_from_its_creation(
    database: Connection, brief: UUID, workflow: UUID, status: str
) -> None:
    kept = {
        add_run(database, brief, workflow, status=status, created_at=OLD, completed_at=RECENT),
        add_run(database, brief, workflow, status=status, created_at=RECENT),
        add_run(database, brief, workflow, status="running", created_at=OLD),
        add_run(database, brief, workflow, status="pending", created_at=OLD),
    }
    add_run(database, brief, workflow, status=status, created_at=OLD, completed_at=OLD)
    add_run(database, brief, workflow, status=status, created_at=OLD)

    assert retention.remove_old_runs(database) == 2

    found = database.execute("select id from runs").fetchall()
    assert {run_id for (run_id,) in found} == kept


def test_a_schedule_outlives_its_last_run(
    database: Connection, brief: UUID, workflow: UUID
) -> None:
    run = add_run(database, brief, workflow, status="completed", completed_at=OLD)
    row = {"tenant_id": brief, "workflow_id": workflow, "name": "n", "cron_expression": "@daily"}
    add(database, "schedules", **row, last_run_id=run, run_count=1)

    assert retention.remove_old_runs(database) == 1

    found = database.execute("select last_run_id, run_count from schedules").fetchall()
    assert found == [(None, 1)]


def test_a_batch_is_no_larger_than_asked_and_takes_the_oldest_first(
    database: Connection, brief: UUID, workflow: UUID
) -> None:
    for hours in range(5):
        at = OLD - timedelta(hours=hours)
        add_run(database, brief, workflow, status="failed", created_at=at, completed_at=at)

    batches = [retention.remove_old_runs(database, max_rows=2)]
    remaining = database.execute("select created_at from runs order by created_at desc")
    newest = [at for (at,) in remaining]
    batches += iter(lambda: retention.remove_old_runs(database, max_rows=2), 0)

    assert newest == [OLD - timedelta(hours=hours) for hours in range(3)]
    assert batches == [2, 2, 1]


def test_a_workflow_and_a_user_wait_for_what_still_names_them(
    database: Connection, brief: UUID
) -> None:
    user = add(
        database, "users", id=uuid4(), tenant_id=brief, email="e@example.org", deleted_at=OLD
    )
    row = {"tenant_id": brief, "name": "w", "deleted_at": OLD}
    workflow = add(database, "workflows", **row, created_by=user)
    run = add_run(database, brief, workflow, status="completed", completed_at=RECENT)

    assert prune(database) == 0

    database.execute("update runs set completed_at = %s where id = %s", [OLD, run])
    assert prune(database) == 3


def test_global_adapters_are_never_removed(database: Connection) -> None:
    database.execute("update adapters set deleted_at = %s", [OLD])

    assert retention.remove_deleted_adapters(database) == 0


def test_the_audit_log_counts_what_retention_removed(
    database: Connection, brief: UUID, workflow: UUID
) -> None:
    for _ in range(3):
        add_run(database, brief, workflow, status="failed", completed_at=OLD)

    retention.remove_old_runs(database)

    [entry] = audit_logs.list_recent(database, tenant_id=brief, action="delete")
    assert (entry.resource_type, entry.resource_id) == ("run", None)
    assert entry.metadata == {"removed_by_retention": 3}
