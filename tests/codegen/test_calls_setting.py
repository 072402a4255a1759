"""`calls` says for which connections functions are written: plain ones for one kind alone."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from inspect import iscoroutinefunction
from pathlib import Path

import psycopg
import pytest

from dbkit.codegen import generate_system, write_package
from dbkit.settings import InvalidSettings, System, load_settings
from tests.conftest import ROOT

_USER = """
from typing import assert_type

from psycopg import AsyncConnection, Connection

from {package} import orders

{code}
"""
_SYNC = """
def read(connection: Connection) -> int:
    assert_type(orders.list_open(connection), list[orders.Order])
    for note in orders.stream(connection, many=1.5):
        assert_type(note, orders.Note)
    return orders.count_of(connection, customer=1)
"""
_ASYNC = """
async def read(connection: AsyncConnection) -> int:
    assert_type(await orders.list_open(connection), list[orders.Order])
    async for note in orders.stream(connection, many=1.5):
        assert_type(note, orders.Note)
    return await orders.count_of(connection, customer=1)
"""


@pytest.fixture
def written(
    root: Path, system: System, shop: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], str]:
    """Write the shop's package for one kind of connection, importable."""
    monkeypatch.setattr("sys.path", [str(root), *sys.path])

    def write(calls: str) -> str:
        name = f"{calls}queries"
        write_package(generate_system(system._replace(package=name, calls=calls), root, shop))
        return name

    return write


def test_functions_for_blocking_connections_are_plain(
    written: Callable[[str], str], shop: psycopg.Connection
) -> None:
    orders = import_module(f"{written('sync')}.orders")

    assert orders.count_of(shop, customer=1) == 2
    assert not iscoroutinefunction(orders.count_of)
    assert "Async" not in Path(orders.__file__ or "").read_text()


def test_functions_for_async_connections_are_coroutines(
    written: Callable[[str], str], shop_url: str
) -> None:
    orders = import_module(f"{written('async')}.orders")

    async def tried() -> tuple[int, list[str | None], list[int]]:
        async with await psycopg.AsyncConnection.connect(shop_url) as connection:
            number = await orders.count_of(connection, customer=1)
            notes = [note.note async for note in orders.stream(connection, many=0)]
            added = await orders.add_each(connection, [orders.AddEachValues(2, None)])
            await connection.rollback()
            return number, notes, added

    number, notes, added = asyncio.run(tried())

    assert (number, notes, len(added)) == (2, ["first", None], 1)
    assert iscoroutinefunction(orders.count_of)


@pytest.mark.parametrize(
    ("calls", "code", "wrong"), [("sync", _SYNC, _ASYNC), ("async", _ASYNC, _SYNC)]
)
def test_checkers_know_the_one_kind(
    written: Callable[[str], str], root: Path, calls: str, code: str, wrong: str
) -> None:
    package = written(calls)
    for name, used in (("right", code), ("wrong", wrong)):
        (root / f"{name}.py").write_text(_USER.format(package=package, code=used))

    def checked(*command: str) -> int:
        # what the shop's header names is of this repository
        environment = {**os.environ, "MYPYPATH": str(ROOT)}
        ran = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=root,
            env=environment,
            capture_output=True,
            check=False,
        )
        return ran.returncode

    assert checked("mypy", "--strict", "right.py", package) == 0
    assert checked("mypy", "--strict", "wrong.py") == 1
    options = ("--isolated", "--no-cache", "--line-length", "88", package)
    assert checked("ruff", "format", "--check", *options) == 0
    assert checked("ruff", "check", "--select", "I,E,F,UP", *options) == 0


def test_another_word_for_calls_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.dbkit.systems.shop]\ncalls = "threads"\n')

    with pytest.raises(InvalidSettings, match='"sync", "async" or "both", not \'threads\''):
        load_settings(tmp_path)
