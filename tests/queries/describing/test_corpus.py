"""What is said of each query of the corpus is as written there, and no data contradicts it."""

from collections import defaultdict

import psycopg
import pytest
from psycopg.errors import CardinalityViolation

from dbkit.queries.describing import describe
from tests.queries.describing.corpus import Case, read_corpus
from tests.queries.describing.library import fillings, nulls

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


def test_no_column_said_to_be_never_null_shows_one_and_no_doubt_is_idle(
    library: psycopg.Connection,
) -> None:
    known = [case for case in CORPUS if library.info.server_version >= case.since * 10_000]
    described = {case: describe(library, case.text) for case in known}
    seen: dict[Case, set[int]] = defaultdict(set)
    ran: set[Case] = set()

    for _ in fillings(library):
        for case in known:
            try:
                seen[case] |= nulls(library, case.text, described[case])
            except (psycopg.IntegrityError, psycopg.DataError, CardinalityViolation):
                # this filling has the key already, or a value the query has no answer for
                continue
            ran.add(case)

    contradicted = [
        (case.text, column)
        for case in ran
        for column, mark in enumerate(case.columns)
        if (mark == "!" and column in seen[case]) or (mark == "?" and column not in seen[case])
    ]
    assert contradicted == []
    assert {case.text for case in known if case not in ran} <= {
        # the view lacks a column that its table requires
        "insert into young values (72, 'x', null) on conflict do nothing returning id, name, born"
    }
