"""OpenTelemetry is given a span and a duration for each call, and the numbers of pools."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from psycopg import AsyncConnection, Connection

import dbkit
from dbkit.errors import NoRow
from dbkit.runtime import awaited, batch, copy, execute, many, one
from dbkit.telemetry import Telemetry, instrument
from tests.runtime.statements import statement

NUMBERS = statement(
    "select n from generate_series(1, $1) as n", takes={"last": "int4"}, gives={"n": "int4"}
)
ADD = statement(
    "insert into things (id, name) values ($1, $2)", takes={"id": "int4", "name": "text"}
)


@dataclass(frozen=True)
class Told:
    """What OpenTelemetry was given."""

    telemetry: Telemetry
    traces: TracerProvider
    exporter: InMemorySpanExporter
    reader: InMemoryMetricReader

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        return self.exporter.get_finished_spans()

    def points(self, metric: str) -> list[Any]:
        data = self.reader.get_metrics_data()
        assert data is not None
        metrics = data.resource_metrics[0].scope_metrics[0].metrics
        return [point for each in metrics if each.name == metric for point in each.data.data_points]

    def numbers(self, metric: str) -> dict[str, int]:
        state = "db.client.connection.state"
        return {
            str(dict(point.attributes).get(state, "")): point.value for point in self.points(metric)
        }


@pytest.fixture
def told() -> Iterator[Told]:
    """OpenTelemetry, with what it is given kept in memory."""
    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    traces = TracerProvider()
    traces.add_span_processor(SimpleSpanProcessor(exporter))
    meters = MeterProvider([reader])
    with instrument(tracer_provider=traces, meter_provider=meters) as telemetry:
        yield Told(telemetry, traces, exporter, reader)
    meters.shutdown()


def test_a_call_is_a_span_inside_the_current_one(connection: Connection, told: Told) -> None:
    with told.traces.get_tracer("test").start_as_current_span("request") as request:
        many(connection, NUMBERS, [3])

    span, _ = told.spans
    assert (span.name, span.kind, span.status.status_code) == (
        "things.tried",
        SpanKind.CLIENT,
        StatusCode.UNSET,
    )
    assert span.parent is not None
    assert span.parent.span_id == request.get_span_context().span_id
    where: dict[str, object] = {"server.address": connection.info.host}
    if not connection.info.host.startswith("/"):
        where["server.port"] = connection.info.port
    assert dict(span.attributes or {}) == {
        "db.system.name": "postgresql",
        "db.namespace": connection.info.dbname,
        "db.query.summary": "things.tried",
        "db.query.text": "select n from generate_series(1, $1) as n",
        "db.response.returned_rows": 3,
        **where,
    }


def test_the_duration_of_the_metric_is_that_of_the_span(connection: Connection, told: Told) -> None:
    many(connection, NUMBERS, [3])

    [span] = told.spans
    [point] = told.points("db.client.operation.duration")
    assert span.end_time is not None
    assert span.start_time is not None
    assert point.sum == pytest.approx((span.end_time - span.start_time) / 1e9, abs=1e-8)
    assert point.explicit_bounds == (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)
    assert point.attributes["db.query.summary"] == "things.tried"
    assert "db.query.text" not in point.attributes


def test_an_awaited_call_is_a_span_of_its_own_task(typed_url: str, told: Told) -> None:
    tracer = told.traces.get_tracer("test")

    async def request(name: str) -> None:
        async with await AsyncConnection.connect(typed_url) as connection:
            with tracer.start_as_current_span(name):
                await awaited.many(connection, NUMBERS, [3])

    async def work() -> None:
        await asyncio.gather(request("first"), request("second"))

    asyncio.run(work())

    requests = {
        context.span_id: span.name
        for span in told.spans
        if span.parent is None and (context := span.get_span_context()) is not None
    }
    parents = [requests[span.parent.span_id] for span in told.spans if span.parent is not None]
    assert sorted(parents) == ["first", "second"]


def test_a_failed_call_has_its_sqlstate_and_no_value(connection: Connection, told: Told) -> None:
    execute(connection, ADD, [1, "secret"])
    with pytest.raises(psycopg.errors.UniqueViolation):
        execute(connection, ADD, [1, "secret"])
    connection.rollback()
    with pytest.raises(NoRow):
        one(connection, NUMBERS, [0])

    _, violation, no_row = told.spans
    assert violation.status.status_code is StatusCode.ERROR
    attributes = dict(violation.attributes or {})
    assert attributes["db.response.status_code"] == attributes["error.type"] == "23505"
    assert dict(no_row.attributes or {})["error.type"] == "dbkit.errors.NoRow"
    assert "db.response.status_code" not in dict(no_row.attributes or {})
    assert "secret" not in "".join(span.to_json() for span in told.spans)
    failed = [
        point.attributes["error.type"]
        for point in told.points("db.client.operation.duration")
        if "error.type" in point.attributes
    ]
    assert sorted(failed) == ["23505", "dbkit.errors.NoRow"]


def test_a_batch_has_its_size_unless_it_is_one(connection: Connection, told: Told) -> None:
    batch(connection, ADD, [[1, "a"], [2, "b"]])
    batch(connection, ADD, [[3, "c"]])
    batch(connection, ADD, [])
    copy(connection, ADD, [[4, "d"], [5, "e"]])

    size = "db.operation.batch.size"
    assert [(span.name, dict(span.attributes or {}).get(size)) for span in told.spans] == [
        ("BATCH things.tried", 2),
        ("things.tried", None),
        ("BATCH things.tried", 0),
        ("things.tried", None),
    ]


def test_the_numbers_of_a_pool_are_given(typed_url: str, told: Told) -> None:
    with dbkit.open_database(typed_url, min_size=1, max_size=7) as database:
        told.telemetry.add_pool("shop", database)
        with database.connection():
            [*_, used] = told.points("db.client.connection.count")
            counted = told.numbers("db.client.connection.count")

        assert used.attributes["db.client.connection.pool.name"] == "shop"
        assert counted == {"idle": 0, "used": 1}
        assert told.numbers("db.client.connection.max") == {"": 7}
        assert told.numbers("db.client.connection.pending_requests") == {"": 0}
        assert told.numbers("db.client.connection.timeouts") == {"": 0}


def test_what_is_closed_gives_nothing(connection: Connection, told: Told) -> None:
    told.telemetry.close()
    many(connection, NUMBERS, [3])

    assert told.spans == ()
