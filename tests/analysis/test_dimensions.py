"""An array of several dimensions is annotated as the lists of lists that come back."""

import psycopg
import pytest

from dbkit.analysis import describe
from dbkit.pgtypes import column_type, parameter_type, type_name

_TABLES = """
create domain grid as integer[][];
create type board as (cells integer[][], names text[]);
create table game (
    id integer primary key,
    cells integer[][] not null,
    names text[] not null,
    grid grid,
    board board
);
create view all_games as select id, cells from game;
insert into game values (1, '{{1,2},{3,null}}', '{a}', '{{1}}', ('{{1}}', '{a}'));
insert into game values (2, '{}', '{}', null, null);
"""
_PLANE, _LINE = "list[list[int | None]]", "list[int | None]"
# by an expression over `game`, its annotation
CASES = {
    "cells": _PLANE,
    "names": "list[str | None]",
    "grid": f"{_PLANE} | None",
    "cells[1:1]": _PLANE,
    "cells[1][2]": "int | None",
    "coalesce(grid, '{}')": _PLANE,
    "case when id > 1 then cells else '{}' end": _PLANE,
    "cells || array[5, 6]": _PLANE,
    "(select max(g.cells) from game as g)": f"{_PLANE} | None",
    "array[[1, 2], [3, null]]": _PLANE,
    "array[array[1], array[2]]": _PLANE,
    "array[array[array[1]]]": "list[list[list[int | None]]]",
    "'{{1,2},{3,4}}'::integer[]": _PLANE,
    "array_fill(0, array[2, 2])": _PLANE,
    "array(select g.names from game as g)": "list[list[str | None]]",
    "array(select g.id from game as g)": "list[int]",
    "(select array_agg(g.names) from game as g where g.id = 1)": "list[list[str | None]] | None",
    "(select v.cells from all_games as v where v.id = game.id)": f"{_PLANE} | None",
    "(board).cells": f"{_PLANE} | None",
    "(select x.c from (values ('{{1}}'::integer[])) as x (c))": _PLANE,
    "jsonb_build_object('cells', cells) -> 'cells'": "Json",
    "$1::integer[]": _LINE,
}


@pytest.fixture
def games(empty: psycopg.Connection) -> psycopg.Connection:
    """A database with games on boards of two dimensions."""
    empty.execute(_TABLES.encode())
    return empty


@pytest.mark.parametrize("expression", CASES)
def test_an_array_has_the_dimensions_that_are_declared_or_written(
    expression: str, games: psycopg.Connection
) -> None:
    [column] = describe(games, f"select {expression} as x from game").columns

    assert column_type(column).annotation == CASES[expression]
    assert not type_name(column.type).endswith("[][]")


def test_the_fields_of_rows_have_them_as_well(games: psycopg.Connection) -> None:
    text = "select board, jsonb_build_object('cells', cells) as o, game from game"

    classes = [
        field
        for column in describe(games, text).columns
        for nested in column_type(column).classes
        for field in nested.fields
        if field[0] == "cells"
    ]

    may_be_null = ("cells", f"{_PLANE} | None")
    assert classes == [may_be_null, ("cells", _PLANE), may_be_null, ("cells", _PLANE)]


def test_a_parameter_for_such_a_column_takes_lists_of_lists(games: psycopg.Connection) -> None:
    text = "update game set cells = $1, names = $2, grid = $3 where id = any ($4)"

    annotations = [
        parameter_type(parameter.type, nullable=parameter.nullable).annotation
        for parameter in describe(games, text).parameters
    ]

    plane = "Sequence[Sequence[int | None]]"
    assert annotations == [
        plane, "Sequence[str | None]", f"{plane} | None", "Sequence[int | None]",
    ]  # fmt: skip
