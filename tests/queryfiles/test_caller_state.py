"""What is the transaction's alone, or stays on the server, may be a query."""

import pytest

from dbkit.queryfiles.callerstate import find_caller_statement


@pytest.mark.parametrize(
    "text",
    [
        "set local search_path to shop", "set constraints all deferred", "lock table runs",
        "notify runs", "show all", "call renew()", "truncate runs", "refresh materialized view r",
        "copy runs from '/srv/runs.csv'", "copy runs to program 'gzip' with (format csv)",
        "copy (select 'to stdout' from stdin) to '/srv/stdout'", "copy stdin from '/srv/x'",
        'copy runs from \'/srv/x\' where "to" = stdin', "select 1", "(select 1)", "-- nothing", "",
        "with copy as (select 1) select * from copy", "explain select 1",
    ],
)  # fmt: skip
def test_a_statement_that_leaves_the_caller_s_connection_as_it_is(text: str) -> None:
    assert find_caller_statement(text) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("copy runs from stdin", "copy … from stdin"),
        ("COPY BINARY a.b FROM/**/STDOUT", "copy … from stdin"),
        ("copy (insert into runs values ($1) returning *) to stdout", "copy … to stdout"),
        ("copy runs (\"from\") to\nstdin using delimiters ','", "copy … to stdout"),
        ("/* first */ -- then\nbegin", "begin"),
        ("set session x.y = '1'", "set"),
        ("set local transaction read only", "set local transaction"),
    ],
)
def test_a_statement_that_does_not(text: str, words: str) -> None:
    found = find_caller_statement(text)

    assert found is not None
    assert found.words == words
