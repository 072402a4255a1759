"""Give OpenTelemetry a span and a duration for each call, and the numbers of pools."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self, TypeAlias
from weakref import WeakValueDictionary

import psycopg

from dbkit.pools import AsyncDatabase, Database, Statistics
from dbkit.releases import release_of
from dbkit.runtime import Call, observe

try:
    from opentelemetry import metrics
    from opentelemetry import trace as tracing
except ImportError as error:
    message = "opentelemetry-api is not installed here; install it with: pip install 'dbkit[otel]'"
    raise ImportError(message) from error

Attributes: TypeAlias = dict[str, str | int]
_SYSTEM: Attributes = {"db.system.name": "postgresql"}
# those that the conventions give, in seconds
_BOUNDARIES = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)


def instrument(
    *,
    pools: Mapping[str, Database | AsyncDatabase] | None = None,
    tracer_provider: tracing.TracerProvider | None = None,
    meter_provider: metrics.MeterProvider | None = None,
) -> "Telemetry":
    """Give OpenTelemetry every call of a query from now on, and the numbers of these pools.

    Each pool has a name, which is to be its own in this program. The providers are the global ones
    unless others are given. The handle ends it: `close()`, or a `with`.
    """
    telemetry = Telemetry(
        tracing.get_tracer("dbkit", release_of("dbkit"), tracer_provider),
        metrics.get_meter("dbkit", release_of("dbkit"), meter_provider),
    )
    for name, database in (pools or {}).items():
        telemetry.add_pool(name, database)
    return telemetry


class Telemetry:
    """What gives OpenTelemetry the calls and the pools, by its stable conventions for databases."""

    def __init__(self, tracer: tracing.Tracer, meter: metrics.Meter) -> None:
        self._tracer = tracer
        # a pool that is forgotten ends, as if nobody watched it
        self._pools: WeakValueDictionary[str, Database | AsyncDatabase] = WeakValueDictionary()
        self._duration = meter.create_histogram(
            "db.client.operation.duration",
            unit="s",
            description="Duration of database client operations.",
            explicit_bucket_boundaries_advisory=_BOUNDARIES,
        )
        self._watch_pools(meter)
        self._observing = observe(self._tell)

    def add_pool(self, name: str, database: Database | AsyncDatabase) -> None:
        """Give the numbers of another pool, as long as the program holds it."""
        self._pools[name] = database

    def close(self) -> None:
        """Give nothing any more."""
        self._observing.close()
        self._pools.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _tell(self, call: Call) -> None:
        shared = _of_each(call)
        failed = {} if call.error is None else _failure(call.error)
        span = self._tracer.start_span(
            str(shared["db.query.summary"]),
            kind=tracing.SpanKind.CLIENT,
            attributes={**shared, **_of_span(call)},
            start_time=call.started,
        )
        if failed:
            # without the text of the error, which may have values
            span.set_attributes(failed)
            span.set_status(tracing.StatusCode.ERROR)
        span.end(call.started + int(call.seconds * 1e9))
        self._duration.record(call.seconds, {**shared, **failed})

    def _watch_pools(self, meter: metrics.Meter) -> None:
        def connections(each: Statistics) -> Mapping[str, int]:
            return {"idle": each.idle, "used": each.lent}

        meter.create_observable_up_down_counter(
            "db.client.connection.count",
            [self._reading(connections)],
            "{connection}",
            "The connections that are idle, and those that are used.",
        )
        meter.create_observable_up_down_counter(
            "db.client.connection.max",
            [self._reading(lambda each: {"": each.max_size})],
            "{connection}",
            "The maximum number of open connections.",
        )
        meter.create_observable_up_down_counter(
            "db.client.connection.pending_requests",
            [self._reading(lambda each: {"": each.waiting})],
            "{request}",
            "The callers that wait for a connection.",
        )
        meter.create_observable_counter(
            "db.client.connection.timeouts",
            [self._reading(lambda each: {"": each.refused})],
            "{timeout}",
            "The callers that waited for a connection in vain, or were too many to wait.",
        )

    def _reading(
        self, numbers: Callable[[Statistics], Mapping[str, int]]
    ) -> Callable[[metrics.CallbackOptions], Iterable[metrics.Observation]]:
        """Give what reads numbers of each pool; more than one number has a state each."""

        def read(options: metrics.CallbackOptions) -> Iterable[metrics.Observation]:
            del options
            for name, database in list(self._pools.items()):
                # an async pool changes on its loop while a thread reads here
                with suppress(RuntimeError):
                    for state, number in numbers(database.statistics()).items():
                        attributes = {"db.client.connection.pool.name": name}
                        if state:
                            attributes["db.client.connection.state"] = state
                        yield metrics.Observation(number, attributes)

        return read


def _of_each(call: Call) -> Attributes:
    """Return what a span and a duration have."""
    is_batch = call.kind == "batch" and call.sets != 1
    attributes = _SYSTEM | {"db.query.summary": f"BATCH {call.name}" if is_batch else call.name}
    if call.database:
        attributes["db.namespace"] = call.database
    if call.host:
        attributes["server.address"] = call.host
        # a unix socket has no port
        if call.port.isdecimal() and not call.host.startswith(("/", "@")):
            attributes["server.port"] = int(call.port)
    return attributes


def _of_span(call: Call) -> Attributes:
    attributes: Attributes = {}
    if call.text:
        attributes["db.query.text"] = call.text
    # the rows of a copy are operands of one operation, and one set is no batch
    if call.kind == "batch" and call.sets is not None and call.sets != 1:
        attributes["db.operation.batch.size"] = call.sets
    if call.gives_rows and call.error is None:
        attributes["db.response.returned_rows"] = call.rows
    return attributes


def _failure(error: BaseException) -> Attributes:
    """Return the SQLSTATE of an error, or the name of its class."""
    if isinstance(error, psycopg.Error) and error.sqlstate:
        return {"db.response.status_code": error.sqlstate, "error.type": error.sqlstate}
    class_ = type(error)
    plain = class_.__module__ == "builtins"
    return {"error.type": class_.__qualname__ if plain else _full_name(class_)}


def _full_name(class_: type[BaseException]) -> str:
    return f"{class_.__module__}.{class_.__qualname__}"
