"""The workflow that tenants draw in the story of ai_orchestration, and the workers who run it."""

import time
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any, TypeVar
from uuid import UUID

from psycopg import Connection
from psycopg.errors import OperationalError

from dbkit.pools import Database
from dbkit.systems.ai_orchestration import (
    block_group_runs,
    block_groups,
    edges,
    runs,
    scheduler,
    step_runs,
    steps,
    webhooks,
    workflow_versions,
    workflows,
)
from dbkit.systems.ai_orchestration.webhook_calls import new_secret
from tests.stories.telling import Crashed, Crowd, strike

T = TypeVar("T")

# how often the loop in the workflow is passed through
PASSES = 2
# no story is told on such a day
RARELY = "0 0 29 2 *"


@dataclass
class Workflow:
    """A tenant's workflow, with what starts it."""

    tenant_id: UUID
    id: UUID
    first_step: UUID
    webhook: UUID
    schedule: UUID
    signing_key: str = field(repr=False)


def draw(connection: Connection[Any], tenant_id: UUID, name: str) -> Workflow:
    """Draw a workflow and give it a webhook and a schedule."""
    flow = workflows.add(
        connection,
        tenant_id=tenant_id,
        name=name,
        description=None,
        input_schema=None,
        output_schema=None,
        created_by=None,
    )
    group = block_groups.add(
        connection,
        tenant_id=tenant_id,
        workflow_id=flow,
        name="each page",
        type="foreach",
        parent_group_id=None,
    )
    fetch, _, report = (
        steps.add(
            connection,
            tenant_id=tenant_id,
            workflow_id=flow,
            name=step,
            type="tool",
            block_group_id=inside,
            group_role=None,
        )
        for step, inside in (("fetch", None), ("sum up", group), ("report", None))
    )
    assert fetch
    assert report
    edges.add(
        connection,
        tenant_id=tenant_id,
        workflow_id=flow,
        source_step_id=fetch,
        target_step_id=report,
        condition=None,
    )
    workflows.publish(connection, tenant_id=tenant_id, workflow_id=flow)
    key = new_secret()
    webhook = webhooks.add(
        connection,
        tenant_id=tenant_id,
        workflow_id=flow,
        name=name,
        description=None,
        secret=key,
        input_mapping=None,
        created_by=None,
    )
    schedule = scheduler.add(
        connection, tenant_id=tenant_id, workflow_id=flow, name=name, cron_expression=RARELY
    )
    assert webhook
    assert schedule
    return Workflow(tenant_id, flow, fetch, webhook, schedule, key)


class Outrun(Exception):
    """The run is over, or another worker is at this step."""


@dataclass
class Worker:
    """One of many that run what waits, one run after the other."""

    database: Database
    crowd: Crowd
    chance: Random
    tenant_id: UUID
    settings: Mapping[str, object]

    def run(self, since: datetime) -> None:
        while True:
            with self.transaction() as connection:
                run_id = runs.claim(connection, tenant_id=self.tenant_id)
                counts = runs.count_by_status(connection, tenant_id=self.tenant_id, since=since)
            if run_id:
                self.survive(run_id)
            elif all(row.status != "pending" for row in counts):
                return
            else:
                # as many are running as may
                time.sleep(0.01)

    def survive(self, run_id: UUID) -> None:
        try:
            self.execute(run_id)
            self.crowd.count("completed")
        except Outrun:
            self.crowd.count("outrun")
        except (Crashed, OperationalError) as error:
            # nobody is left who knows how far it came
            self.crowd.count("died")
            with self.transaction() as connection:
                failed = runs.fail(
                    connection, tenant_id=self.tenant_id, run_id=run_id, error=type(error).__name__
                )
            self.crowd.count("failed", failed)

    def execute(self, run_id: UUID) -> None:
        """Go through the steps of the published version, those in the loop once a pass."""
        with self.transaction() as connection:
            run = demand(
                runs.find_with_step_runs(connection, tenant_id=self.tenant_id, run_id=run_id)
            )
            version = demand(
                workflow_versions.find(
                    connection,
                    tenant_id=self.tenant_id,
                    workflow_id=run.workflow_id,
                    version=run.workflow_version,
                )
            )
        for step in version.steps:
            if step.block_group_id is None:
                self.attempt(run_id, step.id)
            else:
                for number in range(PASSES):
                    with self.passing(run_id, step.block_group_id, number) as inside:
                        self.attempt(run_id, step.id, inside)
        with self.transaction() as connection:
            demand(
                runs.complete(connection, tenant_id=self.tenant_id, run_id=run_id, output={"ok": 1})
            )

    @contextmanager
    def passing(self, run_id: UUID, group: UUID, number: int) -> Generator[UUID]:
        """Pass once through a loop."""
        key = {"tenant_id": self.tenant_id}
        with self.transaction() as connection:
            values = block_group_runs.AddValues(
                **key,
                run_id=run_id,
                block_group_id=group,
                parent_run_id=None,
                input=None,
                iteration=number,
            )
            begun = demand(block_group_runs.add(connection, [values]))[0]
            demand(block_group_runs.start(connection, **key, block_group_run_id=begun))
        yield begun
        with self.transaction() as connection:
            demand(
                block_group_runs.complete(
                    connection, **key, block_group_run_id=begun, output={"pass": number}
                )
            )

    def attempt(self, run_id: UUID, step_id: UUID, inside: UUID | None = None) -> None:
        """Attempt a step until it succeeds; a rival who comes meanwhile is held off."""
        is_done = False
        while not is_done:
            begun = demand(self.begin(run_id, step_id, inside))
            if self.chance.random() < 0.1:
                assert self.begin(run_id, step_id, inside) is None, "two are at one step"
            key = {"tenant_id": self.tenant_id, "step_run_id": begun.id}
            is_done = self.chance.random() < 0.8
            with self.transaction() as connection:
                if is_done:
                    demand(step_runs.complete(connection, **key, output={"attempt": begun.attempt}))
                else:
                    demand(step_runs.fail(connection, **key, error="it was not to be"))
                strike(self.chance, connection, probability=0.02)
            self.crowd.count("attempts")

    def begin(self, run_id: UUID, step_id: UUID, inside: UUID | None) -> step_runs.AddRow | None:
        with self.transaction() as connection:
            begun = step_runs.add(
                connection,
                tenant_id=self.tenant_id,
                run_id=run_id,
                step_id=step_id,
                block_group_run_id=inside,
                input=None,
            )
            if begun:
                demand(step_runs.start(connection, tenant_id=self.tenant_id, step_run_id=begun.id))
        return begun

    def transaction(self) -> AbstractContextManager[Connection]:
        return self.database.transaction(settings=self.settings)


def demand(found: T | None) -> T:
    """Go on only if something came of it."""
    if not found:
        raise Outrun
    return found
