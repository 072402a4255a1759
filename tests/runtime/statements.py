"""Statements for tests, in one line each."""

from collections.abc import Callable
from typing import Any

from dbkit.queryfiles import copy_target
from dbkit.runtime import SqlFile, Statement, write_types


def statement(
    text: str,
    *,
    takes: dict[str, str] | None = None,
    gives: dict[str, str] | None = None,
    into: dict[str, Any] | None = None,
    row: Callable[..., Any] | None = None,
) -> Statement[Any]:
    """Make a statement of the query `things.tried`; a row is a tuple, one column its value.

    Everything may be null, unless its type is written with an exclamation mark: "int4!".
    """
    columns = gives or {}
    return Statement(
        SqlFile("things.tried", "sql/shop/things/tried.sql", 4),
        text,
        takes=write_types((name, *_null(type_)) for name, type_ in (takes or {}).items()),
        gives=write_types((name, *_null(type_)) for name, type_ in columns.items()),
        into=into,
        row=row if row is not None or len(columns) == 1 else _tuple,
        copied=copy_target(text),
    )


def echo(type_: str, **into: object) -> Statement[Any]:
    """Make the statement that gives back the value it takes."""
    return statement(
        "select $1 as value", takes={"value": type_}, gives={"value": type_}, into=into or None
    )


def _tuple(*values: object) -> tuple[object, ...]:
    return values


def _null(type_: str) -> tuple[str, bool]:
    return type_.removesuffix("!"), not type_.endswith("!")
