"""The calls of a statement, typed for an async connection: what they return is awaited."""

from collections.abc import Coroutine, Iterable, Sequence
from typing import Any, Protocol, TypeVar, cast

from psycopg import AsyncConnection

from dbkit.runtime import batching, calls, copying, streaming
from dbkit.runtime.statement import Statement
from dbkit.runtime.streaming import AsyncStream

T = TypeVar("T")


class _One(Protocol):
    def __call__(
        self, connection: AsyncConnection[Any], statement: Statement[T], values: Sequence[object]
    ) -> Coroutine[None, None, T]: ...


class _Optional(Protocol):
    def __call__(
        self, connection: AsyncConnection[Any], statement: Statement[T], values: Sequence[object]
    ) -> Coroutine[None, None, T | None]: ...


class _Many(Protocol):
    def __call__(
        self, connection: AsyncConnection[Any], statement: Statement[T], values: Sequence[object]
    ) -> Coroutine[None, None, list[T]]: ...


class _Execute(Protocol):
    def __call__(
        self, connection: AsyncConnection[Any], statement: Statement[Any], values: Sequence[object]
    ) -> Coroutine[None, None, int]: ...


class _Batch(Protocol):
    def __call__(
        self,
        connection: AsyncConnection[Any],
        statement: Statement[Any],
        sets: Iterable[Sequence[object]],
    ) -> Coroutine[None, None, int]: ...


class _BatchRows(Protocol):
    def __call__(
        self,
        connection: AsyncConnection[Any],
        statement: Statement[T],
        sets: Iterable[Sequence[object]],
    ) -> Coroutine[None, None, list[T]]: ...


class _Stream(Protocol):
    def __call__(
        self,
        connection: AsyncConnection[Any],
        statement: Statement[T],
        values: Sequence[object],
        *,
        portion: int = 1000,
    ) -> AsyncStream[T]: ...


one = cast("_One", calls.one)
optional = cast("_Optional", calls.optional)
many = cast("_Many", calls.many)
execute = cast("_Execute", calls.execute)
batch = cast("_Batch", batching.batch)
batch_rows = cast("_BatchRows", batching.batch_rows)
copy = cast("_Batch", copying.copy)
stream = cast("_Stream", streaming.stream)
