"""A cron expression means an instant in a time zone, also on the days on which clocks change."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbkit.systems.ai_orchestration.scheduler import BadCronExpression, UnknownTimeZone, next_run


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


def times(expression: str, timezone: str, after: str, number: int) -> list[str]:
    """Give so many instants after one, as a scheduler comes to them."""
    found = [at(after)]
    for _ in range(number):
        found.append(next_run(expression, timezone, found[-1]))
    return [f"{time:%m-%d %H:%M}" for time in found[1:]]


def test_the_next_time_is_later_than_the_instant_itself() -> None:
    assert next_run("0 7 * * *", "UTC", at("2026-01-01T07:00:00")) == at("2026-01-02T07:00")
    assert next_run("0 7 * * *", "UTC", at("2026-01-01T06:59:59.999")) == at("2026-01-01T07:00")


def test_a_time_of_day_is_that_of_its_zone() -> None:
    assert times("0 7 * * *", "Asia/Kolkata", "2026-01-01T00:00", 1) == ["01-01 01:30"]
    assert times("0 7 * * *", "Europe/Berlin", "2026-01-01T00:00", 1) == ["01-01 06:00"]
    assert times("0 7 * * *", "Europe/Berlin", "2026-07-01T00:00", 1) == ["07-01 05:00"]


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("*/20 * * * *", ["01-30 00:20", "01-30 00:40", "01-30 01:00"]),
        ("30 7 * * 1-5", ["01-30 07:30", "02-02 07:30", "02-03 07:30"]),
        ("0 0 31 * *", ["01-31 00:00", "03-31 00:00", "05-31 00:00"]),
        ("0 0 29 FEB *", ["02-29 00:00", "02-29 00:00", "02-29 00:00"]),
        ("0 12 1 * MON", ["02-01 12:00", "02-02 12:00", "02-09 12:00"]),
        ("0 0 * * 7", ["02-01 00:00", "02-08 00:00", "02-15 00:00"]),
    ],
)
def test_expressions_are_read_as_cron_reads_them(expression: str, found: list[str]) -> None:
    assert times(expression, "UTC", "2026-01-30T00:00", 3) == found


# the clocks of Berlin went on from 02:00 to 03:00 on 29 March 2026, at 01:00 UTC
def test_a_time_that_berlin_skips_is_made_up_for_at_once() -> None:
    found = times("30 2 * * *", "Europe/Berlin", "2026-03-27T12:00", 3)

    assert found == ["03-28 01:30", "03-29 01:00", "03-30 00:30"]


def test_times_that_berlin_skips_together_are_one() -> None:
    found = times("0,30 2 * * *", "Europe/Berlin", "2026-03-28T12:00", 2)

    assert found == ["03-29 01:00", "03-30 00:00"]


def test_every_hour_goes_on_where_berlin_skips_one() -> None:
    found = times("15 * * * *", "Europe/Berlin", "2026-03-28T23:30", 3)

    assert found == ["03-29 00:15", "03-29 01:15", "03-29 02:15"]


# they went back from 03:00 to 02:00 on 25 October 2026, at 01:00 UTC
def test_a_time_that_berlin_repeats_counts_once() -> None:
    found = times("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00", 2)

    assert found == ["10-25 00:30", "10-26 01:30"]


@pytest.mark.parametrize("minute", [10, 30, 50])
def test_nothing_is_due_again_within_the_hour_that_berlin_repeats(minute: int) -> None:
    found = times("30 2 * * *", "Europe/Berlin", f"2026-10-25T01:{minute}", 1)

    assert found == ["10-26 01:30"]


def test_every_half_hour_goes_on_where_berlin_repeats_one() -> None:
    found = times("*/30 * * * *", "Europe/Berlin", "2026-10-24T23:45", 5)

    assert found == ["10-25 00:00", "10-25 00:30", "10-25 01:00", "10-25 01:30", "10-25 02:00"]


# New York went on at 07:00 UTC on 8 March 2026, and back at 06:00 UTC on 1 November
def test_new_york_skips_and_repeats_its_own_hours() -> None:
    skipped = times("15 2 * * *", "America/New_York", "2026-03-07T12:00", 2)
    repeated = times("30 1 * * *", "America/New_York", "2026-10-31T12:00", 2)
    hourly = times("0 * * * *", "America/New_York", "2026-11-01T04:30", 4)

    assert skipped == ["03-08 07:00", "03-09 06:15"]
    assert repeated == ["11-01 05:30", "11-02 06:30"]
    assert hourly == ["11-01 05:00", "11-01 06:00", "11-01 07:00", "11-01 08:00"]


def test_lord_howe_changes_by_half_an_hour() -> None:
    skipped = times("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00", 2)

    assert skipped == ["10-03 15:30", "10-04 15:15"]


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("", "it does not have five fields"),
        ("@daily", "it does not have five fields"),
        ("0 0 7 * * *", "it does not have five fields"),
        ("60 * * * *", "bad minute"),
        ("* 24 * * *", "bad hour"),
        ("* * 0 * *", "bad day-of-month"),
        ("* * * 13 *", "bad month"),
        ("* * * * 8", "bad day-of-week"),
        ("*/0 * * * *", "bad minute"),
        ("5-1 * * * *", "bad minute"),
        ("1,,2 * * * *", "bad minute"),
        ("0 0 30 2 *", "bad day-of-month"),
        ("0 0 31 4,6 *", "bad day-of-month"),
        ("daily at seven o'clock please", "bad minute"),
    ],
)
def test_an_expression_that_is_not_cron_is_refused(expression: str, reason: str) -> None:
    with pytest.raises(BadCronExpression) as refused:
        next_run(expression, "UTC", at("2026-01-01T00:00"))

    assert str(refused.value) == (
        f"cron expression {expression!r} is refused: {reason}; "
        "write minute, hour, day of the month, month and day of the week, as in '30 7 * * 1-5'"
    )


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "europe/berlin", "Europe", "../UTC", "/etc/passwd", "UTC\0", "+2"]
)
def test_a_time_zone_that_nobody_knows_is_refused(name: str) -> None:
    with pytest.raises(UnknownTimeZone) as refused:
        next_run("0 7 * * *", name, at("2026-01-01T00:00"))

    assert str(refused.value) == (
        f"unknown time zone {name!r}; write an IANA name, as Europe/Berlin or UTC"
    )


FIELD = st.text("0123456789*/-,LW#", min_size=1, max_size=6)
MOMENT = st.integers(0, 2 * 366 * 86_400).map(
    lambda seconds: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
ZONE = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])


@given(st.lists(FIELD, min_size=5, max_size=5).map(" ".join), ZONE, MOMENT)
def test_whatever_is_written_is_refused_or_comes_later(
    expression: str, zone: str, after: datetime
) -> None:
    try:
        found = next_run(expression, zone, after)
    except BadCronExpression:
        return

    assert found > after
    assert found.tzinfo is UTC


@given(st.integers(0, 59), st.integers(0, 23), ZONE, MOMENT)
def test_a_daily_time_comes_within_a_day_and_a_change_of_clocks(
    minute: int, hour: int, zone: str, after: datetime
) -> None:
    found = next_run(f"{minute} {hour} * * *", zone, after)

    assert timedelta(0) < found - after <= timedelta(hours=25)
