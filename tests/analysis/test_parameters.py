"""Whether a parameter may be null depends on where it goes, not on what it is compared with."""

import psycopg
import pytest

from dbkit.analysis import describe

CASES = {
    "select name from author where email = $1": "!",
    "select name from author where $1::text is null or email = $1": "?",
    "select name from author where email is not distinct from $1": "?",
    "select coalesce($1, name), coalesce(name, $2) from author": "?!",
    "select name from author where id = any ($1)": "!",
    "insert into author (id, name, email, rating) values ($1, $2, $3, $4)": "!!?!",
    "insert into author (id, name, email, rating) values ($1, $2, $2, 1)": "!!",
    "insert into author (id, name, email, rating) values (1, 'a', $1, 1), (2, 'b', $2, 1)": "??",
    "insert into author (id, name, email, rating) select $1, 'a', $2, 1": "!?",
    "insert into author (id, name, email, rating) values (1, 'a', $1::varchar, 1)": "?",
    "insert into author (id, name, email, rating) values (1, 'a', lower($1), 1)": "!",
    "insert into book (id, title, price, pages, meta) values (1, $1, $2, 1, $3)": "!?!",
    "insert into note (label, size) values ($1, $2)": "!?",
    "insert into event (id, kind, seen) values ($1, $2, $3)": "!!?",
    "update author set email = $1, name = $2 where id = $3": "?!!",
    "update author set email = coalesce($1, email) where id = 1": "?",
    "update author set (email, born) = ($1, $2)": "??",
    "insert into author (id, name, rating) values (1, 'a', 1)"
    " on conflict (id) do update set email = $1, name = $2": "?!",
    "merge into author as a using book as b on a.id = b.id"
    " when matched then update set email = $1"
    " when not matched then insert (id, name, rating) values (b.id, $2, 1)": "?!",
    "with gone as (delete from book where id = $1 returning id)"
    " update author set email = $2 where id in (select id from gone)": "!?",
    "delete from author where email = $1": "!",
    "select name from author limit $1": "!",
    "select case when $1::boolean then name end from author": "!",
    "update author set email = case when $1 then $2 else email end": "!?",
    "update author set name = case when $1 then $2 else name end": "!!",
    "update author set name = coalesce($1, name), email = coalesce(email, $2)": "??",
    "update author set email = nullif($1, ''), name = nullif($2, '')": "?!",
    "update author set born = greatest(born, $1), rating = least(rating, $2)": "??",
    "update author set email = case when $1 then nullif($2::text, '') when $3 then $4 end": "!?!?",
    "insert into author (id, name, rating, email) values (1, '', 1, case when $1 then $2 end)": (
        "!?"
    ),
    "select id from event where int4range($1, $2) @> id": "??",
    "select id from book where tstzrange($1, $2, $3) @> now()": "??!",
    "select jsonb_build_object('a', $1::text, $2::text, 1), json_build_array($3::text)": "?!?",
    "select lower($1), concat($2::text, 'x'), lower(coalesce($3, ''))": "!!?",
}


@pytest.mark.parametrize("text", CASES)
def test_a_parameter_may_be_null_by_where_it_goes(
    text: str, shared_library: psycopg.Connection
) -> None:
    described = describe(shared_library, text)

    assert (
        "".join("?" if parameter.nullable else "!" for parameter in described.parameters)
        == CASES[text]
    )


def test_a_parameter_that_may_be_null_makes_what_it_is_given_to_doubtful(
    library: psycopg.Connection,
) -> None:
    [column] = describe(library, "select $1::text as x where $1 is not null or true").columns

    assert column.nullable
    assert column.why == "$1 may be null"


@pytest.mark.parametrize("may_be_null", [True, False])
def test_what_is_settled_of_a_parameter_goes_before_what_is_inferred(
    library: psycopg.Connection, *, may_be_null: bool
) -> None:
    described = describe(library, "select $1::text as x", settled={1: may_be_null})

    assert described.parameters[0].nullable == may_be_null
    assert described.columns[0].nullable == may_be_null


def test_a_parameter_has_the_type_the_server_infers(library: psycopg.Connection) -> None:
    text = (
        "select id from book "
        "where price > $1 and state = $2 and published < $3 and title = any ($4)"
    )

    types = [parameter.type.name for parameter in describe(library, text).parameters]

    assert types == ["numeric", "mood", "timestamp", "_text"]
