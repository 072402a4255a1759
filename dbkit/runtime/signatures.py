"""The two signatures of a query's function: for a blocking connection, and for an async one."""

from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast, overload

from psycopg import AsyncConnection, Connection

from dbkit.runtime.streaming import AsyncStream, Stream
from dbkit.runtime.wire import AnyConnection

P = ParamSpec("P")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class QueryFunction(Protocol[P, T_co]):
    """A query's function: called with a connection, or awaited with an async one."""

    __name__: str

    @overload
    def __call__(self, connection: Connection[Any], *args: P.args, **kwargs: P.kwargs) -> T_co: ...
    @overload
    def __call__(
        self, connection: AsyncConnection[Any], *args: P.args, **kwargs: P.kwargs
    ) -> Coroutine[None, None, T_co]: ...


class StreamFunction(Protocol[P, T]):
    """A `:stream` query's function: what it gives is read by `for`, or by `async for`."""

    __name__: str

    @overload
    def __call__(
        self, connection: Connection[Any], *args: P.args, **kwargs: P.kwargs
    ) -> Stream[T]: ...
    @overload
    def __call__(
        self, connection: AsyncConnection[Any], *args: P.args, **kwargs: P.kwargs
    ) -> AsyncStream[T]: ...


def query(function: Callable[Concatenate[AnyConnection, P], T]) -> QueryFunction[P, T]:
    """Give a function the two signatures; it is the same function, and costs no more to call."""
    return cast("QueryFunction[P, T]", function)


def stream_query(
    function: Callable[Concatenate[AnyConnection, P], Stream[T]],
) -> StreamFunction[P, T]:
    """Give the function of a `:stream` the two signatures."""
    return cast("StreamFunction[P, T]", function)
