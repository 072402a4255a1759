"""Which combinations of its parts a query is checked in, and how any other one is made."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbkit.queryfiles import Query, combination_for
from dbkit.sqltext import Source
from tests.queryfiles.reading import parse_queries


def read(body: str, header: str = "") -> Query:
    (query,) = parse_queries(Source("list.sql", f"-- :many\n{header}select 0\n{body};"), "runs")
    return query


def part(name: str, inside: str = "") -> str:
    return f"\\if :{{?{name}}}\n, :'{name}'\n{inside}\\endif\n"


def given_of(query: Query) -> list[str]:
    return ["".join(sorted(combination.given)) for combination in query.combinations]


@pytest.mark.parametrize("count", range(7))
def test_up_to_six_parts_are_checked_in_every_combination(count: int) -> None:
    query = read("".join(part(name) for name in "abcdef"[:count]))

    assert len(set(given_of(query))) == len(query.combinations) == 2**count


def test_more_parts_are_checked_off_on_alone_and_in_pairs() -> None:
    names = "abcdefg"

    query = read("".join(part(name) for name in names))

    pairs = ["".join(pair) for pair in combinations(names, 2)]
    assert given_of(query) == ["", names, *names, *pairs]


def test_a_part_inside_another_is_checked_with_the_one_around_it() -> None:
    names = "bcdefg"

    query = read(part("a", part("h", part("i"))) + "".join(part(name) for name in names))

    assert {"a", "ah", "ahi", "abhi", "b", "bc"} <= set(given_of(query))
    assert not {"h", "i", "hi", "ai"} & set(given_of(query))


def test_a_switch_that_is_not_met_makes_no_combination() -> None:
    query = read(part("a", part("b")))

    assert given_of(query) == ["", "a", "ab"]
    assert combination_for(query, frozenset("b"), {}) == query.combinations[0]


def test_identifiers_multiply_the_combinations() -> None:
    query = read(part("a") + ':"sort", :"way"', "-- sort: x, y, z\n-- way: up, down\n")

    assert len(query.combinations) == 2 * 3 * 2


def test_of_many_identifiers_each_is_checked_once() -> None:
    values = [f"c{number}" for number in range(40)]
    header = f"-- sort: {', '.join(values)}\n-- way: up, down\n-- only: x, y\n"
    inside = ', x.:"only"\n'

    query = read(f'{part("a", inside)}, :"sort", :"way"', header)

    chosen = {pair for combination in query.combinations for pair in combination.chosen}
    assert chosen == {
        *(("sort", value) for value in values),
        *(("way", value) for value in ("up", "down")),
        *(("only", value) for value in ("x", "y")),
    }
    assert {"", "a"} == set(given_of(query))
    assert len(query.combinations) == 2 + 39 + 1 + 1


@given(st.sets(st.sampled_from("abcdefgh")))
def test_any_other_combination_is_made_when_it_is_asked_for(names: set[str]) -> None:
    query = read(part("a", part("h")) + "".join(part(name) for name in "bcdefg"))

    combination = combination_for(query, frozenset(names), {})

    met = [name for name in "ahbcdefg" if name in names and (name != "h" or "a" in names)]
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
