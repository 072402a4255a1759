"""What is said of each query of the corpus is as written there, and no data contradicts it."""

import psycopg
import pytest

from dbkit.analysis import describe
from tests.analysis.corpus import Case, read_corpus
from tests.analysis.counts import Search, counts_of, search

CORPUS = read_corpus()


def test_the_corpus_is_large() -> None:
    assert len({case.text for case in CORPUS}) == len(CORPUS) >= 150


@pytest.mark.parametrize("case", CORPUS, ids=str)
def test_each_column_is_described_as_the_corpus_says(
    case: Case, library: psycopg.Connection
) -> None:
    if library.info.server_version < case.since * 10_000:
        pytest.skip("the query uses what this PostgreSQL does not know")

    described = describe(library, case.text)

    marks = "".join("~" if column.nullable else "!" for column in described.columns)
    assert marks == case.columns.replace("?", "~")
    marks = "".join("?" if one.nullable else "!" for one in described.parameters)
    assert marks == case.parameters
    assert all(bool(column.why) == column.nullable for column in described.columns)


@pytest.fixture(scope="module")
def found(library_url: str) -> Search:
    """What all queries showed on all data."""
    with psycopg.connect(library_url, autocommit=True) as library:
        return search(library)


def test_no_column_said_to_be_never_null_shows_one_and_no_doubt_is_idle(found: Search) -> None:
    contradicted = [
        (case.text, column)
        for case, seen in found.seen.items()
        for column, mark in enumerate(case.columns)
        if (mark == "!" and column in seen) or (mark == "?" and column not in seen)
    ]
    assert contradicted == []
    assert {case.text for case in found.described if case not in found.seen} <= {
        # the view lacks a column that its table requires
        "insert into young values (72, 'x', null) on conflict do nothing returning id, name, born"
    }


def test_the_counts_tell_an_unsound_column_from_a_loose_one(found: Search) -> None:
    case = next(case for case in found.described if "!" in case.columns)
    place = case.columns.index("!")

    counts = counts_of(found)
    shown = counts_of(found._replace(seen={case: {place}}))

    assert counts.unsound == 0
    assert counts.loose == sum(case.columns.count("~") for case in found.described)
    assert shown.unsound == 1
