"""The checkpointer passes LangGraph's own conformance tests, blocking and in an event loop."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
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
)
from psycopg import Connection

from dbkit import STEADY, open_async_database, open_database
from dbkit.systems.softwarestudio.checkpointer import GraphCheckpointer
from dbkit.systems.softwarestudio.errors import NoDatabase, UnknownPruning
from tests.systems.softwarestudio.crowd import Crowd

# of a package without types
_TESTS: Any = import_module("langgraph.checkpoint.conformance")
_EXAMPLES: Any = import_module("langgraph.checkpoint.conformance.test_utils")


class Blocking(GraphCheckpointer):
    """Lets the tests, which await, try the blocking methods."""

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        return self.get_tuple(config)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - LangGraph's name
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        for one in self.list(config, filter=filter, before=before, limit=limit):
            yield one

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        return self.put(config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        self.put_writes(config, writes, task_id, task_path)

    async def adelete_thread(self, thread_id: str) -> None:
        self.delete_thread(thread_id)

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        self.delete_for_runs(run_ids)

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        self.copy_thread(source_thread_id, target_thread_id)

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        self.prune(thread_ids, strategy=strategy)


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("in_loop", [False, True])
def test_langgraphs_own_tests_pass(crowd: Crowd, in_loop: bool) -> None:
    async def make() -> AsyncGenerator[BaseCheckpointSaver[str]]:
        if in_loop:
            async with open_async_database(crowd.url, STEADY) as awaited:
                yield GraphCheckpointer(async_database=awaited)
        else:
            with open_database(crowd.url, STEADY) as database:
                yield Blocking(database)

    checkpointer = _TESTS.checkpointer_test(name="GraphCheckpointer")(make)
    report = asyncio.run(_TESTS.validate(checkpointer))

    failed = {
        name: result.failures for name, result in report.results.items() if result.tests_failed
    }
    assert failed == {}
    assert report.passed_all()
    assert sum(result.tests_passed for result in report.results.values()) > 50


def test_a_checkpoint_whose_parent_is_not_here_is_kept_and_tells_it(
    database: Connection, crowd: Crowd
) -> None:
    checkpoint = _EXAMPLES.generate_checkpoint()
    missing = _EXAMPLES.generate_config("t", checkpoint_id="1ef00000-0000-6000-8000-000000000000")
    with open_database(crowd.url, STEADY) as opened:
        saver = GraphCheckpointer(opened)

        put = saver.put(missing, checkpoint, _EXAMPLES.generate_metadata(), {})
        found = saver.get_tuple(put)

    assert found
    assert found.parent_config == missing
    column = database.execute("select parent_checkpoint_id from checkpoints").fetchone()
    assert column == (None,)


def test_a_thread_whose_channels_need_its_past_is_kept_whole(
    database: Connection, crowd: Crowd
) -> None:
    with open_database(crowd.url, STEADY) as opened:
        saver = GraphCheckpointer(opened)
        for thread, counters in (("delta", {"log": [1, 1]}), ("plain", {})):
            config = _EXAMPLES.generate_config(thread)
            for step in range(3):
                metadata = _EXAMPLES.generate_metadata(
                    step=step, counters_since_delta_snapshot=counters
                )
                config = saver.put(config, _EXAMPLES.generate_checkpoint(), metadata, {})

        saver.prune(["delta", "plain"])
        with pytest.raises(UnknownPruning, match="keep_latest"):
            saver.prune(["plain"], strategy="some")

    kept = database.execute("select thread_id, count(*) from checkpoints group by 1 order by 1")
    assert kept.fetchall() == [("delta", 3), ("plain", 1)]


def test_a_checkpointer_says_which_database_it_lacks() -> None:
    with pytest.raises(NoDatabase, match="has no Database"):
        GraphCheckpointer().get_tuple(_EXAMPLES.generate_config("t"))
    with pytest.raises(NoDatabase, match="has no AsyncDatabase"):
        asyncio.run(GraphCheckpointer().aget_tuple(_EXAMPLES.generate_config("t")))
