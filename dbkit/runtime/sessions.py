"""What is known on each connection: its statements that are ready, and the types they name."""

from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from dbkit.errors import InsidePipeline
from dbkit.runtime.ready import Ready
from dbkit.runtime.statement import Composition
from dbkit.runtime.wire import AnyConnection, Steps, begin, in_pipeline

if TYPE_CHECKING:
    from dbkit.runtime.connectiontypes import ConnectionTypes

T = TypeVar("T")


class _Session:
    """What has been found out on one connection."""

    __slots__ = ("ready", "types")

    def __init__(self) -> None:
        self.ready: dict[Composition[Any], Ready[Any]] = {}
        self.types: ConnectionTypes | None = None


# a session does not refer to its connection, so both are freed together
_SESSIONS: WeakKeyDictionary[AnyConnection, _Session] = WeakKeyDictionary()


def make_ready(connection: AnyConnection, composition: Composition[T]) -> Steps[Ready[T]]:
    """Begin the transaction, and return the text made ready; the first call asks the server."""
    statement = composition.statement
    if in_pipeline(connection.pgconn):
        raise InsidePipeline(statement.query)
    session = _SESSIONS.get(connection)
    if session is None:
        session = _SESSIONS[connection] = _Session()
    ready: Ready[T] | None = session.ready.get(composition)
    if ready is None:
        statement.file.refuse_edited()
    yield from begin(connection)
    if ready is None:
        # loaded with the first call: a module of queries is imported faster without
        from dbkit.runtime.preparing import ConnectionTypes, prepare  # noqa: PLC0415

        if session.types is None:
            session.types = ConnectionTypes()
        ready = yield from prepare(connection, composition, session.types)
        session.ready[composition] = ready
    return ready
