"""Write the values of a row for a person, for a spreadsheet and for a program."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time
from math import isfinite
from typing import Any

from dbkit.pgtypes import json_text


def as_json(value: Any) -> object:  # noqa: ANN401, PLR0911 - one line for each kind of value
    """Give what JSON has a form for; a numeric is a string, so that it keeps all its digits."""
    if isinstance(value, float) and not isfinite(value):
        return str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): as_json(one) for key, one in value.items()}  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType] - JSON is untyped
    if isinstance(value, list | tuple):
        return [as_json(one) for one in value]  # pyright: ignore[reportUnknownVariableType] - as above
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if is_dataclass(value):
        return {field.name: as_json(getattr(value, field.name)) for field in fields(value)}
    if hasattr(value, "__pydantic_validator__") or hasattr(value, "__struct_fields__"):
        return json.loads(json_text(value))
    return str(value)


def as_text(value: object) -> str:
    """Give one line or more for a cell; what has parts is written as JSON."""
    if isinstance(value, datetime):
        return str(value)
    plain = as_json(value)
    if isinstance(plain, str):
        return plain
    return "" if plain is None else json.dumps(plain, ensure_ascii=False)


def printable(text: str) -> str:
    """Show what would command the terminal instead of obeying it."""
    return "".join(one if one.isprintable() or one in "\n\t" else ascii(one)[1:-1] for one in text)
