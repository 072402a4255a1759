"""Metrics are recorded in bulk and read as series of equal steps."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from psycopg import Connection
from psycopg.errors import DatabaseError

from dbkit.errors import BadValue
from dbkit.runtime import AsText
from dbkit.systems.softwarestudio import metrics

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def values(
    name: str, labels: dict[str, str], *points: tuple[timedelta, int]
) -> Iterator[metrics.LoadValues]:
    for after, value in points:
        yield metrics.LoadValues(name, Decimal(value), labels, NOON + after)


def minutes(*points: tuple[int, int]) -> list[tuple[timedelta, int]]:
    return [(timedelta(minutes=minute), value) for minute, value in points]


def series(
    database: Connection,
    *,
    since: datetime = NOON,
    until: datetime = NOON + 3 * HOUR,
    labels: Mapping[str, str] | None = None,
    step: timedelta | AsText = HOUR,
) -> list[metrics.ListSeriesRow]:
    return metrics.list_series(
        database,
        metric_name="latency",
        since=since,
        until=until,
        labels=dict(labels or {}),
        step=step,
    )


def test_a_hundred_thousand_values_are_loaded_at_once(database: Connection) -> None:
    second = timedelta(seconds=1)
    points = ((number * second, number % 60) for number in range(100_000))

    loaded = metrics.load(database, values("latency", {"agent": "qa"}, *points))

    day = series(database, until=NOON + 24 * HOUR)
    assert loaded == 100_000
    assert [step.count for step in day[:3]] == [3600, 3600, 3600]
    assert sum(step.count for step in day) == 86_400


def test_where_one_value_is_refused_none_is_loaded(database: Connection) -> None:
    wrong = metrics.LoadValues("latency", Decimal(1), None, NOON)

    with pytest.raises(BadValue), database.transaction():
        metrics.load(database, [*values("latency", {}, *minutes((0, 1))), wrong])

    assert metrics.list_latest(database, metric_name="latency") == []


def test_a_series_has_its_least_mean_greatest_and_95th_in_a_hundred(database: Connection) -> None:
    hundred = minutes(*((number % 60, number) for number in range(1, 101)))
    metrics.load(database, values("latency", {}, *hundred))

    [step] = series(database, until=NOON + HOUR)

    assert step == metrics.ListSeriesRow(
        starts_at=NOON,
        count=100,
        min=Decimal(1),
        avg=Decimal("50.5"),
        max=Decimal(100),
        p95=Decimal(95),
    )


def test_a_step_without_values_is_there_all_the_same(database: Connection) -> None:
    metrics.load(database, values("latency", {}, *minutes((0, 1), (59, 3), (120, 9), (180, 7))))

    course = series(database)

    assert [(step.starts_at, step.count, step.avg) for step in course] == [
        (NOON, 2, Decimal(2)),
        (NOON + HOUR, 0, None),
        (NOON + 2 * HOUR, 1, Decimal(9)),
    ]


def test_steps_begin_where_the_series_begins(database: Connection) -> None:
    metrics.load(database, values("latency", {}, *minutes((4, 1), (5, 2), (19, 3), (20, 4))))

    course = series(
        database,
        since=NOON + timedelta(minutes=5),
        until=NOON + timedelta(minutes=30),
        step=timedelta(minutes=15),
    )

    assert [step.max for step in course] == [Decimal(3), Decimal(4)]


def test_a_series_is_of_the_values_whose_labels_hold_those_asked_for(database: Connection) -> None:
    for agent, model, value in (("qa", "a", 1), ("qa", "b", 2), ("eng", "a", 4)):
        labels = {"agent": agent, "model": model}
        metrics.load(database, values("latency", labels, *minutes((0, value))))
    metrics.load(database, values("tokens", {"agent": "qa"}, *minutes((0, 8))))

    def told(**labels: str) -> tuple[object, ...]:
        [step] = series(database, until=NOON + HOUR, labels=labels)
        return step.count, step.min, step.max

    assert told() == (3, 1, 4)
    assert told(agent="qa") == (2, 1, 2)
    assert told(agent="qa", model="b") == (1, 2, 2)
    assert told(agent="nobody") == (0, None, None)


def test_a_day_is_24_hours_long_also_when_the_clocks_change(database: Connection) -> None:
    database.execute("set time zone 'Europe/Berlin'")
    since = datetime(2026, 3, 28, tzinfo=ZoneInfo("Europe/Berlin"))
    day = timedelta(days=1)
    for number in range(3):
        at = since.astimezone(UTC) + number * day + HOUR
        metrics.load(database, [metrics.LoadValues("latency", Decimal(number), {}, at)])

    course = series(database, since=since, until=since.astimezone(UTC) + 3 * day, step=day)

    assert [step.avg for step in course] == [0, 1, 2]


@pytest.mark.parametrize("step", [timedelta(0), -HOUR, AsText("1 month")])
def test_a_step_that_has_no_length_is_refused(
    database: Connection, step: timedelta | AsText
) -> None:
    with pytest.raises(DatabaseError, match=r"greater than zero|months or years"):
        series(database, step=step)


def test_the_latest_value_is_told_for_each_set_of_labels(database: Connection) -> None:
    for agent in ("eng", "qa"):
        labels = {"agent": agent}
        metrics.load(database, values("latency", labels, *minutes((5, 2), (9, 3), (7, 4))))

    latest = metrics.list_latest(database, metric_name="latency")

    assert [(one.labels, one.metric_value) for one in latest] == [
        ({"agent": "eng"}, Decimal(3)),
        ({"agent": "qa"}, Decimal(3)),
    ]


def test_a_single_value_is_recorded_now_and_without_labels_if_none_are_told(
    database: Connection,
) -> None:
    metrics.add(database, metric_name="latency", metric_value=Decimal("0.125"))

    [latest] = metrics.list_latest(database, metric_name="latency")
    assert (latest.labels, latest.metric_value) == ({}, Decimal("0.125"))
    assert abs(latest.recorded_at - datetime.now(UTC)) < timedelta(minutes=1)
