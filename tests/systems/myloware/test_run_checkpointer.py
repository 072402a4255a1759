"""LangGraph's own tests of a checkpointer, and what a run has of it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from importlib import import_module
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    empty_checkpoint,
)
from psycopg import Connection, errors

from dbkit import open_async_database, open_database
from dbkit.pools import AsyncDatabase, Database
from dbkit.systems.myloware import orchestration_checkpoints
from dbkit.systems.myloware.run_checkpointer import AsyncRunCheckpointer, RunCheckpointer

# it has no types
CONFORMANCE: Any = import_module("langgraph.checkpoint.conformance")
ADD_RUN = (
    "insert into runs (run_id, project, status) values (%s, 'aismr', 'running')"
    " on conflict do nothing"
)
# pruning has to keep what LangGraph's delta channels are rebuilt of; delete_thread is there
LEFT_OUT = {"prune"}


def thread_of(config: RunnableConfig) -> str:
    return str(config.get("configurable", {})["thread_id"])


class WithRuns(AsyncRunCheckpointer):
    """A checkpointer for tests that make up their threads: each is given a run first."""

    def __init__(self, database: AsyncDatabase) -> None:
        super().__init__(database)
        self.database = database

    async def add_run(self, run_id: str) -> None:
        async with self.database.transaction() as connection:
            await connection.execute(ADD_RUN, [run_id])

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        await self.add_run(thread_of(config))
        return await super().aput(config, checkpoint, metadata, new_versions)

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        await self.add_run(target_thread_id)
        await super().acopy_thread(source_thread_id, target_thread_id)


class Blocking(BaseCheckpointSaver[int]):
    """The blocking checkpointer, asked as an async one."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database = database
        self.blocking = RunCheckpointer(database)

    def add_run(self, run_id: str) -> None:
        with self.database.transaction() as connection:
            connection.execute(ADD_RUN, [run_id])

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        return self.blocking.get_tuple(config)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - LangGraph's name
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        for found in self.blocking.list(config, filter=filter, before=before, limit=limit):
            yield found

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        self.add_run(thread_of(config))
        return self.blocking.put(config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        self.blocking.put_writes(config, writes, task_id, task_path)

    async def adelete_thread(self, thread_id: str) -> None:
        self.blocking.delete_thread(thread_id)

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        self.blocking.delete_for_runs(run_ids)

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        self.add_run(target_thread_id)
        self.blocking.copy_thread(source_thread_id, target_thread_id)


def test_the_async_checkpointer_passes_the_tests_of_langgraph(database: Connection) -> None:
    async def made() -> AsyncGenerator[BaseCheckpointSaver[Any]]:
        async with open_async_database(database.info.dsn) as pool:
            yield WithRuns(pool)

    registered = CONFORMANCE.checkpointer_test(name="async", skip_capabilities=LEFT_OUT)(made)
    report = asyncio.run(CONFORMANCE.validate(registered))

    assert {name: result.failures for name, result in report.results.items()} == {
        name: [] for name in report.results
    }
    assert report.passed_all_base()


def test_the_blocking_checkpointer_passes_the_tests_of_langgraph(database: Connection) -> None:
    async def made() -> AsyncGenerator[BaseCheckpointSaver[Any]]:
        with open_database(database.info.dsn) as pool:
            yield Blocking(pool)

    registered = CONFORMANCE.checkpointer_test(name="blocking", skip_capabilities=LEFT_OUT)(made)
    report = asyncio.run(CONFORMANCE.validate(registered))

    assert {name: result.failures for name, result in report.results.items()} == {
        name: [] for name in report.results
    }
    assert report.passed_all_base()


@pytest.fixture
def saver(database: Connection) -> Iterator[RunCheckpointer]:
    """A blocking checkpointer on this test's database."""
    with open_database(database.info.dsn) as pool:
        yield RunCheckpointer(pool)


def checkpoint(**values: object) -> Checkpoint:
    return {
        **empty_checkpoint(),
        "channel_values": values,
        "channel_versions": dict.fromkeys(values, 1),
    }


def config(run_id: str, checkpoint_ns: str = "") -> RunnableConfig:
    return {"configurable": {"thread_id": run_id, "checkpoint_ns": checkpoint_ns}}


METADATA: CheckpointMetadata = {"source": "loop", "step": 1, "parents": {}}


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        7,
        2**60,
        1.0,
        1e400,
        "text",
        "no\0text",
        "line\nfeed",
        b"\x00\xff",
        {"b": 1, "a": [1.5]},
        {"__typed__": "json", "data": ""},
        {1: "one"},
        [],
    ],
)
def test_a_value_comes_back_as_it_was(saver: RunCheckpointer, run: str, value: object) -> None:
    placed = saver.put(config(run), checkpoint(value=value), METADATA, {"value": 1})
    saver.put_writes(placed, [("value", value)], "task")

    found = saver.get_tuple(config(run))
    assert found is not None
    assert found.pending_writes is not None
    # the repr tells 1 from True and 1.0, and the order of a mapping's keys
    back = found.checkpoint["channel_values"]["value"]
    assert repr(back) == repr(found.pending_writes[0][2]) == repr(value)


def test_the_state_of_a_run_is_the_latest_checkpoint_and_readable_by_sql(
    database: Connection, saver: RunCheckpointer, run: str
) -> None:
    first = checkpoint(idea="candles", turn=1)
    second = checkpoint(idea="candles", turn=2)
    saver.put(config(run), second, METADATA, {})
    saver.put(config(run), first, METADATA, {})
    saver.put(config(run, "sub:1"), checkpoint(turn=9), METADATA, {})

    [(idea, turn)] = database.execute(
        "select state #>> '{channel_values,idea}', state #> '{channel_values,turn}'"
        " from orchestration_checkpoints"
    )

    assert (idea, turn) == ("candles", 2)
    resumable = list(orchestration_checkpoints.list_resumable(database))
    assert [one.run_id for one in resumable] == [run]


def test_a_checkpoint_of_no_run_is_refused(saver: RunCheckpointer) -> None:
    with pytest.raises(errors.ForeignKeyViolation):
        saver.put(config("nowhere"), checkpoint(), METADATA, {})


def test_a_run_takes_its_checkpoints_with_it(
    database: Connection, saver: RunCheckpointer, run: str
) -> None:
    placed = saver.put(config(run), checkpoint(turn=1), METADATA, {})
    saver.put_writes(placed, [("turn", 2)], "task")

    database.execute("delete from runs")

    [(left,)] = database.execute(
        "select (select count(*) from graph_checkpoints) + (select count(*) from graph_writes)"
    )
    assert left == 0
