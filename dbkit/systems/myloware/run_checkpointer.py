"""Checkpointers for LangGraph: the thread of a graph is a run, its latest state the run's."""

import builtins
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
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
    get_checkpoint_metadata,
)
from langgraph.checkpoint.serde.base import SerializerProtocol

from dbkit.pools import AsyncDatabase, Database
from dbkit.runtime import OMITTED
from dbkit.systems.myloware import graph_checkpoints
from dbkit.systems.myloware.graph_checkpoints import ListLatestRow, PutWritesValues

_TYPED = "__typed__"
# what of a checkpoint is itself a mapping of values
_MAPPINGS = ("channel_values", "channel_versions")
# a larger integer is not read the same by everything that reads json
_LARGEST = 2**53


class RunCheckpointer(BaseCheckpointSaver[int]):
    """A checkpointer over a pool of blocking connections; `thread_id` is the `run_id` of a run.

    Each call is a transaction of its own. Texts, whole numbers and the like stand in the state as
    they are, so that SQL can read them; every other value as LangGraph serialises it. Save the
    state of a run by this or by `orchestration_checkpoints.save`, not by both.

        graph = builder.compile(checkpointer=RunCheckpointer(database))
        graph.invoke(payload, {"configurable": {"thread_id": run_id}})
    """

    def __init__(self, database: Database, *, serde: SerializerProtocol | None = None) -> None:
        super().__init__(serde=serde)
        self._database = database

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the checkpoint that is named, or the latest one of the thread."""
        with self._database.transaction() as connection:
            rows = graph_checkpoints.list_latest(connection, **_one(config))
        return _tuple(self.serde, rows[0]) if rows else None

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - LangGraph's name
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """Yield checkpoints, the latest first."""
        with self._database.transaction() as connection:
            rows = graph_checkpoints.list_latest(
                connection, **_several(self.serde, config, filter, before, limit)
            )
        for row in rows:
            yield _tuple(self.serde, row)

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Keep a checkpoint, whole, and as the state of the run if it is the latest."""
        del new_versions
        with self._database.transaction() as connection:
            graph_checkpoints.put(connection, **_put(self.serde, config, checkpoint, metadata))
        return _config(*_place(config), checkpoint["id"])

    def put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Keep what a task has written since a checkpoint."""
        with self._database.transaction() as connection:
            graph_checkpoints.put_writes(
                connection, _writes(self.serde, config, writes, task_id, task_path)
            )

    def delete_thread(self, thread_id: str) -> None:
        """Remove all checkpoints of a run, and its state; the run stays."""
        with self._database.transaction() as connection:
            graph_checkpoints.remove(connection, run_id=thread_id)

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Remove the checkpoints that LangGraph made in some of its own runs."""
        with self._database.transaction() as connection:
            graph_checkpoints.remove_for_runs(connection, graph_runs=run_ids)

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Give another run all that this one has."""
        with self._database.transaction() as connection:
            graph_checkpoints.copy(connection, source=source_thread_id, target=target_thread_id)


class AsyncRunCheckpointer(BaseCheckpointSaver[int]):
    """A checkpointer over a pool of an event loop; all else is as with `RunCheckpointer`."""

    def __init__(self, database: AsyncDatabase, *, serde: SerializerProtocol | None = None) -> None:
        super().__init__(serde=serde)
        self._database = database

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the checkpoint that is named, or the latest one of the thread."""
        async with self._database.transaction() as connection:
            rows = await graph_checkpoints.list_latest(connection, **_one(config))
        return _tuple(self.serde, rows[0]) if rows else None

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - LangGraph's name
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Yield checkpoints, the latest first."""
        async with self._database.transaction() as connection:
            rows = await graph_checkpoints.list_latest(
                connection, **_several(self.serde, config, filter, before, limit)
            )
        for row in rows:
            yield _tuple(self.serde, row)

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Keep a checkpoint, whole, and as the state of the run if it is the latest."""
        del new_versions
        async with self._database.transaction() as connection:
            await graph_checkpoints.put(
                connection, **_put(self.serde, config, checkpoint, metadata)
            )
        return _config(*_place(config), checkpoint["id"])

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Keep what a task has written since a checkpoint."""
        async with self._database.transaction() as connection:
            await graph_checkpoints.put_writes(
                connection, _writes(self.serde, config, writes, task_id, task_path)
            )

    async def adelete_thread(self, thread_id: str) -> None:
        """Remove all checkpoints of a run, and its state; the run stays."""
        async with self._database.transaction() as connection:
            await graph_checkpoints.remove(connection, run_id=thread_id)

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Remove the checkpoints that LangGraph made in some of its own runs."""
        async with self._database.transaction() as connection:
            await graph_checkpoints.remove_for_runs(connection, graph_runs=run_ids)

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Give another run all that this one has."""
        async with self._database.transaction() as connection:
            await graph_checkpoints.copy(
                connection, source=source_thread_id, target=target_thread_id
            )


def _configurable(config: RunnableConfig) -> Mapping[str, Any]:
    return config.get("configurable", {})


def _place(config: RunnableConfig) -> tuple[str, str]:
    given = _configurable(config)
    return given["thread_id"], given.get("checkpoint_ns", "")


def _config(run_id: str, checkpoint_ns: str, checkpoint_id: str) -> RunnableConfig:
    return {
        "configurable": {
            "thread_id": run_id,
            "checkpoint_ns": checkpoint_ns,
            "checkpoint_id": checkpoint_id,
        }
    }


def _one(config: RunnableConfig) -> dict[str, Any]:
    run_id, checkpoint_ns = _place(config)
    return {
        "run_id": run_id,
        "checkpoint_ns": checkpoint_ns,
        "checkpoint_id": get_checkpoint_id(config) or OMITTED,
        "max_checkpoints": 1,
    }


def _several(
    serde: SerializerProtocol,
    config: RunnableConfig | None,
    metadata: Mapping[str, Any] | None,
    before: RunnableConfig | None,
    limit: int | None,
) -> dict[str, Any]:
    given = _configurable(config or {})
    arguments: dict[str, Any] = {
        "run_id": given.get("thread_id"),
        "checkpoint_ns": given.get("checkpoint_ns"),
        "checkpoint_id": (get_checkpoint_id(config) or None) if config else None,
        "before": (get_checkpoint_id(before) or None) if before else None,
        "metadata": _encode(serde, metadata) if metadata else None,
        "max_checkpoints": limit,
    }
    return {name: value for name, value in arguments.items() if value is not None}


def _put(
    serde: SerializerProtocol,
    config: RunnableConfig,
    checkpoint: Checkpoint,
    metadata: CheckpointMetadata,
) -> dict[str, Any]:
    run_id, checkpoint_ns = _place(config)
    return {
        "run_id": run_id,
        "checkpoint_ns": checkpoint_ns,
        "checkpoint_id": checkpoint["id"],
        "parent_id": get_checkpoint_id(config) or None,
        "checkpoint": _encode_checkpoint(serde, checkpoint),
        "metadata": _encode(serde, get_checkpoint_metadata(config, metadata)),
    }


def _writes(
    serde: SerializerProtocol,
    config: RunnableConfig,
    writes: Sequence[tuple[str, Any]],
    task_id: str,
    task_path: str,
) -> builtins.list[PutWritesValues]:
    run_id, checkpoint_ns = _place(config)
    return [
        PutWritesValues(
            run_id=run_id,
            checkpoint_ns=checkpoint_ns,
            checkpoint_id=get_checkpoint_id(config) or "",
            task_id=task_id,
            write_number=WRITES_IDX_MAP.get(channel, number),
            task_path=task_path,
            channel=channel,
            # None would be no value at all
            value=_serialised(serde, None) if value is None else _encode_value(serde, value),
        )
        for number, (channel, value) in enumerate(writes)
    ]


def _tuple(serde: SerializerProtocol, row: ListLatestRow) -> CheckpointTuple:
    place = row.run_id, row.checkpoint_ns
    return CheckpointTuple(
        config=_config(*place, row.checkpoint_id),
        checkpoint=cast("Checkpoint", _decode(serde, row.checkpoint)),
        metadata=cast("CheckpointMetadata", _decode(serde, row.metadata)),
        parent_config=None if row.parent_id is None else _config(*place, row.parent_id),
        pending_writes=[
            (task_id, channel, _decode(serde, value))
            for task_id, channel, value in cast("list[tuple[str, str, Any]]", row.writes)
        ],
    )


def _encode_checkpoint(serde: SerializerProtocol, checkpoint: Checkpoint) -> dict[str, Any]:
    """Return a checkpoint as json that SQL can read, each value either plain or serialised."""
    encoded: dict[str, Any] = {}
    for name, value in checkpoint.items():
        if name in _MAPPINGS:
            values = cast("Mapping[str, Any]", value)
            encoded[name] = {key: _encode_value(serde, one) for key, one in values.items()}
        else:
            encoded[name] = _encode(serde, value)
    return encoded


def _encode(serde: SerializerProtocol, value: Any) -> Any:  # noqa: ANN401 - any value
    """Return a value of LangGraph's own, in which the order of a mapping's keys tells nothing."""
    kind = _kind(value)
    if kind is dict and all(type(key) is str and _is_text(key) for key in value):
        return {key: _encode(serde, one) for key, one in value.items()}
    if kind is list:
        return [_encode(serde, one) for one in value]
    return _encode_value(serde, value)


def _encode_value(serde: SerializerProtocol, value: object) -> Any:  # noqa: ANN401 - any value
    is_plain = (
        value is None
        or type(value) is bool
        or (type(value) is int and abs(value) < _LARGEST)
        or (type(value) is str and _is_text(value))
    )
    if is_plain:
        return value
    return _serialised(serde, value)


def _serialised(serde: SerializerProtocol, value: object) -> dict[str, str]:  # noqa: ANN401 - any value
    kind, data = serde.dumps_typed(value)
    return {_TYPED: kind, "data": b64encode(data).decode()}


def _decode(serde: SerializerProtocol, value: Any) -> Any:  # noqa: ANN401 - any value
    kind = _kind(value)
    if kind is list:
        return [_decode(serde, one) for one in value]
    if kind is not dict:
        return value
    if _TYPED in value:
        return serde.loads_typed((value[_TYPED], b64decode(value["data"])))
    return {key: _decode(serde, one) for key, one in value.items()}


def _is_text(value: str) -> bool:
    """Say whether jsonb can have a text: it has no NUL character, and no half of a pair."""
    return "\0" not in value and value == value.encode(errors="replace").decode()


def _kind(value: object) -> type:
    # a subclass is not what it is a kind of: it comes back as itself
    return type(value)
