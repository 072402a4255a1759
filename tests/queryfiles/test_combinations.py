"""Which combinations of its parts a query is checked in, and how any other one is made."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbkit.queryfiles import Query, combination_for
from dbkit.queryfiles.errors import BadCondition
from dbkit.sqltext import Source
from tests.queryfiles.reading import parse_queries


def read(body: str, header: str = "") -> Query:
    (query,) = parse_queries(Source("list.sql", f"-- :many\n{header}select 0\n{body};"), "runs")
    return query


def part(name: str, inside: str = "") -> str:
    return f"\\if :{{?{name}}}\n, :'{name}'\n{inside}\\endif\n"


def given_of(query: Query) -> list[str]:
    return ["".join(sorted(combination.given)) for combination in query.combinations]


@pytest.mark.parametrize("count", [0, 1, 2, 6, 7, 10])
def test_a_query_is_checked_in_every_combination_of_its_parts(count: int) -> None:
    query = read("".join(part(name) for name in "abcdefghij"[:count]))

    assert len(set(given_of(query))) == len(query.combinations) == 2**count


def test_combinations_come_in_the_order_of_their_number_of_parts() -> None:
    query = read("".join(part(name) for name in "abc"))

    assert given_of(query) == ["", "a", "b", "c", "ab", "ac", "bc", "abc"]


def test_a_part_inside_another_is_checked_with_the_one_around_it() -> None:
    query = read(part("a", part("h", part("i"))) + part("b"))

    assert given_of(query) == ["", "a", "b", "ah", "ab", "ahi", "abh", "abhi"]


def test_the_parts_of_one_name_are_one_switch() -> None:
    query = read(part("a", part("b")) + part("b") + part("a"))

    assert given_of(query) == ["", "a", "b", "ab"]


def test_a_part_in_place_of_another_is_checked_without_it() -> None:
    query = read("\\if :{?a}\n, 1\n\\else\n" + part("b") + "\\endif\n")

    assert given_of(query) == ["", "a", "b"]


def test_a_switch_that_is_not_met_makes_no_combination() -> None:
    query = read(part("a", part("b")))

    assert given_of(query) == ["", "a", "ab"]
    assert combination_for(query, frozenset("b"), {}) == query.combinations[0]


def test_identifiers_multiply_the_combinations() -> None:
    query = read(part("a") + ':"sort", :"way"', "-- sort: x, y, z\n-- way: up, down\n")

    assert len(query.combinations) == 2 * 3 * 2


def test_every_identifier_is_checked_with_every_other() -> None:
    values = [f"c{number}" for number in range(40)]
    header = f"-- sort: {', '.join(values)}\n-- way: up, down\n-- only: x, y\n"
    inside = ', x.:"only"\n'

    query = read(f'{part("a", inside)}, :"sort", :"way"', header)

    ways = {(combination.given, combination.chosen) for combination in query.combinations}
    assert len(ways) == len(query.combinations) == (1 + 2) * 40 * 2


LEAVES = st.builds(part, st.sampled_from("abcdef"))
CHOSEN = st.sampled_from([', :"s"', ', :"w"'])


def alternatives(inside: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    r"""Give parts with an `\else`, and several parts after each other."""

    def switched(name: str, given: str, omitted: str) -> str:
        return f"\\if :{{?{name}}}\n{given}\n\\else\n{omitted}\n\\endif\n"

    either = st.builds(switched, st.sampled_from("abcdef"), inside, inside)
    return st.one_of(either, st.lists(inside, max_size=4).map("\n".join))


@given(
    st.recursive(st.one_of(LEAVES, CHOSEN), alternatives, max_leaves=12),
    st.lists(
        st.tuples(
            st.frozensets(st.sampled_from("abcdef")),
            st.sampled_from("xyz"),
            st.sampled_from("xy"),
        ),
        min_size=1,
    ),
)
def test_nothing_that_a_call_can_ask_for_is_left_out(
    body: str, calls: list[tuple[frozenset[str], str, str]]
) -> None:
    # values in parts of another name would not be accepted
    header = "-- s: x, y, z\n" * (':"s"' in body) + "-- w: x, y\n" * (':"w"' in body)
    text = re.sub(r", :'\w'", ", 1", body)
    try:
        query = read(text, header)
    except BadCondition:
        # a part within another one of the same name
        return
    names = {choice.name for choice in query.choices}

    for given_names, s, w in calls:
        chosen = {name: value for name, value in (("s", s), ("w", w)) if name in names}
        assert combination_for(query, given_names, chosen) in query.combinations

    assert len(set(query.combinations)) == len(query.combinations)


@given(st.sets(st.sampled_from("abcdefgh")))
def test_what_a_call_asks_for_is_one_of_the_combinations(names: set[str]) -> None:
    query = read(part("a", part("h")) + "".join(part(name) for name in "bcdefg"))

    combination = combination_for(query, frozenset(names), {})

    met = [name for name in "ahbcdefg" if name in names and (name != "h" or "a" in names)]
    assert combination in query.combinations
    assert combination.given == frozenset(met)
    assert combination.parameters == tuple(met)
    assert combination.text == "select 0" + "".join(
        f"\n, ${number}" for number in range(1, len(met) + 1)
    )


def test_an_identifier_that_is_chosen_brings_its_part() -> None:
    query = read('\\if :{?sort}\norder by :"sort"\n\\endif\n', "-- sort: x, y\n")

    assert combination_for(query, frozenset(), {}).text == "select 0"
    assert combination_for(query, frozenset(), {"sort": "y"}).text == 'select 0\norder by "y"'
    assert query.choices[0].omittable


def test_an_identifier_with_a_default_need_not_be_chosen() -> None:
    query = read('order by :"sort"', "-- sort: x, y\n\\if :{?sort} \\else \\set sort y \\endif\n")

    assert combination_for(query, frozenset(), {}).text == 'select 0\norder by "y"'
    assert combination_for(query, frozenset(), {"sort": "x"}).text == 'select 0\norder by "x"'
