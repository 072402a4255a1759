"""The workflow that tenants draw in the story of ai_orchestration, and the workers who run it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from psycopg import Connection

from dbkit.pools import Database
from dbkit.runtime import JsonLike
from dbkit.systems.ai_orchestration import (
    block_groups,
    edges,
    runs,
    scheduler,
    step_runs,
    steps,
    webhooks,
    workflows,
)
from dbkit.systems.ai_orchestration.interpreter import FailedStep, StepCall, interpret
from dbkit.systems.ai_orchestration.leased_runs import ClaimedRun, work_once
from dbkit.systems.ai_orchestration.webhook_calls import new_secret
from tests.stories.telling import Crowd, strike

# how often the loop in the workflow is passed through
PASSES = 2
# no story is told on such a day
RARELY = "0 0 29 2 *"
# how often a step is tried before its run fails
MOST_ATTEMPTS = 9
_LEASE = timedelta(seconds=2)


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
        type="while",
        config={"condition": f"$.index < {PASSES}"},
        parent_group_id=None,
    )
    fetch, _, report = (
        steps.add(
            connection,
            tenant_id=tenant_id,
            workflow_id=flow,
            name=step,
            type="tool",
            config={"max_attempts": MOST_ATTEMPTS},
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


@dataclass
class Worker:
    """One of many that run what waits, of all tenants, as the process `work` does.

    Whoever dies leaves its run as it is; when the lease is over, another worker goes on with it.
    """

    database: Database
    crowd: Crowd
    chance: Random

    def run(self, tenants: Sequence[UUID], since: datetime) -> None:
        """Work until all runs of some tenants are over."""
        while self._is_something_left(tenants, since):
            outcome = work_once(self.database, self._execute, lease=_LEASE)
            if outcome is None:
                # as many are running as may, or the lease of one who died is not over yet
                time.sleep(0.02)
            else:
                self.crowd.count(outcome)

    def _is_something_left(self, tenants: Sequence[UUID], since: datetime) -> bool:
        with self.database.transaction() as connection:
            return any(
                row.status in {"pending", "running"}
                for tenant_id in tenants
                for row in runs.count_by_status(connection, tenant_id=tenant_id, since=since)
            )

    def _execute(self, database: Database, run: ClaimedRun) -> JsonLike:
        if run.attempt > 1:
            self.crowd.count("taken over")
        return interpret(database, run, {"tool": self._attempt})

    def _attempt(self, call: StepCall) -> JsonLike:
        """Do a step, which may fail, while a rival is held off and a worker may die."""
        self.crowd.count("attempts")
        with self.database.transaction() as connection:
            if self.chance.random() < 0.1:
                self._begin_too(connection, call)
            connection.execute("select 1")
            strike(self.chance, connection, probability=0.03)
        if self.chance.random() < 0.2:
            raise FailedStep(call.name, "it was not to be")
        return {"attempt": call.attempt}

    def _begin_too(self, connection: Connection[Any], call: StepCall) -> None:
        """Try to begin a step that is under way: a second attempt beside it breaks an invariant."""
        place = connection.execute(
            "select step_id, block_group_run_id from step_runs where id = %s", [call.step_run_id]
        ).fetchone()
        assert place
        step_runs.add(
            connection,
            tenant_id=call.tenant_id,
            run_id=call.run_id,
            step_id=place[0],
            block_group_run_id=place[1],
            input=None,
        )
