"""Two tenants of ai_orchestration, and workers that all begin at the same instant."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import Connection
from psycopg.conninfo import make_conninfo

from dbkit.systems.ai_orchestration import tenants, users, workflows

AtOnce = Callable[[int, Callable[[Connection, int], Any]], list[Any]]


@pytest.fixture
def tenant(database: Connection) -> UUID:
    """A tenant whose rows are asked for."""
    return tenants.add(database, name="Acme", slug="acme")


@pytest.fixture
def stranger(database: Connection) -> UUID:
    """A tenant whose rows are nobody else's business."""
    return tenants.add(database, name="Other", slug="other")


@pytest.fixture
def ada(database: Connection, tenant: UUID) -> UUID:
    """A user of the tenant."""
    user_id = uuid4()
    users.log_in(database, user_id=user_id, tenant_id=tenant, email="ada@example.org", name="Ada")
    return user_id


@pytest.fixture
def workflow(database: Connection, tenant: UUID) -> UUID:
    """A workflow of the tenant, published once."""
    workflow_id = workflows.add(
        database,
        tenant_id=tenant,
        name="digest",
        description=None,
        input_schema=None,
        output_schema=None,
        created_by=None,
    )
    workflows.publish(database, tenant_id=tenant, workflow_id=workflow_id)
    return workflow_id


@pytest.fixture
def at_once(database: Connection) -> AtOnce:
    """Have many workers do something at once, each in a transaction on a connection of its own."""
    info = database.info
    url = make_conninfo(host=info.host, port=info.port, user=info.user, dbname=info.dbname)

    def at_once(count: int, work: Callable[[Connection, int], Any]) -> list[Any]:
        database.commit()
        barrier = Barrier(count)

        def worker(number: int) -> Any:  # noqa: ANN401 - what the work gives
            with psycopg.connect(url) as connection:
                barrier.wait(timeout=30)
                return work(connection, number)

        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(worker, range(count)))

    return at_once
