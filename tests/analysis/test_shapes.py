"""The shape of a value that has parts is found, down to parts that have none."""

import psycopg
import pytest

from dbkit.analysis import describe
from dbkit.pgtypes.column import Column, Shape

CASES = {
    # a whole row, and one that a join may leave out
    "select a from author as a":
        "a!a(id! name! email? born? mentor_id? rating! tags? profile? home?)",
    "select b from author as a left join review as b on b.book_id = a.id":
        "b?b(book_id! reviewer! stars? comment?)",
    "select b from author as a left join review as b on b.book_id = a.id and b.stars = 1":
        "b?b(book_id! reviewer! stars! comment?)",
    "select x from (select id, email as e from author) as x": "x!x(id! e?)",
    "select old_mail from (select email from author where email > '') as old_mail":
        "old_mail!old_mail(email!)",
    "select row(id, email) as r from author": "r!(f1! f2?)",
    "select row('a', null)::address as r": "r!address(street! number?)",
    # json objects
    "select json_build_object('a', id, 'b', email) as o from author": "o!{a! b?}",
    "select jsonb_build_object('a', id, 'a', email) as o from author": "o!{a?}",
    "select jsonb_build_object('in', jsonb_build_object('a', email)) as o from author":
        "o!{in!{a?}}",
    "select to_jsonb(r) as o from review as r": "o!r{book_id! reviewer! stars? comment?}",
    "select row_to_json(r) as o from review as r": "o!r{book_id! reviewer! stars? comment?}",
    "select to_jsonb(r) || jsonb_build_object('stars', 1, 'n', 2) as o from review as r":
        "o!r{book_id! reviewer! stars! comment? n!}",
    "select to_jsonb(r) - 'stars' as o from review as r": "o!r{book_id! reviewer! comment?}",
    "select json_build_object('r', r) as o"
    " from book as b left join review as r on r.book_id = b.id":
        "o!{r?r{book_id! reviewer! stars? comment?}}",
    "select case when r.book_id is not null then jsonb_build_object('s', r.stars, 'n', r.reviewer)"
    " end as o from book as b left join review as r on r.book_id = b.id": "o?{s? n!}",
    "select case when r.stars > 0 then to_jsonb(r) else null end as o from review as r":
        "o?r{book_id! reviewer! stars! comment?}",
    # lists of them
    "select json_agg(r) as l from review as r": "l?[!r{book_id! reviewer! stars? comment?}]",
    "select jsonb_agg(r order by r.stars) as l from review as r group by book_id":
        "l![!r{book_id! reviewer! stars? comment?}]",
    "select array_agg(r) as l from review as r group by book_id":
        "l![!r(book_id! reviewer! stars? comment?)]",
    "select b.id, json_agg(r) as l from book as b left join review as r on r.book_id = b.id"
    " group by b.id": "id! l![?r{book_id! reviewer! stars? comment?}]",
    "select b.id, coalesce(json_agg(r) filter (where r.book_id is not null), '[]') as l"
    " from book as b left join review as r on r.book_id = b.id group by b.id":
        "id! l![!r{book_id! reviewer! stars? comment?}]",
    "select coalesce(jsonb_agg(jsonb_build_object('s', stars)), '[]') as l from review"
    " where stars > 1": "l![!{s!}]",
    "select coalesce(jsonb_agg(r), jsonb_build_array()) as l from review as r where stars > 1":
        "l![!r{book_id! reviewer! stars! comment?}]",
    "select coalesce(array_agg(isbn), '{}') as l from book": "l![?]",
    "select coalesce(array_agg(title), array[]::varchar[]) as l from book": "l![!]",
    "select array_agg(isbn) filter (where isbn is not null) as l from book": "l?[!]",
    "select b.id, (select json_agg(r) from review as r where r.book_id = b.id) as l from book as b":
        "id! l?[!r{book_id! reviewer! stars? comment?}]",
    "select b.id, coalesce((select jsonb_agg(x) from (select reviewer, stars from review"
    " where book_id = b.id order by stars) as x), '[]') as l from book as b":
        "id! l![!x{reviewer! stars?}]",
    "select array(select r from review as r where r.book_id = b.id) as l from book as b":
        "l![!r(book_id! reviewer! stars? comment?)]",
    "select array(select isbn from book) as l": "l![?]",
    "select array(select isbn from book where isbn is not null) as l": "l![!]",
    "select array[id, mentor_id] as l from author": "l![?]",
    "select json_agg(title) as l from book": "l?[!]",
    "select l.items from book as b left join lateral (select jsonb_agg(r) as items from review as r"
    " where r.book_id = b.id) as l on true": "items?[!r{book_id! reviewer! stars? comment?}]",
    "with l as (select book_id, json_agg(r) as items from review as r group by book_id)"
    " select b.id, l.items from book as b left join l on l.book_id = b.id":
        "id! items?[!r{book_id! reviewer! stars? comment?}]",
    "select json_agg(json_build_object('id', b.id, 'reviews', (select json_agg(r.stars) from"
    " review as r where r.book_id = b.id))) as l from book as b": "l?[!{id! reviews?[?]}]",
    "select json_agg(r)::jsonb as l from review as r": "l?[!r{book_id! reviewer! stars? comment?}]",
    "select to_jsonb(array_agg(r)) as l from review as r":
        "l?[!r{book_id! reviewer! stars? comment?}]",
    "select json_agg(r) as l from review as r union all select json_agg(r) from review as r":
        "l?[!r{book_id! reviewer! stars? comment?}]",
    "update review set stars = 1 returning review":
        "review!review(book_id! reviewer! stars! comment?)",
    # these have no shape that is known
    "select json_build_object(name, id) as o from author": "o!",
    "select json_build_object(variadic tags) as o from author": "o?",
    "select profile from author": "profile?",
    "select jsonb_strip_nulls(to_jsonb(r)) as o from review as r": "o!",
    "select array_agg(tags) as l from author": "l?",
    "select coalesce(to_jsonb(r), '{}') as o from review as r": "o!",
    "select coalesce(json_agg(r), '[1]') as l from review as r": "l!",
    "select case when id = 1 then json_build_object('a', 1) else json_build_object('b', 1) end as o"
    " from author": "o!",
    "select json_object_agg(id, name) as o from author": "o?",
    "with recursive r (a, b) as (select 1, 2 union all select a + 1, b from r where a < 3)"
    " select to_jsonb(r) as o, r from r": "o! r!",
}  # fmt: skip


