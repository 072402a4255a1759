"""Each query of the corpus is described as written there, and no data contradicts that."""

import psycopg
import pytest

from dbkit.analysis import describe
from tests.analysis.corpus import Case, read_corpus
from tests.analysis.counts import Search, counts_of, search

CORPUS = read_corpus()


def test_the_corpus_is_large() -> None:
    assert len({case.text for case in CORPUS}) == len(CORPUS) >= 450


@pytest.mark.parametrize("case", CORPUS, ids=str)
def test_each_column_is_described_as_the_corpus_says(
    case: Case, shared_library: psycopg.Connection
) -> None:
    if shared_library.info.server_version < case.since * 10_000:
        pytest.skip("the query uses what this PostgreSQL does not know")

    described = describe(shared_library, case.text)

    marks = "".join("~" if column.nullable else "!" for column in described.columns)
    assert marks == case.columns.replace("?", "~")
    marks = "".join("?" if parameter.nullable else "!" for parameter in described.parameters)
    assert marks == case.parameters
    assert all(bool(column.why) == column.nullable for column in described.columns)


@pytest.fixture(scope="session")
def results(library_url: str) -> Search:
    """How all queries were described, and what they showed on all data."""
    with psycopg.connect(library_url, autocommit=True) as library:
        return search(library)


def test_no_column_said_to_be_never_null_shows_one_and_no_doubt_is_idle(results: Search) -> None:
    contradicted = [
        (case.text, column)
        for case, seen in results.seen.items()
        for column, mark in enumerate(case.columns)
        if (mark == "!" and column in seen) or (mark == "?" and column not in seen)
    ]
    assert contradicted == []
    assert [case.text for case in results.described if case not in results.seen] == []


def test_the_counts_tell_an_unsound_column_from_a_loose_one(results: Search) -> None:
    case = next(case for case in results.described if "!" in case.columns)
    position = case.columns.index("!")

    counts = counts_of(results)
    shown = counts_of(results._replace(seen={case: {position}}))

    assert counts.unsound == 0
    # each has its reason beside it in the corpus
    assert counts.loose * 100 <= counts.columns
    assert counts.loose == sum(case.columns.count("~") for case in results.described)
    assert shown.unsound == 1
