"""Write values, counts and tables for a person, for a spreadsheet and for a program."""

import json
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time
from math import isfinite
from typing import Any

from dbkit.pgtypes import json_text

# the width of a table in a file or a pipe: wide enough that no line is broken
_FILE_WIDTH = 10_000


def count_of(number: int, thing: str, things: str = "") -> str:
    """Return "1 row" or "2,000 rows"; `things` is the plural if it is not `thing` with an s."""
    return f"{number:,} {thing if number == 1 else things or f'{thing}s'}"


def json_value(value: Any) -> object:  # noqa: ANN401, PLR0911 - one line for each kind of value
    """Return what JSON can hold; a numeric becomes a string, so that it keeps all its digits."""
    if isinstance(value, float) and not isfinite(value):
        return str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): json_value(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType] - JSON is untyped
    if isinstance(value, list | tuple):
        return [json_value(item) for item in value]  # pyright: ignore[reportUnknownVariableType] - as above
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if is_dataclass(value):
        return {field.name: json_value(getattr(value, field.name)) for field in fields(value)}
    if hasattr(value, "__pydantic_validator__") or hasattr(value, "__struct_fields__"):
        return json.loads(json_text(value))
    return str(value)


def text_value(value: object) -> str:
    """Return the text of a cell; a value with parts is written as JSON."""
    if isinstance(value, datetime):
        return str(value)
    plain = json_value(value)
    if isinstance(plain, str):
        return plain
    return "" if plain is None else json.dumps(plain, ensure_ascii=False)


def printable(text: str) -> str:
    """Return a text with its control characters escaped, so that a terminal does not obey them."""
    return "".join(
        character if character.isprintable() or character in "\n\t" else ascii(character)[1:-1]
        for character in text
    )


def print_table(
    headers: Sequence[str],
    rows: Sequence[Sequence[str | None]],
    *,
    numeric: Collection[str] = (),
) -> None:
    """Print rows under headers; None is shown as a dim null, numeric columns at the right."""
    from rich.console import Console  # noqa: PLC0415 - JSON and CSV need no table
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, header_style="bold")
    for header in headers:
        table.add_column(
            Text(printable(header)),
            justify="right" if header in numeric else "left",
            overflow="fold",
        )
    for row in rows:
        table.add_row(
            *(Text("null", style="dim") if cell is None else Text(printable(cell)) for cell in row)
        )
    width = None if sys.stdout.isatty() else _FILE_WIDTH
    Console(highlight=False, width=width).print(table)
