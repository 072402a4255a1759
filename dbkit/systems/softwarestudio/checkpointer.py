"""Keep the state of LangGraph's graphs in the table `checkpoints`: a checkpointer, also async."""

from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_checkpoint_id,
    get_serializable_checkpoint_metadata,
)
from langgraph.checkpoint.serde.base import SerializerProtocol

from dbkit.pools import AsyncDatabase, Database
from dbkit.runtime import OMITTED, JsonLike
from dbkit.systems.softwarestudio import graph_checkpoints
from dbkit.systems.softwarestudio.errors import NoDatabase, UnknownPruning
from dbkit.systems.softwarestudio.graph_checkpoints import ListWritesRow, PutWritesValues
from dbkit.systems.softwarestudio.rows import GraphCheckpoint

_EVERYTHING, _ALL_BUT_THE_LATEST = "delete", "keep_latest"


class GraphCheckpointer(BaseCheckpointSaver[str]):
    """A LangGraph checkpointer on the database of softwarestudio.

    The blocking methods need a `Database`, and those that LangGraph awaits an `AsyncDatabase`.
    What a graph keeps is serialized by LangGraph and stands in `checkpoint_data`; its metadata
    stand in `metadata` as json. What tasks write before the next checkpoint is in
    `checkpoint_writes`.

        graph = builder.compile(checkpointer=GraphCheckpointer(database))
        graph.invoke(mission, {"configurable": {"thread_id": session_id}})
    """

    def __init__(
        self,
        database: Database | None = None,
        async_database: AsyncDatabase | None = None,
        *,
        serde: SerializerProtocol | None = None,
    ) -> None:
        super().__init__(serde=serde)
        self._database = database
        self._async_database = async_database

    @property
    def _blocking(self) -> Database:
        if self._database is None:
            raise NoDatabase("Database")
        return self._database

    @property
    def _awaited(self) -> AsyncDatabase:
        if self._async_database is None:
            raise NoDatabase("AsyncDatabase")
        return self._async_database

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the checkpoint that a config names, or the latest of its thread; None if none."""
        thread, namespace, checkpoint = _place(config)
        with self._blocking.transaction() as connection:
            if checkpoint:
                found = graph_checkpoints.find(
                    connection,
                    thread_id=thread,
                    checkpoint_ns=namespace,
                    checkpoint_id=checkpoint,
                )
            else:
                found = graph_checkpoints.find_latest(
                    connection, thread_id=thread, checkpoint_ns=namespace
                )
            if found is None:
                return None
            writes = graph_checkpoints.list_writes(
                connection,
                thread_id=thread,
                checkpoint_ns=namespace,
                checkpoint_id=found.checkpoint_id,
            )
        return self._tuple(found, writes)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Do what `get_tuple` does, in an event loop."""
        thread, namespace, checkpoint = _place(config)
        async with self._awaited.transaction() as connection:
            if checkpoint:
                found = await graph_checkpoints.find(
                    connection,
                    thread_id=thread,
                    checkpoint_ns=namespace,
                    checkpoint_id=checkpoint,
                )
            else:
                found = await graph_checkpoints.find_latest(
                    connection, thread_id=thread, checkpoint_ns=namespace
                )
            if found is None:
                return None
            writes = await graph_checkpoints.list_writes(
                connection,
                thread_id=thread,
                checkpoint_ns=namespace,
                checkpoint_id=found.checkpoint_id,
            )
        return self._tuple(found, writes)

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - LangGraph's name
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """Yield the checkpoints of a thread or of all, latest first."""
        with self._blocking.transaction() as connection:
            found = graph_checkpoints.list_all(connection, **_wanted(config, filter, before, limit))
            pairs = [
                (
                    one,
                    graph_checkpoints.list_writes(
                        connection,
                        thread_id=one.thread_id,
                        checkpoint_ns=one.checkpoint_ns,
                        checkpoint_id=one.checkpoint_id,
                    ),
                )
                for one in found
            ]
        for one, writes in pairs:
            yield self._tuple(one, writes)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - as above
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Do what `list` does, in an event loop."""
        async with self._awaited.transaction() as connection:
            found = await graph_checkpoints.list_all(
                connection, **_wanted(config, filter, before, limit)
            )
            pairs = [
                (
                    one,
                    await graph_checkpoints.list_writes(
                        connection,
                        thread_id=one.thread_id,
                        checkpoint_ns=one.checkpoint_ns,
                        checkpoint_id=one.checkpoint_id,
                    ),
                )
                for one in found
            ]
        for one, writes in pairs:
            yield self._tuple(one, writes)

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Put a checkpoint, whose parent is the one that the config names."""
        del new_versions
        thread, namespace, parent = _place(config)
        with self._blocking.transaction() as connection:
            graph_checkpoints.put(
                connection,
                thread_id=thread,
                checkpoint_ns=namespace,
                checkpoint_id=checkpoint["id"],
                parent_checkpoint_id=parent,
                checkpoint_data=self._data(checkpoint, parent),
                metadata=_metadata(config, metadata),
            )
        return _config(thread, namespace, checkpoint["id"])

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Do what `put` does, in an event loop."""
        del new_versions
        thread, namespace, parent = _place(config)
        async with self._awaited.transaction() as connection:
            await graph_checkpoints.put(
                connection,
                thread_id=thread,
                checkpoint_ns=namespace,
                checkpoint_id=checkpoint["id"],
                parent_checkpoint_id=parent,
                checkpoint_data=self._data(checkpoint, parent),
                metadata=_metadata(config, metadata),
            )
        return _config(thread, namespace, checkpoint["id"])

    def put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Put what a task has written towards the next checkpoint."""
        values = self._writes(config, writes, task_id, task_path)
        with self._blocking.transaction() as connection:
            graph_checkpoints.put_writes(connection, values)

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Do what `put_writes` does, in an event loop."""
        values = self._writes(config, writes, task_id, task_path)
        async with self._awaited.transaction() as connection:
            await graph_checkpoints.put_writes(connection, values)

    def delete_thread(self, thread_id: str) -> None:
        """Remove a thread with all its checkpoints and writes."""
        with self._blocking.transaction() as connection:
            graph_checkpoints.remove_thread(connection, thread_id=thread_id)

    async def adelete_thread(self, thread_id: str) -> None:
        """Do what `delete_thread` does, in an event loop."""
        async with self._awaited.transaction() as connection:
            await graph_checkpoints.remove_thread(connection, thread_id=thread_id)

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Remove what runs have made."""
        with self._blocking.transaction() as connection:
            graph_checkpoints.remove_runs(connection, run_ids=[*run_ids])

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Do what `delete_for_runs` does, in an event loop."""
        async with self._awaited.transaction() as connection:
            await graph_checkpoints.remove_runs(connection, run_ids=[*run_ids])

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy a thread with all its checkpoints and writes."""
        with self._blocking.transaction() as connection:
            graph_checkpoints.copy_thread(
                connection, source_thread_id=source_thread_id, target_thread_id=target_thread_id
            )

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Do what `copy_thread` does, in an event loop."""
        async with self._awaited.transaction() as connection:
            await graph_checkpoints.copy_thread(
                connection, source_thread_id=source_thread_id, target_thread_id=target_thread_id
            )

    def prune(self, thread_ids: Sequence[str], *, strategy: str = _ALL_BUT_THE_LATEST) -> None:
        """Remove threads, or all but the latest checkpoint of each namespace.

        A thread whose channels are rebuilt from earlier checkpoints (`DeltaChannel`) is kept whole.
        """
        if strategy not in {_EVERYTHING, _ALL_BUT_THE_LATEST}:
            raise UnknownPruning(strategy)
        with self._blocking.transaction() as connection:
            for thread_id in thread_ids:
                if strategy == _EVERYTHING:
                    graph_checkpoints.remove_thread(connection, thread_id=thread_id)
                else:
                    graph_checkpoints.keep_latest(connection, thread_id=thread_id)

    async def aprune(
        self, thread_ids: Sequence[str], *, strategy: str = _ALL_BUT_THE_LATEST
    ) -> None:
        """Do what `prune` does, in an event loop."""
        if strategy not in {_EVERYTHING, _ALL_BUT_THE_LATEST}:
            raise UnknownPruning(strategy)
        async with self._awaited.transaction() as connection:
            for thread_id in thread_ids:
                if strategy == _EVERYTHING:
                    await graph_checkpoints.remove_thread(connection, thread_id=thread_id)
                else:
                    await graph_checkpoints.keep_latest(connection, thread_id=thread_id)

    def _data(self, checkpoint: Checkpoint, parent: str | None) -> JsonLike:
        kind, value = self.serde.dumps_typed(checkpoint)
        return {
            "id": checkpoint["id"],
            "parent": parent,
            "type": kind,
            "base64": b64encode(value).decode(),
        }

    def _writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str,
    ) -> Iterable[PutWritesValues]:
        thread, namespace, checkpoint = _place(config)
        values: list[PutWritesValues] = []
        for number, (channel, value) in enumerate(writes):
            kind, serialized = self.serde.dumps_typed(value)
            values.append(
                PutWritesValues(
                    thread_id=thread,
                    checkpoint_ns=namespace,
                    checkpoint_id=checkpoint or "",
                    task_id=task_id,
                    idx=WRITES_IDX_MAP.get(channel, number),
                    task_path=task_path,
                    channel=channel,
                    type=kind,
                    value=serialized,
                )
            )
        return values

    def _tuple(self, found: GraphCheckpoint, writes: Sequence[ListWritesRow]) -> CheckpointTuple:
        data = cast("Mapping[str, str]", found.checkpoint_data)
        place = found.thread_id, found.checkpoint_ns
        parent = data["parent"]
        return CheckpointTuple(
            config=_config(*place, found.checkpoint_id),
            checkpoint=self.serde.loads_typed((data["type"], b64decode(data["base64"]))),
            metadata=cast("CheckpointMetadata", found.metadata),
            parent_config=_config(*place, parent) if parent else None,
            pending_writes=[
                (one.task_id, one.channel, self.serde.loads_typed((one.type, one.value)))
                for one in writes
            ],
        )


def _place(config: RunnableConfig) -> tuple[str, str, str | None]:
    """Return the thread, the namespace and the checkpoint that a config names."""
    named = config.get("configurable", {})
    return str(named["thread_id"]), named.get("checkpoint_ns", ""), get_checkpoint_id(config)


def _metadata(config: RunnableConfig, metadata: CheckpointMetadata) -> JsonLike:
    return cast("JsonLike", get_serializable_checkpoint_metadata(config, metadata))


def _config(thread: str, namespace: str, checkpoint: str) -> RunnableConfig:
    named = {"thread_id": thread, "checkpoint_ns": namespace, "checkpoint_id": checkpoint}
    return {"configurable": named}


def _wanted(
    config: RunnableConfig | None,
    metadata: dict[str, Any] | None,
    before: RunnableConfig | None,
    limit: int | None,
) -> dict[str, Any]:
    named = config.get("configurable", {}) if config else {}
    wanted = {
        "thread_id": named.get("thread_id"),
        "checkpoint_ns": named.get("checkpoint_ns"),
        "checkpoint_id": get_checkpoint_id(config) if config else None,
        "before": get_checkpoint_id(before) if before else None,
        "metadata": metadata or None,
        "max_checkpoints": limit,
    }
    return {name: OMITTED if value is None else value for name, value in wanted.items()}
