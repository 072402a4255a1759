"""Many statements described together are what each is alone, in a few round trips."""

import re
from collections.abc import Generator
from contextlib import contextmanager
from tempfile import TemporaryFile

import psycopg
import pytest

from dbkit.analysis import Catalog, Description, describe, describe_many
from tests.analysis.corpus import read_corpus

# the message that ends a round trip, as libpq's trace has it
_ENDING = re.compile(rb"\tF\t\d+\t(Sync|Query)\b")
_ODD = [
    "end", "commit", "select 1; end", "select 1; end; commit", "select 1 /* ; end */; -- ;",
    "show all", "begin", "", "-- nothing", "select $1 as a, $2 as b", "select $1::int, '$1'",
    "select e'$1 \\' $2' as x, $1::date", "select $q$ $1 $q$, $1::text -- $2", "select 'a\0'",
    "select $2::int, $1::uuid, $1::uuid is null", "select a$1 from (select 1 as a$1) as x",
    "select e'a'\n'$1 \\'' as x, $1::int as y", "select nothing from nowhere", "select 1 into x",
    "select array[1, $2]::int[] as x, (array[4])[1:$1]", "(select 1)", "select * from author as a",
    "select id from author where author = $1", 'select "$1" from (select 1 as "$1") as x',
    "insert into note (body, label) values ($1, $2) returning *", "call nothing()",
    "select id from author where id = $1 -- the end", "select u&'\\0024\\0031', $1::int",
]  # fmt: skip


def _alone(library: psycopg.Connection, text: str, catalog: Catalog) -> Description | str:
    try:
        return describe(library, text, catalog=catalog)
    except psycopg.Error as error:
        return str(error)


@pytest.mark.parametrize("strings", ["on", "off"])
def test_what_is_described_together_is_what_each_is_alone(
    strings: str, library: psycopg.Connection
) -> None:
    library.execute(f"set standard_conforming_strings = {strings}".encode())
    corpus = [case.text for case in read_corpus()]
    texts = [*_ODD, *corpus[:: 1 if strings == "on" else 5], *_ODD[::-1]]

    together = describe_many(library, texts)

    catalog = Catalog(library)
    assert [str(one) if isinstance(one, psycopg.Error) else one for one in together] == [
        _alone(library, text, catalog) for text in texts
    ]
    assert library.execute("select count(*) from pg_prepared_statements").fetchone() == (0,)
    assert library.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


@contextmanager
def _counted(connection: psycopg.Connection) -> Generator[list[int]]:
    """Give how many round trips are made inside, when they are made."""
    trips: list[int] = []
    with TemporaryFile() as file:
        connection.pgconn.trace(file.fileno())
        try:
            yield trips
        finally:
            connection.pgconn.untrace()
        file.seek(0)
        # each is ended by one message, whose answer is waited for
        trips.append(sum(bool(_ENDING.search(line)) for line in file))


@pytest.mark.parametrize(
    "text",
    [
        "select 1 as one",
        "show all",
        "select nothing",
        "select id from author where id = $1",
        (
            "select a.name || $2::text, b.title from author as a left join book as b on true "
            "where a.id = any($1) order by b.title limit 1"
        ),
        "insert into note (body, label) values ($1, $2) returning *",
        "select * from pg_catalog.pg_class",
        # a foreign key, an operator that may give null, an array of rows
        "select a.name, b.title from book as b left join author as a on a.id = b.author_id",
        "select profile ->> 'k' as k, tags[1:2] as t from author",
        "select array(select title from book order by 1) as titles",
    ],
)
def test_one_statement_takes_three_round_trips(text: str, library: psycopg.Connection) -> None:
    for _ in range(2):
        with _counted(library) as trips:
            _alone(library, text, Catalog(library))

        assert 0 < trips[0] <= 3


def test_the_corpus_takes_a_few_round_trips_and_few_transactions(
    library: psycopg.Connection,
) -> None:
    texts = [
        case.text
        for case in read_corpus()
        if library.info.server_version >= case.since * 10_000 and "nothing" not in case.text
    ]
    assigned = "select pg_current_xact_id()::text::bigint"
    before = library.execute(assigned).fetchone()

    with _counted(library) as trips:
        describe_many(library, texts)

    after = library.execute(assigned).fetchone()
    assert before is not None
    assert after is not None
    assert trips[0] < len(texts) / 2
    assert after[0] - before[0] < len(texts) / 10