def shown(column: Column) -> str:
    """Write a column and its parts in one line: ( ) is a row, { } an object, [ ] a list."""
    mark = "?" if column.nullable else "!"
    return f"{column.name}{mark}{written(column.shape) if column.shape else ''}"


def written(shape: Shape) -> str:
    opening, closing = {"row": ("(", ")"), "object": ("{", "}"), "list": ("[", "]")}[shape.kind]
    parts = " ".join(map(shown, shape.parts))
    return f"{'' if shape.kind == 'list' else shape.name}{opening}{parts}{closing}"


@pytest.mark.parametrize("text", CASES)
def test_the_parts_of_a_value_are_known_to_the_leaf(
    text: str, shared_library: psycopg.Connection
) -> None:
    described = describe(shared_library, text)

    assert " ".join(map(shown, described.columns)) == CASES[text]


def test_a_leaf_has_the_type_its_column_has(library: psycopg.Connection) -> None:
    [column] = describe(library, "select json_agg(b) from book as b").columns

    assert column.type.name == "json"
    assert column.shape is not None
    [element] = column.shape.parts
    assert element.shape is not None
    leaves = {part.name: part.type.name for part in element.shape.parts}
    assert leaves["id"] == "int4"
    assert leaves["price"] == "numeric"
    assert leaves["published"] == "timestamp"
    assert leaves["state"] == "mood"
    assert element.type.name == "book"


def test_a_doubt_about_a_leaf_is_told_in_words(library: psycopg.Connection) -> None:
    [column] = describe(library, "select json_agg(r) from review as r").columns

    assert column.why == "json_agg may be of no row"
    assert column.shape is not None
    assert column.shape.parts[0].shape is not None
    whys = {part.name: part.why for part in column.shape.parts[0].shape.parts}
    assert whys["stars"] == "review.stars has no not null"
    assert whys["reviewer"] == ""
