"""Runs under way, for the tests of ai_orchestration."""

from collections.abc import Callable
from uuid import UUID

from dbkit.systems.ai_orchestration import block_group_runs, runs, step_runs
from tests.systems.ai_orchestration.drafts import Draft, RunKey, TenantKey


def ask(draft: Draft, version: int | None = None, mode: str = "production") -> UUID | None:
    return runs.add(
        draft.database,
        **draft.key,
        workflow_version=version,
        mode=mode,
        input={"day": 1},
        triggered_by_user=None,
    )


def begin(draft: Draft, mode: str = "production") -> "Running":
    run = ask(draft, mode=mode)
    assert run
    assert runs.claim(draft.database, tenant_id=draft.tenant, run_id=run) == run
    return Running(draft, run)


class Running:
    """A run that a worker has claimed."""

    def __init__(self, draft: Draft, run: UUID) -> None:
        self.database = draft.database
        self.tenant: TenantKey = {"tenant_id": draft.tenant}
        self.key: RunKey = {"run_id": run, "tenant_id": draft.tenant}

    def step(self, step: UUID, inside: UUID | None = None) -> step_runs.AddRow | None:
        return step_runs.add(
            self.database, **self.key, step_id=step, block_group_run_id=inside, input=None
        )

    def fail(self, step_run: UUID) -> None:
        assert step_runs.start(self.database, **self.tenant, step_run_id=step_run)
        assert step_runs.fail(self.database, **self.tenant, step_run_id=step_run, error="no")

    def complete(self, step_run: UUID) -> None:
        assert step_runs.start(self.database, **self.tenant, step_run_id=step_run)
        assert step_runs.complete(self.database, **self.tenant, step_run_id=step_run, output=1)

    def passes(self, group: UUID, *iterations: int, inside: UUID | None = None) -> list[UUID]:
        return block_group_runs.add(
            self.database,
            [
                block_group_runs.AddValues(
                    **self.key,
                    block_group_id=group,
                    parent_run_id=inside,
                    iteration=iteration,
                    input={"item": iteration},
                )
                for iteration in iterations
            ],
        )

    def read(self) -> runs.FindWithEverythingRow:
        found = runs.find_with_everything(self.database, **self.key)
        assert found
        return found


ENDS: dict[str, Callable[[Running], int]] = {
    "complete": lambda run: runs.complete(run.database, **run.key, output=None),
    "fail": lambda run: runs.fail(run.database, **run.key, error="no"),
    "cancel": lambda run: runs.cancel(run.database, **run.key),
}
