"""Every type, in every form, is of its annotation and means what PostgreSQL means.

A cell is a type in a form: a value, an array, a part of a composite, of a row or of json, a range,
a domain, on its own and inside each other; as a result and as a parameter; with prepared statements
and without. Many cells are one statement, and what is read goes back and is compared as text.
"""

import asyncio
import sys
from collections.abc import Iterator
from importlib import import_module, invalidate_caches
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, get_type_hints

import psycopg
import pytest

from dbkit.codegen import generate_system, write_package
from dbkit.database import connect, set_prepare_mode
from dbkit.server import EmbeddedServer
from dbkit.settings import System
from tests.codegen.typematrix import MADE, Made, make_types, misfit
from tests.conftest import Reach


class Matrix(NamedTuple):
    """The types of a database, and the functions that read and write them."""

    url: str
    types: list[Made]
    cells: ModuleType


@pytest.fixture(scope="session")
def matrix(
    server: EmbeddedServer, reach: Reach, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Matrix]:
    """A database with every type, and the package generated for it."""
    server.ensure_database("matrix")
    url, root = server.url("matrix"), tmp_path_factory.mktemp("matrix")
    folder = root / "sql" / "matrix" / "cells"
    folder.mkdir(parents=True)
    with psycopg.connect(url, autocommit=True) as connection:
        # these queries are wide, and to compile one takes longer than to run it
        connection.execute("alter database matrix set jit = off")
        connection.execute("set jit = off")
        types = make_types(connection)
        _write_queries(folder, types)
        system = System("matrix", root / "none", folder.parent, "MATRIX_URL", "matrixcells")
        write_package(generate_system(system, root, connection))
    sys.path.insert(0, str(root))
    invalidate_caches()
    yield Matrix(reach(url), types, import_module("matrixcells.cells"))
    sys.path.remove(str(root))


def _write_queries(folder: Path, types: list[Made]) -> None:
    groups = {
        "binary": [made for made in types if made.is_binary],
        "text": [made for made in types if not made.is_binary],
    }
    for group, members in groups.items():
        tables = ", ".join(f"t_{made.name} as {made.name}" for made in members)
        columns = {f"{made.name}_{form}": (made, form) for made in members for form in made.forms}
        values = ",\n".join(
            f"{made.name}.{form} as {name}" for name, (made, form) in columns.items()
        )
        read = f"select\n{values}\nfrom {tables};\n"
        (folder / f"read_{group}.sql").write_text(f"-- :one\n{read}")
        (folder / f"stream_{group}.sql").write_text(f"-- :stream\n{read}")
        sent = ",\n".join(
            f"(:'{name}'::{made.forms[form]})::text as {name}"
            for name, (made, form) in columns.items()
        )
        (folder / f"echo_{group}.sql").write_text(f"-- :one\nselect\n{sent};\n")
        for form, expression in MADE.items():
            made_of = ",\n".join(
                f"(select {expression} from t_{made.name} as t) as {made.name}" for made in members
            )
            (folder / f"make_{form}_{group}.sql").write_text(f"-- :one\nselect\n{made_of};\n")
    for made in types:
        names, slots = ", ".join(made.forms), ", ".join(f":'{form}'" for form in made.forms)
        insert = f"insert into t_{made.name} (id, {names})\nvalues (:'id', {slots});\n"
        (folder / f"load_{made.name}.sql").write_text(f"-- :copy\n{insert}")
        (folder / f"add_{made.name}.sql").write_text(f"-- :batch\n{insert}")


def _misfits(row: Any, matrix: Matrix) -> list[str]:  # noqa: ANN401 - of any class
    hints = get_type_hints(vars(matrix.cells)[row.__class__.__name__])
    found = (misfit(getattr(row, name), hint, name) for name, hint in hints.items())
    return [each for each in found if each]


def _fields(row: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
    return {name: getattr(row, name) for name in row.__slots__}


def _texts(connection: psycopg.Connection[Any], made: Made, id_: int) -> dict[str, str]:
    columns = ", ".join(f"{form}::text" for form in made.forms)
    row = connection.execute(
        f"select {columns} from t_{made.name} where id = {id_}".encode()
    ).fetchone()
    assert row is not None
    return {f"{made.name}_{form}": text for form, text in zip(made.forms, row, strict=True)}


@pytest.mark.parametrize("prepare", ["always", "never"])
@pytest.mark.parametrize("group", ["binary", "text"])
def test_a_value_is_of_its_annotation_and_goes_back(
    matrix: Matrix,
    group: str,
    prepare: Any,  # noqa: ANN401 - one of three words
) -> None:
    with connect(matrix.url, prepare=prepare) as connection:
        row = getattr(matrix.cells, f"read_{group}")(connection)
        back = getattr(matrix.cells, f"echo_{group}")(connection, **_fields(row))
        expected: dict[str, str] = {}
        for made in matrix.types:
            if made.is_binary is (group == "binary"):
                expected |= _texts(connection, made, 1)

    assert _misfits(row, matrix) == []
    assert _fields(back) == expected


@pytest.mark.parametrize("group", ["binary", "text"])
@pytest.mark.parametrize("form", MADE)
def test_what_a_query_makes_is_of_its_annotation(matrix: Matrix, form: str, group: str) -> None:
    with connect(matrix.url) as connection:
        row = getattr(matrix.cells, f"make_{form}_{group}")(connection)
        plain = getattr(matrix.cells, f"read_{group}")(connection)

    assert _misfits(row, matrix) == []
    for name, value in _fields(row).items():
        whole = value[0] if form in {"aggt", "aggj"} else value
        if form in {"whole", "aggt"}:
            assert (whole.v, whole.a) == (
                getattr(plain, f"{name}_v"), getattr(plain, f"{name}_a"),
            ), name  # fmt: skip
        if form == "part":
            assert (value.f2, value.f4) == (
                getattr(plain, f"{name}_v"), getattr(plain, f"{name}_a"),
            ), name  # fmt: skip


@pytest.mark.parametrize("group", ["binary", "text"])
def test_a_stream_and_an_awaited_call_give_the_same(matrix: Matrix, group: str) -> None:
    async def read() -> object:
        async with await psycopg.AsyncConnection.connect(matrix.url) as connection:
            set_prepare_mode(connection, "never")
            return await getattr(matrix.cells, f"read_{group}")(connection)

    with connect(matrix.url) as connection, connection.transaction():
        expected = _fields(getattr(matrix.cells, f"read_{group}")(connection))
        [streamed] = getattr(matrix.cells, f"stream_{group}")(connection)

    assert _fields(streamed) == expected
    assert _fields(asyncio.run(read())) == expected


@pytest.mark.parametrize("way", ["load", "add"])
def test_many_sets_are_written_as_they_were_read(matrix: Matrix, way: str) -> None:
    cells: Any = matrix.cells
    with connect(matrix.url) as connection, connection.transaction(force_rollback=True):
        rows = _fields(cells.read_binary(connection)) | _fields(cells.read_text(connection))
        for made in matrix.types:
            name = f"{way}_{made.name}"
            class_name = "".join(word[0].upper() + word[1:] for word in name.split("_")) + "Values"
            values = {form: rows[f"{made.name}_{form}"] for form in made.forms}
            sets = [getattr(cells, class_name)(id=2, **values)] * 2
            assert getattr(cells, name)(connection, sets) == len(sets)
            assert _texts(connection, made, 2) == _texts(connection, made, 1), made
