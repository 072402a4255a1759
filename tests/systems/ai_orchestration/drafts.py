"""Tenants, workflows and connections for the tests of ai_orchestration."""

import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypedDict, TypeVar
from uuid import UUID, uuid4

import psycopg
from psycopg import Connection
from psycopg.conninfo import make_conninfo

from dbkit.systems.ai_orchestration import block_groups, edges, steps, workflows
from tests.queries_by_name import add

T = TypeVar("T")


class TenantKey(TypedDict):
    """Whose it is."""

    tenant_id: UUID


class WorkflowKey(TenantKey):
    """Which workflow."""

    workflow_id: UUID


class RunKey(TenantKey):
    """Which run."""

    run_id: UUID


class ScheduleKey(TenantKey):
    """Which schedule."""

    schedule_id: UUID


def add_tenant(database: Connection, **values: object) -> UUID:
    tenant_id: UUID = add(database, "tenants", name="Acme", slug=uuid4().hex, **values)
    return tenant_id


def add_user(database: Connection, tenant: UUID) -> UUID:
    user_id: UUID = add(
        database, "users", id=uuid4(), tenant_id=tenant, email=f"{uuid4().hex}@example.org"
    )
    return user_id


def add_workflow(database: Connection, tenant: UUID, name: str = "digest") -> UUID:
    return workflows.add(
        database,
        tenant_id=tenant,
        name=name,
        description=None,
        input_schema=None,
        output_schema=None,
        created_by=None,
    )


def add_published(database: Connection, tenant: UUID) -> UUID:
    workflow = add_workflow(database, tenant)
    assert workflows.publish(database, tenant_id=tenant, workflow_id=workflow)
    return workflow


class Draft:
    """The draft of one workflow, edited in short words."""

    def __init__(self, database: Connection, tenant: UUID) -> None:
        self.database = database
        self.tenant = tenant
        self.id = add_workflow(database, tenant)
        self.key: WorkflowKey = {"workflow_id": self.id, "tenant_id": tenant}

    def step(self, name: str, group: UUID | None = None, role: str | None = None) -> UUID:
        step = steps.add(
            self.database, **self.key, name=name, type="tool", block_group_id=group, group_role=role
        )
        assert step
        return step

    def edge(self, source: UUID, target: UUID, condition: str | None = None) -> UUID:
        edge = edges.add(
            self.database,
            **self.key,
            source_step_id=source,
            target_step_id=target,
            condition=condition,
        )
        assert edge
        return edge

    def group(self, name: str, parent: UUID | None = None) -> UUID:
        group = block_groups.add(
            self.database, **self.key, name=name, type="foreach", parent_group_id=parent
        )
        assert group
        return group

    def publish(self) -> int:
        published = workflows.publish(self.database, **self.key)
        assert published
        return published.version


@contextmanager
def another(database: Connection) -> Generator[Connection]:
    """Another connection to the same database; what the first one did is committed."""
    database.commit()
    info = database.info
    url = make_conninfo(host=info.host, port=info.port, user=info.user, dbname=info.dbname)
    with psycopg.connect(url) as connection:
        yield connection


def at_once(database: Connection, number: int, work: Callable[[Connection], T]) -> list[T]:
    """Do the same on so many connections, beginning at the same instant, each committing."""
    barrier = threading.Barrier(number)

    def one(_: int) -> T:
        with another(database) as connection:
            barrier.wait(30)
            return work(connection)

    database.commit()
    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(one, range(number)))


def wait_until_blocked(database: Connection) -> None:
    """Return when another session of this database waits for a lock."""
    query = """
        select from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'
    """
    deadline = time.monotonic() + 30
    while database.execute(query).fetchone() is None:
        database.commit()
        assert time.monotonic() < deadline, "it never waited"
