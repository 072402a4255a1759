"""The log tells slow calls, and nothing secret."""

import logging

import psycopg
import pytest
from psycopg import Connection

import dbkit
from dbkit.runtime import many, one
from tests.runtime.statements import statement

CAST = statement("select $1::int4 as n", takes={"n": "text"}, gives={"n": "int4"})


def test_a_slow_call_is_told(connection: Connection, caplog: pytest.LogCaptureFixture) -> None:
    with dbkit.log_slow_calls(over=0):
        many(connection, CAST, ["7"])
    many(connection, CAST, ["7"])

    [record] = caplog.records
    assert (record.name, record.levelno) == ("dbkit", logging.WARNING)
    shown = record.getMessage()
    assert shown.startswith("slow call: things.tried (:many) took 0.")
    assert shown.endswith(" seconds, 1 rows")
    assert vars(record)["query"] == "things.tried"


def test_a_slow_call_that_fails_is_told_without_its_values(
    connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    with dbkit.log_slow_calls(over=0), pytest.raises(psycopg.DataError):
        one(connection, CAST, ["secret"])

    assert "InvalidTextRepresentation" in caplog.text
    assert "secret" not in caplog.text


def test_a_quick_call_is_not_told(connection: Connection, caplog: pytest.LogCaptureFixture) -> None:
    with dbkit.log_slow_calls(over=60):
        many(connection, CAST, ["7"])

    assert caplog.records == []


def test_a_negative_threshold_is_refused() -> None:
    with pytest.raises(ValueError, match="over is a number of seconds, not -1"):
        dbkit.log_slow_calls(over=-1)
